"""What a report is made from, read once from the store."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from engine.columns import ColumnKey
from engine.entities import Experiment, ModelVersion, RegisteredModel, Run, RunDetail
from engine.errors import NotFound
from engine.evidence.best import TIE_METRIC
from engine.evidence.difference import Versus, versus
from engine.evidence.insights import Insights, insights
from engine.evidence.rates import rate_of
from engine.evidence.statistics import Interval, Rate, wilson
from engine.jobs import CancelToken, OnProgress, Progress, no_progress
from engine.runs.frame import RunFrame
from engine.runs.metrics import Direction, key_metrics

if TYPE_CHECKING:
    from engine.filters.compiler import Filter
    from engine.stores.base import Store

NOTE = "mlflow.note.content"
MAX_RUNS = 200
"""The most runs that a report lists one by one."""
MAX_METRICS = 6
"""The most metrics that a table shows for each run."""
_CLASS = re.compile(r"class_(.+)_(?:precision|recall|f1)")


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """A version of a registered model with its source run, None if that is gone. `versus` compares the run
    with the model's reference version (`ModelFacts.reference`)."""

    version: ModelVersion
    run: Run | None
    versus: Versus | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A registered model with versions from the experiment, all its versions, oldest first. `reference` is
    the number of the version in Production, else of the newest; `best` compares the experiment's best run
    with its run."""

    model: RegisteredModel
    versions: tuple[VersionFacts, ...]
    reference: int
    best: Versus | None = None

    @property
    def reference_version(self) -> VersionFacts:
        return next(found for found in self.versions if found.version.version == self.reference)


@dataclass(frozen=True, slots=True)
class Facts:
    """`runs` are the comparable finished runs, best first, at most `MAX_RUNS`; `against_best` compares each
    with the best one. `varying` are the parameters that differ between the comparable runs, and `tried` their
    values with the number of runs. `cross_validation` is the cv_mean of the best run with its interval, None
    without one. `notes` are descriptions from the store, with what they describe. `query` says in words which
    runs were read."""

    experiment: Experiment
    frame: RunFrame
    insights: Insights
    detail: RunDetail
    runs: tuple[Run, ...]
    against_best: Mapping[str, Versus]
    varying: tuple[str, ...]
    tried: Mapping[str, Mapping[str, int]]
    metrics: tuple[str, ...]
    models: tuple[ModelFacts, ...]
    cross_validation: Versus | None
    notes: tuple[tuple[str, str], ...]
    query: str
    store: str

    @property
    def metric(self) -> str:
        return self.insights.best.metric

    @property
    def direction(self) -> Direction:
        return self.insights.best.direction

    @property
    def best(self) -> Run:
        return self.insights.best.run

    @property
    def considered(self) -> int:
        return self.insights.best.considered


@dataclass(frozen=True, slots=True)
class ClassFacts:
    """One class of a classifier: `name` is the part in metric names, `label` what it stands for."""

    name: str
    label: str

    @property
    def shown(self) -> str:
        """`disease (class 0)`, or `class 0` without a label."""
        return f"{self.label} (class {self.name})" if self.label else f"class {self.name}"

    @property
    def short(self) -> str:
        return self.label or f"class {self.name}"


def classes_of(run: Run) -> tuple[ClassFacts, ...]:
    """The classes that a run has metrics of, with their labels from its tags (`class_0` = disease)."""
    names = dict.fromkeys(match[1] for name in sorted(run.metrics) if (match := _CLASS.fullmatch(name)))
    return tuple(ClassFacts(name, run.tags.get(f"class_{name}", "")) for name in names)


def measured(run: Run, metric: str) -> tuple[Rate, Interval] | None:
    """A metric as a share of counted rows, with its interval; None if it is none."""
    rate = rate_of(run.metrics, metric)
    return None if rate is None else (rate, wilson(rate))


def collect(
    store: Store,
    experiment: Experiment,
    frame: RunFrame,
    metric: str,
    direction: Direction | None,
    rows: Sequence[int] | None,
    *,
    query: str,
    shown_store: str,
    where: Filter | None = None,
    on_progress: OnProgress = no_progress,
    cancel: CancelToken | None = None,
) -> Facts:
    """Read and compute what a report needs. Raises `NotFound` if no run has the metric."""
    cancel = cancel or CancelToken()

    def step(number: int, note: str) -> None:
        cancel.check("The report")
        on_progress(Progress(number, 6, note))

    step(0, "insights")
    found = insights(frame, metric, direction, rows, where=where, store=store)
    best = found.best
    step(1, "comparing the runs")
    runs = _ranked(frame, found)
    compared = versus(store, runs, best.metric, reference=0)
    step(2, "registered versions")
    models = _models(store, frame, best.run, best.metric)
    detail = store.run(best.run.run_id)
    names = {key.name for key in frame.keys if key.kind == "metric"}
    tried = _tried(frame, best.rows)
    usual = key_metrics(names.intersection(best.run.metrics), MAX_METRICS)
    in_cv = TIE_METRIC in best.run.metrics
    return Facts(
        experiment=experiment,
        frame=frame,
        insights=found,
        detail=detail,
        runs=tuple(runs),
        against_best={each.run_id: each for each in compared},
        varying=tuple(name for name, values in tried.items() if len(values) > 1),
        tried=tried,
        metrics=tuple(dict.fromkeys((best.metric, *usual)))[:MAX_METRICS],
        models=models,
        cross_validation=versus(store, [best.run], TIE_METRIC)[0] if in_cv else None,
        notes=tuple(_notes(store, experiment, best.run)),
        query=query,
        store=shown_store,
    )


def _ranked(frame: RunFrame, found: Insights) -> list[Run]:
    """The comparable runs, best first: the best run leads those tied with it."""
    best = found.best
    read = frame.reader(ColumnKey("metric", best.metric))
    sign = -1.0 if best.direction == "higher" else 1.0
    first = {run.run_id: at for at, run in enumerate((best.run, *best.tied))}
    ids = frame.run_ids

    def rank(row: int) -> tuple[float, int, str]:
        return sign * cast(float, read(row)), first.get(ids[row], len(first)), ids[row]

    return [frame.run(row) for row in sorted(best.rows, key=rank)[:MAX_RUNS]]


def _tried(frame: RunFrame, rows: Sequence[int]) -> dict[str, dict[str, int]]:
    """The values of each parameter with the number of runs; numbers in order, then texts."""
    from engine.formats import as_number

    found: dict[str, dict[str, int]] = {}
    for key in frame.keys:
        if key.kind != "param":
            continue
        read = frame.reader(key)
        counts: dict[str, int] = {}
        for row in rows:
            value = read(row)
            text = "–" if value is None else str(value)
            counts[text] = counts.get(text, 0) + 1

        def order(text: str) -> tuple[float, str]:
            number = as_number(text)
            return (math.inf if number is None or math.isnan(number) else number), text

        found[key.name] = {value: counts[value] for value in sorted(counts, key=order)}
    return found


def _notes(store: Store, experiment: Experiment, run: Run) -> Iterator[tuple[str, str]]:
    """The descriptions of the experiment, of the best run's parent (such as its sweep) and of the run."""
    yield "experiment", experiment.tags.get(NOTE, "")
    if run.parent_run_id is not None:
        with suppress(NotFound):
            yield "parent run", store.run(run.parent_run_id).run.tags.get(NOTE, "")
    yield "run", run.tags.get(NOTE, "")


def _models(store: Store, frame: RunFrame, best: Run, metric: str) -> tuple[ModelFacts, ...]:
    """The registered models with a version from one of the frame's runs."""
    found = []
    for model in store.registered_models():
        if model.version_count == 0:
            continue
        versions = sorted(store.model_versions(model.name), key=lambda version: version.version)
        if any(version.run_id and frame.row_of(version.run_id) is not None for version in versions):
            found.append(_model(store, frame, model, versions, best, metric))
    return tuple(found)


def _model(
    store: Store,
    frame: RunFrame,
    model: RegisteredModel,
    versions: Sequence[ModelVersion],
    best: Run,
    metric: str,
) -> ModelFacts:
    runs = [_run_of(store, frame, version.run_id) for version in versions]
    with_runs = [at for at, run in enumerate(runs) if run is not None]
    in_production = [at for at in with_runs if versions[at].stage == "Production"]
    reference = (in_production or with_runs)[-1]
    known = [run for run in runs if run is not None]
    place = known.index(cast(Run, runs[reference]))
    *compared, of_best = versus(store, [*known, best], metric, reference=place)
    by_version = dict(zip(with_runs, compared, strict=True))
    return ModelFacts(
        model,
        tuple(
            VersionFacts(version, run, by_version.get(at))
            for at, (version, run) in enumerate(zip(versions, runs, strict=True))
        ),
        versions[reference].version,
        of_best,
    )


def _run_of(store: Store, frame: RunFrame, run_id: str) -> Run | None:
    if not run_id:
        return None
    row = frame.row_of(run_id)
    if row is not None:
        return frame.run(row)
    try:
        return store.run(run_id).run
    except NotFound:
        return None
