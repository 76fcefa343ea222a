"""An operator deploys a version, tests it, swaps it, and finds it again from another terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest

from engine.services.processes import marked_processes
from tests.support.console import open_console, type_line
from tests.support.terminal import Terminal

MODEL = "heart_disease_classifier"
LOADING = 180
"""Seconds in which a version is loaded, on a busy machine."""


@pytest.fixture(autouse=True)
def no_service_is_left(home: Path) -> Iterator[None]:
    yield
    for value, process in list(marked_processes()):
        if value.startswith(str(home)):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def say_yes(terminal: Terminal, button: str) -> None:
    """Move from Cancel to the other button, and press it."""
    terminal.wait_for("[ Cancel ]", button)
    terminal.press("right")
    terminal.wait_for(f"[ {button} ]")
    terminal.press("enter")


def try_out(terminal: Terminal) -> None:
    """Send the example, then the rows that the run held back, then some load."""
    terminal.press("T")
    terminal.wait_for('"dataframe_split"')
    terminal.press("s")
    terminal.wait_for("✓ HTTP 200", '{"predictions": [')
    terminal.press("a")
    terminal.wait_for("[ Run ]")
    terminal.press("enter")
    terminal.wait_for("56 of 61 rows right", "No difference", within=LOADING)
    terminal.press("p")
    terminal.wait_for("[ Run ]")
    terminal.press("enter")
    terminal.wait_for("10 requests/s for 10.0s", "p99", within=LOADING)
    terminal.press("q")
    terminal.wait_for("DEPLOYMENTS", "@champion → 2 (tested 56/61)")


def promote_another(terminal: Terminal) -> None:
    type_line(terminal, f"promote {MODEL} 1 @champion")
    terminal.wait_for("will change", "champion", within=LOADING)
    terminal.press("tab", "enter")
    say_yes(terminal, "Promote")
    terminal.wait_for("and verified", within=LOADING)
    terminal.press("enter")


def swap_there_and_back(terminal: Terminal) -> None:
    terminal.press("5")
    terminal.wait_for("@champion → 2, now 1")
    terminal.press("s")
    terminal.wait_for(f"Swap {MODEL} to version 1?")
    say_yes(terminal, "Swap")
    terminal.wait_for("@champion → 1", "b goes back", within=LOADING)
    terminal.press("b")
    terminal.wait_for("back to version 2?")
    say_yes(terminal, "Swap back")
    terminal.wait_for("@champion → 2, now 1", within=LOADING)


def test_a_version_is_deployed_tested_swapped_and_found_again(own_demo: Path, home: Path) -> None:
    with open_console("--refresh", "2", cwd=own_demo, home=home, cols=140, rows=40) as terminal:
        terminal.wait_for("61 of 61")
        terminal.press("3")
        terminal.wait_for("@champion", "version 2")
        terminal.press("n")
        terminal.wait_for("Deploy a model version", "@champion → 2")
        say_yes(terminal, "Deploy")
        terminal.wait_for("● serving", "@champion → 2", "answered 5 example rows", within=LOADING)
        try_out(terminal)
        promote_another(terminal)
        swap_there_and_back(terminal)
        terminal.press("L")
        terminal.wait_for("LOG", "starting a replacement")
        terminal.press("q")
        terminal.wait_for("DEPLOYMENTS")
        # The rate of requests covers the last minute.
        idle = partial(terminal.bytes_while_idle, 5.0)
        terminal.wait_until(lambda: idle() == b"", "nothing is written while idle", within=90)
        terminal.press("q", "q")
        assert terminal.wait_exit() == 0

    with open_console(cwd=own_demo, home=home, cols=80, rows=24) as terminal:
        terminal.wait_for("61 of 61")
        terminal.press("5")
        terminal.wait_for("● serving", f"{MODEL} 2")
        terminal.press("x")
        terminal.wait_for(f"Ends {MODEL} version 2")
        say_yes(terminal, "Stop")
        terminal.wait_for("○ stopped")
    assert not [process for value, process in marked_processes() if value.startswith(str(home))]
