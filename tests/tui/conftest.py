"""Makes Textual's pilot wait for what the event loop and the engine have to do, not for the processor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

import pytest
import textual.app
import textual.pilot

from tui.bridge import Bridge

T = TypeVar("T")
SOON = 0.02
"""Timers due in less are waited for: the screen is drawn 60 times per second."""
CALM = 3
"""Turns without work after which nothing is left."""
ENGINE_SECONDS = 0.06
"""How long a call of the engine is waited for: some tests hold one up on purpose."""
STEP = 0.003


class Waits:
    """Counts calls of the engine, and waits for them and the event loop."""

    def __init__(self) -> None:
        self._calls = 0

    def counted(self, call: Callable[..., object]) -> Callable[..., object]:
        async def counting(bridge: Bridge, work: Callable[[], T]) -> T:
            self._calls += 1
            try:
                return await call(bridge, work)  # type: ignore[no-any-return, misc]
            finally:
                self._calls -= 1

        return counting

    async def wait_for_idle(self, min_sleep: float = SOON, max_sleep: float = 1) -> None:
        """Wait until no callback is ready, no timer is due soon and no call of the engine is in progress.

        Textual's own function sleeps in steps of 20 ms, twice for each key, until the process uses little
        CPU: most of the time of a test.
        """
        loop = asyncio.get_running_loop()
        end = monotonic() + max_sleep
        calm, patience = 0, ENGINE_SECONDS
        while (calm < CALM or (self._calls and patience > 0)) and monotonic() < end:
            await asyncio.sleep(0)
            timers = [timer.when() for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
            first = min(timers, default=end + SOON) - loop.time()
            if loop._ready:  # type: ignore[attr-defined]
                calm = 0
            elif first < SOON:
                calm = 0
                await asyncio.sleep(max(0.0, first))
            elif self._calls:
                patience -= STEP
                calm += 1
                await asyncio.sleep(STEP)
            else:
                calm += 1
        await asyncio.sleep(min_sleep)


@pytest.fixture(autouse=True)
def exact_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits()
    monkeypatch.setattr(Bridge, "call", waits.counted(Bridge.call))
    for module in (textual.app, textual.pilot):
        monkeypatch.setattr(module, "wait_for_idle", waits.wait_for_idle)
