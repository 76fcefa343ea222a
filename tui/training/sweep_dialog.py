"""The settings of a new sweep: data, target, grid, recipe, experiment."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from engine.api import experiment_for
from engine.errors import EngineError
from engine.formats import counted
from tui.dialogs.form import FormDialog
from tui.widgets.controls import Field

if TYPE_CHECKING:
    from engine.api import Engine, SweepSpec
    from tui.bridge import Bridge

RECIPES = (
    ("leak-free", "leak-free: fit the scaler on the training set"),
    ("published", "published: fit the scaler on all rows"),
)


class SweepDialog(FormDialog["SweepSpec"]):
    """Dismissed with a valid sweep: the estimator accepts the grid, and the data is suitable."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "start", "start", id="dialog.start", priority=True),
    ]
    title_text = "New sweep"
    subtitle_text = "tab next field · ctrl+s start · esc cancel"

    def __init__(self, engine: Engine, bridge: Bridge) -> None:
        super().__init__()
        self._engine = engine
        self._bridge = bridge
        self._suggested = experiment_for(None)

    def compose_fields(self) -> ComposeResult:
        from engine.api import DEFAULT_GRID, grid_text

        yield from self.text_row("data", "data", "", "CSV file; leave empty for the bundled heart.csv")
        yield from self.text_row("target", "target", "target", "column to predict")
        yield from self.text_row("grid", "grid", grid_text(DEFAULT_GRID), "n_neighbors=3,5,7 weights=uniform")
        yield from self.select_row("recipe", "recipe", RECIPES)
        yield from self.text_row("experiment", "experiment", self._suggested, "experiment to log to")

    def on_mount(self) -> None:
        self.query_one("#data").focus()
        self._count()

    def _spec(self) -> SweepSpec:
        from engine.api import DatasetSpec, SweepSpec, parse_grid

        return SweepSpec(
            experiment=self.text("experiment"),
            dataset=DatasetSpec(path=self.text("data") or None, target=self.text("target")),
            grid=parse_grid(self.text("grid")),
            recipe="published" if self.chosen("recipe") == "published" else "leak-free",
        )

    @on(Input.Changed)
    def _count(self) -> None:
        from engine.api import trials

        try:
            count = len(trials(self._spec()))
        except EngineError as error:
            self.show_message(str(error), is_error=True)
        else:
            self.show_message(f"{counted(count, 'trial')} of k-nearest neighbours")

    @on(Input.Changed, "#data")
    def _suggest_experiment(self, event: Input.Changed) -> None:
        """Suggest an experiment named after the dataset, unless the operator has entered one."""
        field = self.query_one("#experiment", Field)
        if field.value == self._suggested:
            self._suggested = experiment_for(event.value.strip() or None)
            field.value = self._suggested

    def submit(self) -> None:
        self.action_start()

    def action_start(self) -> None:
        async def check() -> None:
            try:
                spec = self._spec()
                self.show_message("checking the data …")
                await self._bridge.call(partial(self._engine.training.check, spec))
            except EngineError as error:
                self.show_message(str(error), is_error=True)
            else:
                self.dismiss(spec)

        self.run_worker(check(), exclusive=True)
