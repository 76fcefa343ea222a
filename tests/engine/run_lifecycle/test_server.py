"""The same through a real `mlflow server`, including one that is killed."""

from __future__ import annotations

import pytest

from engine.errors import ServerUnreachable, StoreError
from engine.jobs import Progress
from engine.journal import read_journal
from engine.run_lifecycle.lookup import resolve_run_ids
from tests.engine.run_lifecycle.support import (
    apply,
    create_run,
    create_runs,
    lifecycles,
    plan_and_apply,
    plan_of,
)
from tests.support.registry import Registry, last
from tests.support.server import Server


def test_runs_are_deleted_and_restored_over_http(remote: Registry, capfd: pytest.CaptureFixture[str]) -> None:
    parent = create_run(remote, "parent")
    runs = [parent, create_run(remote, "child", parent=parent), *create_runs(remote, "other")]
    capfd.readouterr()
    plan = plan_of(remote, [*runs[:1], "0" * 32, "it's", *runs[2:]])
    assert plan.missing == ("0" * 32, "it's")
    assert plan.warnings == ("parent has 1 child run that will stay active.",)
    result = apply(remote, plan, reason="wrong data")
    assert (result.summary, result.complete) == ("2 runs deleted", True)
    assert lifecycles(remote, runs) == ["deleted", "active", "deleted"]
    prefixes = [run_id[:8] for run_id in runs]
    assert resolve_run_ids(remote.store, remote.experiment_id, prefixes) == tuple(runs)
    assert plan_and_apply(remote, runs, "active").changed == (runs[0], runs[2])
    assert lifecycles(remote, runs) == ["active"] * 3
    assert capfd.readouterr() == ("", "")
    assert {entry.server for entry in read_journal()} == {remote.uri.shown}


def test_a_killed_server_leaves_the_outcome_open(
    remote: Registry, registry: Registry, server: Server
) -> None:
    """The last test here: it kills the server after the first of three deletions."""
    one, two, three = create_runs(remote, "one", "two", "three")
    plan = plan_of(remote, [one, two, three])

    def kill(progress: Progress) -> None:
        server.kill()

    result = apply(remote, plan, on_progress=kill)
    assert (result.changed, list(result.failed), result.left) == ((one,), [two], (three,))
    assert isinstance(result.failed[two], ServerUnreachable)
    assert result.stopped is result.failed[two]
    assert not result.verified
    assert result.summary == "1 of 3 runs deleted, 1 failed, 1 not tried"
    assert lifecycles(registry, [one, two, three]) == ["deleted", "active", "active"]
    entry = last()
    assert entry.outcome == "intended"
    assert entry.detail.startswith("Outcome unknown. 1 of 3 runs deleted, 1 failed, 1 not tried")

    with pytest.raises(StoreError):
        apply(remote, plan)
    assert last() == entry, "nothing was written, and nothing recorded"
