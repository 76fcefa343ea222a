"""Makes Textual's pilot wait for what the event loop has to do, instead of for the processor."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest
import textual.app
import textual.pilot

SOON = 0.02
"""Timers due in less are waited for: the screen is drawn 60 times per second."""
CALM = 3
"""Turns without work after which nothing is left."""


async def wait_for_idle(min_sleep: float = SOON, max_sleep: float = 1) -> None:
    """Wait until no callback is ready and no timer is due soon.

    Textual's own function sleeps in steps of 20 ms, twice for each key, until the process uses little CPU:
    most of the time of a test, and too short on a busy machine.
    """
    loop = asyncio.get_running_loop()
    end = monotonic() + max_sleep
    calm = 0
    while calm < CALM and monotonic() < end:
        await asyncio.sleep(0)
        timers = [timer.when() for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        first = min(timers, default=end + SOON) - loop.time()
        calm = 0 if loop._ready or first < SOON else calm + 1  # type: ignore[attr-defined]
        if first < SOON and not loop._ready:  # type: ignore[attr-defined]
            await asyncio.sleep(max(0.0, first))
    await asyncio.sleep(min_sleep)


@pytest.fixture(autouse=True)
def exact_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (textual.app, textual.pilot):
        monkeypatch.setattr(module, "wait_for_idle", wait_for_idle)
