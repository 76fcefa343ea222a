"""Reads runs by their ids, with few requests."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from engine.entities import Lifecycle, Run
from engine.errors import NotFound, StoreRefused
from engine.stores.base import Condition, RunQuery, Store

MAX_IDS = 1000
"""How many runs one query asks for."""


def runs_by_id(store: Store, run_ids: Sequence[str]) -> tuple[Run, ...]:
    """The runs, active or deleted, in the order of their ids. Raises `NotFound` for an unknown id.

    The first run is read alone, to learn its experiment; the other active runs of that experiment, usually
    all, come with one query. An old server that cannot search by id is asked run by run.
    """
    found: dict[str, Run] = {}
    for run_id in run_ids:
        if run_id in found:
            continue
        run = found[run_id] = store.run(run_id).run
        rest = tuple(other for other in run_ids if other not in found)
        if len(rest) > 1:
            with suppress(StoreRefused):
                found |= _of_experiment(store, run.experiment_id, rest)
    return tuple(found[run_id] for run_id in run_ids)


def known_runs(store: Store, run_ids: Sequence[str]) -> dict[str, Run | None]:
    """The runs by id, active or deleted; None for an unknown id. Reads like `runs_by_id`: one run of each
    experiment alone, the others with one query per 1,000; each unknown id costs a request."""
    found: dict[str, Run | None] = {}
    for run_id in run_ids:
        if run_id in found:
            continue
        try:
            run = found[run_id] = store.run(run_id).run
        except NotFound:
            found[run_id] = None
            continue
        rest = tuple(other for other in run_ids if other not in found)
        with suppress(StoreRefused):
            for start in range(0, len(rest), MAX_IDS):
                ids = rest[start : start + MAX_IDS]
                found |= _of_experiment(store, run.experiment_id, ids, run.lifecycle_stage)
    return found


def _of_experiment(
    store: Store, experiment_id: str, run_ids: tuple[str, ...], lifecycle: Lifecycle = "active"
) -> dict[str, Run]:
    query = RunQuery(experiment_id, (Condition("attribute", "run_id", "IN", run_ids),), lifecycle)
    found: dict[str, Run] = {}
    token: str | None = None
    while True:
        page = store.runs(query, page_token=token)
        found |= {run.run_id: run for run in page.runs}
        token = page.next_token
        if token is None:
            return found
