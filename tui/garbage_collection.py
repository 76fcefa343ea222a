"""Avoids garbage collection pauses with many runs in memory.

With 100,000 runs, a full collection pauses the event loop for more than 0.1 s, and so does freeing all of
them at once. Collecting them is useless: a frame has no reference cycles.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.api import RunFrame

FREEZE_FROM = 20_000
"""Number of runs from which a full collection causes a noticeable pause."""
_DEFAULT = gc.get_threshold()
_NEVER = 1_000_000

_lock = threading.Lock()
_loads = 0


@contextmanager
def young_collections_only() -> Iterator[None]:
    """Suspend full collections, e.g. while runs are loaded."""
    global _loads
    with _lock:
        _loads += 1
        gc.set_threshold(*_DEFAULT[:2], _NEVER)
    try:
        yield
    finally:
        with _lock:
            _loads -= 1
            if not _loads:
                gc.set_threshold(*_DEFAULT)


def freeze_if_large(frame: RunFrame) -> None:
    """Exempt a large, completely loaded frame from garbage collection."""
    if len(frame) >= FREEZE_FROM:
        gc.collect(1)
        freeze()


def freeze() -> None:
    """Exempt all current objects from garbage collection."""
    gc.freeze()


def free_gradually(stored: list[object]) -> None:
    """Free the parts of a frame one by one, so that other threads can run in between."""
    while stored:
        stored.pop()
