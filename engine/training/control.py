"""What the operator wants of a running sweep."""

from __future__ import annotations

import threading

from engine.jobs import CancelToken

BASELINE = "dummy"
"""The estimator that every sweep compares with; never the best trial."""


class SweepControl:
    """What the operator wants of a running sweep; set by one thread, polled by another."""

    def __init__(self, cancel: CancelToken | None = None) -> None:
        self.cancel = cancel or CancelToken()
        self._paused = threading.Event()

    @property
    def paused(self) -> bool:
        """Whether no further trial is to start."""
        return self._paused.is_set()

    def pause(self, paused: bool) -> None:
        if paused:
            self._paused.set()
        else:
            self._paused.clear()
