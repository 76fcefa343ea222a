"""Copying reaches the operator's clipboard through tmux."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import MlflowStore
from tests.support.console import COMMAND, environment
from tests.support.terminal import Terminal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"),
]
_OSC_52 = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]+)\x07")


def test_the_run_id_is_copied_through_tmux(mlflow_store: MlflowStore, folder: Path, home: Path) -> None:
    tmux = ["tmux", "-L", f"console-test-{os.getpid()}", "-f", "/dev/null"]

    def ask(*arguments: str) -> str:
        return subprocess.run([*tmux, *arguments], capture_output=True, text=True, check=True).stdout

    console = [str(COMMAND), "--tracking-uri", mlflow_store.uri]
    start = [*tmux, "new-session", *console, ";", "set", "-s", "set-clipboard", "on"]
    with Terminal(
        start, cols=120, rows=34, cwd=folder, env=environment(home, TERM="xterm-256color")
    ) as terminal:
        try:
            terminal.wait_for("trial-23", within=60)
            terminal.press("y")
            terminal.wait_for("Copied ")
            run_id = re.search(r"Copied ([0-9a-f]{32})", terminal.text)[1]  # type: ignore[index]
            assert ask("show-buffer") == run_id, "tmux took the plain sequence"
            ask("set", "-s", "set-clipboard", "off", ";", "set", "-g", "allow-passthrough", "on")
            before = len(terminal.raw)
            terminal.press("y")
            terminal.wait_until(
                lambda: _OSC_52.search(bytes(terminal.raw[before:])) is not None, "the terminal gets it"
            )
            copied = _OSC_52.search(bytes(terminal.raw[before:]))
            assert copied is not None
            assert base64.b64decode(copied[1]).decode() == run_id, "tmux passed the wrapped sequence on"
        finally:
            subprocess.run([*tmux, "kill-server"], check=False, capture_output=True)
