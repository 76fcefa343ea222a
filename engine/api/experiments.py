"""Experiments: create, delete and restore them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.api.access import StoreAccess
    from engine.entities import Experiment
    from engine.journal import JournalEntry
    from engine.run_lifecycle.experiments import ExperimentPlan, ExperimentResult


class Experiments:
    """The experiments of a tracking store. `engine.runs` finds them."""

    def __init__(self, access: StoreAccess) -> None:
        self._access = access

    def plan_create(
        self,
        name: str,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        artifact_location: str = "",
    ) -> ExperimentPlan:
        """What creating an experiment would do. Writes nothing. Raises `UsageError` for a name in use."""
        from engine.run_lifecycle.experiments import plan_create

        return plan_create(
            self._access.store,
            self._access.uri,
            name,
            description=description,
            tags=tags,
            artifact_location=artifact_location,
        )

    def plan_delete(self, experiment: Experiment) -> ExperimentPlan:
        """What deleting an experiment would delete with it. Writes nothing. Raises `UsageError`."""
        from engine.run_lifecycle.experiments import plan_delete

        return plan_delete(self._access.store, self._access.uri, experiment)

    def plan_restore(self, experiment: Experiment) -> ExperimentPlan:
        """What restoring an experiment would bring back with it. Writes nothing. Raises `UsageError`."""
        from engine.run_lifecycle.experiments import plan_restore

        return plan_restore(self._access.store, self._access.uri, experiment)

    def plan_undo(self, entry: JournalEntry) -> ExperimentPlan:
        """What undoing a journalled creation, deletion or restoration would do. Writes nothing. Raises
        `UsageError`, `NotFound`."""
        from engine.run_lifecycle.experiments import plan_undo

        return plan_undo(self._access.store, self._access.uri, entry)

    def apply(self, plan: ExperimentPlan, *, reason: str = "") -> ExperimentResult:
        """Apply a plan, read the experiment back, and write the journal. Raises `WriteError` with nothing
        written if the experiment or its runs have changed since the plan was made."""
        self._access.check_writable(
            {"create": "Creating", "delete": "Deleting", "restore": "Restoring"}[plan.action]
            + " an experiment"
        )
        from engine.run_lifecycle.experiments import apply_experiment

        return apply_experiment(self._access.store, self._access.uri, plan, reason=reason)
