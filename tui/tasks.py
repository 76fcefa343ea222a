"""Background tasks on the event loop, in groups in which a new task replaces the old one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from engine.errors import EngineError
from tui.bridge import Bridge

if TYPE_CHECKING:
    from textual.dom import DOMNode

T = TypeVar("T")
Work = Callable[[], Awaitable[None]]
"""A coroutine function. A coroutine that is replaced before it starts would never be awaited."""


class Tasks:
    """The tasks of one owner. `start` starts a task in a group and replaces the previous one there; in the
    group None, nothing is replaced."""

    def __init__(
        self,
        bridge: Bridge,
        start: Callable[[str | None, Work], None],
        is_gone: Callable[[], bool] = lambda: False,
    ) -> None:
        """Answers are dropped once the owner `is_gone`."""
        self._bridge = bridge
        self.start = start
        self._is_gone = is_gone

    @classmethod
    def of(cls, node: DOMNode, bridge: Bridge) -> Tasks:
        """The tasks of a screen or widget, which end with it."""
        from tui.textual_private import is_removed

        return cls(bridge, partial(_start, node), partial(is_removed, node))

    def cancel(self, group: str) -> None:
        self.start(group, _nothing)

    def ask(
        self,
        work: Callable[[], T],
        then: Callable[[T], None],
        *,
        group: str | None,
        failed: Callable[[EngineError], None],
        ended: Callable[[], None] | None = None,
        delay: float = 0.0,
    ) -> None:
        """Run `work` on the bridge after `delay` seconds, then `then` with its result or `failed` with its
        error on the event loop unless the owner has gone, and finally `ended`."""
        pending = [work]  # popped, so that a finished task does not keep alive what `work` refers to

        async def answer() -> None:
            try:
                await asyncio.sleep(delay)
                result = await self._bridge.call(pending.pop())
            except EngineError as error:
                if not self._is_gone():
                    failed(error)
            else:
                if not self._is_gone():
                    then(result)
            finally:
                if ended is not None:
                    ended()

        self.start(group, answer)


def _start(node: DOMNode, group: str | None, work: Work) -> None:
    if node.is_attached:
        name, exclusive = group or "default", group is not None
        node.run_worker(partial(_until_cancelled, work), group=name, exclusive=exclusive)  # type: ignore[arg-type]


async def _until_cancelled(work: Work) -> None:
    """Run `work` and suppress its cancellation: a Textual worker keeps the exception that ended it, and with
    it every object that the traceback refers to."""
    with suppress(asyncio.CancelledError):
        await work()


async def _nothing() -> None: ...
