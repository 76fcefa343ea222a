"""Locks between processes, on open files."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

_POLL = 0.02
"""Seconds between two tries for a lock: `flock` itself cannot wait with a limit."""


@contextmanager
def locked(descriptor: int, seconds: float) -> Iterator[None]:
    """Hold an exclusive advisory lock on an open file; the kernel frees it when the process dies.
    Raises `TimeoutError` when another holder keeps it for longer than `seconds`."""
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= end:
                raise TimeoutError("another process holds it") from None
            time.sleep(_POLL)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
