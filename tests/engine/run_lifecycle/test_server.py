"""The same through a real `mlflow server`, down to its death."""

from __future__ import annotations

import pytest

from engine.errors import ServerUnreachable, StoreError
from engine.jobs import Progress
from engine.journal import read_journal
from engine.run_lifecycle.lookup import whole_ids
from tests.engine.run_lifecycle.support import a_run, applied, changed, lifecycles, planned, some_runs
from tests.support.registry import Registry, last
from tests.support.server import Server


def test_delete_and_restore(remote: Registry, capfd: pytest.CaptureFixture[str]) -> None:
    parent = a_run(remote, "parent")
    runs = [parent, a_run(remote, "child", parent=parent), *some_runs(remote, "other")]
    capfd.readouterr()
    plan = planned(remote, [*runs[:1], "0" * 32, "it's", *runs[2:]])
    assert plan.missing == ("0" * 32, "it's")
    assert plan.warnings == ("parent has 1 child run left active.",)
    result = applied(remote, plan, reason="wrong data")
    assert (result.summary, result.complete) == ("2 runs deleted", True)
    assert lifecycles(remote, runs) == ["deleted", "active", "deleted"]
    beginnings = [run_id[:8] for run_id in runs]
    assert whole_ids(remote.store, remote.experiment_id, beginnings) == tuple(runs)
    assert changed(remote, runs, "active").changed == (runs[0], runs[2])
    assert lifecycles(remote, runs) == ["active"] * 3
    assert capfd.readouterr() == ("", "")
    assert {entry.server for entry in read_journal()} == {remote.uri.shown}


def test_the_server_dies(remote: Registry, registry: Registry, server: Server) -> None:
    """The last test here: the server is killed when the first of three runs has been deleted."""
    one, two, three = some_runs(remote, "one", "two", "three")
    plan = planned(remote, [one, two, three])

    def kill(progress: Progress) -> None:
        server.kill()

    result = applied(remote, plan, on_progress=kill)
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
        applied(remote, plan)
    assert last() == entry, "nothing was written, and nothing recorded"
