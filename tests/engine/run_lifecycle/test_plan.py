"""What a plan to delete or restore runs shows, on a real store."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MlflowStore
from tests.engine.run_lifecycle.support import create_run, create_runs, file_store, plan_and_apply, plan_of
from tests.support.registry import Registry

MISSING = "0123456789abcdef0123456789abcdef"


def test_each_run_is_due_already_done_or_missing(registry: Registry) -> None:
    one, two, deleted = create_runs(registry, "one", "two", "deleted")
    registry.client.delete_run(deleted)
    plan = plan_of(registry, [two, MISSING, one, deleted, two, 'it\'s "none"'])
    assert [(run.run_id, run.run_name, run.status) for run in plan.due] == [
        (two, "two", "FINISHED"),
        (one, "one", "FINISHED"),
    ]
    assert [(run.run_id, run.lifecycle_stage) for run in plan.already] == [(deleted, "deleted")]
    assert plan.missing == (MISSING, 'it\'s "none"')
    assert plan.subject == "2 runs: two, one"
    assert plan.server == registry.uri.shown
    assert not plan.is_noop
    back = plan_of(registry, [one, deleted], "active")
    assert [run.run_id for run in back.due] == [deleted]
    assert [run.run_id for run in back.already] == [one]
    assert back.subject == "run deleted"


def test_a_plan_spans_several_experiments(registry: Registry, mlflow_store: MlflowStore) -> None:
    mine = create_runs(registry, "mine", "mine too")
    theirs = [mlflow_store.runs[name] for name in ("trial-01", "deleted", "lost", "trial-02")]
    run_ids = [mine[0], *theirs, mine[1]]
    plan = plan_of(registry, run_ids)
    assert [run.run_id for run in plan.due] == [mine[0], theirs[0], theirs[3], mine[1]]
    assert [run.run_name for run in plan.already] == ["deleted", "lost"]
    assert plan.missing == ()


def test_a_finished_run_without_dependents_gets_no_warning(registry: Registry) -> None:
    assert plan_of(registry, create_runs(registry, "plain")).warnings == ()
    assert plan_of(registry, []).is_noop


def test_unfinished_runs_get_a_warning(registry: Registry) -> None:
    runs = [
        create_run(registry, "busy", status="RUNNING"),
        create_run(registry, "waiting", status="SCHEDULED"),
    ]
    (warning,) = plan_of(registry, runs).warnings
    assert warning.startswith(
        "Not finished yet: busy, waiting. Processes still logging to a deleted run will fail"
    )


def test_source_runs_of_model_versions_get_a_warning(registry: Registry) -> None:
    model = registry.model("hangs on runs", ["Production", "None"], aliases={"champion": 1})
    sources = [version.run_id for version in registry.store.model_versions(model)]
    (warning,) = plan_of(registry, sources).warnings
    assert warning.startswith("Source runs of registered model versions: hangs on runs version 2 from ")
    assert "hangs on runs version 1 (Production, @champion) from " in warning


def test_parents_of_unchanged_children_get_a_warning(registry: Registry) -> None:
    parent = create_run(registry, "parent")
    children = [create_run(registry, name, parent=parent) for name in ("a", "b", "c")]
    assert plan_of(registry, [parent]).warnings == ("parent has 3 child runs that will stay active.",)
    assert plan_of(registry, [parent, *children[1:]]).warnings == (
        "parent has 1 child run that will stay active.",
    )
    assert plan_of(registry, [parent, *children]).warnings == ()

    plan_and_apply(registry, [parent, children[0]])
    assert plan_of(registry, [parent], "active").warnings == (
        "parent has 1 child run that will stay deleted.",
    )


def test_more_than_ten_runs_get_a_warning(registry: Registry) -> None:
    runs = create_runs(registry, *(f"run-{number:02d}" for number in range(11)))
    assert plan_of(registry, runs[1:]).warnings == ()
    plan = plan_of(registry, runs)
    assert plan.warnings == ("This affects 11 runs.",)
    assert plan.subject.startswith("11 runs: run-00, run-01, ")
    assert plan.subject.endswith("run-07 and 3 more")


def test_at_most_fifty_runs_are_checked_for_children_top_level_runs_first(registry: Registry) -> None:
    outside = create_run(registry, "outside")
    inner = [create_run(registry, f"inner-{number}", parent=outside) for number in range(50)]
    parent = create_run(registry, "parent")
    create_run(registry, "child", parent=parent)
    assert plan_of(registry, [*inner, parent]).warnings == (
        "This affects 51 runs.",
        "parent has 1 child run that will stay active.",
        "1 other run not checked for child runs.",
    )


def test_restoring_runs_of_a_deleted_experiment_gets_a_warning(
    registry: Registry, mlflow_store: MlflowStore
) -> None:
    (warning,) = plan_of(registry, [mlflow_store.runs["lost"]], "active").warnings
    deleted = mlflow_store.experiments["gone"]
    assert warning.startswith(f"Experiment {deleted} is deleted too: its runs stay hidden")
    assert "every deleted run in it" in warning


@pytest.mark.parametrize("name", ["\x1b[31mred", "two\nlines", "\u202ereversed", "x" * 300])
def test_subject_and_warnings_are_safe_to_print(registry: Registry, name: str) -> None:
    parent = create_run(registry, name[:250])
    create_run(registry, "child", parent=parent)
    plan = plan_of(registry, [parent])
    for text in (plan.subject, *plan.warnings):
        assert text.isprintable()
        assert len(text) < 120


def test_an_unreadable_registry_gets_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = file_store(tmp_path, monkeypatch)
    (run_id,) = create_runs(registry, "kept")
    registry.client.create_registered_model("broken")
    (tmp_path / "mlruns" / "models" / "broken" / "meta.yaml").write_text("][")
    plan = plan_of(registry, [run_id])
    assert [run.run_name for run in plan.due] == ["kept"]
    (warning,) = plan.warnings
    assert warning.startswith("Could not check for registered model versions from these runs: ")
