"""The settings of a new sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Label, Select, Static, TextArea

from engine.api import TASKS
from engine.errors import EngineError, UsageError
from engine.formats import counted, listed
from engine.jobs import CancelToken
from engine.text import Shown, safe
from tui.dialogs.form import FormDialog
from tui.tasks import Tasks
from tui.training.columns import short_summary
from tui.training.field_errors import WrongField, about, field_of, known_trials
from tui.training.settings import (
    AUTOMATIC,
    Settings,
    data_text,
    fraction,
    models_text,
    new_sweep,
    seconds,
    seconds_text,
    short_name,
    whole_number,
    with_settings,
)
from tui.widgets.controls import Field, TextButton, TextEditor

if TYPE_CHECKING:
    from engine.api import DataProfile, Engine, Execution, SweepSpec
    from tui.bridge import Bridge
    from tui.training.columns_dialog import ColumnChoices

TASK_CHOICES = (
    (AUTOMATIC, "from the target"),
    ("classification", "classification"),
    ("regression", "regression"),
)
SPLITS = (
    ("random", "random"),
    ("stratified", "stratified"),
    ("time", "by time"),
    ("group", "by group"),
)
SEARCHES = (
    ("grid", "grid"),
    ("random", "random"),
    ("halving", "halving"),
    ("optuna", "Optuna"),
)
SAMPLERS = (("tpe", "TPE"), ("random", "random"))
RECORDERS = (("client", "this machine"), ("workers", "its workers"))
CURVES = (
    ("", "none"),
    ("learning", "learning"),
    ("validation", "validation"),
    ("learning,validation", "both"),
)
RECIPES = (("leak-free", "leak-free"), ("published", "published"))


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """A sweep that can be trained, and where."""

    spec: SweepSpec
    execution: Execution


class SweepDialog(FormDialog[SweepRequest]):
    """Dismissed with a sweep that the engine has checked: its data can be read, its grid is valid."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "start", "start", id="dialog.start", priority=True),
        Binding("ctrl+t", "show_columns", "columns", id="dialog.columns", priority=True),
        Binding("ctrl+g", "pick_estimators", "estimators", id="dialog.estimators", priority=True),
        Binding("ctrl+o", "save_file", "save", id="dialog.save", priority=True),
    ]
    DEFAULT_CSS = """
    SweepDialog > #box { height: 90%; max-height: 23; }
    SweepDialog #fields { height: 1fr; }
    SweepDialog .setting { height: auto; }
    SweepDialog .setting Horizontal { height: 1; }
    SweepDialog .setting.tall Horizontal { height: 3; }
    SweepDialog .setting Label { width: 12; color: $text-muted; }
    SweepDialog .setting Label.more { width: auto; padding: 0 1 0 2; }
    SweepDialog .setting Input, SweepDialog .setting TextEditor { width: 1fr; }
    SweepDialog .setting TextEditor { height: 3; }
    SweepDialog .setting Select { width: 1fr; height: 1; }
    SweepDialog .setting SelectCurrent { border: none; padding: 0; height: 1; background: $boost; }
    SweepDialog .setting SelectCurrent #label { text-wrap: nowrap; text-overflow: ellipsis; }
    SweepDialog .setting Select:focus SelectCurrent #label { color: $accent; text-style: bold; }
    SweepDialog .setting .fact { width: 1fr; color: $text-muted; }
    SweepDialog .setting .wrong { display: none; height: auto; margin-left: 12; color: $error; }
    SweepDialog .setting.-wrong .wrong { display: block; }
    SweepDialog .setting.-wrong Label:first-of-type { color: $error; }
    SweepDialog #message { max-height: 2; margin-top: 0; }
    SweepDialog #buttons { margin-top: 0; }
    """
    title_text = "New sweep"
    subtitle_text = "ctrl+s start · ctrl+t columns · ctrl+g estimators · ctrl+o save"

    def __init__(self, engine: Engine, bridge: Bridge, spec: SweepSpec | None = None) -> None:
        """`spec` is what the fields say at first, as from a file; what has no field is kept."""
        super().__init__()
        self._engine = engine
        self._bridge = bridge
        self._tasks = Tasks.of(self, bridge)
        self._base = spec or new_sweep()
        self._given = spec is not None
        self._suggested = self._base.experiment
        self._suggested_grid = models_text(self._base.models)
        self._data = data_text(self._base.data)
        self._profile: DataProfile | None = None
        self._last: DataProfile | None = None
        """What was understood of the data before choices for its columns that do not fit."""
        self._profiled: object = None
        """The data and split that were last read, or are being read."""
        self._reading = CancelToken()

    # ── the fields ───────────────────────────────────────────────────────────

    def compose_fields(self) -> ComposeResult:
        spec = self._base
        with VerticalScroll(id="fields", can_focus=False):
            yield from _setting(
                "data", _field("data", data_text(spec.data), "CSV or Parquet file; empty for heart.csv")
            )
            yield from _setting(
                "target",
                _field("target", spec.data.target, "column to predict"),
                "task",
                _select("task", TASK_CHOICES, spec.data.task or AUTOMATIC),
            )
            yield from _setting(
                "columns",
                Static("ctrl+t shows what is understood of each", id="facts", classes="fact", markup=False),
                "",
                TextButton("show", id="columns"),
            )
            names = " ".join(model.estimator for model in spec.models)
            yield from _setting(
                "estimators",
                _field("estimators", names, "knn random_forest …"),
                "",
                TextButton("pick", id="pick"),
            )
            yield from _setting(
                "grid", TextEditor(self._suggested_grid, placeholder="usual values", id="grid"), tall=True
            )
            yield from _setting(
                "split",
                _select("split", SPLITS, spec.split.method),
                "by column",
                _field("split_column", spec.split.column, "for time or group"),
            )
            yield from _setting(
                "test share",
                _field("test", f"{spec.split.test:g}"),
                "folds",
                _field("folds", str(spec.split.folds)),
                "seed",
                _field("seed", str(spec.split.seed)),
            )
            yield from _setting(
                "search",
                _select("search", SEARCHES, spec.search.method),
                "sampler",
                _select("sampler", SAMPLERS, spec.search.sampler),
                "trials",
                _field("trials", _optional(spec.search.trials), "all"),
            )
            yield from _setting(
                "end a trial",
                _field("trial_timeout", seconds_text(spec.limits.trial_timeout), "after 60s"),
                "the sweep",
                _field("time_limit", seconds_text(spec.limits.time), "after 1h"),
                "no better in",
                _field("no_improvement", _optional(spec.limits.no_improvement), "trials"),
            )
            yield from _setting(
                "rank by",
                _field("metric", spec.metric, "accuracy, R²"),
                "curves",
                _select("curves", CURVES, ",".join(spec.curves)),
                "recipe",
                _select("recipe", RECIPES, spec.recipe),
            )
            yield from _setting("experiment", _field("experiment", spec.experiment, "experiment to log to"))
            yield from _setting(
                "processes",
                _field("workers", "", "one per CPU"),
                "or Dask",
                _field("scheduler", "", "tcp://host:8786 or file"),
            )
            yield from _setting(
                "logged by", _select("record_in", RECORDERS, "client"), "for Dask: who logs the trials"
            )

    def on_mount(self) -> None:
        self.query_one("#submit" if self._given else "#data").focus()
        self._count()
        if self._given:
            self._read_profile()

    def _settings(self) -> Settings:
        """What the fields say. Raises `WrongField`."""
        with about("test"):
            test = fraction(self.text("test"), "test share")
        numbers: dict[str, int | None] = {}
        for name, what in (
            ("folds", "number of folds"),
            ("seed", "seed"),
            ("trials", "number of trials"),
            ("no_improvement", "number of trials"),
        ):
            with about(name):
                numbers[name] = whole_number(self.text(name), what)
        for name in ("trial_timeout", "time_limit"):
            with about(name):
                seconds(self.text(name))
        with about("split_column"):
            split = self._split()
        return Settings(
            experiment=self.text("experiment"),
            data=self.text("data"),
            target=self.text("target"),
            task=self.chosen("task"),
            use=self._base.data.use,
            leave_out=self._base.data.leave_out,
            estimators=self.text("estimators").replace(",", " ").split(),
            split=split,
            test=test,
            folds=_known(numbers["folds"], self._base.split.folds),
            seed=_known(numbers["seed"], self._base.split.seed),
            search=self.chosen("search"),
            sampler=self.chosen("sampler"),
            trials=numbers["trials"],
            trial_timeout=self.text("trial_timeout"),
            time_limit=self.text("time_limit"),
            no_improvement=numbers["no_improvement"],
            metric=self.text("metric"),
            curves=[name for name in self.chosen("curves").split(",") if name],
            recipe=self.chosen("recipe"),
        )

    def _split(self) -> str:
        method, column = self.chosen("split"), self.text("split_column")
        if method not in ("time", "group"):
            return method
        if not column:
            raise UsageError(f"A split by {method} needs a column")
        return f"{method}:{column}"

    def _spec(self) -> SweepSpec:
        """The sweep that the fields describe. Raises `WrongField`."""
        settings = self._settings()
        with about("estimators"):
            spec = with_settings(self._base, settings)
        grid = self.query_one("#grid", TextArea).text.strip()
        models = tuple(replace(model, params={}) for model in spec.models)
        spec = replace(spec, models=models)
        with about("grid"):
            return with_settings(spec, Settings(grid=grid)) if grid else spec

    def _execution(self) -> Execution:
        """Where the fields say that the sweep runs. Raises `WrongField`."""
        from engine.api import Execution

        scheduler = self.text("scheduler")
        with about("workers"):
            workers = whole_number(self.text("workers"), "number of processes")
            if workers == 0:
                raise UsageError("Invalid number of processes 0", hint="It must be at least 1.")
        if not scheduler:
            return Execution(workers=workers)
        recorder: Literal["client", "workers"] = (
            "workers" if self.chosen("record_in") == "workers" else "client"
        )
        if "://" in scheduler:
            return Execution("dask", workers, scheduler=scheduler, recorder=recorder)
        return Execution("dask", workers, scheduler_file=scheduler, recorder=recorder)

    # ── what they mean ───────────────────────────────────────────────────────

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(Select.Changed)
    def _count(self) -> None:
        """Say how many trials there are, or what is wrong."""
        self.query_one("#sampler", Select).disabled = self.chosen("search") != "optuna"
        self.query_one("#record_in", Select).disabled = not self.text("scheduler")
        self._clear_errors()
        try:
            spec = self._spec()
            trials = self._trials(spec)
        except WrongField as wrong:
            self._show_error(wrong)
        else:
            models = listed([short_name(model) for model in spec.models], 4)
            baseline = " and a baseline" if spec.baseline else ""
            self.show_message(f"{counted(trials, 'trial')}: {models}{baseline}")

    def _trials(self, spec: SweepSpec) -> int:
        """How many trials there are, as far as it is known without the data. Raises `WrongField`."""
        try:
            return known_trials(spec, self._profile.task if self._profile else None)
        except EngineError as error:
            raise self._wrong(error) from error

    def _wrong(self, error: EngineError) -> WrongField:
        return WrongField(field_of(error), error)

    def _show_error(self, wrong: WrongField) -> None:
        """Show an error under its field."""
        parts = (wrong.error.title, wrong.error.detail, wrong.error.hint)
        text = safe(" — ".join(part for part in parts if part), 600)
        if not wrong.field:
            self.show_message(text, is_error=True)
            return
        setting = next(
            (node for node in self.query_one(f"#{wrong.field}").ancestors if node.has_class("setting")), None
        )
        if isinstance(setting, Widget):
            setting.add_class("-wrong")
            setting.query_one(".wrong", Static).update(text)
        self.show_message("")

    def _clear_errors(self) -> None:
        for setting in self.query(".-wrong"):
            setting.remove_class("-wrong")

    # ── the data ─────────────────────────────────────────────────────────────

    @on(Input.Changed, "#data")
    def _take_data(self, event: Input.Changed) -> None:
        """Suggest an experiment named after the data, unless the operator has entered one; what was chosen
        for the columns of other data does not count."""
        if event.value != self._data:
            self._data, self._last = event.value, None
            self._base = replace(self._base, data=replace(self._base.data, types={}, use=(), leave_out=()))
        field = self.query_one("#experiment", Field)
        if field.value == self._suggested:
            self._suggested = new_sweep(event.value.strip()).experiment
            field.value = self._suggested

    @on(Input.Blurred, "#data")
    @on(Input.Blurred, "#target")
    @on(Input.Blurred, "#split_column")
    def _data_given(self) -> None:
        if self.text("data"):
            self._read_profile()

    def _read_profile(self, then: Callable[[DataProfile], None] | None = None) -> None:
        """Read the data again if what it is has changed, and say what was understood of it."""
        try:
            spec = self._spec()
        except WrongField as wrong:
            self._show_error(wrong)
            return
        key = spec.data, spec.split.method, spec.split.column
        if key == self._profiled and (then is None or self._profile is not None):
            if then is not None and self._profile is not None:
                then(self._profile)
            return
        self._reading.cancel()
        self._profiled, self._profile, self._reading = key, None, CancelToken()
        self._say_facts(Shown("reading …"))

        def show(profile: DataProfile) -> None:
            self._show_profile(profile)
            if then is not None:
                then(profile)

        def failed(error: EngineError) -> None:
            self._show_failure(error)
            if then is not None and self._last is not None:
                then(self._last)

        work = partial(self._engine.training.profile, spec.data, spec.split, cancel=self._reading)
        self._tasks.ask(work, show, group="profile", failed=failed)

    def _show_profile(self, profile: DataProfile) -> None:
        self._profile = profile
        self._last = profile
        self._say_facts(short_summary(profile))
        self._suggest_grid()
        self._count()

    def _show_failure(self, error: EngineError) -> None:
        self._profiled = None
        self._say_facts(Shown(""))
        self._show_error(self._wrong(error))

    def _say_facts(self, text: Shown) -> None:
        self.query_one("#facts", Static).update(text)

    @on(TextButton.Pressed, "#columns")
    def action_show_columns(self) -> None:
        """Show what was understood of each column, to be changed."""
        if self.is_current:
            self._read_profile(self._open_columns)

    def _open_columns(self, profile: DataProfile) -> None:
        from tui.training.columns_dialog import ColumnsDialog

        def take(choices: ColumnChoices | None) -> None:
            if choices is not None:
                data = replace(
                    self._base.data, types=choices.types, use=choices.use, leave_out=choices.leave_out
                )
                self._base = replace(self._base, data=data)
                self._read_profile()

        if self.is_current:
            self.app.push_screen(ColumnsDialog(profile, self._base.data), take)

    # ── the models ───────────────────────────────────────────────────────────

    @on(Input.Changed, "#estimators")
    def _suggest_grid(self) -> None:
        """Suggest the usual grid of the estimators, unless the operator has entered one."""
        grid = self.query_one("#grid", TextEditor)
        if grid.text != self._suggested_grid:
            return
        from engine.api import ModelSpec

        names = self.text("estimators").replace(",", " ").split()
        known = {model.estimator: model for model in self._base.models}
        models = [known.get(name, ModelSpec(name)) for name in dict.fromkeys(names)]
        try:
            text = models_text(models, self._profile.task if self._profile else None)
        except EngineError:  # half a name; reported once it counts
            return
        if text != grid.text:
            self._suggested_grid = text
            grid.text = text

    @on(TextButton.Pressed, "#pick")
    def action_pick_estimators(self) -> None:
        """Choose estimators from a list."""
        from tui.training.estimators_dialog import EstimatorsDialog

        if not self.is_current:
            return
        names = self.text("estimators").replace(",", " ").split()
        chosen = self.chosen("task")
        known = self._profile.task if self._profile else None
        task = next((task for task in TASKS if task == chosen), known)

        def take(chosen: Sequence[str] | None) -> None:
            if chosen:
                self.query_one("#estimators", Field).value = " ".join(chosen)

        self.app.push_screen(EstimatorsDialog(names, task), take)

    # ── files ────────────────────────────────────────────────────────────────

    def action_save_file(self) -> None:
        """Write the sweep to a YAML file."""
        from engine.api import sweep_text
        from engine.files import replacing
        from tui.dialogs.save import SaveDialog

        if not self.is_current:
            return
        try:
            spec = self._spec()
        except WrongField as wrong:
            self._show_error(wrong)
            return

        def write(path: Path) -> object:
            with replacing(path) as file:
                file.write(sweep_text(spec).encode())
            return path

        def report(message: str | None) -> None:
            if message:
                self.show_message(message)

        name = f"{spec.experiment or 'sweep'}.yaml".replace("/", "-")
        hint = "A file that :train FILE and `mlflow-console train FILE` read"
        self.app.push_screen(
            SaveDialog(self._bridge, "Save the sweep", name, _check_yaml, write, hint=hint), report
        )

    # ── starting ─────────────────────────────────────────────────────────────

    @on(Input.Submitted, "#data")
    def _take_default(self, event: Input.Submitted) -> None:
        """Enter in the empty field goes on to the button: everything else has a default."""
        if not event.value.strip():
            event.stop()
            self.query_one("#submit").focus()

    def submit(self) -> None:
        self.action_start()

    def action_start(self) -> None:
        """Check the sweep, and start it if it can be trained."""
        if not self.is_current:
            return
        self._clear_errors()
        try:
            request = SweepRequest(self._spec(), self._execution())
            self._trials(request.spec)
        except WrongField as wrong:
            self._show_error(wrong)
            self._focus(wrong.field)
            return
        self._reading.cancel()
        self._reading, self._profiled = CancelToken(), None
        self.show_message("checking the data …")
        work = partial(self._engine.training.check, request.spec, cancel=self._reading)

        def start(_: object) -> None:
            self.dismiss(request)

        self._tasks.ask(work, start, group="profile", failed=self._refused)

    def _refused(self, error: EngineError) -> None:
        self.show_message("")
        wrong = self._wrong(error)
        self._show_error(wrong)
        self._focus(wrong.field)

    def _focus(self, field: str) -> None:
        if field:
            widget = self.query_one(f"#{field}")
            widget.focus()
            widget.scroll_visible(animate=False)

    def action_leave(self) -> None:
        self._reading.cancel()
        super().action_leave()


def _setting(label: str, first: Widget, *more: str | Widget, tall: bool = False) -> ComposeResult:
    """A row: a label and a control, further pairs of them, and under it the room for an error."""
    with Vertical(classes="setting tall" if tall else "setting"):
        with Horizontal():
            yield Label(label, markup=False)
            yield first
            for item in more:
                if isinstance(item, Widget):
                    yield item
                elif item:
                    yield Label(item, classes="more", markup=False)
        yield Static("", classes="wrong", markup=False)


def _field(identifier: str, value: str, placeholder: str = "") -> Field:
    return Field(value, placeholder=placeholder, id=identifier)


def _select(identifier: str, choices: Sequence[tuple[str, str]], value: str) -> Select[str]:
    options = [(text, key) for key, text in choices]
    return Select(options, value=value, allow_blank=False, id=identifier, compact=True)


def _optional(value: int | None) -> str:
    return "" if value is None else str(value)


def _known(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _check_yaml(path: Path) -> None:
    if path.suffix not in (".yaml", ".yml"):
        raise UsageError(f"{path.name} is not a sweep file", hint="Name it SWEEP.yaml.")
