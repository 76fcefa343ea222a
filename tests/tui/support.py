"""Waiting for a console under test: on conditions, never on time."""

from __future__ import annotations

from textual.pilot import Pilot

from tui.app import Console


async def settle(pilot: Pilot[None]) -> None:
    """Until no engine call is under way and the screen has taken in the answers."""
    console = pilot.app
    assert isinstance(console, Console)
    while console.current_mode not in console.MODES:  # the frame comes first, the view after it
        await pilot.pause()
    quiet = 0
    while quiet < 3:  # an answer may start the next call
        quiet = quiet + 1 if console.session.bridge.pending == 0 else 0
        await console.session.bridge.wait_idle()
        await pilot.pause()


def text_of(console: Console) -> str:
    """The screen as text, one line per row."""
    screen = console.screen
    lines = screen._compositor.render_strips(screen.size)
    return "\n".join(strip.text.rstrip() for strip in lines)


async def appears(pilot: Pilot[None], text: str, pauses: int = 100) -> bool:
    """Whether `text` comes onto the screen."""
    console = pilot.app
    assert isinstance(console, Console)
    for _ in range(pauses):
        if text in text_of(console):
            return True
        await pilot.pause(0.02)
    return False
