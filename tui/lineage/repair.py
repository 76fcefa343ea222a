"""Repairs of broken links: restore a deleted run or experiment, or tag a version with its run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from engine.errors import EngineError
from engine.text import safe
from tui.editing.experiments import ExperimentChanges
from tui.screen import ConsoleScreen

if TYPE_CHECKING:
    from engine.api import EditPlan, LifecyclePlan, LifecycleResult, Link, Place
    from engine.entities import Experiment

REPAIRS = {
    "restore run": "restores it",
    "restore experiment": "restores the experiment",
    "tag version": "tags the version with it",
}
"""What the key of the command does, by repair."""


class LineageRepair:
    """Plans a repair, asks for confirmation, applies it and calls `changed`."""

    def __init__(self, screen: ConsoleScreen, changed: Callable[[], None]) -> None:
        self._screen = screen
        self._changed = changed

    def start(self, place: Place, link: Link) -> None:
        """Repair a link of the station at `place`."""
        engine = self._screen.engine
        ask = partial(self._screen.ask, group="repair", failed=self._screen.session.show_error, opens=True)
        if link.repair == "restore run":
            ask(partial(engine.runs.plan_lifecycle, [link.repairs], "active"), self._confirm_run)
        elif link.repair == "restore experiment":
            find = partial(engine.runs.experiment, link.repairs, allow_deleted=True)
            ask(find, self._restore_experiment)
        elif link.repair == "tag version":
            from engine.api import SOURCE_RUN_TAG, Subject, Wanted

            wanted = Wanted(tags={SOURCE_RUN_TAG: link.repairs})
            ask(partial(engine.edits.plan, [Subject("version", place.key)], wanted), self._confirm_tag)

    def _restore_experiment(self, experiment: Experiment) -> None:
        ExperimentChanges(self._screen, lambda _: self._changed()).restore(experiment)

    def _confirm_run(self, plan: LifecyclePlan) -> None:
        from tui.dialogs.confirm import ConfirmDialog

        session = self._screen.session
        if plan.is_noop:
            self._changed()
            session.say("The run has been restored already.")
            return

        def report(result: LifecycleResult) -> None:
            self._changed()
            errors = [*result.failed.values(), *([result.stopped] if result.stopped else [])]
            if errors:
                session.show_error(EngineError(result.summary, str(errors[0])))
            else:
                session.say(result.summary)

        def apply(confirmed: bool | None) -> None:
            if confirmed:
                work = partial(self._screen.engine.runs.change_lifecycle, plan)
                self._screen.ask(work, report, group="repair", failed=session.show_error)

        lines = [Content(safe(plan.subject)), Content(f"on {plan.server}")]
        lines += [Content.styled(f"! {safe(warning)}", "$warning") for warning in plan.warnings]
        self._screen.app.push_screen(ConfirmDialog("Restore the run?", lines, yes="Restore"), apply)

    def _confirm_tag(self, plan: EditPlan) -> None:
        from tui.dialogs.confirm import ConfirmDialog
        from tui.editing.editing import Editing

        def write(confirmed: bool | None) -> None:
            if confirmed:
                Editing(self._screen, self._changed).write(plan)

        lines = [
            Content(
                "MLflow cannot change the run of a version. A tag names the run: the console follows it, "
                "other tools show it as a tag."
            ),
            Content(""),
            *(Content(safe(str(edit), 300)) for edit in plan.edits),
            Content(f"on {plan.server}"),
        ]
        self._screen.app.push_screen(ConfirmDialog("Tag the version with its run?", lines, yes="Tag"), write)
