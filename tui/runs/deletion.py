"""Deleting runs, and restoring deleted ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from engine import formats
from engine.entities import Lifecycle
from engine.errors import EngineError
from engine.text import safe
from tui.runs.session import RunSession
from tui.screen import ConsoleScreen

if TYPE_CHECKING:
    from engine.api import LifecyclePlan, LifecycleResult, RunFeed


class RunDeletion:
    """Plans a deletion or restoration, asks for confirmation, applies it and reports the result. Calls
    `changed` after runs have left the current list."""

    def __init__(self, screen: ConsoleScreen, runs: RunSession, changed: Callable[[], None]) -> None:
        self._screen = screen
        self._runs = runs
        self._changed = changed

    def start(self, run_ids: Sequence[str]) -> None:
        """Delete active runs, or restore deleted ones."""
        target: Lifecycle = "active" if self._runs.state.lifecycle == "deleted" else "deleted"
        plan = partial(self._screen.engine.runs.plan_lifecycle, run_ids, target)
        confirm = partial(self._confirm, self._runs.loader.feed)
        failed = self._screen.session.show_error
        self._screen.ask(plan, confirm, group="lifecycle", failed=failed, opens=True)

    def _confirm(self, listed: RunFeed | None, plan: LifecyclePlan) -> None:
        """Ask for confirmation, unless another list than `listed` has been opened since."""
        from tui.dialogs.confirm import ConfirmDialog

        session = self._screen.session
        if self._runs.loader.feed is not listed:
            session.say("The dialog did not open: you left the list.", warning=True)
            return
        if plan.is_noop:
            session.say(f"Nothing to {plan.action}: already done by someone else", warning=True)
            return

        def apply(confirmed: bool | None) -> None:
            if confirmed:
                change = partial(self._screen.engine.runs.change_lifecycle, plan)
                self._screen.ask(change, self._report, group="lifecycle", failed=session.show_error)

        warnings = [safe(warning) for warning in plan.warnings]
        if hidden := self._runs.hidden(run.run_id for run in plan.due):
            warnings.append(safe(f"The filter hides {hidden} of these runs"))
        lines = [Content(safe(plan.subject)), Content(f"on {plan.server}")]
        lines += [Content.styled(f"! {warning}", "$warning") for warning in warnings]
        if plan.target == "deleted":
            lines.append(Content.styled("`:deleted` shows deleted runs; D restores them.", "$text-muted"))
        verb = plan.action.capitalize()
        title = f"{verb} {formats.counted(len(plan.due), 'run')}?"
        self._screen.app.push_screen(ConfirmDialog(title, lines, yes=verb), apply)

    def _report(self, result: LifecycleResult) -> None:
        if gone := {*result.changed, *result.overtaken}:
            self._runs.drop(gone)
            self._changed()
        errors = [*result.failed.values(), *([result.stopped] if result.stopped else [])]
        if not errors:
            self._screen.session.say(result.summary)
            return
        hint = "`r` shows the current state of the runs."
        self._screen.session.show_error(EngineError(result.summary, str(errors[0]), hint))
