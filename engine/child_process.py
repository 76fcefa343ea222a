"""Child processes that run a module of the engine and answer through a pipe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.log import log_descriptor


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
