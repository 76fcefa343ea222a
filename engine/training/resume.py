"""Goes on with sweeps that were interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.entities import Run
from engine.errors import EngineError, NotFound, TrainingError, UsageError, WriteError
from engine.files import locked, open_private
from engine.journal import JournalEntry, journal_entries
from engine.paths import state_dir
from engine.training.events import TrialFinished
from engine.training.interrupted import MAX_CHECKED, has_ended, read_sweep
from engine.training.recorder import PARENT_TAG, SPEC_FILE, SWEEP_TAG, WORKER_TAG
from engine.training.search.grid import trials
from engine.training.spec import TASKS, SweepSpec

if TYPE_CHECKING:
    from engine.stores.base import Store

MAX_SPEC_BYTES = 1 << 20
OWN_METRICS = ("accuracy", "r2_score")
"""The metrics whose cross-validated mean is `cv_mean`."""


@dataclass(frozen=True, slots=True)
class ResumableSweep:
    """A sweep some of whose trials are missing. `run` is its parent run, `sweep_id` the id its runs and its
    journal entry have, `finished` the number of finished trials."""

    run: Run
    sweep_id: str
    experiment: str
    finished: int


def resumable_sweeps(store: Store, server: str) -> tuple[ResumableSweep, ...]:
    """The sweeps in this store, named `server` in the journal, that ended before their last trial and whose
    training process has ended; the newest first, among the last `MAX_CHECKED`. Raises `StoreError` and
    `WriteError`."""
    return _sweeps(store, server, lambda entry: entry.outcome != "done")


def _sweeps(
    store: Store, server: str, is_wanted: Callable[[JournalEntry], bool] = lambda _: True
) -> tuple[ResumableSweep, ...]:
    found: list[ResumableSweep] = []
    checked = 0
    for entry in journal_entries(server=server):
        if entry.action != "train" or not entry.experiment or not is_wanted(entry):
            continue
        checked += 1
        with suppress(NotFound):
            sweep = read_sweep(store, entry)
            parent = next((run for run in sweep.runs if PARENT_TAG not in run.tags), None)
            if parent is not None and (parent.status != "RUNNING" or has_ended(sweep.worker)):
                finished = sum(run.status == "FINISHED" for run in sweep.runs if run is not parent)
                found.append(ResumableSweep(parent, entry.entry_id, entry.experiment, finished))
        if checked == MAX_CHECKED:
            break
    return tuple(found)


def find_sweep(store: Store, server: str, text: str) -> tuple[Run, str, SweepSpec]:
    """The parent run with this id, or of the only recent sweep whose id begins with it; the sweep's id;
    and what it trains. Raises `NotFound` if there is none, `UsageError` if it is ambiguous or is no sweep,
    `TrainingError` while a process trains it."""
    run = _parent(store, server, text)
    sweep_id = run.tags.get(SWEEP_TAG, "")
    if not sweep_id or PARENT_TAG in run.tags:
        raise UsageError(
            f"Run {run.run_id} is not a sweep",
            f"{run.run_name} is {'a trial of one' if sweep_id else 'an ordinary run'}.",
            "Give the id of the parent run.",
        )
    worker = run.tags.get(WORKER_TAG, "")
    if run.status == "RUNNING" and not has_ended(worker):
        raise TrainingError(
            "The sweep is still running",
            f"Process {worker or '(unknown)'} trains it.",
            "Stop that process first; one on another machine cannot be seen from here.",
        )
    return run, sweep_id, read_spec(store, run.run_id)


def finished_trials(runs: Sequence[Run], spec: SweepSpec, metric: str) -> tuple[TrialFinished, ...]:
    """The finished trials among the runs of a sweep that `metric` ranks, in the order in which they ended.
    They are numbered as the sweep proposed them; those of an Optuna search, which only their scores could
    tell, as they began."""
    found = [run for run in runs if PARENT_TAG in run.tags and run.status == "FINISHED"]
    began = {run.run_id: at for at, run in enumerate(sorted(found, key=lambda run: run.start_time or 0))}
    parent = next((run for run in runs if PARENT_TAG not in run.tags), None)
    numbers = _numbers(spec, parent)
    score = "cv_mean" if metric in OWN_METRICS else f"{metric}_cv_mean"
    return tuple(
        TrialFinished(
            index=numbers.get(run.run_name, began[run.run_id]),
            run_id=run.run_id,
            name=run.run_name,
            estimator=run.params.get("estimator", spec.models[0].estimator),
            params=run.params,
            metrics=run.metrics,
            score=run.metrics.get(score),
            seconds=run.duration or 0.0,
            earlier=True,
        )
        for run in sorted(found, key=lambda run: run.end_time or 0)
    )


def _numbers(spec: SweepSpec, parent: Run | None) -> Mapping[str, int]:
    """The index of each trial, by name; empty if it does not follow from the sweep."""
    task = next((task for task in TASKS if parent is not None and parent.params.get("task") == task), None)
    if task is None or spec.search.method == "optuna":
        return {}
    with suppress(EngineError):
        return {trial.name: trial.index for trial in trials(spec, task)}
    return {}


def read_spec(store: Store, run_id: str) -> SweepSpec:
    """What the sweep with this parent run trains, as it was logged. Raises `TrainingError` if that cannot be
    read."""
    data = bytearray()
    try:
        with store.open_artifact(run_id, SPEC_FILE) as content:
            for piece in content.pieces:
                data += piece
                if len(data) > MAX_SPEC_BYTES:
                    raise ValueError("the file is too large")
        return SweepSpec.from_json(json.loads(data))
    except NotFound as error:
        detail = f"Run {run_id} has no artifact {SPEC_FILE}."
        raise TrainingError(
            "The sweep cannot be resumed", detail, "Start it again: only sweeps of this version have it."
        ) from error
    except EngineError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        detail = f"{SPEC_FILE} of run {run_id} is damaged: {error}"
        raise TrainingError("The sweep cannot be resumed", detail, "Start it again.") from error


@contextmanager
def only_one(sweep_id: str) -> Iterator[None]:
    """Keep other consoles of this account from resuming the sweep. Raises `TrainingError` if one does."""
    with ExitStack() as stack:
        try:
            path = state_dir() / f"sweep-{sweep_id[:32]}.lock"
            stack.enter_context(locked(stack.enter_context(open_private(path)), 0))
        except TimeoutError as error:
            raise TrainingError("The sweep is being resumed by another console") from error
        except OSError as error:
            raise WriteError("The sweep cannot be claimed", f"{error.strerror}: {path}") from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _parent(store: Store, server: str, text: str) -> Run:
    if len(text) == 32:
        return store.run(text).run
    # Also those that ended early because they were to.
    matching = [sweep.run for sweep in _sweeps(store, server) if sweep.run.run_id.startswith(text)]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        raise NotFound(
            f"No resumable sweep {text}",
            "No recent sweep in the journal has a parent run whose id begins so.",
            "Give the whole run id of the sweep's parent run.",
        )
    raise UsageError(f"{text} is ambiguous", f"{len(matching)} sweeps begin so.", "Give more of the id.")
