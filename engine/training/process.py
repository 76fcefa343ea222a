"""The training process seen from its parent: started, spoken with, and ended."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine import errors, paths
from engine.errors import EngineError, StoreNotFound, TrainingError
from engine.jobs import CancelToken
from engine.log import log_descriptor
from engine.text import safe
from engine.uri import TrackingUri

GRACE = 20.0
"""Seconds that a cancelled process has to end its trial before it is killed."""
POLL = 0.1


class ProcessDied(TrainingError):
    """The process is gone without having cleaned up behind itself."""


class WorkerProcess:
    """A child process that obeys commands (`engine.training.worker`), one at a time.

    It leads a session of its own, so a key pressed in the terminal does not reach it, and ends
    with its parent, however the parent ends: then its standard input ends. Its output goes to the
    log. What it is told and tells goes through pipes: nothing of it is on a command line.
    """

    def __init__(self, uri: TrackingUri) -> None:
        """Raises `StoreNotFound` when the folder of a database is missing, `TrainingError` when no
        process can be started."""
        own_uri, folder = placed(uri)
        self._log = paths.log_file()
        self._answers, theirs = os.pipe()
        try:
            with os.fdopen(log_descriptor(), "ab") as output:
                self._log_start = output.tell()
                self._process = subprocess.Popen(
                    # -P: a file in the working folder must not stand in for a module.
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
            os.close(self._answers)
            raise TrainingError("The training process cannot be started", str(error)) from error
        finally:
            os.close(theirs)
        self._say({"uri": own_uri})

    def ask(self, command: Mapping[str, Any], cancel: CancelToken) -> Iterator[Mapping[str, Any]]:
        """Have a command obeyed; its answers as they come, the last one `done`, unless the process
        was told to leave. Raises the error that the process tells of, and `ProcessDied`."""
        self._say(command)
        for line in self._lines(cancel):
            told = json.loads(line)
            if "error" in told:
                raise _error(told["error"])
            yield told
            if "done" in told:
                return

    def close(self) -> None:
        """Tell the process to leave, and wait `GRACE` seconds for it. One that takes longer is in a
        long trial and cleans up by itself afterwards."""
        if self._process.stdin:
            _unless_gone(self._process.stdin.close)
        os.close(self._answers)
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            return

    def _say(self, command: Mapping[str, Any]) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        data = json.dumps(command).encode() + b"\n"
        _unless_gone(lambda: (stdin.write(data), stdin.flush()))

    def _lines(self, cancel: CancelToken) -> Iterator[bytes]:
        """Lines as they come, until a process that was told to leave has left. Passes a cancellation
        on, once, and then waits `GRACE` seconds at most. Raises `ProcessDied`."""
        rest = b""
        deadline = 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while True:
                if cancel.cancelled and not deadline:
                    deadline = time.monotonic() + GRACE
                    self._say({"cancel": True})
                if deadline and time.monotonic() > deadline:
                    self._process.kill()
                if not selector.select(POLL):
                    continue
                chunk = os.read(self._answers, 65536)
                if not chunk:
                    code = self._process.wait()
                    if code:
                        raise self._death(code, cancelled=bool(deadline))
                    return
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines

    def _death(self, code: int, *, cancelled: bool) -> ProcessDied:
        title = "The training process died"
        if cancelled:
            title = f"The training process did not stop within {GRACE:.0f} s and was killed"
        reason = f"signal {-code} ({_signal_name(-code)})" if code < 0 else f"exit status {code}"
        last = _last_line(self._log, self._log_start)
        detail = f"{reason}; log: {self._log}" + (f", which ends with: {last}" if last else "")
        return ProcessDied(title, detail, "Finished trials are kept. Start the sweep again for the others.")


def placed(uri: TrackingUri) -> tuple[str, Path | None]:
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


def _unless_gone(write: Callable[[], object]) -> None:
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
