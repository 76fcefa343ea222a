"""Keys one after the other: what is typed ahead goes where the keys before it have led.

Over a slow line several keys arrive in one piece. Textual hands each to what has the focus at
that moment, though the first of them may be about to open a dialog or the filter line. Here a key
waits until everything that the one before it set off has been done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from textual.app import App
from textual.events import Key, Paste
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget

ROUNDS = 2
"""A focus goes from the widget to the app and on to another widget."""
PATIENCE = 0.5
"""Seconds after which what does not come, or a widget that does not come round, is no longer waited for."""


class TypeAhead:
    """Takes keys, and gives each on with `deliver` when the one before has had its effect."""

    def __init__(self, app: App[Any], deliver: Callable[[Key | Paste], Awaitable[None]]) -> None:
        self._app = app
        self._deliver = deliver
        self._typed: asyncio.Queue[Key | Paste] = asyncio.Queue()
        self._place: tuple[Screen[Any], Widget | None] | None = None
        self._events = 0
        self._held: asyncio.Event | None = None

    def take(self, event: Key | Paste) -> None:
        self._typed.put_nowait(event)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """While the app handles an event: it may be on the way to another view."""
        self._events += 1
        try:
            yield
        finally:
            self._events -= 1

    def hold(self) -> Callable[[], None]:
        """What a key leads to is not there yet: the next one waits until the function returned is called."""
        self._held = asyncio.Event()
        return self._held.set

    async def run(self) -> None:
        while True:
            event = await self._typed.get()
            if not self._is_settled():
                await self._settled()
            self._place = self._app.screen, self._app.focused
            await self._deliver(event)

    def _is_settled(self) -> bool:
        """The last key has led to no other place, and nothing is left to do here, nor being done."""
        place = screen, focused = self._app.screen, self._app.focused
        nodes = (focused or screen).ancestors_with_self
        busy = self._events or self._held or any(node.message_queue_size for node in nodes)
        return place == self._place and not busy

    async def _settled(self) -> None:
        await self._all_come_round()
        if self._held is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._held.wait(), PATIENCE)
            self._held = None
            await self._all_come_round()

    async def _all_come_round(self) -> None:
        for _ in range(ROUNDS):
            target = self._app.focused or self._app.screen
            for node in target.ancestors_with_self:
                await _come_round(node)


async def _come_round(node: MessagePump) -> None:
    """Until a node has handled all that is in its queue now."""
    done = asyncio.Event()
    if node.is_running and node.call_later(done.set):
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), PATIENCE)
