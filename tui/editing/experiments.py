"""Creating, deleting and restoring experiments from any view: plan, confirm, write, report."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from engine.errors import EngineError, UsageError
from engine.formats import counted
from engine.text import safe
from tui.dialogs.form import FormDialog
from tui.dialogs.work import WorkDialog
from tui.editing.dialog import edit_description, tag_changes
from tui.screen import ConsoleScreen
from tui.tasks import Tasks
from tui.widgets.controls import TextEditor

if TYPE_CHECKING:
    from engine.api import Engine, ExperimentPlan, ExperimentResult, JournalEntry
    from engine.entities import Experiment
    from engine.jobs import CancelToken, OnProgress
    from tui.bridge import Bridge


class NewExperimentDialog(FormDialog["ExperimentPlan"]):
    """Dismissed with the plan of a new experiment; writes nothing itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "open_editor", show=False, priority=True, id="dialog.open-editor")
    ]
    title_text = "New experiment"
    subtitle_text = "tab next field · ctrl+o description in $EDITOR · esc cancel"
    yes = "Create"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 - declared by Screen

    def __init__(self, engine: Engine, bridge: Bridge, name: str = "") -> None:
        super().__init__()
        self.title_text = f"New experiment · {engine.uri.shown}"
        self._engine = engine
        self._suggested = name
        self._tasks = Tasks.of(self, bridge)

    def compose_fields(self) -> ComposeResult:
        yield from self.text_row("name", "name", self._suggested)
        yield from self.editor_row("description", "description", "")
        yield from self.editor_row("tags", "tags", "", "KEY=VALUE, one per line")
        yield from self.text_row("location", "artifacts in", "", "empty for MLflow's default")

    def on_mount(self) -> None:
        self.query_one("#name").focus()

    def action_open_editor(self) -> None:
        edit_description(self, "Create shows the experiment before it is made.")

    def submit(self) -> None:
        try:
            changes = tag_changes(self.query_one("#tags", TextEditor).text, {})
        except UsageError as error:
            self._show_error(error)
            return
        self.show_message("Planning …")
        plan = partial(
            self._engine.experiments.plan_create,
            self.text("name"),
            description=self.query_one("#description", TextEditor).text.strip(),
            tags={key: value for key, value in changes.items() if value is not None},
            artifact_location=self.text("location"),
        )
        self._tasks.ask(plan, self._planned, group="plan", failed=self._show_error)

    def _planned(self, plan: ExperimentPlan) -> None:
        if self.is_current:
            self.dismiss(plan)

    def _show_error(self, error: EngineError) -> None:
        self.show_message(str(error), is_error=True)


class ExperimentChanges:
    """Changes experiments from a view. Calls `changed` with what was done after a write."""

    def __init__(self, screen: ConsoleScreen, changed: Callable[[ExperimentResult], None]) -> None:
        self._screen = screen
        self._changed = changed

    def create(self, name: str = "") -> None:
        """Ask for a new experiment, and confirm it; `name` is suggested."""
        screen = self._screen

        def confirm(plan: ExperimentPlan | None) -> None:
            if plan is not None:
                self._confirm(plan)

        screen.app.push_screen(NewExperimentDialog(screen.engine, screen.session.bridge, name), confirm)

    def delete(self, experiment: Experiment) -> None:
        self._plan(partial(self._screen.engine.experiments.plan_delete, experiment))

    def restore(self, experiment: Experiment) -> None:
        self._plan(partial(self._screen.engine.experiments.plan_restore, experiment))

    def choose_deleted(self, name: str = "") -> None:
        """Restore the deleted experiment with this name or id, or without one let the operator choose."""
        screen = self._screen
        ask = partial(screen.ask, group="experiment", failed=screen.session.show_error, opens=True)
        if name:
            ask(partial(screen.engine.runs.experiment, name, allow_deleted=True), self.restore)
        else:
            ask(partial(screen.engine.runs.experiments, "deleted"), self._choose)

    def _choose(self, found: tuple[Experiment, ...]) -> None:
        from tui.dialogs.pick import PickDialog

        if not found:
            self._screen.session.say("No experiment is deleted.")
            return
        by_id = {experiment.experiment_id: experiment for experiment in found}

        def restore(key: str | None) -> None:
            if key is not None:
                self.restore(by_id[key])

        choices = [(key, safe(f"{e.name}  ({key})")) for key, e in by_id.items()]
        self._screen.app.push_screen(PickDialog("Restore an experiment", choices), restore)

    def undo(self, entry: JournalEntry) -> None:
        """Undo a journalled creation, deletion or restoration."""
        self._plan(partial(self._screen.engine.experiments.plan_undo, entry))

    def _plan(self, plan: Callable[[], ExperimentPlan]) -> None:
        failed = self._screen.session.show_error
        self._screen.ask(plan, self._confirm, group="experiment", failed=failed, opens=True)

    def _confirm(self, plan: ExperimentPlan) -> None:
        from tui.dialogs.confirm import ConfirmDialog

        screen = self._screen

        def work(_: OnProgress, __: CancelToken) -> ExperimentResult:
            return screen.engine.experiments.apply(plan)

        def report(result: ExperimentResult | None) -> None:
            if result is None:  # the dialog has shown the error, and a part may have been written
                screen.refresh_view()
                return
            self._changed(result)
            undo = "" if plan.undoes else "; u in Activity (6) undoes"
            done = {"create": "Created", "delete": "Deleted", "restore": "Restored"}[plan.action]
            screen.session.say(f"{done} experiment {safe(plan.name, 80)}{undo}")

        def apply(confirmed: bool | None) -> None:
            if confirmed:
                title = f"{verb} experiment {safe(plan.name, 60)} · {plan.server}"
                dialog: WorkDialog[ExperimentResult] = WorkDialog(
                    screen.session.bridge, title, work, can_stop=False
                )
                screen.app.push_screen(dialog, report)

        verb = plan.action.capitalize()
        title = f"{verb} experiment {safe(plan.name, 60)}?"
        screen.app.push_screen(ConfirmDialog(title, plan_lines(plan), yes=verb), apply)


def plan_lines(plan: ExperimentPlan) -> list[Content]:
    """What a plan does, as the confirmation shows it."""
    lines = [Content(f"on {plan.server}")]
    if plan.action == "create":
        lines += [Content(safe(f"{key} = {value}", 200)) for key, value in plan.tags.items()]
        if plan.artifact_location:
            lines.append(Content(safe(f"artifacts in {plan.artifact_location}", 200)))
    elif plan.action == "delete":
        lines.append(Content(f"{counted(plan.runs, 'run')} deleted with it"))
        if plan.apart:
            lines.append(Content(f"{counted(len(plan.apart), 'run')} deleted before"))
        lines.append(Content.styled("`:restore` brings it back until `mlflow gc` runs.", "$text-muted"))
    else:
        lines.append(Content(f"{counted(plan.runs, 'run')} restored with it"))
        if plan.apart:
            text = f"{counted(len(plan.apart), 'run')} deleted before it: MLflow restores all, the console"
            lines.append(Content(f"{text} deletes these again"))
    lines += [Content.styled(f"! {safe(warning, 400)}", "$warning") for warning in plan.warnings]
    return lines
