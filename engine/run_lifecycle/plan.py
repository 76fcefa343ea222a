"""What deleting or restoring runs would change, made from reading alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.entities import Lifecycle, ModelVersion, Run
from engine.errors import EngineError
from engine.formats import count, counted, listed
from engine.run_lifecycle.lookup import children, read_runs, versions_made_by
from engine.text import Shown, safe
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.stores.base import Store

MANY = 10
"""Runs beyond which their number is worth a warning."""

PARENTS_ASKED = 50
"""Runs whose children are looked for: each is a question of its own, 50 ms of a server."""

_NAME_LENGTH = 60
_UNFINISHED = ("RUNNING", "SCHEDULED")


@dataclass(frozen=True, slots=True)
class LifecyclePlan:
    """What will become of some runs, and the state that this rests on.

    `due` are the runs that will change, as they are now, in the order asked for; `already` those
    that are so, `missing` the ids of which there is no run. `warnings` is plain text for people.
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
        """What the journal and the command line call it."""
        return "delete" if self.target == "deleted" else "restore"

    @property
    def done(self) -> str:
        """The word for a run to which it was done."""
        return "deleted" if self.target == "deleted" else "restored"

    @property
    def subject(self) -> str:
        """The runs that will change, for people: `run trial-10` or `3 runs: a, b, c`."""
        names = listed([run_label(run) for run in self.due])
        return f"run {names}" if len(self.due) == 1 else f"{counted(len(self.due), 'run')}: {names}"


def plan_lifecycle(
    store: Store, uri: TrackingUri, run_ids: Sequence[str], target: Lifecycle
) -> LifecyclePlan:
    """Plan to delete or to restore runs. Raises `StoreError`."""
    found = read_runs(store, run_ids)
    due = tuple(run for run in found.values() if run.lifecycle_stage != target)
    look_for = _dangers_of_deleting if target == "deleted" else _dangers_of_restoring
    return LifecyclePlan(
        target=target,
        due=due,
        already=tuple(run for run in found.values() if run.lifecycle_stage == target),
        missing=tuple(run_id for run_id in dict.fromkeys(run_ids) if run_id not in found),
        warnings=tuple(look_for(store, due)) if due else (),
        server=uri.shown,
    )


def is_unfinished(run: Run) -> bool:
    return run.status in _UNFINISHED


def run_label(run: Run) -> str:
    """What people call a run: its name, or the beginning of its id where it has none."""
    return safe(run.run_name or run.run_id[:8], _NAME_LENGTH)


def _dangers_of_deleting(store: Store, due: Sequence[Run]) -> Iterator[str]:
    yield from _many(due)
    unfinished = [run_label(run) for run in due if is_unfinished(run)]
    if unfinished:
        yield (
            f"Not ended yet: {listed(unfinished)}. Whatever still logs to a deleted run fails: MLflow "
            "refuses to write to it."
        )
    yield from _sources(store, due)
    yield from _children_left(store, due, "active")


def _dangers_of_restoring(store: Store, due: Sequence[Run]) -> Iterator[str]:
    yield from _many(due)
    yield from _children_left(store, due, "deleted")
    living = {experiment.experiment_id for experiment in store.experiments()}
    hidden = {run.experiment_id for run in due} - living
    if hidden:
        yield (
            f"Experiment {listed(sorted(hidden))} is deleted itself: its runs stay out of sight until it is "
            "restored, which MLflow does together with every deleted run in it."
        )


def _many(due: Sequence[Run]) -> Iterator[str]:
    if len(due) > MANY:
        yield f"{counted(len(due), 'run')} at once."


def _sources(store: Store, due: Sequence[Run]) -> Iterator[str]:
    """Model versions keep loading without the run that made them; where they come from is lost."""
    names = {run.run_id: run_label(run) for run in due}
    try:
        versions = versions_made_by(store, list(names))
    except EngineError as error:
        yield f"Whether registered model versions come from these runs is not known: {error.title}."
        return
    if versions:
        told = [f"{_version_label(version)} from {names[version.run_id]}" for version in versions]
        yield f"The source of registered model versions: {listed(told)}."


def _version_label(version: ModelVersion) -> str:
    held = [f"@{alias}" for alias in version.aliases]
    if version.stage != "None":
        held.insert(0, version.stage)
    label = f"{safe(version.name, _NAME_LENGTH)} version {version.version}"
    return f"{label} ({', '.join(held)})" if held else label


def _children_left(store: Store, due: Sequence[Run], lifecycle: Lifecycle) -> Iterator[str]:
    """Each run is deleted and restored by itself: its children stay as they are. MLflow is asked for
    the children of one run at a time; runs that have no parent are the likelier parents."""
    chosen = {run.run_id for run in due}
    for run in sorted(due, key=lambda run: run.parent_run_id is not None)[:PARENTS_ASKED]:
        left = sum(child.run_id not in chosen for child in children(store, run, lifecycle))
        if left:
            yield f"{run_label(run)} has {counted(left, 'child run')} left {lifecycle}."
    if len(due) > PARENTS_ASKED:
        yield f"Whether {count(len(due) - PARENTS_ASKED)} more have children was not looked at."
