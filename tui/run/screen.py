"""One run: metrics, parameters, datasets, models, artifacts and tags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from engine import formats
from engine.api import STATUS_TEXT, confusion_of
from engine.entities import Artifact, Run, RunDetail
from engine.errors import EngineError
from engine.secrets import mask
from engine.text import Shown, safe, safe_lines
from tui.bridge import Relay
from tui.commands.bindings import Command, Scope
from tui.screen import MAX_COMPARED, VIEW, ConsoleScreen, ReadSnippets
from tui.widgets.confusion import ConfusionMatrix
from tui.widgets.empty import EmptyState
from tui.widgets.key_value import KeyValue, Pair, Section, ValueStyle
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.table import Table
from tui.widgets.table.palette import RUN_STATUS_STYLES

if TYPE_CHECKING:
    from engine.api import MetricOverview
    from tui.dialogs.export import ExportOffer

MAX_ARTIFACTS = 200
READING = Shown("reading …")
NOTE = "mlflow.note.content"
METRICS, OTHER_METRICS = Shown("METRICS"), Shown("METRICS WITH ONE STEP")
MIN_OTHER_METRICS = 4
"""Lines, title included, that the metrics with one step have at least."""
REST_SECONDS = 0.15
"""Seconds before histories are read, so that stepping through runs does not read those of each."""
TABLE_HEAD = 2
"""Lines of a table above its rows."""
DATASETS_AND_MODELS, ARTIFACTS = Shown("DATASETS AND MODELS"), Shown("ARTIFACTS")


@dataclass(frozen=True, slots=True)
class _Artifacts:
    """The artifacts read so far, with an error for each folder that could not be listed."""

    found: tuple[Artifact, ...] = ()
    errors: tuple[EngineError, ...] = ()
    complete: bool = False


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run to open. `run` is what the view that opens it shows, read at `read_at` (milliseconds since the
    epoch)."""

    run_id: str
    run: Run | None = None
    read_at: int | None = None


Step = Callable[[int], KnownRun | None]
"""Moves the cursor of the view that opened a run to the next run (1) or the previous one (-1). Returns that
run; None without one."""


class RunScreen(ConsoleScreen):
    """One run: at once as far as the view that opens it knows it, then as the store has it."""

    scope: ClassVar[Scope] = "run"
    pane_ids = ("curves", "metrics", "facts")
    CSS_PATH = "screen.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (76, "-narrow"), (100, "-wide")]  # noqa: RUF012 - declared by Screen

    def __init__(self, known: KnownRun, step: Step | None = None) -> None:
        """`step` is None for a run that was not opened from a list."""
        super().__init__()
        self.run_id = known.run_id
        self.detail: RunDetail | None = None
        self.artifacts = _Artifacts()
        self.curves: tuple[MetricOverview, ...] = ()
        """The metrics with more than one step."""
        self._curves_of: object = None
        """The run and the metrics that `curves` was read for."""
        self._reading_artifacts_of: str | None = None
        self._known = known
        self._step = step

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("RUN", id="run-title")
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield ConfusionMatrix(id="confusion")
                yield Table(id="curves")
                yield KeyValue(id="metrics")
            yield KeyValue(id="facts")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        self.mode = self.app.current_mode
        super().on_mount()
        self.query_one("#metrics", KeyValue).focus()
        self._open(self._known)

    def _open(self, known: KnownRun) -> None:
        self._known, self.run_id, self.detail = known, known.run_id, None
        self.read_at, self.trouble, self.artifacts = known.read_at, None, _Artifacts()
        self.curves, self._curves_of = (), None
        self.hide_page()
        self._show_known(READING)
        self.show_status()
        self.refresh_view()

    def refresh_view(self) -> None:
        detail = partial(self.engine.runs.detail, self.run_id)
        self.ask(detail, self._show, group=VIEW, failed=self._show_failure)

    @property
    def is_live(self) -> bool:
        """Whether the run is unfinished; a finished run rarely changes."""
        return self.detail is not None and not self.detail.run.is_finished

    def action_copy_id(self) -> None:
        self.copy(self.run_id)

    def action_compare(self) -> None:
        run = self._known.run
        marks = self.state.experiment(run.experiment_id).marks if run is not None else frozenset()
        others = sorted(marks - {self.run_id})
        if not others:
            self.session.say("Mark another run of this experiment in the runs view first.", warning=True)
        elif len(others) >= MAX_COMPARED:
            self.session.say(f"At most {MAX_COMPARED} runs can be compared.", warning=True)
        else:
            self.state.compared = (self.run_id, *others)
            self.app.run_worker(self.session.show_mode("compare"))

    def action_edit(self) -> None:
        from engine.api import Subject
        from tui.editing.editing import Editing

        if not self.refuse("run.edit"):
            run = self._known.run
            name = run.run_name if run is not None and run.run_name else self.run_id
            Editing(self, self.refresh_view).start([Subject("run", self.run_id)], name)

    def action_register(self, model: str = "") -> None:
        from tui.registration import Registration

        if not self.refuse("run.register"):
            Registration(self).start(self.run_id, model=model)

    def snippets(self) -> ReadSnippets | None:
        return self.run_snippets(self.run_id)

    def export_offer(self) -> ExportOffer | None:
        from tui.run.export import run_offer

        run = self._known.run
        return None if run is None else run_offer(self.engine, run)

    def action_show_artifacts(self) -> None:
        self.show_artifacts()

    def show_artifacts(self, path: str = "") -> None:
        """Open the tree of artifacts, at this path."""
        from tui.artifacts.screen import ArtifactsScreen

        run = self._known.run
        name = safe(run.run_name) if run is not None and run.run_name else safe(self.run_id)
        self.app.push_screen(ArtifactsScreen(self.run_id, name, path))

    def _read_artifacts(self, detail: RunDetail, report: Callable[[_Artifacts], None]) -> _Artifacts:
        """Read the artifacts, which may be on a slower host than the run, folder by folder. Runs on the
        bridge; `report` receives what has been read so far."""
        found: dict[str, Artifact] = {}
        errors: list[EngineError] = []
        for root in ("", *(model.name for model in detail.models)):
            try:
                found |= {artifact.path: artifact for artifact in self._walk(detail.run.run_id, root)}
            except EngineError as error:
                errors.append(error)
            report(_Artifacts(tuple(found.values()), tuple(errors)))
        return _Artifacts(tuple(found.values()), tuple(errors), complete=True)

    def _walk(self, run_id: str, path: str) -> Iterator[Artifact]:
        """Artifacts below a path, depth first, with at least one more than MAX_ARTIFACTS if more exist."""
        stack = [path]
        found = 0
        while stack and found <= MAX_ARTIFACTS:
            listed = self.engine.runs.artifacts(run_id, stack.pop())
            for artifact in listed:
                found += 1
                yield artifact
            stack += [a.path for a in reversed(listed) if a.is_dir]

    def _show_failure(self, error: EngineError) -> None:
        if self._known.run is None:
            self.show_error_page(error)
            return
        self.show_store_error(error)
        if self.detail is None:
            self._show_known(Shown("not read"))

    def _show_known(self, note: Shown) -> None:
        """Show what was known before reading; `note` stands for the rest."""
        run = self._known.run
        if run is None:
            self.query_one("#run-title", PaneTitle).facts = Shown("loading …")
            self.query_one("#metrics", KeyValue).show([])
            self.query_one("#facts", KeyValue).show([])
            self.query_one("#confusion", ConfusionMatrix).display = False
            return
        self._show_run(run)
        unread = [Section(title, [], note=note) for title in (DATASETS_AND_MODELS, ARTIFACTS)]
        self.query_one("#facts", KeyValue).show(_facts(run, *unread))

    def _show(self, detail: RunDetail) -> None:
        self.detail = detail
        self._known = KnownRun(self.run_id, detail.run)
        self.record_read()
        self.hide_page()
        self._show_run(detail.run)
        self._show_facts()
        self._read_curves(detail.run)
        if self._reading_artifacts_of != self.run_id:  # a slow host may take longer than a refresh
            self._reading_artifacts_of = self.run_id
            show = partial(self._show_artifacts, self.run_id)
            work = partial(self._read_artifacts, detail, Relay(self.while_open(show)))
            self.ask(work, show, group="artifacts", failed=partial(self._artifacts_failed, self.run_id))

    def _show_run(self, run: Run) -> None:
        title = self.query_one("#run-title", PaneTitle)
        title.bright = True
        title.subject = safe(run.run_name or run.run_id)
        state = "" if run.lifecycle_stage == "active" else " · deleted"
        title.facts = Shown(f"{STATUS_TEXT[run.status]} · {formats.duration(run.duration)}{state}")
        counts = confusion_of(run.metrics, run.tags)
        matrix = self.query_one("#confusion", ConfusionMatrix)
        matrix.display = counts is not None
        matrix.set_counts(counts)
        self._show_metrics(run)

    def _read_curves(self, run: Run) -> None:
        """Read the histories of the metrics, once the operator rests on this run, if they have changed."""
        version = (run.run_id, repr(sorted(run.metrics.items())))
        if version == self._curves_of or not run.metrics:
            return
        self.tasks.ask(
            partial(self.engine.charts.overview, run, dict(self.state.directions)),
            partial(self._show_curves, version),
            group="curves",
            failed=self.show_store_error,
            delay=REST_SECONDS,
        )

    def _show_curves(self, version: tuple[str, str], curves: tuple[MetricOverview, ...]) -> None:
        run = self._known.run
        if run is not None and version[0] == self.run_id:
            self.curves, self._curves_of = curves, version
            self._show_metrics(run)

    def _show_metrics(self, run: Run) -> None:
        """Metrics with more than one step in a table with their curves, the others by name and value."""
        from tui.run.curves import curve_source

        table, names = self.query_one("#curves", Table), self.query_one("#metrics", KeyValue)
        drawn = {curve.metric for curve in self.curves}
        rest = {name: value for name, value in run.metrics.items() if name not in drawn}
        if drawn and not table.display and names.has_focus:
            self.call_after_refresh(table.focus)
        self.set_class(bool(drawn), "-curves")
        table.display, names.display = bool(drawn), bool(rest) or not drawn
        names.show([_metrics(rest, OTHER_METRICS if drawn else METRICS)])
        if drawn:
            table.set_source(curve_source(self.curves, table.size.width or self.size.width * 3 // 5))
            table.styles.max_height = min(len(drawn) + TABLE_HEAD, self._room_for_curves(bool(rest)))
        if self.focused is None or not self.focused.display:
            (table if drawn else names).focus()

    def _room_for_curves(self, has_others: bool) -> int:
        """The height that the table of curves may take, in lines: at least one curve, and if there are other
        metrics, some of them are in view too."""
        matrix = self.query_one("#confusion", ConfusionMatrix)
        taken = matrix.outer_size.height + matrix.styles.margin.height if matrix.display else 0
        others = MIN_OTHER_METRICS + 1 if has_others else 0  # with the line below the table
        return max(TABLE_HEAD + 1, self.query_one("#left").size.height - taken - others)

    @on(Table.Resized, "#curves")
    def _refit_curves(self) -> None:
        if self._known.run is not None and self.curves:
            self._show_metrics(self._known.run)

    @on(Table.RowSelected, "#curves")
    def _open_curve(self, event: Table.RowSelected) -> None:
        self._chart((event.key,))

    def action_chart_metric(self) -> None:
        """Chart the metric under the cursor; without one, all metrics."""
        if self.refuse("run.chart-metric"):
            return
        table = self.query_one("#curves", Table)
        self._chart((table.cursor_key,) if table.has_focus and table.cursor_key else ())

    def _chart(self, metrics: tuple[str, ...]) -> None:
        from engine.api import RunFrame
        from tui.charts.kinds import kind_named
        from tui.charts.screen import ChartScreen
        from tui.charts.subject import ChartSubject

        run = self._known.run
        if run is None:
            return
        name = safe(run.run_name or run.run_id)
        subject = ChartSubject(name, RunFrame.from_runs([run]), (0,), metrics or tuple(sorted(run.metrics)))
        kind = None if metrics or not self.curves else kind_named("grid")
        self.app.push_screen(ChartScreen(subject, kind))

    def _show_artifacts(self, run_id: str, artifacts: _Artifacts) -> None:
        """Show the artifacts read so far, unless those of the previous read are complete."""
        if run_id != self.run_id:
            return
        if artifacts.complete:
            self._reading_artifacts_of = None
        if artifacts.complete or not self.artifacts.complete:
            self.artifacts = artifacts
        self._show_facts()

    def _artifacts_failed(self, run_id: str, error: EngineError) -> None:
        self._show_artifacts(run_id, _Artifacts(errors=(error,), complete=True))

    def _show_facts(self) -> None:
        if (detail := self.detail) is not None:
            models = Section(
                DATASETS_AND_MODELS, _inputs_and_models(detail), note=Shown("no datasets or models logged")
            )
            facts = _facts(detail.run, models, _artifact_section(self.artifacts))
            self.query_one("#facts", KeyValue).show(facts)

    def why_not(self, command: Command) -> str | None:
        if command.id == "run.chart-metric" and (self._known.run is None or not self._known.run.metrics):
            return "This run has no metrics."
        if command.id in ("run.next", "run.previous") and self._step is None:
            return "This run was not opened from a list."
        return super().why_not(command)

    def action_step_run(self, by: int) -> None:
        """Show the next (1) or the previous run (-1) of the view that opened this one."""
        if self.refuse("run.next") or self._step is None:
            return
        known = self._step(by)
        if known is None:
            self.session.say("This is the last run." if by > 0 else "This is the first run.")
        else:
            self._open(known)


def _metrics(metrics: Mapping[str, float], title: Shown) -> Section:
    """Metrics by name, numbers right-aligned on the decimal point."""
    names = sorted(metrics)
    texts = formats.aligned(metrics[name] for name in names)
    pairs = [
        Pair(safe(name), text, _metric_style(metrics[name])) for name, text in zip(names, texts, strict=True)
    ]
    return Section(title, pairs, note=Shown("no metrics logged"))


def _metric_style(value: float) -> ValueStyle | None:
    return None if formats.is_finite(value) else "bad"


def _facts(run: Run, datasets_and_models: Section, artifacts: Section) -> list[Section]:
    params = [Pair(safe(k), safe(v, len(v))) for k, v in sorted(run.params.items())]
    tags = [
        Pair(safe(k), safe(v, len(v))) for k, v in sorted(run.tags.items()) if not k.startswith("mlflow.")
    ]
    sections = [
        Section(Shown("PARAMETERS"), params, note=Shown("no parameters logged")),
        Section(Shown("RUN"), _about(run)),
        datasets_and_models,
        artifacts,
        Section(Shown("TAGS"), tags, note=Shown("no tags")),
    ]
    if note := run.tags.get(NOTE):
        sections.insert(0, Section(Shown("DESCRIPTION"), [Pair(Shown(""), safe_lines(note))]))
    return sections


def _about(run: Run) -> list[Pair]:
    about = [
        Pair(Shown("id"), safe(run.run_id)),
        Pair(Shown("status"), STATUS_TEXT[run.status], RUN_STATUS_STYLES.get(run.status)),
        Pair(Shown("started"), formats.moment(run.start_time)),
        Pair(Shown("ended"), formats.moment(run.end_time)),
        Pair(Shown("took"), formats.duration(run.duration)),
        Pair(Shown("user"), safe(run.user_id) or formats.MISSING),
        Pair(Shown("source"), safe(mask(run.tags.get("mlflow.source.name", ""))) or formats.MISSING),
    ]
    if run.parent_run_id:
        about.append(Pair(Shown("parent"), safe(run.parent_run_id)))
    return about


def _inputs_and_models(detail: RunDetail) -> list[Pair]:
    datasets = [
        Pair(Shown("dataset"), safe(f"{d.name} · {d.digest}{' · ' + d.context if d.context else ''}"))
        for d in detail.datasets
    ]
    return datasets + [Pair(Shown("model"), safe(f"{m.name} · models:/{m.model_id}")) for m in detail.models]


def _artifact_section(artifacts: _Artifacts) -> Section:
    pairs = [
        Pair(safe(a.path + ("/" if a.is_dir else "")), Shown("") if a.is_dir else formats.size(a.size))
        for a in artifacts.found[:MAX_ARTIFACTS]
    ]
    if len(artifacts.found) > MAX_ARTIFACTS:
        pairs.append(Pair(Shown("…"), Shown(f"showing the first {MAX_ARTIFACTS}")))
    pairs += [
        Pair(safe(error.title), [safe(part) for part in (error.detail, error.hint) if part], "bad")
        for error in artifacts.errors
    ]
    if pairs and not artifacts.complete:
        pairs.append(Pair(Shown("…"), READING))
    return Section(ARTIFACTS, pairs, note=Shown("no artifacts") if artifacts.complete else READING)
