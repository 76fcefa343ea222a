"""Starts, controls and ends the training process."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine import paths
from engine.child_process import signal_name, start_child
from engine.errors import StoreNotFound, TrainingError
from engine.text import safe
from engine.training.control import SweepControl
from engine.training.failures import Failure
from engine.uri import TrackingUri

GRACE_SECONDS = 20.0
"""How long a cancelled process may take to end its trial before it is killed."""
POLL_SECONDS = 0.1


class ProcessDied(TrainingError):
    """The process ended without cleaning up."""


class WorkerProcess:
    """A child process that executes commands (`engine.training.worker`), one at a time.

    It runs in its own session, so keys pressed in the terminal do not reach it. It ends with its parent,
    however the parent ends, because its standard input then closes. Its output goes to the log; commands and
    answers go through pipes, never the command line.
    """

    def __init__(self, uri: TrackingUri) -> None:
        """Raises `StoreNotFound` if a database's folder is missing, `TrainingError` if the process cannot be
        started."""
        child_uri, folder = uri_and_folder(uri)
        self._log = paths.log_file()
        try:
            child = start_child("engine.training.worker", folder=folder, environment=os.environ)
        except OSError as error:
            raise TrainingError("The training process could not be started", str(error)) from error
        self._process, self._answers, self._log_start = child.process, child.answers, child.log_start
        self._send({"uri": child_uri})

    def run(self, command: Mapping[str, Any], control: SweepControl) -> Iterator[Mapping[str, Any]]:
        """Run a command and yield its answers as they come, ending with `done` unless the process was
        cancelled. Forwards what `control` says. Raises the error that the process reports, and
        `ProcessDied`."""
        self._send(command)
        for line in self._lines(control):
            message = json.loads(line)
            if "error" in message:
                raise Failure.from_json(message["error"]).error()
            yield message
            if "done" in message:
                return

    def begin(self) -> None:
        """Let the sweep that the process has accepted write."""
        self._send({"begin": True})

    def close(self) -> None:
        """Ask the process to exit, and wait up to `GRACE_SECONDS`. One that takes longer is in a long trial
        and cleans up after itself later."""
        if self._process.stdin:
            _ignore_broken_pipe(self._process.stdin.close)
        os.close(self._answers)
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return

    def _send(self, command: Mapping[str, Any]) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        data = json.dumps(command).encode() + b"\n"
        _ignore_broken_pipe(lambda: (stdin.write(data), stdin.flush()))

    def _lines(self, control: SweepControl) -> Iterator[bytes]:
        """Yield lines as they come until the process exits. Forwards a cancellation once, then waits at most
        `GRACE_SECONDS`. Raises `ProcessDied`."""
        cancel, paused = control.cancel, False
        buffer = b""
        deadline = 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            while True:
                if cancel.cancelled and not deadline:
                    deadline = time.monotonic() + GRACE_SECONDS
                    self._send({"cancel": True})
                if control.paused != paused:
                    paused = control.paused
                    self._send({"pause": paused})
                if deadline and time.monotonic() > deadline:
                    self._process.kill()
                if not selector.select(POLL_SECONDS):
                    continue
                chunk = os.read(self._answers, 65536)
                if not chunk:
                    code = self._process.wait()
                    if code:
                        raise self._died_error(code, cancelled=bool(deadline))
                    return
                *lines, buffer = (buffer + chunk).split(b"\n")
                yield from lines

    def _died_error(self, code: int, *, cancelled: bool) -> ProcessDied:
        title = "The training process died"
        if cancelled:
            title = f"The training process did not stop within {GRACE_SECONDS:.0f} s and was killed"
        reason = f"signal {-code} ({signal_name(-code)})" if code < 0 else f"exit status {code}"
        last_line = _last_line(self._log, self._log_start)
        detail = f"{reason}; log: {self._log}" + (f"; last line: {last_line}" if last_line else "")
        return ProcessDied(
            title, detail, "Finished trials are kept. Start the sweep again to train the rest."
        )


def uri_and_folder(uri: TrackingUri) -> tuple[str, Path | None]:
    """The URI for the child process and its working folder: that of the database, because MLflow puts the
    artifacts of a new database into `./mlruns`."""
    path = uri.sqlite_path
    if path is None:
        return uri.raw, None
    if not path.parent.is_dir():
        raise StoreNotFound("The store's folder does not exist", str(path.parent), "Create it first.")
    _, question, query = uri.raw.partition("?")
    return f"{uri.raw.split(':', 1)[0]}:///{path}{question}{query}", path.parent


def _ignore_broken_pipe(write: Callable[[], object]) -> None:
    """Write to the process, unless it has exited: reading its answers then reports that."""
    try:
        write()
    except (BrokenPipeError, ConnectionResetError):
        return


def _last_line(log: Path, start: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(start, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    non_empty = [line.strip() for line in lines if line.strip()]
    return safe(non_empty[-1], 200) if non_empty else ""
