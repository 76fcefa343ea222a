"""However the console ends, it ends at once and restores the terminal."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.console import open_console
from tests.support.terminal import Process, Terminal

AT_ONCE = 5.0
"""Seconds; generous, because a test machine can be busy."""

SCREEN_MODES = {1000, 1002, 1003, 1004, 1006, 1015, 1016, 1049, 2004, 2026, 2048}
"""Private modes that must be off outside the console: mouse, focus, alternate screen, paste, resize."""


def is_restored(terminal: Terminal) -> bool:
    modes = terminal.private_modes()
    left_on = {mode for mode, on in modes.items() if on} & SCREEN_MODES
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
    [(signal.SIGTERM, 128 + 15), (signal.SIGHUP, 128 + 1), (signal.SIGQUIT, 128 + 3), (signal.SIGINT, 130)],
    ids=["SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"],
)
def test_a_signal_ends_the_console_and_restores_the_terminal(
    folder: Path, home: Path, number: signal.Signals, status: int
) -> None:
    with open_console(cwd=folder, home=home) as terminal:
        terminal.wait_for("mlflow-console demo")
        assert not is_restored(terminal)
        terminal.send_signal(number)
        assert terminal.wait_exit(AT_ONCE) == status
        assert is_restored(terminal)
        assert terminal.after_screen.isascii()


@pytest.mark.parametrize(
    "keys", [("q",), ("ctrl+c",), ("ctrl+q",), ("?", "ctrl+c"), (":", "ctrl+c")], ids=" ".join
)
def test_a_key_ends_the_console_and_restores_the_terminal(
    folder: Path, home: Path, keys: tuple[str, ...]
) -> None:
    with open_console(cwd=folder, home=home) as terminal:
        terminal.wait_for("mlflow-console demo")
        for key in keys:
            terminal.press(key)
            terminal.wait_quiet()
        assert terminal.wait_exit(AT_ONCE) == 0
        assert is_restored(terminal)


def test_a_lost_terminal_ends_the_console(folder: Path, home: Path) -> None:
    with open_console(cwd=folder, home=home) as terminal:
        terminal.wait_for("mlflow-console demo")
        terminal.hang_up()
        assert terminal.wait_exit(AT_ONCE) != 0


def test_a_lost_terminal_that_sends_no_signal_ends_the_console(folder: Path, home: Path) -> None:
    """As under `setsid`: the terminal is not the controlling one, so that its end sends no SIGHUP."""

    def start(argv: Sequence[str], terminal: int, cwd: Path | None, env: Mapping[str, str]) -> Process:
        streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
        return subprocess.Popen(argv, cwd=cwd, env=env, start_new_session=True, **streams)

    with open_console(cwd=folder, home=home, start=start) as terminal:
        terminal.wait_for("mlflow-console demo")
        terminal.hang_up()
        assert terminal.wait_exit(AT_ONCE) != 0


def test_suspending_restores_the_terminal_and_resuming_repaints(folder: Path, home: Path) -> None:
    with open_console(cwd=folder, home=home) as terminal:
        terminal.wait_for("mlflow-console demo")
        terminal.wait_quiet()
        before = terminal.lines
        terminal.press("ctrl+z")
        terminal.wait_until(lambda: terminal.stopped, "suspended")
        terminal.wait_quiet()
        assert is_restored(terminal)
        terminal.overwrite("$ fg")
        terminal.send_signal(signal.SIGCONT)
        terminal.wait_until(lambda: terminal.private_modes()[1049], "the alternate screen")
        terminal.wait_until(lambda: terminal.lines == before, "the screen as it was")
        terminal.overwrite("Broadcast message from root@vm")
        terminal.press("ctrl+l")
        terminal.wait_until(lambda: terminal.lines == before, "the screen as it was")
        terminal.press("?")
        terminal.wait_for("Keys · ")
        terminal.wait_quiet()
        before = terminal.lines
        terminal.press("ctrl+z")  # in the field of the help's search
        terminal.wait_until(lambda: terminal.stopped, "suspended")
        terminal.overwrite("$ fg")
        terminal.send_signal(signal.SIGCONT)
        terminal.wait_until(lambda: terminal.lines == before, "the screen as it was")
        terminal.press("ctrl+c")
        assert terminal.wait_exit(AT_ONCE) == 0
        assert is_restored(terminal)


def test_a_console_stopped_from_outside_repaints_and_leaves_as_usual(folder: Path, home: Path) -> None:
    """SIGSTOP cannot be caught: the terminal keeps the console's modes until the shell changes them."""
    with open_console(cwd=folder, home=home) as terminal:
        terminal.wait_for("mlflow-console demo")
        terminal.wait_quiet()
        before = terminal.lines
        for _ in range(2):
            terminal.send_signal(signal.SIGSTOP)
            terminal.wait_until(lambda: terminal.stopped, "stopped")
            terminal.overwrite("$ fg")
            terminal.send_signal(signal.SIGCONT)
            terminal.wait_until(lambda: terminal.lines == before, "the screen as it was")
        terminal.press("?")
        terminal.wait_for("Keys · ")
        terminal.press("ctrl+c")
        assert terminal.wait_exit(AT_ONCE) == 0
        assert is_restored(terminal)
