"""Edits: names, descriptions, tags and statuses, of one thing or of thousands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.jobs import CancelToken, OnProgress, no_progress

if TYPE_CHECKING:
    from engine.api.access import StoreAccess
    from engine.editing.apply import EditResult
    from engine.editing.plan import EditPlan, Subject, Wanted
    from engine.journal import JournalEntry


class Edits:
    """Edits of runs, experiments, registered models and their versions."""

    def __init__(self, access: StoreAccess) -> None:
        self._access = access

    def plan(self, subjects: Sequence[Subject], wanted: Wanted) -> EditPlan:
        """What giving the subjects these values would change. Writes nothing. Raises `UsageError` for values
        that cannot be written, `NotFound` if none of the subjects exists."""
        from engine.editing.plan import plan_edits

        return plan_edits(self._access.store, self._access.uri, subjects, wanted)

    def current(self, subject: Subject) -> Wanted:
        """The name, description and tags as they are now, without reserved tags; the status of a run that has
        not ended. Raises `NotFound`."""
        from engine.editing.plan import current

        return current(self._access.store, subject)

    def plan_undo(self, entry: JournalEntry) -> EditPlan:
        """What undoing the edits of a journal entry would change: the fields that are still as it left them.
        Raises `UsageError` for an entry of another kind or store."""
        from engine.editing.plan import plan_undo_edits

        return plan_undo_edits(self._access.store, self._access.uri, entry)

    def apply(
        self,
        plan: EditPlan,
        *,
        reason: str = "",
        on_progress: OnProgress = no_progress,
        cancel: CancelToken | None = None,
    ) -> EditResult:
        """Make the edits one by one, read them back, and write the journal. Raises `WriteError` with nothing
        written if a field has changed since the plan was made."""
        self._access.check_writable("Editing")
        from engine.editing.apply import apply_edits

        return apply_edits(
            self._access.store,
            self._access.uri,
            plan,
            reason=reason,
            on_progress=on_progress,
            cancel=cancel,
        )
