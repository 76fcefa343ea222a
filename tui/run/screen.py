"""One run: metrics, parameters, datasets, models, artifacts and tags."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from engine import formats
from engine.api import STATUS_TEXT, confusion_of
from engine.entities import Artifact, Run, RunDetail
from engine.errors import EngineError
from engine.secrets import mask
from engine.text import Shown, safe, safe_lines
from tui.bridge import Relay
from tui.commands.bindings import Scope
from tui.screen import VIEW, ConsoleScreen
from tui.widgets.confusion import ConfusionMatrix
from tui.widgets.key_value import KeyValue, Pair, Section, ValueStyle
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.table.palette import RUN_STATUS_STYLES

MAX_ARTIFACTS = 200
READING = Shown("reading …")
NOTE = "mlflow.note.content"


@dataclass(frozen=True, slots=True)
class _Artifacts:
    """The artifacts read so far, with an error for each folder that could not be listed."""

    found: tuple[Artifact, ...] = ()
    errors: tuple[EngineError, ...] = ()
    complete: bool = False


class RunScreen(ConsoleScreen):
    scope: ClassVar[Scope] = "run"
    pane_ids = ("metrics", "facts")
    CSS_PATH = "screen.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (76, "-narrow"), (100, "-wide")]  # noqa: RUF012 - declared by Screen

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self.detail: RunDetail | None = None
        self.artifacts = _Artifacts()
        self._is_reading_artifacts = False

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("RUN", id="run-title")
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield ConfusionMatrix(id="confusion")
                yield KeyValue(id="metrics")
            yield KeyValue(id="facts")

    def on_mount(self) -> None:
        self.mode = self.app.current_mode
        super().on_mount()
        self.query_one("#metrics", KeyValue).focus()
        self.query_one("#run-title", PaneTitle).facts = Shown("loading …")
        self.refresh_view()

    def refresh_view(self) -> None:
        detail = partial(self.engine.runs.detail, self.run_id)
        self.ask(detail, self._show, group=VIEW, failed=self._show_failure)

    @property
    def is_live(self) -> bool:
        """Whether the run is unfinished; a finished run rarely changes."""
        return self.detail is not None and not self.detail.run.is_finished

    def _read_artifacts(self, detail: RunDetail, report: Callable[[_Artifacts], None]) -> _Artifacts:
        """Read the artifacts, which may be on a slower host than the run, folder by folder. Runs on the
        bridge; `report` receives what has been read so far."""
        found: dict[str, Artifact] = {}
        errors: list[EngineError] = []
        for root in ("", *(model.name for model in detail.models)):
            try:
                found |= {artifact.path: artifact for artifact in self._walk(root)}
            except EngineError as error:
                errors.append(error)
            report(_Artifacts(tuple(found.values()), tuple(errors)))
        return _Artifacts(tuple(found.values()), tuple(errors), complete=True)

    def _walk(self, path: str) -> Iterator[Artifact]:
        """Artifacts below a path, depth first, with at least one more than MAX_ARTIFACTS if more exist."""
        stack = [path]
        found = 0
        while stack and found <= MAX_ARTIFACTS:
            listed = self.engine.runs.artifacts(self.run_id, stack.pop())
            for artifact in listed:
                found += 1
                yield artifact
            stack += [a.path for a in reversed(listed) if a.is_dir]

    def _show_failure(self, error: EngineError) -> None:
        self.query_one("#run-title", PaneTitle).facts = safe(error.title)
        self.show_store_error(error)

    def _show(self, detail: RunDetail) -> None:
        self.detail, run = detail, detail.run
        self.record_read()
        title = self.query_one("#run-title", PaneTitle)
        title.bright = True
        title.subject = safe(run.run_name or run.run_id)
        state = "" if run.lifecycle_stage == "active" else " · deleted"
        title.facts = Shown(f"{STATUS_TEXT[run.status]} · {formats.duration(run.duration)}{state}")
        counts = confusion_of(run.metrics, run.tags)
        matrix = self.query_one("#confusion", ConfusionMatrix)
        matrix.display = counts is not None
        matrix.set_counts(counts)
        self.query_one("#metrics", KeyValue).show([_metrics(run.metrics)])
        self.query_one("#facts", KeyValue).show(_facts(detail, self.artifacts))
        if not self._is_reading_artifacts:  # a slow host may take longer than the interval of the refresh
            self._is_reading_artifacts = True
            relay = Relay(self.while_open(self._show_artifacts))
            work, failed = partial(self._read_artifacts, detail, relay), self._artifacts_failed
            self.ask(work, self._show_artifacts, group="artifacts", failed=failed)

    def _show_artifacts(self, artifacts: _Artifacts) -> None:
        """Show the artifacts read so far, unless those of the previous read are complete."""
        if artifacts.complete:
            self._is_reading_artifacts = False
        if artifacts.complete or not self.artifacts.complete:
            self.artifacts = artifacts
        if self.detail is not None:
            self.query_one("#facts", KeyValue).show(_facts(self.detail, self.artifacts))

    def _artifacts_failed(self, error: EngineError) -> None:
        self._show_artifacts(_Artifacts(errors=(error,), complete=True))


def _metrics(metrics: Mapping[str, float]) -> Section:
    """All metrics by name, numbers right-aligned on the decimal point."""
    texts = {name: formats.format_for([value])(value) for name, value in metrics.items()}
    integer_width = max((len(text.partition(".")[0]) for text in texts.values()), default=0)
    pairs = [
        Pair(
            safe(name),
            Shown(" " * (integer_width - len(text.partition(".")[0])) + text),
            _metric_style(metrics[name]),
        )
        for name, text in sorted(texts.items())
    ]
    return Section(Shown("METRICS"), pairs, note=Shown("no metrics logged"))


def _metric_style(value: float) -> ValueStyle | None:
    return "bad" if value != value or abs(value) == float("inf") else None


def _facts(detail: RunDetail, artifacts: _Artifacts) -> list[Section]:
    run = detail.run
    params = [Pair(safe(k), safe(v, len(v))) for k, v in sorted(run.params.items())]
    tags = [
        Pair(safe(k), safe(v, len(v))) for k, v in sorted(run.tags.items()) if not k.startswith("mlflow.")
    ]
    sections = [
        Section(Shown("PARAMETERS"), params, note=Shown("no parameters logged")),
        Section(Shown("RUN"), _about(run)),
        Section(
            Shown("DATASETS AND MODELS"),
            _inputs_and_models(detail),
            note=Shown("no datasets or models logged"),
        ),
        _artifact_section(artifacts),
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
    return Section(Shown("ARTIFACTS"), pairs, note=Shown("no artifacts") if artifacts.complete else READING)
