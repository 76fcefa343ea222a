"""Waiting for a console under test, and reading its screen."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from textual.events import Paste
from textual.pilot import Pilot

from tui.app import Console
from tui.widgets.screen_lines import PaneTitle


async def settle(pilot: Pilot[None]) -> None:
    """Wait until no engine call is in progress and the screen shows the results."""
    console = pilot.app
    assert isinstance(console, Console)
    while console.current_mode not in console.MODES:  # the first view opens after the frame is shown
        await pilot.pause()
    quiet = 0
    while quiet < 3:  # a result may start another call
        quiet = quiet + 1 if console.session.bridge.pending == 0 else 0
        await console.session.bridge.wait_idle()
        await pilot.pause()
        await pilot.pause(0.005)  # what a short timer starts


async def paste(pilot: Pilot[None], text: str) -> None:
    """Paste `text` into the field with the focus. Much faster than typing it where the keys do not matter."""
    pilot.app.post_message(Paste(text))
    await pilot.pause()


def text_of(console: Console) -> str:
    """The screen as text, one line per row."""
    screen = console.screen
    lines = screen._compositor.render_strips(screen.size)
    return "\n".join(strip.text.rstrip() for strip in lines)


def title_facts(console: Console) -> str:
    """The right-hand side of the title of the runs, which a message may cover."""
    return console.screen.query_one("#runs-title", PaneTitle).facts


async def holds(pilot: Pilot[None], condition: Callable[[], bool]) -> bool:
    """Wait until `condition` is true; return whether it became so within a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            return False
        await pilot.pause(0.02)
    return True


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait until `condition` is true; after a minute, fail and show the screen."""
    if not await holds(pilot, condition):
        console = pilot.app
        assert isinstance(console, Console)
        pytest.fail(f"timed out; on screen:\n{text_of(console)}")


async def appears(pilot: Pilot[None], text: str) -> bool:
    """Wait until `text` is on the screen; return whether it appeared within a minute."""
    console = pilot.app
    assert isinstance(console, Console)
    return await holds(pilot, lambda: text in text_of(console))
