"""Where sweeps run. Here: in one child process on this machine.

An executor is anything with `sweep` and `close` as `LocalProcess` has them; one that spreads
trials over machines would stand beside it.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from engine import errors, paths
from engine.errors import EngineError, StoreNotFound, TrainingError
from engine.jobs import CancelToken
from engine.text import safe
from engine.training.datasets import DatasetSpec, read_dataset
from engine.training.events import (
    SweepEvent,
    SweepFinished,
    SweepPreparing,
    SweepResult,
    SweepStarted,
    TrialFinished,
    from_json,
)
from engine.training.sweep import SweepSpec, trials
from engine.uri import TrackingUri

GRACE = 20.0
"""Seconds that a cancelled process has to end its trial before it is killed."""
POLL = 0.1
CHECKED_BYTES = 8 * 1024 * 1024
"""Smaller data sets are checked before a process is started for them."""


class Executor(Protocol):
    def sweep(
        self, spec: SweepSpec, *, on_event: Callable[[SweepEvent], None], cancel: CancelToken
    ) -> SweepResult: ...

    def close(self) -> None: ...


def run_sweep(
    uri: TrackingUri,
    spec: SweepSpec,
    *,
    on_event: Callable[[SweepEvent], None],
    cancel: CancelToken,
) -> SweepResult:
    """Run a sweep in a process of its own; `on_event` is called in the calling thread.

    Raises `GridError`, `UsageError` or `DatasetError` before anything is started or written,
    `StoreError` when the store fails (finished trials are kept), `TrainingError` when the process
    dies. When cancelled the trial at hand and the parent run are KILLED, finished trials stay, and
    the result says `cancelled`.
    """
    trials(spec)
    _check_small(spec.dataset)
    with LocalProcess(uri) as executor:
        return executor.sweep(spec, on_event=on_event, cancel=cancel)


class LocalProcess:
    """A child process that trains, one command at a time. It is started by the first command,
    leads a session of its own (a key pressed in the terminal does not reach it), and ends with
    its parent, however the parent ends."""

    def __init__(self, uri: TrackingUri) -> None:
        self._uri = uri
        self._process: subprocess.Popen[bytes] | None = None
        self._answers = -1
        self._log_start = 0

    def __enter__(self) -> LocalProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def sweep(
        self,
        spec: SweepSpec,
        *,
        on_event: Callable[[SweepEvent], None],
        cancel: CancelToken,
        only: Sequence[int] | None = None,
        resumed: str = "",
        sweep_id: str = "",
    ) -> SweepResult:
        """Train the trials of `spec`, or those with the indexes `only`. `resumed` is the parent run
        of an earlier sweep to continue, `sweep_id` what its runs are tagged with."""
        started = time.monotonic()
        sweep_id = sweep_id or uuid.uuid4().hex
        command = {"sweep": _absolute(spec).to_json(), "id": sweep_id, "only": only, "resumed": resumed}
        tally = _Tally()
        try:
            for event in self._events(command, cancel, on_event) if not cancel.cancelled else ():
                tally.add(event)
                on_event(event)
        except _Died as death:
            raise self._after_death(death, spec.experiment, sweep_id) from None
        return tally.result(time.monotonic() - started)

    def ask(self, command: Mapping[str, Any], cancel: CancelToken) -> Any:
        """Have a command done that tells nothing while it is; its answer."""
        try:
            for told in self._told(command, cancel):
                if "done" in told:
                    return told["done"]
        except _Died as death:
            raise self._death_error(death) from None
        raise errors.Cancelled("The work")

    def close(self) -> None:
        """Let the process end; without an end after `GRACE` seconds, kill it."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            _ignore_broken(process.stdin.close)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(self._answers)

    # ── the conversation ─────────────────────────────────────────────────────

    def _events(
        self, command: Mapping[str, Any], cancel: CancelToken, on_event: Callable[[SweepEvent], None]
    ) -> Iterator[SweepEvent]:
        if self._process is None:
            on_event(SweepPreparing("starting Python"))
        for told in self._told(command, cancel):
            if "event" in told:
                yield from_json(told)
            if "done" in told:
                return

    def _told(self, command: Mapping[str, Any], cancel: CancelToken) -> Iterator[Mapping[str, Any]]:
        """The answers to a command, the last one `done` unless the process was told to leave. Raises
        the error that the process tells of, and `_Died`."""
        self._start()
        self._say(command)
        for line in self._lines(cancel):
            told = json.loads(line)
            if "error" in told:
                raise _error(told["error"])
            yield told
            if "done" in told:
                return

    def _lines(self, cancel: CancelToken) -> Iterator[bytes]:
        """Lines as they come, until a process that was told to leave has left. Passes a cancellation
        on, once, and then waits `GRACE` seconds at most. Raises `_Died`."""
        process = self._process
        assert process is not None
        rest = b""
        deadline = 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while True:
                if cancel.cancelled and not deadline:
                    deadline = time.monotonic() + GRACE
                    self._say({"cancel": True})
                if deadline and time.monotonic() > deadline:
                    process.kill()
                if not selector.select(POLL):
                    continue
                chunk = os.read(self._answers, 65536)
                if not chunk:
                    code = process.wait()
                    if code:
                        raise _Died(code, cancel.cancelled)
                    return
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines

    def _say(self, command: Mapping[str, Any]) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        data = json.dumps(command).encode() + b"\n"
        _ignore_broken(lambda: (process.stdin.write(data), process.stdin.flush()))  # type: ignore[union-attr]

    def _start(self) -> None:
        if self._process is not None:
            return
        uri, folder = _placed(self._uri)
        log = paths.log_file()
        log.parent.mkdir(parents=True, exist_ok=True)
        answers, theirs = os.pipe()
        try:
            with log.open("ab") as output:
                self._log_start = output.tell()
                self._process = subprocess.Popen(
                    # -P: a file in the current folder must not stand in for a module.
                    [sys.executable, "-P", "-m", "engine.training.worker", str(theirs)],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    pass_fds=(theirs,),
                    start_new_session=True,
                    cwd=folder,
                    env=_environment(),
                )
        except OSError as error:
            os.close(answers)
            raise TrainingError("The training process cannot be started", str(error)) from error
        finally:
            os.close(theirs)
        self._answers = answers
        self._say({"uri": uri})

    # ── a process that is gone ───────────────────────────────────────────────

    def _after_death(self, death: _Died, experiment: str, sweep_id: str) -> EngineError:
        """Clean up behind a process that could not; the error to raise."""
        from engine.stores.client import open_client
        from engine.training.recorder import kill_leftovers, writing

        error = self._death_error(death)
        try:
            with writing():
                ended = kill_leftovers(open_client(_placed(self._uri)[0]), experiment, sweep_id)
            error.detail += f"; {len(ended)} unfinished runs are marked KILLED"
        except EngineError as trouble:
            error.detail += f"; its unfinished runs stay RUNNING: {trouble.title}"
        return error

    def _death_error(self, death: _Died) -> TrainingError:
        code = death.exit_code
        reason = f"signal {-code} ({_signal_name(-code)})" if code < 0 else f"exit status {code}"
        if death.cancelled:
            title = f"The training process did not stop within {GRACE:.0f} s and was killed"
        else:
            title = "The training process died"
        log = paths.log_file()
        detail = f"{reason}; log: {log}"
        last = _last_line(log, self._log_start)
        if last:
            detail += f", which ends with: {last}"
        return TrainingError(title, detail, "Finished trials are kept. Start the sweep again for the others.")


class _Died(Exception):
    def __init__(self, exit_code: int, cancelled: bool) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code
        self.cancelled = cancelled


class _Tally:
    """What the events of a sweep come to."""

    def __init__(self) -> None:
        self._started = SweepStarted("", "", 0)
        self._finished = SweepFinished(0, 0, 0, cancelled=True, seconds=0.0)
        self._best: tuple[tuple[float, float, int], str] | None = None

    def add(self, event: SweepEvent) -> None:
        match event:
            case SweepStarted():
                self._started = event
            case SweepFinished():
                self._finished = event
            case TrialFinished(index=index, run_id=run_id, metrics=metrics):
                rank = (metrics["accuracy"], metrics["cv_mean"], -index)
                if self._best is None or rank > self._best[0]:
                    self._best = rank, run_id

    def result(self, seconds: float) -> SweepResult:
        started, finished = self._started, self._finished
        return SweepResult(
            parent_run_id=started.parent_run_id,
            experiment_id=started.experiment_id,
            finished=finished.finished,
            failed=finished.failed,
            killed=finished.killed,
            cancelled=finished.cancelled,
            seconds=seconds,
            best_run_id=self._best[1] if self._best else None,
        )


def _check_small(spec: DatasetSpec) -> None:
    try:
        small = spec.file.stat().st_size <= CHECKED_BYTES
    except OSError:
        small = True
    if small:
        read_dataset(spec)


def _absolute(spec: SweepSpec) -> SweepSpec:
    """Fit for a process in another folder."""
    if spec.dataset.path is None:
        return spec
    return replace(spec, dataset=replace(spec.dataset, path=str(spec.dataset.file)))


def _placed(uri: TrackingUri) -> tuple[str, Path | None]:
    """The URI for the child, and the folder that it works in: a database's own, because MLflow
    puts the artifacts of a new database into `./mlruns`."""
    path = uri.sqlite_path
    if path is None:
        return uri.raw, None
    if not path.parent.is_dir():
        raise StoreNotFound("The folder of the store does not exist", str(path.parent), "Create it first.")
    _, question, query = uri.raw.partition("?")
    return f"{uri.raw.split(':', 1)[0]}:///{path}{question}{query}", path.parent


def _environment() -> dict[str, str]:
    """Ours, with the folder that this engine was imported from first on the module path."""
    own = str(Path(__file__).parents[2])
    given = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{own}{os.pathsep}{given}" if given else own}


def _error(told: Mapping[str, str]) -> EngineError:
    kind = getattr(errors, told["kind"], EngineError)
    error: EngineError = kind.__new__(kind)
    EngineError.__init__(error, told["title"], told["detail"], told["hint"])
    return error


def _ignore_broken(write: Callable[[], object]) -> None:
    """A process that is gone cannot be told: the end of its answers says so."""
    try:
        write()
    except (BrokenPipeError, ConnectionResetError):
        return


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


def _last_line(log: Path, start: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(start, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    said = [line.strip() for line in lines if line.strip()]
    return safe(said[-1], 200) if said else ""
