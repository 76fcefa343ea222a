"""Work beside everything else on the event loop: what is newest replaces what it supersedes."""

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
"""A function, not its coroutine: a coroutine that is replaced before it starts would never be awaited."""


class Tasks:
    """The tasks of one owner. `start` is how it starts one: in a group, work replaces the work before it;
    without a group (None) it replaces nothing."""

    def __init__(self, bridge: Bridge, start: Callable[[str | None, Work], None]) -> None:
        self._bridge = bridge
        self.start = start

    @classmethod
    def of(cls, node: DOMNode, bridge: Bridge) -> Tasks:
        """The tasks of a screen or widget: they end with it."""
        return cls(bridge, partial(_start, node))

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
        """After `delay` seconds run `work` on the bridge, then `then` with its result or `failed` with its
        error on the event loop, and in any case `ended`."""
        waiting = [work]  # a task can outlive its work, and must not keep alive what that holds

        async def answer() -> None:
            try:
                await asyncio.sleep(delay)
                result = await self._bridge.call(waiting.pop())
            except EngineError as error:
                failed(error)
            else:
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
    """Textual's worker keeps the error that ended it, and with it all that the work held: a cancelled one
    ends without."""
    with suppress(asyncio.CancelledError):
        await work()


async def _nothing() -> None: ...
