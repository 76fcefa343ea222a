"""Sweeps whose console and training process both died: their runs would stay RUNNING for ever."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine import journal
from engine.entities import Run
from engine.errors import NotFound, WriteError
from engine.formats import count, counted
from engine.journal import Finding, JournalEntry
from engine.stores.base import Condition, RunQuery
from engine.stores.errors import translated_errors
from engine.training.recorder import SWEEP_TAG, WORKER_TAG, kill_unfinished_runs
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.stores.base import Store

MAX_CHECKED = 20
"""How many unfinished sweeps of a store are looked at, the newest first."""


@dataclass(frozen=True, slots=True)
class UnfinishedSweep:
    """A sweep without a recorded outcome. `runs` are its parent run, if it was created, and its trials;
    `worker` is the `host:pid` of its training process, empty if unknown."""

    entry: JournalEntry
    runs: tuple[Run, ...]
    worker: str

    @property
    def running(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.status == "RUNNING")

    @property
    def is_abandoned(self) -> bool:
        """Whether runs are RUNNING and the process that trained them has ended."""
        return bool(self.running) and has_ended(self.worker)

    @property
    def summary(self) -> str:
        """`heart-disease-sweeps: 3 trials finished, 2 runs still RUNNING`."""
        trials = [run for run in self.runs if run.parent_run_id]
        finished = sum(run.status == "FINISHED" for run in trials)
        parts = [f"{counted(finished, 'trial')} finished"]
        ended = len(trials) - finished - sum(run.status == "RUNNING" for run in trials)
        parts += [f"{count(ended)} failed or killed"] if ended else []
        parts += [f"{counted(len(self.running), 'run')} still RUNNING"] if self.running else []
        return ", ".join(parts)


def read_sweep(store: Store, entry: JournalEntry) -> UnfinishedSweep:
    """The runs of a journalled sweep. Raises `NotFound` if its experiment no longer exists, `StoreError`."""
    experiment = next((e for e in store.experiments() if e.name == entry.experiment), None)
    if experiment is None:
        raise NotFound(f"Experiment {entry.experiment!r} not found")
    runs = tuple(sweep_runs(store, experiment.experiment_id, entry.entry_id))
    worker = next((run.tags[WORKER_TAG] for run in runs if WORKER_TAG in run.tags), "")
    return UnfinishedSweep(entry, runs, worker)


def abandoned_sweeps(store: Store, server: str) -> tuple[UnfinishedSweep, ...]:
    """The sweeps in this store, named `server` in the journal, that left runs RUNNING. Raises `StoreError`
    and `WriteError`."""
    found: list[UnfinishedSweep] = []
    checked = 0
    for entry in journal.journal_entries(server=server):
        if entry.action == "train" and entry.outcome == "intended" and entry.experiment:
            checked += 1
            with suppress(NotFound):
                found.append(read_sweep(store, entry))
        if checked == MAX_CHECKED:
            break
    return tuple(sweep for sweep in found if sweep.is_abandoned)


def finding(store: Store, entry: JournalEntry) -> Finding:
    """What the store shows of an unfinished sweep. Raises like `read_sweep`."""
    if not entry.experiment:
        return Finding("The journal does not say where its runs are.")
    sweep = read_sweep(store, entry)
    if not sweep.runs:
        return Finding("It has created no runs.")
    if sweep.is_abandoned:
        return Finding(f"{sweep.summary}; the training process has ended.", journal.MARK_COMMAND)
    if not sweep.running:
        parent = next((run.run_id for run in sweep.runs if not run.parent_run_id), "")
        rest = f"mlflow-console train --resume {parent[:8]}" if parent else ""
        return Finding(f"{sweep.summary}; the sweep has ended. The remaining trials were not run.", rest)
    process = f"; trained by process {sweep.worker}" if sweep.worker else ""
    return Finding(f"{sweep.summary}{process}.")


def mark_killed(store: Store, uri: TrackingUri, entry: JournalEntry) -> JournalEntry:
    """Mark the RUNNING runs of an abandoned sweep as KILLED, verify, and record it as the sweep's outcome.
    Returns the entry as recorded. Raises `WriteError` if its training process runs or nothing is RUNNING."""
    from engine.stores.mlflow.client import open_client

    sweep = read_sweep(store, entry)
    if not sweep.is_abandoned:
        raise WriteError("Nothing to mark as KILLED", f"{entry.target}: {finding(store, entry).text}")
    with translated_errors():
        client = open_client(uri.raw)
    killed = kill_unfinished_runs(client, entry.experiment, entry.entry_id)
    left = read_sweep(store, entry)
    if left.running:
        raise WriteError("Some runs are RUNNING again", left.summary, "Review them, then try again.")
    detail = f"Interrupted: {left.summary}. {counted(len(killed), 'run')} marked KILLED"
    recorded = replace(entry, outcome="failed", detail=detail)
    journal.append(recorded)
    return recorded


def sweep_runs(store: Store, experiment_id: str, sweep_id: str) -> Iterator[Run]:
    """The parent run of a sweep and its trials. Raises `StoreError`."""
    query = RunQuery(experiment_id, (Condition("tag", SWEEP_TAG, "=", sweep_id),))
    token: str | None = None
    while True:
        page = store.runs(query, page_token=token)
        yield from (run for run in page.runs if run.tags.get(SWEEP_TAG) == sweep_id)
        if page.next_token is None or page.next_token == token:
            return
        token = page.next_token


def has_ended(worker: str) -> bool:
    """Whether a training process of this machine has ended; False if unknown."""
    host, _, pid = worker.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"engine.training.worker" not in command  # its number has been given to another process
