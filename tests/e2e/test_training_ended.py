"""However the console ends during a sweep, the store is left consistent."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.console import open_console
from tests.support.terminal import Terminal
from tests.support.warm import Warm

CLEANUP_SECONDS = 60.0
"""Time for the training process to mark unfinished runs."""

ENDINGS: dict[str, Callable[[Terminal], None]] = {
    "ctrl+c": lambda terminal: terminal.press("ctrl+c"),
    "SIGTERM": lambda terminal: terminal.send_signal(signal.SIGTERM),
    "SIGHUP": lambda terminal: terminal.send_signal(signal.SIGHUP),
    "lost terminal": lambda terminal: terminal.hang_up(),
    "SIGKILL": lambda terminal: terminal.send_signal(signal.SIGKILL),
}


def start_sweep(terminal: Terminal) -> None:
    terminal.wait_for("train a sweep")
    terminal.press("4")
    terminal.wait_for("No sweep yet")
    terminal.press("n")
    terminal.wait_for("New sweep", "61 trials", "Start")
    terminal.wait_quiet()
    terminal.press("shift+tab")  # back from the first field to the last button
    terminal.wait_quiet()
    terminal.press("enter")
    terminal.wait_gone("New sweep")
    terminal.wait_for(" of 61", "0.", within=120)  # the leaderboard shows a first accuracy


def statuses(folder: Path, home: Path, warm: Warm) -> Counter[str]:
    listed = warm.run("runs", "heart-disease-sweeps", "--json", cwd=folder, home=home)
    assert listed.returncode == 0, listed.stderr.decode()
    return Counter(run["status"] for run in json.loads(listed.stdout)["runs"])


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_run_is_left_running(ending: str, folder: Path, home: Path, warm_writer: Warm) -> None:
    """One of the consoles is the installed command, with a training process that imports MLflow."""
    start = open_console if ending == "SIGKILL" else warm_writer.open
    with start(cwd=folder, home=home) as terminal:
        start_sweep(terminal)
        ENDINGS[ending](terminal)
        terminal.wait_exit(10)
    end = time.monotonic() + CLEANUP_SECONDS
    while (found := statuses(folder, home, warm_writer))["RUNNING"] and time.monotonic() < end:
        time.sleep(0.1)
    assert found["RUNNING"] == found["SCHEDULED"] == 0
    assert found["FINISHED"] >= 1, "finished trials are kept"
    assert found["KILLED"] >= 1, "the parent run did not finish"
