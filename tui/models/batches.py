"""Reading many things one by one, showing what has been read so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from engine.errors import NotFound
from engine.jobs import CancelToken

T = TypeVar("T")

BATCH_SECONDS = 0.2
"""How often partial results are shown."""


def read_each(
    read: Callable[[str], T],
    keys: Iterable[str],
    token: CancelToken,
    show: Callable[[Mapping[str, T | None]], None],
) -> Mapping[str, T | None]:
    """Read one item per key; None for an item that no longer exists. Runs on the bridge, and calls `show`
    with the items so far every BATCH_SECONDS."""
    found: dict[str, T | None] = {}
    shown = time.monotonic()
    for key in keys:
        if token.cancelled:
            break
        try:
            found[key] = read(key)
        except NotFound:
            found[key] = None
        if time.monotonic() - shown > BATCH_SECONDS:
            show(dict(found))
            shown = time.monotonic()
    return found
