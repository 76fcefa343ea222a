"""Reads runs by their ids, with few requests."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import product

from engine.entities import Lifecycle, Run
from engine.errors import NotFound, StoreRefused
from engine.stores.base import Condition, RunQuery, Store

MAX_IDS = 1000
"""How many runs one query asks for."""
MAX_UNKNOWN = 20
"""How many unknown ids are looked up one by one."""


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
    experiment alone, the others with one query per 1,000. After `MAX_UNKNOWN` unknown ids the rest is
    searched in all experiments, unless there are too many."""
    found: dict[str, Run | None] = {}
    unknown = 0
    for run_id in run_ids:
        if run_id in found:
            continue
        if unknown == MAX_UNKNOWN:
            found |= _of_all_experiments(store, tuple(other for other in run_ids if other not in found))
            if run_id in found:
                continue
        try:
            run = found[run_id] = store.run(run_id).run
        except NotFound:
            found[run_id] = None
            unknown += 1
            continue
        rest = tuple(other for other in run_ids if other not in found)
        with suppress(StoreRefused):
            found |= _in_parts(store, run.experiment_id, rest, run.lifecycle_stage)
    return found


def _of_all_experiments(store: Store, run_ids: tuple[str, ...]) -> dict[str, Run | None]:
    """These runs, None for those in no experiment; nothing if asking for them one by one is cheaper."""
    experiments = [*store.experiments(), *store.experiments("deleted")]
    found: dict[str, Run | None] = {}
    if 2 * len(experiments) > len(run_ids):
        return found
    lifecycles: tuple[Lifecycle, ...] = ("active", "deleted")
    try:
        for experiment, lifecycle in product(experiments, lifecycles):
            rest = tuple(run_id for run_id in run_ids if run_id not in found)
            found |= _in_parts(store, experiment.experiment_id, rest, lifecycle)
    except StoreRefused:
        return {}
    return {run_id: found.get(run_id) for run_id in run_ids}


def _in_parts(
    store: Store, experiment_id: str, run_ids: tuple[str, ...], lifecycle: Lifecycle
) -> dict[str, Run]:
    found: dict[str, Run] = {}
    for start in range(0, len(run_ids), MAX_IDS):
        found |= _of_experiment(store, experiment_id, run_ids[start : start + MAX_IDS], lifecycle)
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
