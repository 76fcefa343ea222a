"""Edits from any view: read the values, ask for new ones, write them, report the result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from engine.formats import counted
from engine.text import safe
from tui.dialogs.work import WorkDialog
from tui.editing.dialog import EditDialog, ReviewedEdit, result_problems
from tui.screen import ConsoleScreen

if TYPE_CHECKING:
    from engine.api import EditPlan, EditResult, Subject, Wanted
    from engine.jobs import CancelToken, OnProgress


class Editing:
    """Edits what a view has selected. Calls `changed` after a write."""

    def __init__(self, screen: ConsoleScreen, changed: Callable[[], None]) -> None:
        self._screen = screen
        self._changed = changed

    def start(self, subjects: Sequence[Subject], name: str, *, hidden: int = 0) -> None:
        """Edit one subject, called `name`, or several. `hidden` is how many of them the filter hides."""
        if len(subjects) > 1:
            self._open(subjects, counted(len(subjects), subjects[0].kind), hidden, None)
            return
        label = f"{subjects[0].kind} {name}"
        self._screen.ask(
            partial(self._screen.engine.edits.current, subjects[0]),
            partial(self._open, subjects, label, hidden),
            group="edit",
            failed=self._screen.session.show_error,
            opens=True,
        )

    def _open(self, subjects: Sequence[Subject], label: str, hidden: int, current: Wanted | None) -> None:
        session = self._screen.session

        def write(reviewed: ReviewedEdit | None) -> None:
            if reviewed is not None:
                self.write(reviewed.plan, reviewed.reason)

        title = f"Edit {label} · {session.uri.shown}"
        dialog = EditDialog(
            self._screen.engine, session.bridge, subjects, title, current=current, hidden=hidden
        )
        self._screen.app.push_screen(dialog, write)

    def write(self, plan: EditPlan, reason: str = "") -> None:
        """Make the edits of a confirmed plan."""
        engine, session = self._screen.engine, self._screen.session

        def work(on_progress: OnProgress, cancel: CancelToken) -> EditResult:
            return engine.edits.apply(plan, reason=reason, on_progress=on_progress, cancel=cancel)

        def report(result: EditResult | None) -> None:
            self._changed()
            if result is not None and result.complete:
                undo = "; u in Activity (6) undoes" if result.can_undo else ""
                session.say(safe(f"{result.summary}{undo}"))

        verb = "Undo the edit of" if plan.undoes else "Edit"
        title = f"{verb} {plan.summary} · {plan.server}"
        dialog: WorkDialog[EditResult] = WorkDialog(session.bridge, title, work, result_problems)
        self._screen.app.push_screen(dialog, report)
