"""One run: metrics, parameters, datasets, models, artifacts and tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from engine import formats
from engine.api import STATUS_TEXT, confusion_of
from engine.entities import Artifact, Run, RunDetail
from engine.errors import EngineError
from engine.text import Shown, safe, safe_lines
from tui.commands.bindings import Scope
from tui.screen import VIEW, ConsoleScreen
from tui.widgets.confusion import ConfusionMatrix
from tui.widgets.key_value import KeyValue, Pair, Section, ValueStyle
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.table.palette import RUN_STATUS_STYLES

MAX_ARTIFACTS = 200
NOTE = "mlflow.note.content"


@dataclass(frozen=True, slots=True)
class _RunData:
    """A run as read from the store, with an error for each folder of artifacts that could not be listed."""

    detail: RunDetail
    artifacts: tuple[Artifact, ...]
    errors: tuple[EngineError, ...]


class RunScreen(ConsoleScreen):
    scope: ClassVar[Scope] = "run"
    pane_ids = ("metrics", "facts")
    CSS_PATH = "screen.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (76, "-narrow"), (100, "-wide")]  # noqa: RUF012 - declared by Screen

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self.detail: RunDetail | None = None

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
        self.ask(self._read, self._show, group=VIEW, failed=self._show_failure)

    @property
    def is_live(self) -> bool:
        """Whether the run is unfinished; a finished run rarely changes."""
        return self.detail is not None and not self.detail.run.is_finished

    def _read(self) -> _RunData:
        detail = self.engine.runs.detail(self.run_id)
        found: dict[str, Artifact] = {}
        errors: list[EngineError] = []
        for root in ("", *(model.name for model in detail.models)):
            try:
                found |= {artifact.path: artifact for artifact in self._walk(root)}
            except EngineError as error:
                errors.append(error)
        return _RunData(detail, tuple(found.values()), tuple(errors))

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

    def _show(self, data: _RunData) -> None:
        self.detail = detail = data.detail
        run = detail.run
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
        self.query_one("#facts", KeyValue).show(_facts(data))


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


def _facts(data: _RunData) -> list[Section]:
    detail, run = data.detail, data.detail.run
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
        _artifact_section(data),
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
        Pair(Shown("source"), safe(run.tags.get("mlflow.source.name", "")) or formats.MISSING),
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


def _artifact_section(data: _RunData) -> Section:
    pairs = [
        Pair(safe(a.path + ("/" if a.is_dir else "")), Shown("") if a.is_dir else formats.size(a.size))
        for a in data.artifacts[:MAX_ARTIFACTS]
    ]
    if len(data.artifacts) > MAX_ARTIFACTS:
        pairs.append(Pair(Shown("…"), Shown(f"showing the first {MAX_ARTIFACTS}")))
    pairs += [
        Pair(safe(error.title), safe(f"{error.detail} {error.hint}".strip()), "bad") for error in data.errors
    ]
    return Section(Shown("ARTIFACTS"), pairs, note=Shown("no artifacts"))
