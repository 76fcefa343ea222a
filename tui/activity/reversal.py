"""Reverses a journalled change: undoes promotions, edits, registrations and changes of experiments, restores
or deletes runs, ends an abandoned sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from textual.content import Content

from engine.api import MARK_COMMAND
from engine.errors import EngineError
from engine.formats import counted
from engine.text import safe
from tui.editing.experiments import ExperimentChanges
from tui.screen import ConsoleScreen

if TYPE_CHECKING:
    from engine.api import EditPlan, Finding, JournalEntry, LifecyclePlan, LifecycleResult, PromotionPlan

T = TypeVar("T")


class Reversal:
    """Plans the reversal of an entry, asks for confirmation, applies it and reports the result. Calls
    `changed` afterwards."""

    def __init__(self, screen: ConsoleScreen, changed: Callable[[], None]) -> None:
        self._screen = screen
        self._changed = changed

    def why_not(self, entry: JournalEntry | None, finding: Finding | None) -> str | None:
        """Why an entry cannot be reversed here; None if it may be. `finding` is known for unfinished ones."""
        if entry is None:
            return "No entry selected."
        if not self._screen.engine.journal.is_here(entry):
            return "This change was made in another store; open that one to reverse it."
        if entry.outcome == "undone":
            return "This change has been undone already."
        match entry.action:
            case "promote" | "delete" | "restore" | "edit" | "register":
                return None
            case "experiment create" | "experiment delete" | "experiment restore":
                return None
            case "undo":
                return "An undo cannot be undone: make the change again instead."
            case "train":
                return _why_not_end(entry, finding)
        return "This change cannot be reversed."

    def start(self, entry: JournalEntry) -> None:
        engine, session = self._screen.engine, self._screen.session
        ask = partial(self._screen.ask, group="reversal", failed=session.show_error, opens=True)
        if entry.action == "promote":
            ask(partial(engine.models.plan_undo, entry), self._confirm_undo)
        elif entry.action == "edit":
            ask(partial(engine.edits.plan_undo, entry), self._confirm_edits)
        elif entry.action.startswith("experiment "):
            ExperimentChanges(self._screen, lambda _: self._changed()).undo(entry)
        elif entry.action == "register":
            ask(
                partial(engine.models.promotions_after, entry),
                partial(self._confirm_removal, entry),
            )
        elif entry.action == "train":
            self._confirm_killing(entry)
        else:
            ask(partial(engine.runs.plan_reversal, entry), self._confirm_lifecycle)

    def _confirm_undo(self, plan: PromotionPlan) -> None:
        lines = [f"Undo the promotion of {safe(plan.model)} version {plan.candidate.version}:"]
        lines += [f"  {change}" for change in plan.changes]

        def done(_: object) -> str:
            return f"{plan.model} {plan.candidate.version}: promotion undone"

        self._confirm(
            "Undo the promotion?", lines, "Undo", partial(self._screen.engine.models.promote, plan), done
        )

    def _confirm_edits(self, plan: EditPlan) -> None:
        from tui.editing.dialog import review_dialog
        from tui.editing.editing import Editing

        screen = self._screen
        if plan.is_noop:
            kept = "; ".join(f"{label}: {reason}" for label, reason in plan.untouched)
            screen.session.say(f"Nothing to undo. {kept}".strip(), warning=True)
            return

        def write(confirmed: bool | None) -> None:
            if confirmed:
                Editing(screen, self._changed).write(plan)

        screen.app.push_screen(review_dialog(plan), write)

    def _confirm_removal(self, entry: JournalEntry, promotions: Sequence[JournalEntry]) -> None:
        version = f"version {entry.version}" if entry.version else "what was created"
        lines = [entry.target, *(f"First undoes {promotion.target}." for promotion in promotions)]
        lines += [f"Removes {version} of {entry.model}, and the model if it was made for it."]

        def done(text: str) -> str:
            return text

        work = partial(self._screen.engine.models.discard_registration, entry)
        self._confirm("Undo the registration?", lines, "Remove", work, done)

    def _confirm_lifecycle(self, plan: LifecyclePlan) -> None:
        if plan.is_noop:
            self._screen.session.say(f"Nothing to {plan.action}: it has been reversed already.", warning=True)
            return

        def done(result: LifecycleResult) -> str | EngineError:
            errors = [*result.failed.values(), *([result.stopped] if result.stopped else [])]
            return EngineError(result.summary, str(errors[0])) if errors else result.summary

        verb = plan.action.capitalize()
        title = f"{verb} {counted(len(plan.due), 'run')}?"
        lines = [plan.subject, *(f"! {warning}" for warning in plan.warnings)]
        self._confirm(title, lines, verb, partial(self._screen.engine.runs.change_lifecycle, plan), done)

    def _confirm_killing(self, entry: JournalEntry) -> None:
        lines = [entry.target, "Its training process has ended. Its RUNNING runs will be marked KILLED."]

        def done(recorded: JournalEntry) -> str:
            return recorded.detail

        work = partial(self._screen.engine.training.mark_killed, entry)
        self._confirm("Mark unfinished runs as KILLED?", lines, "Mark KILLED", work, done)

    def _confirm(
        self,
        title: str,
        lines: Sequence[str],
        yes: str,
        work: Callable[[], T],
        done: Callable[[T], str | EngineError],
    ) -> None:
        """Ask, then apply with `work` and report what `done` says of its result."""
        from tui.dialogs.confirm import ConfirmDialog

        session = self._screen.session

        def report(result: T) -> None:
            self._changed()
            outcome = done(result)
            session.say(outcome) if isinstance(outcome, str) else session.show_error(outcome)

        def fail(error: EngineError) -> None:
            self._changed()
            session.show_error(error)

        def apply(confirmed: bool | None) -> None:
            if confirmed:
                self._screen.ask(work, report, group="reversal", failed=fail)

        if self._screen.is_current:
            text = [Content(safe(line, 400)) for line in (*lines, f"on {session.uri.shown}")]
            self._screen.app.push_screen(ConfirmDialog(title, text, yes=yes), apply)


def _why_not_end(entry: JournalEntry, finding: Finding | None) -> str | None:
    """Why a sweep cannot be ended here; None if its training process has ended and its runs have not."""
    if finding is not None and finding.command:
        resumable = "The sweep has ended; o in Training trains the rest."
        return None if finding.command == MARK_COMMAND else resumable
    if entry.outcome == "intended":
        return "The sweep may still be running; stop it with ctrl+x in Training."
    return "Delete the sweep's runs in the runs view instead."
