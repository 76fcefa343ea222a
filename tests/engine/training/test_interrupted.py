"""Sweeps whose console and training process were killed together."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.api import Engine
from engine.errors import ReadOnly, TrainingError, WriteError
from engine.journal import JournalEntry, append, new_entry, read_journal
from engine.training.recorder import SWEEP_TAG, WORKER_TAG
from tests.support.registry import Registry

HOST = socket.gethostname()


@pytest.fixture
def engine(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return Engine(registry.uri)


@pytest.fixture(scope="module")
def dead() -> str:
    """The worker tag of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return f"{HOST}:{process.pid}"


def sweep(registry: Registry, worker: str, *statuses: str) -> JournalEntry:
    """A journalled sweep without an outcome: a parent run and trials, each with one of `statuses`."""
    experiment = registry.client.get_experiment(registry.experiment_id).name
    entry = new_entry(registry.uri, "train", f"60 trials in {experiment}", experiment=experiment)
    append(entry)
    parent = ""
    for status in statuses:
        tags = {SWEEP_TAG: entry.entry_id}
        tags |= {"mlflow.parentRunId": parent} if parent else {WORKER_TAG: worker}
        run_id = registry.client.create_run(registry.experiment_id, tags=tags).info.run_id
        if status != "RUNNING":
            registry.client.set_terminated(run_id, status)
        parent = parent or run_id
    return entry


def parent_of(registry: Registry, entry: JournalEntry, worker: str) -> Any:
    tags = f"tags.`{SWEEP_TAG}` = '{entry.entry_id}' and tags.`{WORKER_TAG}` = '{worker}'"
    (parent,) = registry.client.search_runs([registry.experiment_id], tags)
    return parent


def test_runs_left_running_are_found_and_marked_killed(engine: Engine, registry: Registry, dead: str) -> None:
    entry = sweep(registry, dead, "RUNNING", "FINISHED", "FINISHED", "FAILED", "RUNNING")
    other = registry.run(status="RUNNING")

    finding = engine.journal.finding(entry)
    assert finding is not None
    state = "2 trials finished, 1 failed or killed, 2 runs still RUNNING"
    assert finding.text == f"{state}; the training process has ended."
    assert finding.command == "mlflow-console journal --mark-killed"
    found = engine.training.abandoned()
    assert [(each.entry, each.summary) for each in found] == [(entry, state)]

    recorded = engine.training.mark_killed(entry)
    assert recorded.outcome == "failed"
    assert recorded.detail == "Interrupted: 2 trials finished, 2 failed or killed. 2 runs marked KILLED"
    assert read_journal(1) == (recorded,)
    runs = registry.client.search_runs([registry.experiment_id])
    assert [run.info.status for run in runs].count("KILLED") == 2
    assert engine.runs.detail(other).run.status == "RUNNING"
    assert engine.training.abandoned() == ()
    assert engine.journal.finding(recorded) is None
    with pytest.raises(WriteError, match="Nothing to mark as KILLED"):
        engine.training.mark_killed(entry)


def test_a_sweep_that_may_be_running_is_left_alone(engine: Engine, registry: Registry) -> None:
    code = [sys.executable, "-c", "import sys; sys.stdin.read()", "engine.training.worker"]
    with subprocess.Popen(code, stdin=subprocess.PIPE) as worker:
        for name in (f"{HOST}:{worker.pid}", "another-host:1", "", "nonsense"):
            entry = sweep(registry, name, "RUNNING")
            finding = engine.journal.finding(entry)
            assert finding is not None
            assert "1 run still RUNNING" in finding.text
            assert finding.command == ""
            with pytest.raises(WriteError, match="Nothing to mark as KILLED"):
                engine.training.mark_killed(entry)
        assert engine.training.abandoned() == ()


def test_a_process_number_used_again_is_no_training_process(engine: Engine, registry: Registry) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        sweep(registry, f"{HOST}:{other.pid}", "RUNNING")
        assert len(engine.training.abandoned()) == 1


def test_a_sweep_that_ended_without_its_console_is_said_to_have_ended(
    engine: Engine, registry: Registry, dead: str
) -> None:
    entry = sweep(registry, dead, "KILLED", "FINISHED", "FINISHED", "KILLED")
    finding = engine.journal.finding(entry)
    assert finding is not None
    parent = parent_of(registry, entry, dead)
    state = "2 trials finished, 1 failed or killed"
    assert finding.text == f"{state}; the sweep has ended. The remaining trials were not run."
    assert finding.command == f"mlflow-console train --resume {parent.info.run_id[:8]}"


def test_a_sweep_that_ended_early_is_found_by_the_beginning_of_its_id_but_not_offered(
    engine: Engine, registry: Registry, dead: str
) -> None:
    entry = sweep(registry, dead, "FINISHED", "FINISHED")
    append(replace(entry, outcome="done"))
    assert engine.training.resumable() == ()
    parent = parent_of(registry, entry, dead)
    with pytest.raises(TrainingError, match="cannot be resumed"):  # found, but it was never trained
        engine.training.resume(parent.info.run_id[:8], on_event=lambda _: None)


def test_a_sweep_without_runs_or_experiment_leaves_nothing(engine: Engine, registry: Registry) -> None:
    entry = sweep(registry, "")
    finding = engine.journal.finding(entry)
    assert finding is not None
    assert finding.text == "It has created no runs."
    append(replace(entry, entry_id="gone", experiment="never made"))
    assert engine.training.abandoned() == ()


def test_read_only_marks_nothing(registry: Registry, dead: str, engine: Engine) -> None:
    entry = sweep(registry, dead, "RUNNING")
    with Engine(registry.uri, read_only=True) as read_only, pytest.raises(ReadOnly):
        read_only.training.mark_killed(entry)
