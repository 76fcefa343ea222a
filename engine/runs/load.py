"""All runs of an experiment, page by page."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.errors import ServerFault
from engine.jobs import CancelToken
from engine.runs.frame import RunFrame
from engine.stores.base import PAGE, RunQuery, Store

FIRST_PAGE = 100
FRAME_SECONDS = 0.1
"""Frames are given no closer together than this: who looks at one makes the next page dearer."""


def load_runs(
    store: Store,
    experiment_id: str,
    *,
    on_frame: Callable[[RunFrame], None] | None = None,
    cancel: CancelToken | None = None,
    first_page: int = FIRST_PAGE,
) -> RunFrame:
    """All runs of an experiment, newest first; a run that is on two pages is there once.

    `on_frame` is called with the growing frame: for the first page, for the last, and in between
    at most once in `FRAME_SECONDS`. Raises `Cancelled` between two pages; `on_frame` has seen
    what was loaded until then.
    """
    frame = RunFrame.from_runs((), complete=False)
    token: str | None = None
    seen: set[str] = set()
    given = -FRAME_SECONDS
    while True:
        page = store.runs(
            RunQuery(experiment_id), page_token=token, max_results=PAGE if token else first_page
        )
        token = page.next_token
        frame = frame.extended(page.runs, total=page.total, complete=token is None)
        stopped = cancel is not None and cancel.cancelled
        if on_frame is not None and (token is None or stopped or time.monotonic() - given >= FRAME_SECONDS):
            on_frame(frame)
            given = time.monotonic()
        if token is None:
            return frame
        if cancel is not None:
            cancel.check("Loading runs")
        if token in seen:
            raise ServerFault(
                "The store gives the same page again and again",
                f"{len(frame)} runs of experiment {experiment_id} are loaded",
                "What is shown is incomplete; refresh to try again.",
            )
        seen.add(token)
