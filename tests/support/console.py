"""The installed command, run like an operator does, in a folder and with a separate home."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.terminal import PATIENCE, Start, Terminal

COMMAND = Path(sys.executable).parent / "mlflow-console"
"""Next to the interpreter, so that the virtual environment need not be activated."""

_OURS = ("MLFLOW_", "XDG_", "TEXTUAL_", "SSH_", "_MLFLOW")

# Textual's output thread, after the terminal has disappeared.
_CANNOT_WRITE = re.compile(r"Exception in thread textual-output:.*?\nOSError: \[Errno 5\]", re.DOTALL)


def environment(home: Path, **more: str) -> dict[str, str]:
    """This process's environment without the settings of the developer's shell, and with `home` as the home
    folder: no test reads or writes the developer's settings and journal."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_OURS)
        and not name.lower().endswith("_proxy")
        and name not in ("NO_COLOR", "COLUMNS", "LINES")
    }
    return {**kept, "HOME": str(home), "USER": "operator", "MLFLOW_DISABLE_TELEMETRY": "true", **more}


def open_console(
    *arguments: str,
    cwd: Path,
    home: Path,
    cols: int = 120,
    rows: int = 36,
    env: Mapping[str, str] | None = None,
    start: Start | None = None,
) -> Terminal:
    """`mlflow-console ARGUMENTS` on a pseudo-terminal. Use it as a context manager, which ends it."""
    terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
    return Terminal(
        [COMMAND, *arguments],
        cols=cols,
        rows=rows,
        env=environment(home, **(terminal | dict(env or {}))),
        cwd=cwd,
        start=start,
    )


def type_line(terminal: Terminal, line: str) -> None:
    """Open the command line with `:`, type `line` and press enter."""
    terminal.press(":")
    terminal.wait_for("a command; Tab completes")
    terminal.type(line + "\r")
    terminal.wait_gone("a command; Tab completes")


def run_command(
    *arguments: str,
    cwd: Path,
    home: Path,
    env: Mapping[str, str] | None = None,
    within: float = 4 * PATIENCE,
    program: Sequence[str | Path] = (COMMAND,),
) -> subprocess.CompletedProcess[bytes]:
    """`mlflow-console ARGUMENTS` without a terminal; the result has its output as bytes and its exit
    status."""
    return subprocess.run(
        [*program, *arguments],
        cwd=cwd,
        env=environment(home, LANG="C.UTF-8", **(env or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=within,
        check=False,
    )


def faults(home: Path) -> str:
    """The console's log in `home` if it contains a traceback, a fault that the screen did not show."""
    log = home / ".local" / "state" / "mlflow-console" / "console.log"
    text = log.read_text(errors="replace") if log.exists() else ""
    return text if "Traceback" in _CANNOT_WRITE.sub("", text) else ""
