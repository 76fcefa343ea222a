"""The confirmation prompt, answered on a pseudo-terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.console import environment
from tests.support.terminal import Terminal

CONFIRM = """
from tui.cli.output import Output, confirm
try:
    confirm(Output())
    print("confirmed")
except BaseException as error:
    print("ended by", type(error).__name__)
"""

CONFIRM_NAME = """
from tui.cli.output import Output, confirm_name
try:
    print("confirmed", confirm_name(Output(), "mlflow.db", ""))
except BaseException as error:
    print("ended by", type(error).__name__)
"""

# Simulates a signal that arrives just before the read: with SIGINT blocked in the main thread, another
# thread receives it, so that no system call of the main thread is interrupted.
SIGNAL_BEFORE_READ = """
import signal, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
"""


def run_script(script: str, home: Path) -> Terminal:
    return Terminal([sys.executable, "-c", script], cols=80, rows=10, env=environment(home))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("y\r", "confirmed"),
        ("YES\r", "confirmed"),
        (" y \r", "confirmed"),
        ("\r", "ended by Cancelled"),
        ("n\r", "ended by Cancelled"),
        ("yes please\r", "ended by Cancelled"),
        ("ja\x15y\r", "confirmed"),
        ("\x04", "ended by Cancelled"),
        ("\x03", "ended by KeyboardInterrupt"),
        ("y\x03", "ended by KeyboardInterrupt"),
    ],
)
def test_only_yes_confirms(home: Path, answer: str, outcome: str) -> None:
    with run_script(CONFIRM, home) as terminal:
        terminal.wait_for("Go ahead? [y/N]")
        terminal.type(answer)
        terminal.wait_for(outcome)
        assert terminal.wait_exit() == 0
        assert outcome.endswith("Interrupt") or outcome in terminal.lines


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (" mlflow.db \r", "confirmed mlflow.db"),
        ("y\r", "ended by Cancelled"),
        ("MLFLOW.DB\r", "ended by Cancelled"),
        ("\x04", "ended by Cancelled"),
        ("\x03", "ended by KeyboardInterrupt"),
    ],
)
def test_only_the_name_itself_confirms(home: Path, answer: str, outcome: str) -> None:
    with run_script(CONFIRM_NAME, home) as terminal:
        terminal.wait_for("Type mlflow.db to go ahead:")
        terminal.type(answer)
        terminal.wait_for(outcome)
        assert terminal.wait_exit() == 0


def test_ctrl_c_between_the_prompt_and_the_read_is_not_lost(home: Path) -> None:
    with run_script(SIGNAL_BEFORE_READ + CONFIRM, home) as terminal:
        terminal.wait_for("Go ahead? [y/N]")
        terminal.press("ctrl+c")
        terminal.wait_for("ended by KeyboardInterrupt")
        assert terminal.wait_exit() == 0
