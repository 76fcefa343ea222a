"""Many runs in memory without pauses.

Now and then Python's garbage collector looks through everything that is held; with 100,000 runs that
stops the event loop for more than a tenth of a second, and so does freeing them in one go. Among runs there
is no garbage: nothing in a frame leads back to it.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.api import RunFrame

MANY = 20_000
"""Runs through which the collector takes longer than anybody should notice."""
_USUAL = gc.get_threshold()
_NEVER = 1_000_000

_lock = threading.Lock()
_loads = 0


@contextmanager
def loading() -> Iterator[None]:
    """While runs are being read, what is older than a moment is not looked through."""
    global _loads
    with _lock:
        _loads += 1
        gc.set_threshold(*_USUAL[:2], _NEVER)
    try:
        yield
    finally:
        with _lock:
            _loads -= 1
            if not _loads:
                gc.set_threshold(*_USUAL)


def keep(frame: RunFrame) -> None:
    """All runs are there: of many the collector need not look through what is held by now."""
    if len(frame) >= MANY:
        gc.collect(1)
        keep_all()


def keep_all() -> None:
    """What is there by now stays: the collector need not look through it again and again."""
    gc.freeze()


def let_go(stored: list[object]) -> None:
    """Free what a frame was stored in, part by part: between two of them other threads get their turn."""
    while stored:
        stored.pop()
