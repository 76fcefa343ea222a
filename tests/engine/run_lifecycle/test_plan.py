"""What a plan to delete or restore runs tells, on a real store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MlflowStore
from tests.engine.run_lifecycle.support import a_run, changed, folder_of_runs, planned, some_runs
from tests.support.registry import Registry

NOBODY = "0123456789abcdef0123456789abcdef"


def test_each_run_is_due_already_so_or_missing(registry: Registry) -> None:
    one, two, gone = some_runs(registry, "one", "two", "gone")
    registry.client.delete_run(gone)
    plan = planned(registry, [two, NOBODY, one, gone, two, 'it\'s "none"'])
    assert [(run.run_id, run.run_name, run.status) for run in plan.due] == [
        (two, "two", "FINISHED"),
        (one, "one", "FINISHED"),
    ]
    assert [(run.run_id, run.lifecycle_stage) for run in plan.already] == [(gone, "deleted")]
    assert plan.missing == (NOBODY, 'it\'s "none"')
    assert plan.subject == "2 runs: two, one"
    assert plan.server == registry.uri.shown
    assert not plan.is_noop
    back = planned(registry, [one, gone], "active")
    assert [run.run_id for run in back.due] == [gone]
    assert [run.run_id for run in back.already] == [one]
    assert back.subject == "run gone"


def test_runs_of_several_experiments(registry: Registry, mlflow_store: MlflowStore) -> None:
    mine = some_runs(registry, "mine", "mine too")
    theirs = [mlflow_store.runs[name] for name in ("trial-01", "deleted", "lost", "trial-02")]
    asked = [mine[0], *theirs, mine[1]]
    plan = planned(registry, asked)
    assert [run.run_id for run in plan.due] == [mine[0], theirs[0], theirs[3], mine[1]]
    assert [run.run_name for run in plan.already] == ["deleted", "lost"]
    assert plan.missing == ()


def test_a_finished_run_that_nothing_hangs_on_needs_no_warning(registry: Registry) -> None:
    assert planned(registry, some_runs(registry, "plain")).warnings == ()
    assert planned(registry, []).is_noop


def test_runs_that_are_still_running(registry: Registry) -> None:
    runs = [a_run(registry, "busy", status="RUNNING"), a_run(registry, "waiting", status="SCHEDULED")]
    (warning,) = planned(registry, runs).warnings
    assert warning.startswith("Not ended yet: busy, waiting. Whatever still logs to a deleted run fails")


def test_runs_that_model_versions_come_from(registry: Registry) -> None:
    model = registry.model("hangs on runs", ["Production", "None"], aliases={"champion": 1})
    sources = [version.run_id for version in registry.store.model_versions(model)]
    (warning,) = planned(registry, sources).warnings
    assert warning.startswith("The source of registered model versions: hangs on runs version 2 from ")
    assert "hangs on runs version 1 (Production, @champion) from " in warning


def test_parents_whose_children_stay(registry: Registry) -> None:
    parent = a_run(registry, "parent")
    children = [a_run(registry, name, parent=parent) for name in ("a", "b", "c")]
    assert planned(registry, [parent]).warnings == ("parent has 3 child runs left active.",)
    assert planned(registry, [parent, *children[1:]]).warnings == ("parent has 1 child run left active.",)
    assert planned(registry, [parent, *children]).warnings == ()

    changed(registry, [parent, children[0]])
    assert planned(registry, [parent], "active").warnings == ("parent has 1 child run left deleted.",)


def test_more_than_ten_runs(registry: Registry) -> None:
    runs = some_runs(registry, *(f"run-{number:02d}" for number in range(11)))
    assert planned(registry, runs[1:]).warnings == ()
    plan = planned(registry, runs)
    assert plan.warnings == ("11 runs at once.",)
    assert plan.subject.startswith("11 runs: run-00, run-01, ")
    assert plan.subject.endswith("run-07 and 3 more")


def test_of_very_many_runs_the_likelier_parents_are_asked_for_children(registry: Registry) -> None:
    outside = a_run(registry, "outside")
    inner = [a_run(registry, f"inner-{number}", parent=outside) for number in range(50)]
    parent = a_run(registry, "parent")
    a_run(registry, "child", parent=parent)
    assert planned(registry, [*inner, parent]).warnings == (
        "51 runs at once.",
        "parent has 1 child run left active.",
        "Whether 1 more have children was not looked at.",
    )


def test_runs_of_a_deleted_experiment(registry: Registry, mlflow_store: MlflowStore) -> None:
    (warning,) = planned(registry, [mlflow_store.runs["lost"]], "active").warnings
    gone = mlflow_store.experiments["gone"]
    assert warning.startswith(f"Experiment {gone} is deleted itself: its runs stay out of sight")
    assert "every deleted run in it" in warning


@pytest.mark.parametrize("name", ["\x1b[31mred", "two\nlines", "\u202ereversed", "x" * 300])
def test_what_is_told_can_be_shown(registry: Registry, name: str) -> None:
    parent = a_run(registry, name[:250])
    a_run(registry, "child", parent=parent)
    plan = planned(registry, [parent])
    for text in (plan.subject, *plan.warnings):
        assert text.isprintable()
        assert len(text) < 120


def test_a_registry_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = folder_of_runs(tmp_path, monkeypatch)
    (run_id,) = some_runs(registry, "kept")
    registry.client.create_registered_model("broken")
    (tmp_path / "mlruns" / "models" / "broken" / "meta.yaml").write_text("][")
    plan = planned(registry, [run_id])
    assert [run.run_name for run in plan.due] == ["kept"]
    (warning,) = plan.warnings
    assert warning.startswith("Whether registered model versions come from these runs is not known: ")
