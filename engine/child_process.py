"""Child processes that run a module of the engine and answer through a pipe."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.jobs import CancelToken
from engine.log import log_descriptor

POLL_SECONDS = 0.1
"""How long it takes until a cancellation has an effect."""


@dataclass(frozen=True, slots=True)
class ChildProcess:
    """`answers` is the descriptor to read from, which the caller closes; `log_start` is the length of the log
    when the process started."""

    process: subprocess.Popen[bytes]
    answers: int
    log_start: int


def start_child(
    module: str, *arguments: str, folder: str | Path | None, environment: Mapping[str, str]
) -> ChildProcess:
    """Start `python -m MODULE ARGUMENTS… DESCRIPTOR` in a session of its own, so that keys pressed in the
    terminal do not reach it. It writes its answers to the descriptor, its output goes to the log, and its
    standard input is a pipe that closes when the parent ends. Raises `OSError`."""
    answers, child_end = os.pipe()
    try:
        with os.fdopen(log_descriptor(), "ab") as output:
            log_start = output.tell()
            process = subprocess.Popen(
                # -P: a file in the working folder must not shadow a module.
                [sys.executable, "-P", "-m", module, *arguments, str(child_end)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                pass_fds=(child_end,),
                start_new_session=True,
                cwd=folder,
                env=with_engine(environment),
            )
    except OSError:
        os.close(answers)
        raise
    finally:
        os.close(child_end)
    return ChildProcess(process, answers, log_start)


def messages(answers: int, cancel: CancelToken | None, what: str) -> Iterator[Mapping[str, Any]]:
    """The lines of JSON that a child process writes to a descriptor, as they come, until it ends. Raises
    `Cancelled`; `what` begins its message."""
    buffer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(answers, selectors.EVENT_READ)
        while True:
            if cancel is not None:
                cancel.check(what)
            if not selector.select(POLL_SECONDS):
                continue
            chunk = os.read(answers, 65536)
            if not chunk:
                return
            *lines, buffer = (buffer + chunk).split(b"\n")
            yield from map(json.loads, lines)


def input_lines() -> Iterator[bytes]:
    """For a child process: the lines of its standard input, until its parent closes that or ends. Blocks: run
    it in a thread. Reads the file descriptor, because a thread that waits for `sys.stdin` makes Python abort
    when the process exits."""
    buffer = b""
    while chunk := os.read(0, 65536):
        *lines, buffer = (buffer + chunk).split(b"\n")
        yield from lines


def with_engine(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which `python -m` finds the modules of this engine."""
    inherited = environment.get("PYTHONPATH")
    paths = (str(Path(__file__).parents[1]), *([inherited] if inherited else []))
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}


def signal_name(number: int) -> str:
    """`SIGKILL`."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
