"""Work that goes on beside everything else on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from textual.dom import DOMNode


def run_newest(owner: DOMNode, group: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` until it ends, `owner` is gone, or `owner` has newer work of the same `group`.

    `work` is a function, not its coroutine: one that is replaced before it starts would never be awaited.
    """
    owner.run_worker(partial(_until_cancelled, work), group=group, exclusive=True)  # type: ignore[arg-type]


async def _until_cancelled(work: Callable[[], Awaitable[None]]) -> None:
    """Textual's worker keeps the error that ended it, and with it all that the work held: one that is
    cancelled ends without."""
    with suppress(asyncio.CancelledError):
        await work()
