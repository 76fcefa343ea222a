"""Waiting for a console under test: on conditions, never on time."""

from __future__ import annotations

from textual.pilot import Pilot

from tui.app import Console


async def settle(pilot: Pilot[None]) -> None:
    """Until no engine call is under way and the screen has taken in the answers."""
    console = pilot.app
    assert isinstance(console, Console)
    for _ in range(3):  # an answer may start the next call
        await pilot.pause()
        await console.bridge.wait_idle()
        await pilot.pause()


def text_of(console: Console) -> str:
    """The screen as text, one line per row."""
    screen = console.screen
    lines = screen._compositor.render_strips(screen.size)
    return "\n".join(strip.text.rstrip() for strip in lines)
