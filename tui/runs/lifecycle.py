"""Deleting runs, looking at deleted ones, and bringing them back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from engine import formats
from engine.entities import Lifecycle
from engine.errors import EngineError
from engine.text import safe
from tui.screen import ConsoleScreen

if TYPE_CHECKING:
    from engine.api import LifecyclePlan, LifecycleResult
    from engine.entities import Experiment
    from tui.runs.pane import RunList
    from tui.runs.reading import RunReading


class RunLifecycle(ConsoleScreen):
    """The part of the runs view that deletes and restores. What is marked is meant, else the run
    under the cursor."""

    experiment: Experiment | None
    reading: RunReading

    @property
    def run_list(self) -> RunList:
        raise NotImplementedError

    def show_experiment(self, experiment: Experiment) -> None:
        raise NotImplementedError

    def list_experiments(self) -> None:
        raise NotImplementedError

    def action_toggle_deleted(self) -> None:
        """The deleted runs of this experiment, and back to the others."""
        if self.experiment is None:
            return
        view = self.run_list.view
        view.turn_over()
        self.show_experiment(self.experiment)

    def action_change_lifecycle(self) -> None:
        """Delete the marked runs; among deleted ones, restore them."""
        if self.refuse("runs.change-lifecycle"):
            return
        chosen = self.run_list.marked() or self.run_list.under_cursor()
        if not chosen:
            self.session.say("There is no run here.", warning=True)
            return
        wanted: Lifecycle = "active" if self.run_list.view.lifecycle == "deleted" else "deleted"
        work = partial(self.engine.runs.plan_lifecycle, chosen, wanted)
        self.ask(work, self._confirm, group="lifecycle", failed=self.session.show_error, opens=True)

    def _confirm(self, plan: LifecyclePlan) -> None:
        from tui.dialogs.confirm import ConfirmDialog

        if plan.is_noop:
            self.session.say(f"Nothing to {plan.action} here: someone else already has.", warning=True)
            return

        def change(sure: bool | None) -> None:
            if sure:
                work = partial(self.engine.runs.change_lifecycle, plan)
                self.ask(work, self._tell_changed, group="lifecycle", failed=self.session.show_error)

        verb = plan.action.capitalize()
        told = [Content(safe(plan.subject)), Content(f"on {plan.server}")]
        told += [Content.styled(f"! {safe(warning)}", "$warning") for warning in plan.warnings]
        if hidden := self.run_list.hidden(run.run_id for run in plan.due):
            told.append(
                Content.styled(f"! {formats.counted(hidden, 'run')} of these the filter hides", "$warning")
            )
        if plan.target == "deleted":
            told.append(Content.styled("`:deleted` shows deleted runs; D brings them back.", "$text-muted"))
        title = f"{verb} {formats.counted(len(plan.due), 'run')}?"
        self.app.push_screen(ConfirmDialog(title, told, yes=verb), change)

    def _tell_changed(self, result: LifecycleResult) -> None:
        gone = {*result.changed, *result.overtaken}
        if gone and self.reading.feed is not None:
            self.reading.feed.drop(gone)
            self.reading.forget_aside()
            self.run_list.unmark(gone)
            self.list_experiments()
        error = next(iter([*result.failed.values(), *([result.stopped] if result.stopped else [])]), None)
        if error is None:
            self.session.say(result.summary)
        else:
            self.session.show_error(
                EngineError(result.summary, str(error), "`r` shows the current state of the runs.")
            )
