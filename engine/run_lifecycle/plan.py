"""Plans to delete or restore runs: what would change, without writing anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.entities import Lifecycle, ModelVersion, Run
from engine.errors import EngineError
from engine.formats import counted, listed
from engine.run_lifecycle.lookup import children, read_runs, versions_from_runs
from engine.text import Shown, safe
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.stores.base import Store

MANY_RUNS = 10
"""Plans with more runs than this warn about the number."""

MAX_JOURNALLED = 5_000
"""Runs listed in a journal entry, which is what a reversal starts from: about 100 bytes each."""

MAX_PARENTS_CHECKED = 50
"""Runs checked for children: each takes a query, 50 ms on a server."""

_NAME_LENGTH = 60
_UNFINISHED = ("RUNNING", "SCHEDULED")


@dataclass(frozen=True, slots=True)
class LifecyclePlan:
    """What will change for some runs, and the state that the plan depends on.

    `due` are the runs that will change, as they are now, in the requested order; `already` are those already
    in the target stage, `missing` the ids without a run. `warnings` are plain sentences.
    """

    target: Lifecycle
    due: tuple[Run, ...]
    already: tuple[Run, ...]
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    server: Shown

    @property
    def is_noop(self) -> bool:
        return not self.due

    @property
    def action(self) -> str:
        """The verb used in the journal and on the command line."""
        return "delete" if self.target == "deleted" else "restore"

    @property
    def done(self) -> str:
        """The past participle: `deleted` or `restored`."""
        return "deleted" if self.target == "deleted" else "restored"

    @property
    def subject(self) -> str:
        """The runs that will change, as text: `run trial-10` or `3 runs: a, b, c`."""
        names = listed([run_label(run) for run in self.due])
        return f"run {names}" if len(self.due) == 1 else f"{counted(len(self.due), 'run')}: {names}"


def plan_lifecycle(
    store: Store, uri: TrackingUri, run_ids: Sequence[str], target: Lifecycle
) -> LifecyclePlan:
    """Plan to delete or restore runs. Raises `StoreError`."""
    found = read_runs(store, run_ids)
    due = tuple(run for run in found.values() if run.lifecycle_stage != target)
    find_warnings = _deletion_warnings if target == "deleted" else _restoration_warnings
    return LifecyclePlan(
        target=target,
        due=due,
        already=tuple(run for run in found.values() if run.lifecycle_stage == target),
        missing=tuple(run_id for run_id in dict.fromkeys(run_ids) if run_id not in found),
        warnings=tuple(find_warnings(store, due)) if due else (),
        server=uri.shown,
    )


def is_unfinished(run: Run) -> bool:
    return run.status in _UNFINISHED


def run_label(run: Run) -> str:
    """The display name of a run: its name, or the start of its id if it has none."""
    return safe(run.run_name or run.run_id[:8], _NAME_LENGTH)


def _deletion_warnings(store: Store, due: Sequence[Run]) -> Iterator[str]:
    yield from _many(due)
    unfinished = [run_label(run) for run in due if is_unfinished(run)]
    if unfinished:
        yield (
            f"Not finished yet: {listed(unfinished)}. Processes still logging to a deleted run will fail: "
            "MLflow rejects their writes."
        )
    yield from _sources(store, due)
    yield from _children_left(store, due, "active")


def _restoration_warnings(store: Store, due: Sequence[Run]) -> Iterator[str]:
    yield from _many(due)
    yield from _children_left(store, due, "deleted")
    active = {experiment.experiment_id for experiment in store.experiments()}
    hidden = {run.experiment_id for run in due} - active
    if hidden:
        yield (
            f"Experiment {listed(sorted(hidden))} is deleted too: its runs stay hidden until it is restored, "
            "which also restores every deleted run in it."
        )


def _many(due: Sequence[Run]) -> Iterator[str]:
    if len(due) > MANY_RUNS:
        yield f"This affects {counted(len(due), 'run')}."
    if len(due) > MAX_JOURNALLED:
        yield f"Undo covers only the first {counted(MAX_JOURNALLED, 'run')}: the journal lists no more."


def _sources(store: Store, due: Sequence[Run]) -> Iterator[str]:
    """Model versions still load without their source run, but their lineage is lost."""
    names = {run.run_id: run_label(run) for run in due}
    try:
        versions = versions_from_runs(store, list(names))
    except EngineError as error:
        yield f"Could not check for registered model versions from these runs: {error.title}."
        return
    if versions:
        described = [f"{_version_label(version)} from {names[version.run_id]}" for version in versions]
        yield f"Source runs of registered model versions: {listed(described)}."


def _version_label(version: ModelVersion) -> str:
    holds = [f"@{alias}" for alias in version.aliases]
    if version.stage != "None":
        holds.insert(0, version.stage)
    label = f"{safe(version.name, _NAME_LENGTH)} version {version.version}"
    return f"{label} ({', '.join(holds)})" if holds else label


def _children_left(store: Store, due: Sequence[Run], lifecycle: Lifecycle) -> Iterator[str]:
    """Deleting or restoring a run leaves its children as they are. Children are queried for one run at a
    time; runs without a parent come first, as they are more likely to have children."""
    chosen = {run.run_id for run in due}
    for run in sorted(due, key=lambda run: run.parent_run_id is not None)[:MAX_PARENTS_CHECKED]:
        remaining = sum(child.run_id not in chosen for child in children(store, run, lifecycle))
        if remaining:
            yield f"{run_label(run)} has {counted(remaining, 'child run')} that will stay {lifecycle}."
    if len(due) > MAX_PARENTS_CHECKED:
        yield f"{counted(len(due) - MAX_PARENTS_CHECKED, 'other run')} not checked for child runs."
