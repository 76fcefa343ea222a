"""However a console ends, it ends at once and leaves the terminal as it found it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.console import open_console
from tests.support.terminal import Terminal

AT_ONCE = 5.0
"""Seconds; it takes a fraction of one, but a test machine may be busy."""

OF_THE_SCREEN = {1000, 1002, 1003, 1004, 1006, 1015, 1016, 1049, 2004, 2026, 2048}
"""Private modes that must be off outside a console: mouse, focus, alternate screen, paste, sizes."""


def is_sane(terminal: Terminal) -> bool:
    modes = terminal.private_modes()
    left_on = {mode for mode, on in modes.items() if on} & OF_THE_SCREEN
    cursor_shown, lines_wrap = modes.get(25, True), modes.get(7, True)
    pushed, popped = terminal.raw.count(b"\x1b[>"), terminal.raw.count(b"\x1b[<u")
    return (
        not left_on
        and cursor_shown
        and lines_wrap
        and popped >= pushed
        and terminal.attributes() == terminal.attributes_before
    )


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, 128 + 15), (signal.SIGHUP, 128 + 1), (signal.SIGINT, 130)],
    ids=["SIGTERM", "SIGHUP", "SIGINT"],
)
def test_a_signal_ends_it_and_leaves_the_terminal_sane(
    folder: Path, home: Path, number: signal.Signals, status: int
) -> None:
    with open_console(cwd=folder, home=home) as terminal:
        terminal.wait_for("mlflow-console demo")
        assert not is_sane(terminal)
        terminal.send_signal(number)
        assert terminal.wait_exit(AT_ONCE) == status
        assert is_sane(terminal)
        assert terminal.after_screen.isascii()


@pytest.mark.parametrize(
    "keys", [("q",), ("ctrl+c",), ("ctrl+q",), ("?", "ctrl+c"), (":", "ctrl+c")], ids=" ".join
)
def test_a_key_ends_it_and_leaves_the_terminal_sane(folder: Path, home: Path, keys: tuple[str, ...]) -> None:
    with open_console(cwd=folder, home=home) as terminal:
        terminal.wait_for("mlflow-console demo")
        for key in keys:
            terminal.press(key)
            terminal.wait_quiet()
        assert terminal.wait_exit(AT_ONCE) == 0
        assert is_sane(terminal)


def test_a_lost_terminal_ends_it(folder: Path, home: Path) -> None:
    with open_console(cwd=folder, home=home) as terminal:
        terminal.wait_for("mlflow-console demo")
        terminal.hang_up()
        assert terminal.wait_exit(AT_ONCE) != 0


def test_suspending_gives_the_terminal_back_and_resuming_draws_again(folder: Path, home: Path) -> None:
    with open_console(cwd=folder, home=home) as terminal:
        terminal.wait_for("mlflow-console demo")
        terminal.press("ctrl+z")
        terminal.wait_until(lambda: terminal.stopped, "suspended")
        terminal.wait_quiet()
        assert is_sane(terminal)
        terminal.send_signal(signal.SIGCONT)
        terminal.wait_until(lambda: terminal.private_modes()[1049], "the screen taken again")
        terminal.press("?")
        terminal.wait_for("Keys · ")
        terminal.press("ctrl+c")
        assert terminal.wait_exit(AT_ONCE) == 0
        assert is_sane(terminal)
