"""The settings of a new sweep: data, target, grid, recipe, experiment."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label, Select, Static

from engine.api import experiment_for
from engine.errors import EngineError
from engine.formats import counted
from engine.text import safe
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field, TextButton

if TYPE_CHECKING:
    from engine.api import Engine, SweepSpec
    from tui.bridge import Bridge

RECIPES = (
    ("leak-free", "leak-free: fit the scaler on the training set"),
    ("published", "published: fit the scaler on all rows"),
)


class SweepDialog(Dialog["SweepSpec"]):
    """Dismissed with a valid sweep: the estimator accepts the grid, and the data is suitable."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "start", "start", id="dialog.start", priority=True),
        Binding("down", "step_focus(1)", show=False, id="dialog.next"),
        Binding("up", "step_focus(-1)", show=False, id="dialog.previous"),
    ]
    DEFAULT_CSS = """
    SweepDialog .row { height: 1; margin-top: 1; }
    SweepDialog .row Label { width: 14; color: $text-muted; }
    SweepDialog .row Input { width: 1fr; }
    SweepDialog .row Select { width: 1fr; height: 1; }
    SweepDialog .row SelectCurrent { border: none; padding: 0; height: 1; background: $boost; }
    SweepDialog .row SelectCurrent #label { text-wrap: nowrap; text-overflow: ellipsis; }
    SweepDialog #message { height: auto; margin-top: 1; }
    SweepDialog #buttons { height: 1; margin-top: 1; align-horizontal: right; }
    SweepDialog.-short .row, SweepDialog.-short #message, SweepDialog.-short #buttons { margin-top: 0; }
    """
    title_text = "New sweep"
    subtitle_text = "tab next field · ctrl+s start · esc cancel"

    def __init__(self, engine: Engine, bridge: Bridge) -> None:
        super().__init__()
        self._engine = engine
        self._bridge = bridge
        self._suggested = experiment_for(None)

    def compose_dialog(self) -> ComposeResult:
        from engine.api import DEFAULT_GRID, grid_text

        yield from self._row("data", "", "CSV file; leave empty for the bundled heart.csv", "data")
        yield from self._row("target", "target", "column to predict", "target")
        yield from self._row("grid", grid_text(DEFAULT_GRID), "n_neighbors=3,5,7 weights=uniform", "grid")
        with Horizontal(classes="row"):
            yield Label("recipe", markup=False)
            yield Select(
                [(text, key) for key, text in RECIPES],
                value="leak-free",
                allow_blank=False,
                id="recipe",
                compact=True,
            )
        yield from self._row("experiment", self._suggested, "experiment to log to", "experiment")
        yield Static("", id="message", markup=False)
        with Horizontal(id="buttons"):
            yield TextButton("Cancel", id="cancel")
            yield TextButton("Start", id="start")

    def _row(self, label: str, value: str, placeholder: str, identifier: str) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Label(label, markup=False)
            yield Field(value, placeholder=placeholder, id=identifier)

    def on_mount(self) -> None:
        self.query_one("#data").focus()
        self._count()

    def _value(self, identifier: str) -> str:
        return self.query_one(f"#{identifier}", Input).value.strip()

    def _show_message(self, text: str, *, is_error: bool = False) -> None:
        message = self.query_one("#message", Static)
        message.set_class(is_error, "error")
        message.set_class(not is_error, "hint")
        message.update(safe(text))

    def _spec(self) -> SweepSpec:
        from engine.api import DatasetSpec, SweepSpec, parse_grid

        return SweepSpec(
            experiment=self._value("experiment"),
            dataset=DatasetSpec(path=self._value("data") or None, target=self._value("target")),
            grid=parse_grid(self._value("grid")),
            recipe="published" if self.query_one("#recipe", Select).value == "published" else "leak-free",
        )

    @on(Input.Changed)
    def _count(self) -> None:
        from engine.api import trials

        try:
            count = len(trials(self._spec()))
        except EngineError as error:
            self._show_message(str(error), is_error=True)
        else:
            self._show_message(f"{counted(count, 'trial')} of k-nearest neighbours")

    @on(Input.Changed, "#data")
    def _suggest_experiment(self, event: Input.Changed) -> None:
        """Suggest an experiment named after the dataset, unless the operator has entered one."""
        field = self.query_one("#experiment", Field)
        if field.value == self._suggested:
            self._suggested = experiment_for(event.value.strip() or None)
            field.value = self._suggested

    @on(TextButton.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)

    @on(TextButton.Pressed, "#start")
    def _start_pressed(self) -> None:
        self.action_start()

    @on(Input.Submitted)
    def _next_field(self) -> None:
        self.focus_next()

    def action_start(self) -> None:
        async def check() -> None:
            try:
                spec = self._spec()
                self._show_message("checking the data …")
                await self._bridge.call(partial(self._engine.training.check, spec))
            except EngineError as error:
                self._show_message(str(error), is_error=True)
            else:
                self.dismiss(spec)

        self.run_worker(check(), exclusive=True)
