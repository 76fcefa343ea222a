"""Looks up runs by id, with few queries however many runs there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, get_args

from engine.entities import Lifecycle, ModelVersion, Run
from engine.errors import NotFound, UsageError
from engine.formats import counted, listed
from engine.stores.base import Condition, ConditionOperator, RunQuery
from engine.stores.records import ID_LENGTH, check_run_id
from engine.text import safe

if TYPE_CHECKING:
    from engine.stores.base import Store

MIN_PREFIX = 8
"""The fewest characters that identify a run."""

_IDS_PER_QUERY = 500
_MAX_LISTED = 5


def read_runs(store: Store, run_ids: Sequence[str]) -> dict[str, Run]:
    """The runs, active or deleted, in the order of `run_ids`; missing ones are left out.

    A search needs an experiment: read one run to find it, then search it for the others.
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


def resolve_run_ids(store: Store, experiment_id: str, prefixes: Sequence[str]) -> tuple[str, ...]:
    """The full ids, without duplicates, of the runs in an experiment, active or deleted, whose ids start with
    `prefixes`.

    Raises `UsageError` for a prefix shorter than `MIN_PREFIX`, `NotFound` if it matches none or several.
    """
    return tuple(dict.fromkeys(_resolve_run_id(store, experiment_id, prefix) for prefix in prefixes))


def resolve_run(store: Store, experiment_id: str, text: str) -> str:
    """The id of the run in an experiment, active or deleted, that has this name or id, or the only id that
    begins like this. Raises `NotFound`, and `UsageError` for a text too short for that."""
    named = () if len(text) >= ID_LENGTH else _matching(store, experiment_id, "run_name", "=", text)
    ids = [run.run_id for run in named if run.run_name == text]  # some databases ignore case
    if len(ids) > 1:
        names = f"{counted(len(ids), 'run')} are named {safe(text, 80)}"
        raise NotFound(names, f"Run ids: {listed(ids, _MAX_LISTED)}", "Use a run id.")
    return ids[0] if ids else _resolve_run_id(store, experiment_id, text, "No run has this name.")


def children(store: Store, run: Run, lifecycle: Lifecycle) -> Iterator[Run]:
    """The child runs of `run` in its experiment, with this lifecycle stage."""
    condition = Condition("tag", "mlflow.parentRunId", "=", run.run_id)
    for child in all_runs(store, RunQuery(run.experiment_id, (condition,), lifecycle)):
        if (child.parent_run_id, child.lifecycle_stage) == (run.run_id, lifecycle):
            yield child


def versions_from_runs(store: Store, run_ids: Sequence[str]) -> tuple[ModelVersion, ...]:
    """The registered model versions whose source is one of these runs."""
    sources = set(run_ids)
    names = [model.name for model in store.registered_models() if model.version_count != 0]
    versions = (version for name in names for version in store.model_versions(name))
    return tuple(version for version in versions if version.run_id in sources)


def _is_run_id(text: str) -> bool:
    """Whether MLflow accepts `text` as a run id: one invalid id makes it reject the whole search."""
    try:
        check_run_id(text)
    except NotFound:
        return False
    return True


def _of_experiment(store: Store, experiment_id: str, run_ids: Sequence[str]) -> Iterator[Run]:
    for start in range(0, len(run_ids), _IDS_PER_QUERY):
        condition = Condition("attribute", "run_id", "IN", tuple(run_ids[start : start + _IDS_PER_QUERY]))
        for lifecycle in get_args(Lifecycle):
            yield from all_runs(store, RunQuery(experiment_id, (condition,), lifecycle))


def _resolve_run_id(
    store: Store, experiment_id: str, prefix: str, too_short: str = "Nothing was changed."
) -> str:
    if len(prefix) < MIN_PREFIX:
        raise UsageError(
            f"Run id {safe(prefix)!r} is too short",
            too_short,
            f"Use the full run id, or at least its first {MIN_PREFIX} characters.",
        )
    check_run_id(prefix)
    runs = _matching(store, experiment_id, "run_id", "LIKE", f"{prefix}%")
    ids = sorted({run.run_id for run in runs if run.run_id.startswith(prefix)})  # LIKE has wildcards
    if len(ids) == 1 or prefix in ids:
        return prefix if prefix in ids else ids[0]
    if ids:
        raise NotFound(
            f"Run id {safe(prefix)} is ambiguous: it matches {len(ids)} runs",
            f"Ids: {listed(ids, _MAX_LISTED)}",
            "Type more characters of the id.",
        )
    raise NotFound(
        f"No run in the experiment has an id starting with {safe(prefix)}",
        "Searched active and deleted runs.",
        "`mlflow-console runs EXPERIMENT --json` lists the ids of the active runs.",
    )


def _matching(
    store: Store, experiment_id: str, attribute: str, operator: ConditionOperator, value: str
) -> Iterator[Run]:
    """The runs, active or deleted, whose attribute meets a condition."""
    condition = Condition("attribute", attribute, operator, value)
    for lifecycle in get_args(Lifecycle):
        yield from all_runs(store, RunQuery(experiment_id, (condition,), lifecycle))


def all_runs(store: Store, query: RunQuery) -> Iterator[Run]:
    """All runs that match a query, page by page."""
    token: str | None = None
    while True:
        page = store.runs(query, page_token=token)
        yield from page.runs
        if page.next_token is None or page.next_token == token:
            return
        token = page.next_token
