"""Deleting and restoring runs on real stores: verified, recorded, with concurrent changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.api import Engine
from engine.errors import Cancelled, NotFound, PromotionError, ReadOnly, UsageError, WriteError
from engine.files import MAX_LINE_BYTES
from engine.jobs import CancelToken, Progress
from engine.journal import Finding, append, read_journal
from engine.paths import journal_file
from engine.run_lifecycle import apply as apply_module, plan as plan_module
from engine.run_lifecycle.apply import reversible_runs
from tests.conftest import MlflowStore
from tests.engine.run_lifecycle.support import (
    apply,
    create_run,
    create_runs,
    delete_permanently,
    file_store,
    lifecycles,
    plan_and_apply,
    plan_of,
)
from tests.support.registry import Registry, last, promote


def after_first_run(action: Callable[[], object]) -> Callable[[Progress], None]:
    """A progress callback that calls `action` after the first run."""

    def on_progress(progress: Progress) -> None:
        if progress.done == 1:
            action()

    return on_progress


# ── deleting and restoring ───────────────────────────────────────────────────


def test_runs_are_deleted_and_restored(registry: Registry) -> None:
    one, two, other = create_runs(registry, "one", "two", "other")
    reports: list[Progress] = []
    result = apply(registry, plan_of(registry, [one, two]), reason="wrong data", on_progress=reports.append)
    assert lifecycles(registry, [one, two, other]) == ["deleted", "deleted", "active"]
    assert result.complete
    assert result.verified
    assert (result.changed, result.failed, result.left) == ((one, two), {}, ())
    assert result.summary == "2 runs deleted"
    assert result.undo_command == f"mlflow-console restore {one} {two}"
    assert reports == [Progress(1, 2, "one"), Progress(2, 2, "two")]

    entry = last()
    assert entry.entry_id == result.entry_id
    assert (entry.action, entry.outcome, entry.target) == ("delete", "done", "2 runs: one, two")
    assert entry.before == {f"run {one}": "active", f"run {two}": "active"}
    assert entry.after == {f"run {one}": "deleted", f"run {two}": "deleted"}
    assert entry.reason == "wrong data"
    assert entry.detail == f"2 runs deleted. Undo: mlflow-console restore {one} {two}"

    back = plan_and_apply(registry, [one, two], "active")
    assert back.summary == "2 runs restored"
    assert lifecycles(registry, [one, two, other]) == ["active"] * 3
    assert registry.store.run(one).run.metrics == {"accuracy": 0.9}
    assert (last().action, last().outcome) == ("restore", "done")


def test_deleting_a_parent_leaves_its_children_alone(registry: Registry) -> None:
    parent = create_run(registry, "parent")
    child = create_run(registry, "child", parent=parent)
    plan_and_apply(registry, [parent])
    assert lifecycles(registry, [parent, child]) == ["deleted", "active"]


def test_a_large_deletion_is_reversible_as_far_as_the_journal_lists_its_runs(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = create_runs(registry, "one", "two", "three")
    assert not [warning for warning in plan_of(registry, runs).warnings if "Undo" in warning]
    for module in (plan_module, apply_module):
        monkeypatch.setattr(module, "MAX_JOURNALLED", 2)
    plan = plan_of(registry, runs)
    assert "Undo covers only the first 2 runs: the journal lists no more." in plan.warnings
    assert apply(registry, plan).complete
    assert lifecycles(registry, runs) == ["deleted"] * 3
    assert reversible_runs(last()) == (tuple(runs[:2]), "active")


def test_thousands_of_deleted_runs_fit_into_the_journal(registry: Registry) -> None:
    (run_id,) = create_runs(registry, "one")
    plan = plan_of(registry, [run_id])
    many = tuple(
        replace(plan.due[0], run_id=f"{number:032x}") for number in range(plan_module.MAX_JOURNALLED)
    )
    entry = apply_module._entry(registry.uri, replace(plan, due=many), "")
    append(entry)
    run_ids, lifecycle = reversible_runs(last())
    assert (len(run_ids), lifecycle) == (len(many), "active")
    assert journal_file().stat().st_size < MAX_LINE_BYTES / 4


def test_a_plan_without_changes_writes_nothing(registry: Registry) -> None:
    (run_id,) = create_runs(registry, "gone")
    registry.client.delete_run(run_id)
    result = plan_and_apply(registry, [run_id, "0" * 32])
    assert result.complete
    assert (result.changed, result.entry_id, result.undo_command) == ((), "", "")
    assert read_journal() == ()


def test_runs_in_a_file_store_are_deleted_and_restored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = file_store(tmp_path, monkeypatch)
    one, two = create_runs(registry, "one", "two")
    assert plan_and_apply(registry, [two]).complete
    assert lifecycles(registry, [one, two]) == ["active", "deleted"]
    assert plan_and_apply(registry, [two], "active").complete
    assert lifecycles(registry, [one, two]) == ["active", "active"]


def test_mlflow_prints_nothing_to_the_terminal(registry: Registry, capfd: pytest.CaptureFixture[str]) -> None:
    runs = create_runs(registry, "quiet")
    capfd.readouterr()
    plan_and_apply(registry, runs)
    plan_and_apply(registry, runs, "active")
    assert capfd.readouterr() == ("", "")


# ── concurrent changes ───────────────────────────────────────────────────────


def test_runs_already_deleted_elsewhere_are_reported_as_such(registry: Registry) -> None:
    one, two = create_runs(registry, "one", "two")
    plan = plan_of(registry, [one, two])
    registry.client.delete_run(one)
    result = apply(registry, plan)
    assert result.complete
    assert (result.changed, result.overtaken) == ((two,), (one,))
    assert result.summary == "1 of 2 runs deleted, 1 deleted by someone else"
    assert (last().target, list(last().before)) == ("run two", [f"run {two}"]), "only what was done from here"

    result = apply(registry, plan)
    assert (result.changed, result.overtaken, result.entry_id) == ((), (one, two), "")


def test_a_run_deleted_elsewhere_during_the_deletion_counts_as_deleted(registry: Registry) -> None:
    one, two = create_runs(registry, "one", "two")
    plan = plan_of(registry, [one, two])
    interfere = after_first_run(lambda: registry.client.delete_run(two))
    result = apply(registry, plan, on_progress=interfere)
    assert result.complete
    assert result.changed == (one, two)


def test_a_deletion_reversed_before_verification_is_a_failure(registry: Registry) -> None:
    one, two = create_runs(registry, "one", "two")
    interfere = after_first_run(lambda: registry.client.restore_run(one))
    result = apply(registry, plan_of(registry, [one, two]), on_progress=interfere)
    assert not result.complete
    assert result.changed == (two,)
    assert result.failed[one].title == "Run one is active again"
    assert result.summary == "1 of 2 runs deleted, 1 failed"
    entry = last()
    assert entry.outcome == "failed"
    assert entry.after == {f"run {one}": "active", f"run {two}": "deleted"}
    assert entry.detail.endswith(f"Undo: mlflow-console restore {two}")


def test_a_run_permanently_deleted_after_planning_is_a_failure(registry: Registry) -> None:
    one, two = create_runs(registry, "one", "two")
    plan = plan_of(registry, [one, two])
    delete_permanently(registry, one)
    result = apply(registry, plan)
    assert isinstance(result.failed[one], NotFound)
    assert result.changed == (two,)
    assert lifecycles(registry, [two]) == ["deleted"]
    assert last().outcome == "failed"


def test_a_run_permanently_deleted_meanwhile_does_not_stop_the_others(registry: Registry) -> None:
    one, two, three = create_runs(registry, "one", "two", "three")
    interfere = after_first_run(lambda: delete_permanently(registry, two))
    result = apply(registry, plan_of(registry, [one, two, three]), on_progress=interfere)
    assert result.changed == (one, three)
    assert isinstance(result.failed[two], NotFound)
    assert last().after == {f"run {one}": "deleted", f"run {two}": "gone", f"run {three}": "deleted"}


def test_a_run_resumed_after_planning_stops_the_deletion(registry: Registry) -> None:
    one, two = create_runs(registry, "one", "two")
    plan = plan_of(registry, [one, two])
    registry.client.update_run(two, status="RUNNING")
    with pytest.raises(WriteError) as caught:
        apply(registry, plan)
    assert caught.value.title == "1 run resumed after the deletion was planned"
    assert caught.value.detail == "Running now: two"
    assert lifecycles(registry, [one, two]) == ["active", "active"]
    assert read_journal() == ()


# ── interruptions ────────────────────────────────────────────────────────────


def test_a_cancelled_deletion_keeps_the_remaining_runs(registry: Registry) -> None:
    one, two, three = create_runs(registry, "one", "two", "three")
    token = CancelToken()
    plan = plan_of(registry, [one, two, three])
    result = apply(registry, plan, cancel=token, on_progress=after_first_run(token.cancel))
    assert isinstance(result.stopped, Cancelled)
    assert (result.changed, result.left) == ((one,), (two, three))
    assert lifecycles(registry, [one, two, three]) == ["deleted", "active", "active"]
    assert not result.complete
    assert last().outcome == "cancelled"
    assert last().detail.startswith("1 of 3 runs deleted, 2 not tried. Deleting runs was cancelled")


def test_the_store_shows_how_far_an_interrupted_deletion_got(registry: Registry) -> None:
    names = ("one", "two", "three")
    run_ids = create_runs(registry, *names)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply(registry, plan_of(registry, run_ids), on_progress=after_first_run(interrupt))
    entry = last()
    assert entry.outcome == "intended"
    with Engine(registry.uri) as engine:
        found = engine.journal.finding(entry)
        assert found == Finding("1 of 3 runs deleted: one.", f"mlflow-console restore {run_ids[0]}")
        elsewhere = replace(entry, server="sqlite:////data/mlflow.db")
        assert engine.journal.finding(elsewhere) is None


def test_an_unwritable_journal_stops_the_deletion(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    runs = create_runs(registry, "kept")
    plan = plan_of(registry, runs)
    with pytest.raises(WriteError, match="Cannot write the journal"):
        apply(registry, plan)
    assert lifecycles(registry, runs) == ["active"]


def test_an_outcome_that_cannot_be_recorded_is_noted(registry: Registry) -> None:
    runs = create_runs(registry, "one", "two")

    def fill_the_disk() -> None:
        journal_file().unlink()
        journal_file().symlink_to("/dev/full")

    result = apply(registry, plan_of(registry, runs), on_progress=after_first_run(fill_the_disk))
    assert result.complete
    assert lifecycles(registry, runs) == ["deleted", "deleted"]
    assert "outcome could not be recorded" in result.notes[0]
    assert "No space left" in result.notes[0]


def test_a_reason_over_the_limit_is_rejected(registry: Registry) -> None:
    runs = create_runs(registry, "kept")
    plan = plan_of(registry, runs)
    with pytest.raises(UsageError, match="5,000"):
        apply(registry, plan, reason="x" * 5001)
    assert lifecycles(registry, runs) == ["active"]


def test_read_only_mode_plans_but_refuses_to_write(mlflow_store_copy: MlflowStore) -> None:
    before = mlflow_store_copy.path.read_bytes()
    run_id = mlflow_store_copy.runs["trial-01"]
    with Engine(mlflow_store_copy.tracking, read_only=True) as engine:
        plan = engine.runs.plan_lifecycle([run_id], "deleted")
        with pytest.raises(ReadOnly, match="Deleting runs is disabled"):
            engine.runs.change_lifecycle(plan)
        with pytest.raises(ReadOnly, match="Restoring runs is disabled"):
            engine.runs.change_lifecycle(engine.runs.plan_lifecycle([run_id], "active"))
        assert engine.journal.entries() == ()
    assert mlflow_store_copy.path.read_bytes() == before


# ── the journal ──────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_the_journal_describes_many_runs_briefly_and_lists_them_all(registry: Registry) -> None:
    runs = create_runs(registry, *(f"run-{number:03d}" for number in range(110)))
    result = plan_and_apply(registry, runs)
    assert result.summary == "110 runs deleted"
    assert result.changed == tuple(runs)
    assert result.undo_command.endswith(f"{runs[9]} …")
    entry = last()
    assert entry.target.startswith("110 runs: run-000, ")
    assert entry.target.endswith("and 102 more")
    assert list(entry.before) == [f"run {run_id}" for run_id in runs]
    assert reversible_runs(entry) == (tuple(runs), "active")


def test_undo_skips_deletions_and_reverses_the_last_promotion(registry: Registry) -> None:
    model = registry.model("promoted before", ["Production", "None"])
    promote(registry, model, 2, stage="Production")
    plan_and_apply(registry, create_runs(registry, "deleted after"))
    with Engine(registry.uri) as engine:
        assert engine.models.promote(engine.models.plan_undo()).plan.model == model
        with pytest.raises(PromotionError, match="Nothing to undo"):
            engine.models.plan_undo()
    assert [entry.action for entry in read_journal()] == ["undo", "delete", "promote"]
