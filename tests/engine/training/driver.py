"""A process that trains, for tests that kill it: its own training process must notice.

`sweep URI SPEC` prints the events of a sweep, `small-demo URI` the number of finished trials and versions of
a small demo.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO

from engine.jobs import CancelToken
from engine.training import demo
from engine.training.control import SweepControl
from engine.training.events import to_json
from engine.training.executors.base import Execution
from engine.training.local_process import run_sweep
from engine.training.search.text import parse_grid
from engine.training.spec import ModelSpec, SweepSpec
from engine.uri import TrackingUri
from tests.support.warm import Warm, WarmProcess

SMALL = "n_neighbors=3,5,7,9,11 weights=uniform metric=euclidean,chebyshev algorithm=auto,ball_tree"


@contextmanager
def driven(warm: Warm, *arguments: str) -> Iterator[tuple[WarmProcess, IO[str]]]:
    """The process, and what it prints."""
    reading, writing = os.pipe()
    with open(reading) as printed, open(os.devnull) as nothing:
        streams = (nothing.fileno(), writing, 2)
        try:
            process = warm.call(f"{__name__}:main", *arguments, streams=streams, env=os.environ)
        finally:
            os.close(writing)
        yield process, printed


def main() -> None:
    what, uri, *spec = sys.argv[1:]
    tracking, never = TrackingUri(uri), CancelToken()
    if what == "sweep":
        sweep = SweepSpec.from_json(json.loads(spec[0]))
        run_sweep(
            tracking,
            sweep,
            on_event=lambda event: _print(to_json(event)),
            control=SweepControl(),
            execution=Execution(workers=1),
        )
    else:
        demo.PUBLISHED = replace(demo.PUBLISHED, models=(ModelSpec("knn", parse_grid(SMALL)),))
        demo.LEAK_FREE = replace(demo.LEAK_FREE, models=(ModelSpec("knn", parse_grid(SMALL)),))
        demo.run_demo(tracking, on_progress=lambda step: _print(str(step.done)), cancel=never)


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201
