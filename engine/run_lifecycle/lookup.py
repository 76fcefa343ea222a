"""Runs by their ids, a few questions for any number of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, get_args

from engine.entities import Lifecycle, ModelVersion, Run
from engine.errors import NotFound, UsageError
from engine.formats import listed
from engine.stores.base import Condition, RunQuery
from engine.stores.records import check_run_id
from engine.text import safe

if TYPE_CHECKING:
    from engine.stores.base import Store

SHORTEST = 8
"""Characters of an id that are enough to stand for it."""

_IDS_AT_ONCE = 500
_NAMED = 5


def read_runs(store: Store, run_ids: Sequence[str]) -> dict[str, Run]:
    """The runs, active or deleted, in the order of `run_ids`; those that there are not are left out.

    A search needs to know the experiment: one run tells it, and the others of that experiment come
    in one search.
    """
    found: dict[str, Run] = {}
    waiting = dict.fromkeys(filter(_is_run_id, run_ids))
    while waiting:
        run_id = next(iter(waiting))
        del waiting[run_id]
        try:
            run = store.run(run_id).run
        except NotFound:
            continue
        found[run_id] = run
        for other in _of_experiment(store, run.experiment_id, list(waiting)):
            if other.run_id in waiting:
                found[other.run_id] = other
                del waiting[other.run_id]
    return {run_id: found[run_id] for run_id in dict.fromkeys(run_ids) if run_id in found}


def whole_ids(store: Store, experiment_id: str, beginnings: Sequence[str]) -> tuple[str, ...]:
    """The ids, each once, that begin like this among the runs of an experiment, active or deleted.

    Raises `UsageError` for a beginning shorter than `SHORTEST`, `NotFound` where none or several
    runs are meant.
    """
    return tuple(dict.fromkeys(_whole_id(store, experiment_id, beginning) for beginning in beginnings))


def children(store: Store, run: Run, lifecycle: Lifecycle) -> Iterator[Run]:
    """The runs of this lifecycle that name `run` as their parent, in its experiment."""
    condition = Condition("tag", "mlflow.parentRunId", "=", run.run_id)
    for child in _search(store, RunQuery(run.experiment_id, (condition,), lifecycle)):
        if (child.parent_run_id, child.lifecycle_stage) == (run.run_id, lifecycle):
            yield child


def versions_made_by(store: Store, run_ids: Sequence[str]) -> tuple[ModelVersion, ...]:
    """The registered model versions that name one of these runs as their source."""
    wanted = set(run_ids)
    names = [model.name for model in store.registered_models() if model.version_count != 0]
    versions = (version for name in names for version in store.model_versions(name))
    return tuple(version for version in versions if version.run_id in wanted)


def _is_run_id(text: str) -> bool:
    """Whether MLflow would take it for a run id: a search for anything else is refused whole."""
    try:
        check_run_id(text)
    except NotFound:
        return False
    return True


def _of_experiment(store: Store, experiment_id: str, run_ids: Sequence[str]) -> Iterator[Run]:
    for start in range(0, len(run_ids), _IDS_AT_ONCE):
        among = Condition("attribute", "run_id", "IN", tuple(run_ids[start : start + _IDS_AT_ONCE]))
        for lifecycle in get_args(Lifecycle):
            yield from _search(store, RunQuery(experiment_id, (among,), lifecycle))


def _whole_id(store: Store, experiment_id: str, beginning: str) -> str:
    if len(beginning) < SHORTEST:
        raise UsageError(
            f"{safe(beginning)!r} is too short to name a run",
            "Nothing was changed.",
            f"Give a whole run id, or at least its first {SHORTEST} characters.",
        )
    check_run_id(beginning)
    condition = Condition("attribute", "run_id", "LIKE", f"{beginning}%")
    queries = (RunQuery(experiment_id, (condition,), lifecycle) for lifecycle in get_args(Lifecycle))
    runs = (run for query in queries for run in _search(store, query))
    ids = sorted({run.run_id for run in runs if run.run_id.startswith(beginning)})  # LIKE has wildcards
    if len(ids) == 1 or beginning in ids:
        return beginning if beginning in ids else ids[0]
    if ids:
        raise NotFound(
            f"{len(ids)} runs have ids that begin with {safe(beginning)}",
            f"Ids: {listed(ids, _NAMED)}",
            "Give more of the id.",
        )
    raise NotFound(
        f"No run of the experiment has an id that begins with {safe(beginning)}",
        "Searched active and deleted runs.",
        "`mlflow-console runs EXPERIMENT` shows the ids of the active ones.",
    )


def _search(store: Store, query: RunQuery) -> Iterator[Run]:
    """Every run of a query."""
    token: str | None = None
    while True:
        page = store.runs(query, page_token=token)
        yield from page.runs
        if page.next_token is None or page.next_token == token:
            return
        token = page.next_token
