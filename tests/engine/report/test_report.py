"""What a report says: only what the runs show, with n and intervals, and nothing that does not apply."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pytest

from engine.charts.kinds import AcrossChart
from engine.entities import (
    DatasetInput,
    Experiment,
    ModelVersion,
    RegisteredModel,
    Run,
    RunDetail,
)
from engine.errors import NotFound
from engine.filters.compiler import compile_filter
from engine.report.card import model_card
from engine.report.document import Document, Heading, Table
from engine.report.facts import collect
from engine.report.figures import Draw
from engine.report.html import html
from engine.report.markdown import markdown
from engine.report.report import document_of
from engine.runs.frame import RunFrame
from tests.support.runs import SECOND, START, a_run

EXPERIMENT = Experiment("1", "heart", tags={"mlflow.note.content": "Class 1 is healthy."})
NOW = START + 3_600_000


class MemoryStore:
    """Runs and registered versions in memory; no artifacts and no histories."""

    kind = "memory"

    def __init__(self, runs: Iterable[Run], versions: Sequence[ModelVersion] = ()) -> None:
        self.runs = {run.run_id: run for run in runs}
        self.versions = versions

    def run(self, run_id: str) -> RunDetail:
        if run_id not in self.runs:
            raise NotFound(f"Run {run_id} not found")
        return RunDetail(self.runs[run_id], (DatasetInput("heart.csv", "e7156f69", "training"),))

    def registered_models(self) -> tuple[RegisteredModel, ...]:
        return tuple(RegisteredModel(name) for name in sorted({version.name for version in self.versions}))

    def registered_model(self, name: str) -> RegisteredModel:
        return RegisteredModel(name)

    def model_versions(self, name: str) -> tuple[ModelVersion, ...]:
        return tuple(version for version in self.versions if version.name == name)

    def metric_histories(self, *_: object, **__: object) -> tuple[object, ...]:
        return ()


def classifier(name: str, tp: int, tn: int, fp: int, fn: int, at: int = 0, **params: str) -> Run:
    """A run of the published kind: 61 test rows, class 1 is no disease."""
    n = tp + tn + fp + fn
    metrics = {
        "accuracy": (tp + tn) / n,
        "class_0_precision": tn / (tn + fn),
        "class_0_recall": tn / (tn + fp),
        "class_0_f1": 2 * tn / (2 * tn + fp + fn),
        "class_0_support": float(tn + fp),
        "class_1_precision": tp / (tp + fp),
        "class_1_recall": tp / (tp + fn),
        "class_1_f1": 2 * tp / (2 * tp + fp + fn),
        "class_1_support": float(tp + fn),
        "true_positives": float(tp),
        "true_negatives": float(tn),
        "false_positives": float(fp),
        "false_negatives": float(fn),
        "cv_mean": 0.80,
        "training_time": 0.002,
    }
    tags = {"positive_class": "1", "class_0": "disease", "class_1": "no disease"}
    return a_run(
        f"{name:0<32}"[:32], name=name, start=START + at * SECOND, params=params, metrics=metrics, tags=tags
    )


HEART = (
    classifier("best", 29, 27, 2, 3, 0, k="5", metric="euclidean"),
    classifier("same", 29, 27, 2, 3, 1, k="7", metric="euclidean"),
    classifier("eager", 31, 20, 9, 1, 2, k="3", metric="manhattan"),
    classifier("worst", 24, 22, 7, 8, 3, k="3", metric="chebyshev"),
)
VERSIONS = (
    ModelVersion("clf", 1, "Archived", "the first", HEART[3].run_id, creation_time=START),
    ModelVersion(
        "clf", 2, "Production", "in use", HEART[1].run_id, creation_time=START, aliases=("champion",)
    ),
)


def no_chart(_: AcrossChart) -> tuple[str, bytes]:
    return "<svg/>", b"png"


def report(
    runs: Sequence[Run],
    metric: str = "accuracy",
    versions: Sequence[ModelVersion] = (),
    experiment: Experiment = EXPERIMENT,
    where: str = "",
    drawn: Draw = no_chart,
) -> Document:
    frame = RunFrame.from_runs(runs)
    facts = collect(
        MemoryStore(runs, versions),  # type: ignore[arg-type]
        experiment,
        frame,
        metric,
        None,
        None,
        query="all runs of the experiment",
        where=compile_filter(where, frame.keys, frame) if where else None,
        shown_store="sqlite:///mlflow.db",
    )
    return document_of(facts, NOW, drawn)


def text_of(document: Document) -> str:
    return markdown(document)


def headings(document: Document) -> list[str]:
    return ["".join(map(str, block.text)) for block in document.blocks if isinstance(block, Heading)]


def test_a_chart_of_the_best_runs_says_of_how_many_they_are_the_best() -> None:
    runs = [a_run(f"r{at:02}", metrics={"accuracy": 0.5 + at / 100}) for at in range(40)]
    subjects = []

    def drawn(chart: AcrossChart) -> tuple[str, bytes]:
        subjects.append(chart.caption.subject)
        return no_chart(chart)

    report(runs, drawn=drawn)
    assert subjects == ["heart, best 30 of 40 runs"]


def table_with(document: Document, head: str) -> Mapping[str, list[str]]:
    """The table that has this column: its rows by their first cell."""
    for block in document.blocks:
        if isinstance(block, Table) and head in [column.label for column in block.columns]:
            cells = [
                ["".join(p if isinstance(p, str) else p.text for p in cell) for cell in row]
                for row in block.rows
            ]
            return {row[0]: row for row in cells}
    raise AssertionError(head)


def test_the_summary_names_the_best_run_with_its_interval_and_its_ties() -> None:
    text = text_of(report(HEART, versions=VERSIONS))
    first = text.split("\n\n")[1]
    assert "The best of 4 comparable finished runs by `accuracy` is **best**" in first
    assert "0.9180 (56 of 61 rows, 95 % interval 0.822 to 0.964)" in first
    assert "tied with 1 other run" in first
    assert "**clf version 2** is in Production, with the same accuracy." in first


def test_classes_have_the_labels_of_the_data() -> None:
    document = report(HEART)
    text = text_of(document)
    assert "class 0 is disease, class 1 is no disease" in text
    assert "Class 1 is healthy." in text
    per_class = table_with(document, "F1")
    assert per_class["disease (class 0)"][1:4] == ["0.9000", "[0.744, 0.965] n=30", "0.9310"]
    assert "of the 29 rows that are disease, 27 were found and 2 missed" in text
    confusion = table_with(document, "predicted no disease")
    assert confusion["no disease"] == ["no disease", "29", "3", "32"]
    assert confusion["disease"] == ["disease", "2", "27", "29"]
    assert "2 rows with disease predicted as no disease" in text


def test_a_higher_recall_is_shown_with_what_it_costs() -> None:
    text = text_of(report(HEART))
    assert "The highest recall of no disease is 0.9688 [0.843, 0.994] n=32, by eager" in text
    assert "6.2 percentage points higher than that of the best run" in text
    assert "It finds 2 more of the 32 rows" in text


def test_differences_of_rates_are_percentage_points_and_never_percent() -> None:
    text = text_of(report(HEART, versions=VERSIONS))
    assert "16.4 percentage points lower than version 2" in text
    assert "−16.4 pp" in text
    changes = [line for line in text.splitlines() if "points" in line]
    assert changes
    assert not any("% lower" in line or "% higher" in line for line in text.splitlines())


def test_the_effect_of_a_parameter_has_its_interval_and_the_number_of_runs_on_both_sides() -> None:
    runs = [
        classifier(f"{metric}-{at:02}", 29 - at % 3 - lost, 27, 2, 3 + at % 3 + lost, at, metric=metric)
        for metric, lost, count in (("euclidean", 0, 12), ("chebyshev", 9, 9))
        for at in range(count)
    ]
    text = markdown(report(runs))
    effect = (
        "With `metric = euclidean` (n=12), accuracy is on average 14.8 percentage points higher (95 % "
        "interval 13.4 to 16.1, Welch) than with chebyshev (n=9)."
    )
    assert effect in text
    assert "corrected by Holm's method for the number of parameters tested (1)" in text
    assert "To tell" not in text


def test_versions_are_described_compared_and_concluded() -> None:
    document = report(HEART, versions=VERSIONS)
    text = text_of(document)
    assert "#### Version 1 – Archived" in text
    assert "#### Version 2 – Production, alias champion" in text
    assert "> in use" in text
    assert "its run is tied with the best run of the report" in text
    assert "By accuracy, there is no reason to replace it." in text
    assert "Keep clf version 2: no run is better by more than chance" in text
    versions = table_with(document, "version 2")
    assert versions["stage"] == ["stage", "Archived", "Production"]
    assert versions["aliases"] == ["aliases", "–", "champion"]


def test_a_version_whose_run_is_gone_is_still_listed() -> None:
    gone = ModelVersion("clf", 3, "Staging", "", "f" * 32, creation_time=START)
    text = text_of(report(HEART, versions=(*VERSIONS, gone)))
    assert "#### Version 3 – Staging" in text
    assert "The source run is gone" in text


def test_sections_that_do_not_apply_are_left_out() -> None:
    found = headings(report(HEART, versions=VERSIONS))
    assert {"Confusion matrix", "Metrics per class", "Registered versions", "Comparison", "All runs"} <= set(
        found
    )
    plain = [
        a_run(f"{n:032}", name=f"net-{n}", params={"lr": "0.1"}, metrics={"rmse": 2.0 - n / 10})
        for n in range(4)
    ]
    found = headings(report(plain, "rmse"))
    assert not {
        "Confusion matrix",
        "Metrics per class",
        "Registered versions",
        "Precision against recall",
    } & set(found)
    text = text_of(report(plain, "rmse"))
    assert "**net-3**: 1.7000" in text
    assert "lower is better" in text
    assert "This cannot be said: no parameter has at least two values" in text
    assert "[" not in text.replace("[PNG]", "").replace("[SVG]", "").replace("![", "")


def test_repeated_and_diverged_runs_are_put_together() -> None:
    runs = [
        a_run(
            f"{lr}{seed}".ljust(32, "0"),
            name=f"net-{lr}-{seed}",
            params={"lr": lr, "seed": str(seed)},
            metrics={"val_loss": math.nan if (lr, seed) == ("0.3", 2) else float(lr) + seed / 100},
        )
        for lr in ("0.1", "0.2", "0.3")
        for seed in range(3)
    ]
    document = report(runs, "val_loss")
    text = text_of(document)
    assert "Averaged over seed, the best configuration is `lr = 0.1`: mean val_loss 0.1100" in text
    assert "(n=3 runs)" in text
    assert table_with(document, "standard deviation")["0.1"][1:] == ["3", "0.1100", "0.0100"]
    assert "1 run ended with a val_loss that is NaN or infinite: net-0.3-2; it has lr = 0.3." in text


def test_one_run_alone_is_not_compared() -> None:
    document = report(HEART[:1])
    found = headings(document)
    assert document.title == "heart: one run by accuracy"
    assert "The run: best" in found
    assert not {"All runs", "Comparison", "Key insights", "Charts"} & set(found)
    assert "tried (runs)" not in text_of(document)


def test_runs_that_are_left_out_are_named_with_the_reason() -> None:
    percent = a_run("9" * 32, name="script", metrics={"accuracy": 53.8}, params={"k": "5"})
    diverged = replace(HEART[0], run_id="8" * 32, metrics={**HEART[0].metrics, "accuracy": math.nan})
    text = text_of(report((*HEART, percent, diverged)))
    assert "on another scale" in text
    assert "1 run with NaN or infinite accuracy" in text


def test_a_constraint_is_named_and_only_runs_that_meet_it_are_ranked() -> None:
    text = markdown(report(HEART, where="class_1_recall >= 0.95"))
    assert "One finished run that meets `class_1_recall >= 0.95` has `accuracy`: **eager**" in text
    assert "## The run: eager" in text
    assert "| constraint | `class_1_recall >= 0.95`; 3 of 4 comparable runs fail it |" in text
    two = markdown(report(HEART, where="class_1_recall >= 0.9"))
    assert "The best of 3 comparable finished runs by `accuracy` that meet `class_1_recall >= 0.9`" in two
    assert "Runs by accuracy: 3 runs." in two
    assert "on accuracy: n=4 runs" in two  # effects are examined among all comparable runs
    assert "constraint" not in markdown(report(HEART))


def test_the_end_names_the_query_the_store_and_the_time() -> None:
    text = text_of(report(HEART))
    assert "| store | `sqlite:///mlflow.db` |" in text
    assert "| runs | all runs of the experiment; 4 runs read |" in text
    assert "| made | 2025-10-09 09:53 UTC |" in text


def test_text_of_the_store_is_escaped_in_both_documents() -> None:
    hostile = "<script>x</script> | [a](b)"
    run = replace(HEART[0], run_name=hostile, params={"<b>": hostile})
    experiment = replace(EXPERIMENT, name=hostile)
    document = report((run, *HEART[1:]), experiment=experiment)
    assert "<script>" not in html(document)
    assert "<script>" not in markdown(document).replace("\\<script>", "").replace("`<script>", "`")


def test_the_same_store_gives_the_same_document() -> None:
    assert markdown(report(HEART, versions=VERSIONS)) == markdown(report(HEART, versions=VERSIONS))
    assert html(report(HEART, versions=VERSIONS)) == html(report(HEART, versions=VERSIONS))


def test_an_unknown_metric_is_an_error() -> None:
    with pytest.raises(NotFound, match="No run has the metric"):
        report(HEART, "nope")


@pytest.mark.slow
def test_a_model_card_has_the_facts_of_a_version_without_loading_it() -> None:
    card = model_card(MemoryStore(HEART, VERSIONS), "clf", 2)  # type: ignore[arg-type]
    text = card["model-card.md"].decode()
    assert "**clf version 2**: Production, alias champion" in text
    assert "| `accuracy` | 0.9180 | [0.822, 0.964] n=61 |" in text
    assert "| `k` | 7 |" in text
    assert "predicted no disease" in text
    with pytest.raises(NotFound, match="Version 9"):
        model_card(MemoryStore(HEART, VERSIONS), "clf", 9)  # type: ignore[arg-type]
