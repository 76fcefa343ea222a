"""Makes a report from an experiment: one document as Markdown and as HTML, and its charts."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from engine.entities import Experiment
from engine.formats import counted
from engine.jobs import CancelToken, OnProgress, Progress, no_progress
from engine.report.all_runs import all_runs_section, comparison_section
from engine.report.best_run import best_run_section
from engine.report.closing import about_section, colophon_section, next_steps_section, summary_section
from engine.report.document import Document
from engine.report.facts import Facts, collect
from engine.report.figures import Draw, draw, figures_section
from engine.report.findings import findings_section
from engine.report.html import html
from engine.report.markdown import markdown
from engine.report.versions import versions_section
from engine.runs.frame import RunFrame
from engine.runs.metrics import Direction
from engine.secrets import mask

if TYPE_CHECKING:
    from engine.filters.compiler import Filter
    from engine.stores.base import Store
    from engine.uri import TrackingUri

MARKDOWN, HTML = "report.md", "report.html"


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report. `files` maps the path of each file to its contents: the document as `report.md` and
    `report.html`, and the charts in `charts/`, as PNG and SVG."""

    experiment: Experiment
    metric: str
    best_run: str
    considered: int
    title: str
    files: Mapping[str, bytes]

    @property
    def size(self) -> int:
        return sum(map(len, self.files.values()))


def make_report(
    store: Store,
    uri: TrackingUri,
    experiment: Experiment,
    frame: RunFrame,
    metric: str,
    direction: Direction | None = None,
    rows: Sequence[int] | None = None,
    *,
    query: str = "all runs of the experiment",
    where: Filter | None = None,
    made_at: int | None = None,
    on_progress: OnProgress = no_progress,
    cancel: CancelToken | None = None,
) -> Report:
    """The report on the comparable finished runs among `rows` (None: all of the frame), which `query`
    describes, that meet the constraint `where`. Only the time at its end depends on anything but the store.
    Raises `NotFound` if no run has the metric."""
    cancel = cancel or CancelToken()
    facts = collect(
        store,
        experiment,
        frame,
        metric,
        direction,
        rows,
        query=query,
        where=where,
        shown_store=mask(str(uri.shown)),
        on_progress=on_progress,
        cancel=cancel,
    )
    on_progress(Progress(3, 6, "charts"))
    document = document_of(facts, int(time.time() * 1000) if made_at is None else made_at)
    cancel.check("The report")
    on_progress(Progress(5, 6, "document"))
    files = {MARKDOWN: markdown(document).encode(), HTML: html(document).encode()}
    for figure in document.figures:
        files[f"charts/{figure.name}.svg"] = figure.svg.encode()
        files[f"charts/{figure.name}.png"] = figure.png
    return Report(experiment, facts.metric, facts.best.run_id, facts.considered, document.title, files)


def document_of(facts: Facts, made_at: int, drawn: Draw = draw) -> Document:
    """The document on these facts. Sections that do not apply are left out. `drawn` draws the charts."""
    from importlib.metadata import version

    what = f"comparison of {counted(facts.considered, 'run')}" if facts.considered > 1 else "one run"
    title = f"{facts.experiment.name}: {what} by {facts.metric}"
    sections = (
        summary_section(facts),
        about_section(facts),
        best_run_section(facts),
        findings_section(facts),
        comparison_section(facts),
        figures_section(facts, drawn),
        versions_section(facts),
        next_steps_section(facts),
        all_runs_section(facts),
        colophon_section(facts, made_at, version("mlflow-console")),
    )
    return Document(title, tuple(chain.from_iterable(sections)))
