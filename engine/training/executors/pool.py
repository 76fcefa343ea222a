"""Trains trials in processes on this machine.

Each process is a loky executor of its own with one worker: when a worker dies, it is known which trial it
had, and one that hangs can be killed without the others.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loky import ProcessPoolExecutor
from loky.process_executor import BrokenProcessPool, ShutdownExecutorError

from engine.errors import EngineError, TrainingError
from engine.training.executors.attempt import attempt
from engine.training.executors.base import Outcome
from engine.training.failures import Failure

if TYPE_CHECKING:
    from engine.training.evaluation.evaluate import Evaluation
    from engine.training.facts import DatasetFacts
    from engine.training.spec import SweepSpec, Trial

_ENVIRONMENT = {
    # Linear algebra in one thread for each worker: there are as many workers as processors.
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), "1"),
    # Python files in the working folder must not shadow modules.
    "PYTHONSAFEPATH": "1",
}
PARENT_SECONDS = 1.0
"""How often a worker looks whether its parent still exists."""


def usable_processors() -> int:
    """Those that this process may run on."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class _Flight:
    trial: Trial
    slot: int
    started: float


class _Slot:
    """One process, which starts at once. Raises `TrainingError` if it cannot."""

    def __init__(self) -> None:
        try:
            self.executor = ProcessPoolExecutor(1, env=_ENVIRONMENT)
            self._ready: Future[Any] = self.executor.submit(prepare_process, os.getpid())
        except OSError as error:
            raise TrainingError("A training process could not be started", str(error)) from error

    def load(self, folder: Path) -> None:
        """Have it load the parts of the data."""
        with contextlib.suppress(BrokenProcessPool, ShutdownExecutorError):  # found by who submits next
            self._ready = self.executor.submit(_load, str(folder))

    @property
    def is_ready(self) -> bool:
        return bool(self._ready.done())


class ProcessPool:
    """An `Executor` of processes that read the parts of the data from `folder` (see `evaluation.storage`).

    It has one process until `grow`: that one reads and prepares the data, while this process imports MLflow.
    """

    attempts = 2
    records = False

    def __init__(self, folder: Path, spec: SweepSpec) -> None:
        self._folder = folder
        self._spec = spec
        self._slots = [_Slot()]
        self._preparing = self._slots[0].executor.submit(_prepared, str(folder), spec)
        self._flights: dict[Future[Evaluation | str], _Flight] = {}
        self._ended: dict[int, str] = {}

    def prepared(self, wait: Callable[[float], bool]) -> DatasetFacts | None:
        """What was read, once the parts are in the folder; None as soon as `wait`, which waits some seconds,
        returns True. Raises `EngineError` for data that cannot be trained on."""
        while not self._preparing.done():
            if wait(0.05):
                return None
        try:
            found = self._preparing.result()
        except (BrokenProcessPool, ShutdownExecutorError) as error:
            detail = _cause(error)
            raise TrainingError(
                "The data could not be prepared", detail[0].upper() + detail[1:], "Use a sample of its rows."
            ) from error
        if isinstance(found, Failure):
            raise found.error()
        facts: DatasetFacts = found
        self._slots[0].load(self._folder)
        return facts

    def grow(self, workers: int) -> None:
        """Have this many processes, once the data is prepared."""
        while len(self._slots) < workers:
            self._slots.append(self._new_slot())

    def _new_slot(self) -> _Slot:
        slot = _Slot()
        slot.load(self._folder)
        return slot

    @property
    def workers(self) -> int:
        return len(self._slots)

    @property
    def free(self) -> int:
        return len(self._free())

    def _free(self) -> list[int]:
        """The slots with nothing to do whose process has imported and loaded what it needs: that takes
        seconds, which would count towards the timeout of a trial."""
        busy = {flight.slot for flight in self._flights.values()}
        return [number for number, slot in enumerate(self._slots) if number not in busy and slot.is_ready]

    def submit(self, trial: Trial) -> None:
        slot = self._free()[0]
        arguments = (_evaluated, str(self._folder), self._spec, trial)
        try:
            future = self._slots[slot].executor.submit(*arguments)
        except (BrokenProcessPool, ShutdownExecutorError):  # it died while it had nothing to do
            self._slots[slot] = self._new_slot()
            future = self._slots[slot].executor.submit(*arguments)
        self._flights[future] = _Flight(trial, slot, time.monotonic())

    def wait(self, timeout: float) -> Sequence[Outcome]:
        if not self._flights:
            return ()
        done, _ = wait(self._flights, timeout, FIRST_COMPLETED)
        return [self._outcome(future) for future in done]

    def end(self, trial: Trial, reason: str) -> None:
        for flight in self._flights.values():
            if flight.trial.index == trial.index:
                self._ended[trial.index] = reason
                self._slots[flight.slot].executor.shutdown(wait=False, kill_workers=True)

    def close(self) -> None:
        for slot in self._slots:
            slot.executor.shutdown(wait=False, kill_workers=True)
        self._flights.clear()

    def _outcome(self, future: Future[Evaluation | str]) -> Outcome:
        flight = self._flights.pop(future)
        seconds = time.monotonic() - flight.started
        reason = self._ended.pop(flight.trial.index, "")
        try:
            found = future.result()
        except (BrokenProcessPool, ShutdownExecutorError) as error:
            self._slots[flight.slot] = self._new_slot()
            return Outcome(flight.trial, lost=reason or _cause(error), seconds=seconds)
        except Exception as error:  # what loky could not carry from one process to the other
            return Outcome(flight.trial, error=f"{type(error).__name__}: {error}", seconds=seconds)
        if isinstance(found, str):
            return Outcome(flight.trial, error=found, seconds=seconds)
        return Outcome(flight.trial, found, seconds=seconds)


def _cause(error: BaseException) -> str:
    """Why a worker is gone, from what loky says of it."""
    text = str(error)
    if "SIGKILL" in text:
        return "its process was killed (SIGKILL): perhaps the machine ran out of memory"
    if "SIGSEGV" in text:
        return "its process crashed (SIGSEGV)"
    return "its process ended unexpectedly"


# ── in the workers ───────────────────────────────────────────────────────────


def prepare_process(parent: int) -> None:
    """Import what training needs, and end this process when its parent has ended: a worker that waits for
    work would wait for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
    import engine.training.evaluation.evaluate  # noqa: F401


def _prepared(folder: str, spec: SweepSpec) -> DatasetFacts | Failure:
    """Read the dataset and write its parts into the folder."""
    from engine.training.data.reading import read_dataset
    from engine.training.evaluation.parts import prepare
    from engine.training.evaluation.storage import save_parts
    from engine.training.facts import DatasetFacts
    from engine.training.search.grid import check_classes

    try:
        dataset = read_dataset(spec.data, split=spec.split)
        check_classes(spec, dataset.task)
        save_parts(prepare(dataset, spec), Path(folder))
    except EngineError as error:
        return Failure.of(error)
    except OSError as error:
        return Failure.of(_unwritten(error, folder))
    return DatasetFacts.of(dataset)


def _unwritten(error: OSError, folder: str) -> TrainingError:
    reason = error.strerror or "The disk is full"  # NumPy says how much of an array it could write
    hint = "Free some space, or set TMPDIR to a folder with more."
    return TrainingError("The prepared data cannot be written", f"{reason}: {folder}", hint)


def _load(folder: str) -> None:
    _parts(folder)


def _evaluated(folder: str, spec: SweepSpec, trial: Trial) -> Evaluation | str:
    return attempt(_parts(folder), spec, trial)


@lru_cache(maxsize=1)
def _parts(folder: str) -> Any:
    from engine.training.evaluation.storage import load_parts

    with contextlib.suppress(ValueError):
        os.nice(1)  # the console and the tracking server come first
    return load_parts(Path(folder))
