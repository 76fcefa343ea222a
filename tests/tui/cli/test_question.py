"""The question before a write, answered on a pseudo-terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.console import environment
from tests.support.terminal import Terminal

ASKS = """
from tui.cli.output import Output
from tui.cli.question import ask
try:
    ask(Output())
    print("go ahead")
except BaseException as error:
    print("ended by", type(error).__name__)
"""

# The signal comes while the question is on its way out, as far as the interpreter can tell: noted,
# but nothing that waits in the kernel is woken by it.
INTERRUPTED_UNSEEN = """
import signal, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
"""


def asked(script: str, home: Path) -> Terminal:
    return Terminal([sys.executable, "-c", script], cols=80, rows=10, env=environment(home))


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("y\r", "go ahead"),
        ("YES\r", "go ahead"),
        (" y \r", "go ahead"),
        ("\r", "ended by Cancelled"),
        ("n\r", "ended by Cancelled"),
        ("yes please\r", "ended by Cancelled"),
        ("ja\x15y\r", "go ahead"),
        ("\x04", "ended by Cancelled"),
        ("\x03", "ended by KeyboardInterrupt"),
        ("y\x03", "ended by KeyboardInterrupt"),
    ],
)
def test_nothing_but_yes_goes_ahead(home: Path, answer: str, outcome: str) -> None:
    with asked(ASKS, home) as terminal:
        terminal.wait_for("Go ahead? [y/N]")
        terminal.type(answer)
        terminal.wait_for(outcome)
        assert terminal.wait_exit() == 0
        assert outcome.endswith("Interrupt") or outcome in terminal.lines


def test_ctrl_c_between_the_question_and_the_reading_is_not_lost(home: Path) -> None:
    with asked(INTERRUPTED_UNSEEN + ASKS, home) as terminal:
        terminal.wait_for("Go ahead? [y/N]")
        terminal.press("ctrl+c")
        terminal.wait_for("ended by KeyboardInterrupt")
        assert terminal.wait_exit() == 0
