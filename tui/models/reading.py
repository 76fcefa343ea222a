"""What the models view reads piece by piece: run on the bridge, shown while it comes in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from engine.entities import ModelVersion, Run
from engine.errors import NotFound
from engine.jobs import CancelToken

if TYPE_CHECKING:
    from engine.api import Engine

BATCH_SECONDS = 0.2
"""How often what has been read so far is shown."""

Versions = Mapping[str, tuple[ModelVersion, ...]]
Runs = Mapping[str, Run | None]


def read_registry(
    engine: Engine, names: Iterable[str], token: CancelToken, show: Callable[[Versions], None]
) -> Versions:
    """The versions of each model, newest first: the models themselves do not tell which version is
    in Production. A model that was deleted meanwhile is left out."""
    found: dict[str, tuple[ModelVersion, ...]] = {}
    shown = time.monotonic()
    for name in names:
        if token.cancelled:
            break
        try:
            found[name] = engine.models.versions(name)
        except NotFound:
            continue
        if time.monotonic() - shown > BATCH_SECONDS:
            show(dict(found))
            shown = time.monotonic()
    return found


def read_runs(
    engine: Engine, run_ids: Iterable[str], token: CancelToken, show: Callable[[Runs], None]
) -> Runs:
    """Each run, None for one that is gone."""
    found: dict[str, Run | None] = {}
    shown = time.monotonic()
    for run_id in run_ids:
        if token.cancelled:
            break
        try:
            found[run_id] = engine.runs.detail(run_id).run
        except NotFound:
            found[run_id] = None
        if time.monotonic() - shown > BATCH_SECONDS:
            show(dict(found))
            shown = time.monotonic()
    return found
