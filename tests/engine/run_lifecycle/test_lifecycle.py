"""Runs that are deleted and restored, verified and recorded, on real stores, beside rivals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.api import Engine
from engine.errors import Cancelled, NotFound, PromotionError, ReadOnly, UsageError, WriteError
from engine.jobs import CancelToken, Progress
from engine.journal import read_journal
from engine.paths import journal_file
from tests.conftest import MlflowStore
from tests.engine.run_lifecycle.support import (
    a_run,
    applied,
    changed,
    folder_of_runs,
    lifecycles,
    planned,
    remove_for_good,
    some_runs,
)
from tests.support.registry import Registry, last, promote


def after_the_first(act: Callable[[], object]) -> Callable[[Progress], None]:
    """Something that happens when the first run has been changed."""

    def on_progress(progress: Progress) -> None:
        if progress.done == 1:
            act()

    return on_progress


# ── deleting and restoring ───────────────────────────────────────────────────


def test_runs_are_deleted_and_restored(registry: Registry) -> None:
    one, two, other = some_runs(registry, "one", "two", "other")
    told: list[Progress] = []
    result = applied(registry, planned(registry, [one, two]), reason="wrong data", on_progress=told.append)
    assert lifecycles(registry, [one, two, other]) == ["deleted", "deleted", "active"]
    assert result.complete
    assert result.verified
    assert (result.changed, result.failed, result.left) == ((one, two), {}, ())
    assert result.summary == "2 runs deleted"
    assert result.way_back == f"mlflow-console restore {one} {two}"
    assert told == [Progress(1, 2, "one"), Progress(2, 2, "two")]

    entry = last()
    assert entry.entry_id == result.entry_id
    assert (entry.action, entry.outcome, entry.target) == ("delete", "done", "2 runs: one, two")
    assert entry.before == {f"run {one}": "active", f"run {two}": "active"}
    assert entry.after == {f"run {one}": "deleted", f"run {two}": "deleted"}
    assert entry.reason == "wrong data"
    assert entry.detail == f"2 runs deleted. The way back: mlflow-console restore {one} {two}"

    back = changed(registry, [one, two], "active")
    assert back.summary == "2 runs restored"
    assert lifecycles(registry, [one, two, other]) == ["active"] * 3
    assert registry.store.run(one).run.metrics == {"accuracy": 0.9}
    assert (last().action, last().outcome) == ("restore", "done")


def test_children_stay_as_they_are(registry: Registry) -> None:
    parent = a_run(registry, "parent")
    child = a_run(registry, "child", parent=parent)
    changed(registry, [parent])
    assert lifecycles(registry, [parent, child]) == ["deleted", "active"]


def test_nothing_to_do_writes_nothing(registry: Registry) -> None:
    (run_id,) = some_runs(registry, "gone")
    registry.client.delete_run(run_id)
    result = changed(registry, [run_id, "0" * 32])
    assert result.complete
    assert (result.changed, result.entry_id, result.way_back) == ((), "", "")
    assert read_journal() == ()


def test_a_folder_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = folder_of_runs(tmp_path, monkeypatch)
    one, two = some_runs(registry, "one", "two")
    assert changed(registry, [two]).complete
    assert lifecycles(registry, [one, two]) == ["active", "deleted"]
    assert changed(registry, [two], "active").complete
    assert lifecycles(registry, [one, two]) == ["active", "active"]


def test_nothing_of_mlflow_reaches_the_terminal(
    registry: Registry, capfd: pytest.CaptureFixture[str]
) -> None:
    runs = some_runs(registry, "quiet")
    capfd.readouterr()
    changed(registry, runs)
    changed(registry, runs, "active")
    assert capfd.readouterr() == ("", "")


# ── rivals ───────────────────────────────────────────────────────────────────


def test_a_rival_was_first(registry: Registry) -> None:
    one, two = some_runs(registry, "one", "two")
    plan = planned(registry, [one, two])
    registry.client.delete_run(one)
    result = applied(registry, plan)
    assert result.complete
    assert (result.changed, result.overtaken) == ((two,), (one,))
    assert result.summary == "1 of 2 runs deleted, 1 deleted by somebody else"
    assert (last().target, list(last().before)) == ("run two", [f"run {two}"]), "only what was done from here"

    result = applied(registry, plan)
    assert (result.changed, result.overtaken, result.entry_id) == ((), (one, two), "")


def test_a_rival_deletes_while_the_runs_are_deleted(registry: Registry) -> None:
    one, two = some_runs(registry, "one", "two")
    plan = planned(registry, [one, two])
    rival = after_the_first(lambda: registry.client.delete_run(two))
    result = applied(registry, plan, on_progress=rival)
    assert result.complete
    assert result.changed == (one, two)


def test_a_rival_takes_it_back_before_it_is_read_back(registry: Registry) -> None:
    one, two = some_runs(registry, "one", "two")
    rival = after_the_first(lambda: registry.client.restore_run(one))
    result = applied(registry, planned(registry, [one, two]), on_progress=rival)
    assert not result.complete
    assert result.changed == (two,)
    assert result.failed[one].title == "Run one is active again"
    assert result.summary == "1 of 2 runs deleted, 1 failed"
    entry = last()
    assert entry.outcome == "failed"
    assert entry.after == {f"run {one}": "active", f"run {two}": "deleted"}
    assert entry.detail.endswith(f"The way back: mlflow-console restore {two}")


def test_a_run_that_is_removed_for_good_after_the_plan(registry: Registry) -> None:
    one, two = some_runs(registry, "one", "two")
    plan = planned(registry, [one, two])
    remove_for_good(registry, one)
    result = applied(registry, plan)
    assert isinstance(result.failed[one], NotFound)
    assert result.changed == (two,)
    assert lifecycles(registry, [two]) == ["deleted"]
    assert last().outcome == "failed"


def test_a_run_that_is_removed_for_good_meanwhile(registry: Registry) -> None:
    one, two, three = some_runs(registry, "one", "two", "three")
    rival = after_the_first(lambda: remove_for_good(registry, two))
    result = applied(registry, planned(registry, [one, two, three]), on_progress=rival)
    assert result.changed == (one, three), "one run's error does not keep the others"
    assert isinstance(result.failed[two], NotFound)
    assert last().after == {f"run {one}": "deleted", f"run {two}": "gone", f"run {three}": "deleted"}


def test_a_run_that_is_resumed_after_the_plan_is_left_alone(registry: Registry) -> None:
    one, two = some_runs(registry, "one", "two")
    plan = planned(registry, [one, two])
    registry.client.update_run(two, status="RUNNING")
    with pytest.raises(WriteError) as caught:
        applied(registry, plan)
    assert caught.value.title == "1 run began to run again since the deletion was planned"
    assert caught.value.detail == "Running now: two"
    assert lifecycles(registry, [one, two]) == ["active", "active"]
    assert read_journal() == ()


# ── what stops it ────────────────────────────────────────────────────────────


def test_it_can_be_cancelled(registry: Registry) -> None:
    one, two, three = some_runs(registry, "one", "two", "three")
    token = CancelToken()
    plan = planned(registry, [one, two, three])
    result = applied(registry, plan, cancel=token, on_progress=after_the_first(token.cancel))
    assert isinstance(result.stopped, Cancelled)
    assert (result.changed, result.left) == ((one,), (two, three))
    assert lifecycles(registry, [one, two, three]) == ["deleted", "active", "active"]
    assert not result.complete
    assert last().outcome == "failed"
    assert last().detail.startswith("1 of 3 runs deleted, 2 not tried. Deleting runs was cancelled")


def test_no_journal_no_deletion(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    runs = some_runs(registry, "kept")
    plan = planned(registry, runs)
    with pytest.raises(WriteError, match="journal cannot be written"):
        applied(registry, plan)
    assert lifecycles(registry, runs) == ["active"]


def test_an_end_that_cannot_be_recorded_is_told(registry: Registry) -> None:
    runs = some_runs(registry, "one", "two")

    def fill_the_disk() -> None:
        journal_file().unlink()
        journal_file().symlink_to("/dev/full")

    result = applied(registry, planned(registry, runs), on_progress=after_the_first(fill_the_disk))
    assert result.complete
    assert lifecycles(registry, runs) == ["deleted", "deleted"]
    assert "is not in the journal" in result.notes[0]
    assert "No space left" in result.notes[0]


def test_a_reason_has_a_limit(registry: Registry) -> None:
    runs = some_runs(registry, "kept")
    plan = planned(registry, runs)
    with pytest.raises(UsageError, match="5,000"):
        applied(registry, plan, reason="x" * 5001)
    assert lifecycles(registry, runs) == ["active"]


def test_read_only(mlflow_store_copy: MlflowStore) -> None:
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


def test_an_entry_of_many_runs_stays_readable(registry: Registry) -> None:
    runs = some_runs(registry, *(f"run-{number:03d}" for number in range(110)))
    result = changed(registry, runs)
    assert result.summary == "110 runs deleted"
    assert result.changed == tuple(runs)
    assert result.way_back.endswith(f"{runs[9]} …")
    entry = last()
    assert entry.target.startswith("110 runs: run-000, ")
    assert entry.target.endswith("and 102 more")
    assert list(entry.before) == [f"run {run_id}" for run_id in runs[:100]]


def test_undo_is_for_promotions(registry: Registry) -> None:
    model = registry.model("promoted before", ["Production", "None"])
    promote(registry, model, 2, stage="Production")
    changed(registry, some_runs(registry, "deleted after"))
    with Engine(registry.uri) as engine:
        assert engine.models.promote(engine.models.plan_undo()).plan.model == model
        with pytest.raises(PromotionError, match="Nothing to undo"):
            engine.models.plan_undo()
    assert [entry.action for entry in read_journal()] == ["undo", "delete", "promote"]
