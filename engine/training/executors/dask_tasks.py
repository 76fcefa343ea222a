"""What a sweep runs on the workers of a Dask cluster. Light to import: workers look for it before a sweep.

The data of a sweep is a folder per host, beside the workers' own scratch folders, which all workers of the
host map into memory. A worker holds a shared lock on the folder while it may use it, so that a later sweep
knows which folders were left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import io
import math
import os
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError, TrainingError
from engine.training.control import BASELINE
from engine.training.executors.attempt import attempt
from engine.training.failures import Failure

if TYPE_CHECKING:
    from engine.training.evaluation.evaluate import Evaluation
    from engine.training.facts import DatasetFacts
    from engine.training.recorder import Recorder
    from engine.training.spec import SweepSpec, Trial

_PREFIX = "mlflow-console-sweep-"
_LOCK = "in-use"


@dataclass(frozen=True, slots=True)
class Recording:
    """What workers need to record trials under a parent run that exists. `uri` holds no credentials: workers
    use those of their own environment. `context` are the tags that say who trains, and with what."""

    uri: str
    sweep_id: str
    experiment_id: str
    parent_run_id: str
    facts: DatasetFacts
    metric: str
    lower: bool
    context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SharedSweep:
    """A sweep as its workers know it: `token` names its data. Without `recording`, workers record nothing."""

    token: str
    spec: SweepSpec
    recording: Recording | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """What a worker answers: an `evaluation`, or the `error` of the trial; the `run_id` if it recorded them.
    `failure` is why it could not record them; `no_data` that the sweep's folder is gone."""

    evaluation: Evaluation | None = None
    error: str = ""
    run_id: str = ""
    failure: Failure | None = None
    no_data: bool = False


@dataclass(slots=True)
class _OpenSweep:
    """A sweep in this process. `best` is its highest score so far, negated if lower is better."""

    parts: Any
    threads: Any
    recorder: Recorder | None = None
    best: float = field(default=-math.inf)


MAX_SWEEPS = 3
"""How many sweeps a worker keeps open: their clients may have been killed."""
_open_sweeps: dict[str, _OpenSweep] = {}
_locks: dict[str, int] = {}
"""Descriptors that hold the locks of folders, by the sweep's token, oldest first."""
_one_at_a_time = threading.Lock()
"""Python's warnings, which a trial records, belong to the whole process."""


# ── data ─────────────────────────────────────────────────────────────────────


async def warm_up() -> None:
    """Import what training needs, which takes seconds, beside other things."""
    await asyncio.to_thread(_import)


def _import() -> None:
    import engine.training.evaluation.evaluate  # noqa: F401


def packed(folder: Path) -> bytes:
    """The files of a folder, for `receive`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    return buffer.getvalue()


def has_data(token: str) -> bool:
    """Whether this host has the data of a sweep; if so, this process has imported what training needs."""
    try:
        _hold(token, _own_folder(token))
    except FileNotFoundError:
        return False
    _import()
    return True


def receive(token: str, data: bytes) -> bool:
    """Write the data of a sweep for all workers of this host. Raises `OSError`."""
    folder = _own_folder(token)
    _remove_left_behind(folder.parent)
    new = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    lock = _lock(new)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            archive.extractall(new)
        try:
            new.rename(folder)
        except OSError:
            if not folder.is_dir():  # if it is, another worker of this host was faster
                raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
        held = has_data(token)
        os.close(lock)
    return held


def forget(token: str, dask_worker: Any) -> None:
    """Remove the data of a sweep from this host. A trial that is being trained keeps what it has mapped."""
    _release(token)
    shutil.rmtree(_folder(token, dask_worker), ignore_errors=True)


def _folder(token: str, dask_worker: Any) -> Path:
    return Path(dask_worker.local_directory).parent / f"{_PREFIX}{token}"


def _own_folder(token: str) -> Path:
    from distributed import get_worker

    return _folder(token, get_worker())


def _hold(token: str, folder: Path) -> None:
    """Keep the folder until `_release`. Raises `FileNotFoundError`."""
    if token not in _locks:
        _locks[token] = _lock(folder)
        for other in list(_locks)[:-MAX_SWEEPS]:
            _release(other)


def _release(token: str) -> None:
    _open_sweeps.pop(token, None)
    if (descriptor := _locks.pop(token, None)) is not None:
        os.close(descriptor)


def _lock(folder: Path) -> int:
    """A descriptor that holds the folder's lock until it is closed. Raises `FileNotFoundError`."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with contextlib.suppress(OSError):  # a file system without locks: nothing on it is ever removed
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def _remove_left_behind(root: Path) -> None:
    """Remove the folders of sweeps that no process uses: their client and their workers were killed."""
    for folder in root.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(folder / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


# ── trials ───────────────────────────────────────────────────────────────────


def train(sweep: SharedSweep, trial: Trial, threads: int) -> Trained:
    """Train a trial, with linear algebra in at most `threads` threads; record it if the sweep says so."""
    with _one_at_a_time:
        try:
            opened = _opened(sweep)
        except FileNotFoundError:
            return Trained(no_data=True)
        except EngineError as error:
            return Trained(failure=Failure.of(error))
        with opened.threads.limit(limits=threads):
            if opened.recorder is not None:
                return _recorded(opened, opened.recorder, sweep.spec, trial)
            found = attempt(opened.parts, sweep.spec, trial)
    return Trained(error=found) if isinstance(found, str) else Trained(found)


def _opened(sweep: SharedSweep) -> _OpenSweep:
    found = _open_sweeps.get(sweep.token)
    if found is None:
        folder = _own_folder(sweep.token)
        _hold(sweep.token, folder)
        from threadpoolctl import ThreadpoolController

        from engine.training.evaluation.storage import load_parts

        found = _OpenSweep(load_parts(folder), ThreadpoolController())
        if sweep.recording is not None:
            found.recorder = _recorder(sweep.spec, found.parts, sweep.recording)
        _open_sweeps[sweep.token] = found
    return found


def _recorded(opened: _OpenSweep, recorder: Recorder, spec: SweepSpec, trial: Trial) -> Trained:
    """Train a trial and record it: once, even if a worker that was lost has begun to."""
    try:
        for run_id in recorder.running(trial):
            recorder.kill(run_id)
        if (before := recorder.finished(trial)) is not None:
            run_id, evaluation = before
            return Trained(evaluation, run_id=run_id)
        run_id = recorder.start(trial)
        recorder.log_params(trial, run_id)
        found = attempt(opened.parts, spec, trial)
        if not recorder.is_running(run_id):
            return Trained(error="The sweep has ended this trial", run_id=run_id)
        if not isinstance(found, str):
            try:
                recorder.finish(trial, run_id, found)
            except TrainingError as error:
                found = str(error)
        if isinstance(found, str):
            recorder.fail(trial, run_id, found.strip().rpartition("\n")[2], found)
            return Trained(error=found, run_id=run_id)
    except EngineError as error:
        return Trained(failure=Failure.of(error))
    return Trained(_without_model(opened, recorder, trial, found), run_id=run_id)


def _without_model(
    opened: _OpenSweep, recorder: Recorder, trial: Trial, evaluation: Evaluation
) -> Evaluation:
    """What the client still needs. The predictions of the best model so far of each process are among it: the
    client draws the figures of the best of all."""
    score = -evaluation.score if recorder.lower else evaluation.score
    if score > opened.best and trial.estimator != BASELINE:
        opened.best = score
        return replace(evaluation, model=None, files={})
    return replace(evaluation, model=None, predicted=None, files={})


def _recorder(spec: SweepSpec, parts: Any, recording: Recording) -> Recorder:
    """A recorder of this process. Imports MLflow, which takes seconds."""
    from engine.stores.mlflow.client import open_client
    from engine.training.recorder import Recorder

    recorder = Recorder(
        open_client(recording.uri),
        spec,
        recording.facts,
        parts,
        recording.sweep_id,
        metric=recording.metric,
        lower=recording.lower,
        context=recording.context,
    )
    recorder.join(recording.experiment_id, recording.parent_run_id)
    return recorder


async def reached(uri: str) -> Failure | None:
    """Why this worker cannot read the tracking server, with the credentials of its environment."""
    return await asyncio.to_thread(_reached, uri)


def _reached(uri: str) -> Failure | None:
    from engine.stores import open_store
    from engine.uri import TrackingUri

    try:
        store = open_store(TrackingUri(uri))
        try:
            store.experiments()
        finally:
            store.close()
    except EngineError as error:
        return Failure.of(error)
    return None
