"""Delivers keys one at a time, so that keys typed ahead reach the right widget.

Over a slow connection, several keys can arrive at once. Textual delivers each to the widget that has the
focus at that moment, even if the first of them is about to open a dialog or the filter line. Here, each key
waits until the previous one has been handled completely.
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
"""A change of focus passes from a widget to the app, and from there to another widget."""
TIMEOUT = 0.5
"""Seconds to wait for a dialog or a widget."""


class TypeAhead:
    """Queues keys, and passes each to `deliver` when the previous one has been handled."""

    def __init__(self, app: App[Any], deliver: Callable[[Key | Paste], Awaitable[None]]) -> None:
        self._app = app
        self._deliver = deliver
        self._queue: asyncio.Queue[Key | Paste] = asyncio.Queue()
        self._target: tuple[Screen[Any], Widget | None] | None = None
        self._events = 0
        self._holds: dict[asyncio.Event, float] = {}
        """What keys wait for, and for how many seconds at most."""

    def take(self, event: Key | Paste) -> None:
        self._queue.put_nowait(event)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Hold back keys while the app handles an event, which may open another view."""
        self._events += 1
        try:
            yield
        finally:
            self._events -= 1

    def hold(self, timeout: float = TIMEOUT) -> Callable[[], None]:
        """Hold back the next key until the returned function is called, `timeout` seconds at most."""
        held = asyncio.Event()
        self._holds[held] = timeout
        return held.set

    async def run(self) -> None:
        while True:
            event = await self._queue.get()
            if not self._is_settled():
                await self._settle()
            self._target = self._app.screen, self._app.focused
            await self._deliver(event)

    def _is_settled(self) -> bool:
        """Whether the focus is unchanged since the last key, and no message is pending."""
        target = screen, focused = self._app.screen, self._app.focused
        nodes = (focused or screen).ancestors_with_self
        busy = self._events or self._holds or any(node.message_queue_size for node in nodes)
        return target == self._target and not busy

    async def _settle(self) -> None:
        await self._drain_focused()
        while self._holds:  # a command that a key started may hold back keys as well
            held, timeout = next(iter(self._holds.items()))
            with suppress(TimeoutError):
                await asyncio.wait_for(held.wait(), timeout)
            del self._holds[held]
            await self._drain_focused()

    async def _drain_focused(self) -> None:
        for _ in range(ROUNDS):
            target = self._app.focused or self._app.screen
            for node in target.ancestors_with_self:
                await _drain(node)


async def _drain(node: MessagePump) -> None:
    """Wait until a node has handled the messages now in its queue."""
    done = asyncio.Event()
    if node.is_running and node.call_later(done.set):
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), TIMEOUT)
