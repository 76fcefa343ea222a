"""The best run, and why it is the best."""

from __future__ import annotations

import math

import pytest

from engine.entities import Run
from engine.errors import NotFound
from engine.evidence.best import BestRun, Common, best_run
from engine.filters.compiler import compile_filter
from engine.runs.frame import RunFrame
from engine.runs.loading.feed import RunFeed
from engine.stores import open_store
from tests.conftest import MlflowStore
from tests.support.runs import START, a_run


def best(*runs: Run, metric: str = "acc", **options: str) -> BestRun:
    return best_run(RunFrame.from_runs(runs), metric, **options)  # type: ignore[arg-type]


def test_the_best_run_has_the_highest_score_or_the_lowest_loss() -> None:
    runs = [a_run("a", metrics={"acc": 0.8, "loss": 0.1}), a_run("b", metrics={"acc": 0.9, "loss": 0.4})]
    found = best(*runs)
    assert (found.run.run_id, found.direction, found.value, found.considered) == ("b", "higher", 0.9, 2)
    assert (found.tied, found.tie_break, found.left_out) == ((), "", ())
    assert best(*runs, metric="loss").run.run_id == "a"
    assert best(*runs, metric="loss", direction="higher").run.run_id == "b"


def test_only_finished_runs_with_a_finite_value_compete() -> None:
    found = best(
        a_run("ok", metrics={"acc": 0.1}),
        a_run("failed", status="FAILED", metrics={"acc": 1.0}),
        a_run("running", status="RUNNING", metrics={"acc": 1.0}),
        a_run("running2", status="RUNNING", metrics={"acc": 1.0}),
        a_run("killed", status="KILLED", metrics={"acc": 1.0}),
        a_run("nan", metrics={"acc": math.nan}),
        a_run("inf", metrics={"acc": math.inf}),
        a_run("without"),
    )
    assert found.run.run_id == "ok"
    assert found.considered == 1
    assert found.left_out == (
        "1 failed run",
        "2 running runs",
        "1 killed run",
        "2 runs with NaN or infinite acc",
        "1 run without acc",
    )


def test_ties_go_to_the_higher_cv_mean_if_all_tied_runs_have_it() -> None:
    k5 = a_run("k5", start=START + 9, metrics={"acc": 0.918, "cv_mean": 0.8059})
    k7 = a_run("k7", start=START, metrics={"acc": 0.918, "cv_mean": 0.8058})
    found = best(k7, k5, a_run("other", metrics={"acc": 0.5, "cv_mean": 0.99}))
    assert (found.run, found.tied, found.tie_break) == (k5, (k7,), "higher cv_mean")
    without = a_run("k9", start=START + 1, metrics={"acc": 0.918})
    found = best(k5, without, k7)
    assert (found.run, found.tied, found.tie_break) == (k7, (without, k5), "earliest start")
    spoiled = a_run("k3", start=START - 1, metrics={"acc": 0.918, "cv_mean": math.nan})
    assert best(k5, spoiled, k7).tie_break == "earliest start"


def test_further_ties_go_to_the_earliest_start_then_to_the_run_id() -> None:
    b, a = a_run("b", metrics={"acc": 1}), a_run("a", metrics={"acc": 1})
    never = a_run("0", start=None, seconds=None, metrics={"acc": 1})
    found = best(b, never, a)
    assert (found.run, found.tied, found.tie_break) == (a, (b, never), "earliest start, then run id")


@pytest.mark.parametrize("written", ["loss", "metrics.loss", "metric.loss", "Metrics.loss"])
def test_a_metric_may_have_its_filter_prefix(written: str) -> None:
    found = best(a_run("a", metrics={"loss": 0.3}), a_run("b", metrics={"loss": 0.2}), metric=written)
    assert (found.run.run_id, found.metric, found.direction) == ("b", "loss", "lower")


def test_a_metric_whose_name_starts_with_the_prefix_comes_first() -> None:
    both = a_run("a", metrics={"metrics.acc": 1, "acc": 2}), a_run("b", metrics={"metrics.acc": 2, "acc": 1})
    assert best(*both, metric="metrics.acc").run.run_id == "b"
    assert best(*both, metric="metrics.metrics.acc").run.run_id == "b"
    assert best(*both, metric="acc").run.run_id == "a"
    alone = a_run("a", metrics={"metrics.acc": 1})
    assert best(alone, metric="metrics.acc").metric == "metrics.acc"


@pytest.mark.parametrize(
    ("written", "name"),
    [("metrics.nope", "nope"), ("params.acc", "params.acc"), ("metrics.", "metrics."), (".acc", ".acc")],
)
def test_an_unknown_metric_is_not_found_with_or_without_a_prefix(written: str, name: str) -> None:
    with pytest.raises(NotFound) as caught:
        best(a_run("a", metrics={"acc": 1}, params={"acc": "2"}), metric=written)
    assert caught.value.title == f"No run has the metric {name}"


def sweep() -> list[Run]:
    """Twelve runs; the two with k = 5 and 7 and the metric l2 are tied at the top."""
    runs = []
    for k in ("3", "5", "7"):
        for distance in ("l1", "l2", "max", "cos"):
            best = distance == "l2" and k != "3"
            metrics = {
                "acc": 0.9 if best else 0.8 if distance == "l2" else 0.7,
                "recall": 0.9 if k == "7" else 0.5,
            }
            metrics["cost"] = float(k)
            runs.append(
                a_run(
                    f"{k}-{distance}", name=f"{k}-{distance}", params={"k": k, "d": distance}, metrics=metrics
                )
            )
    return runs


def test_the_runner_up_and_what_the_best_share_are_named() -> None:
    found = best(*sweep())
    assert found.runner_up is not None
    assert (found.runner_up.run_id, found.margin) == ("3-l2", pytest.approx(0.1))
    assert found.common == Common(2, True, (("d", "l2"),), (("k", ("5", "7")),))
    assert found.sentences == (
        "Runner-up: 3-l2 0.8000, 0.1000 behind.",
        "The 2 best share d l2; k 5 and 7 tie.",
    )
    alone = best(*sweep()[:2])
    assert (alone.runner_up, alone.margin, alone.common) == (alone.runner_up, pytest.approx(0.1), None)
    only = best(sweep()[0])
    assert (only.runner_up, only.margin, only.common, only.sentences) == (None, None, None, ())


def test_a_constraint_excludes_runs_and_says_how_many() -> None:
    frame = RunFrame.from_runs(sweep())
    found = best_run(frame, "acc", where=compile_filter("recall >= 0.9", frame.keys, frame))
    assert (found.run.run_id, found.tied, found.considered, len(found.failing)) == ("7-l2", (), 4, 8)
    assert len(found.comparable) == 12
    assert found.sentences[0] == "8 of 12 comparable runs fail the constraint recall >= 0.9."
    with pytest.raises(NotFound) as caught:
        best_run(frame, "acc", where=compile_filter("recall > 1", frame.keys, frame))
    assert caught.value.detail == "12 comparable runs: none meets recall > 1"
    assert "0.9" in caught.value.hint


def test_the_metric_that_breaks_ties_can_be_chosen() -> None:
    frame = RunFrame.from_runs(sweep())
    found = best_run(frame, "acc", tie_metric="recall")
    assert (found.run.run_id, found.tie_break) == ("7-l2", "higher recall")
    found = best_run(frame, "acc", tie_metric="metrics.cost")
    assert (found.run.run_id, found.tie_break) == ("5-l2", "lower cost")


def test_an_unknown_metric_lists_the_available_ones() -> None:
    with pytest.raises(NotFound) as caught:
        best(a_run("a", metrics={"acc": 1, "f1": 1}), metric="nope")
    assert caught.value.title == "No run has the metric nope"
    assert caught.value.detail == "Metrics: acc, f1"
    with pytest.raises(NotFound) as caught:
        best(a_run("a", metrics={f"m{n:02}": 1 for n in range(20)}), metric="nope")
    assert caught.value.detail.endswith("m11 and 8 more")
    with pytest.raises(NotFound, match="No run has metrics"):
        best(metric="acc")


def test_without_an_eligible_run_the_error_gives_the_reasons() -> None:
    with pytest.raises(NotFound) as caught:
        best(a_run("a", metrics={"acc": math.nan}), a_run("b", status="FAILED", metrics={"acc": 1}))
    assert "No finished run has a finite value of acc" in caught.value.title
    assert caught.value.detail == "1 run with NaN or infinite acc; 1 failed run"


def test_the_best_run_of_a_real_store(mlflow_store: MlflowStore) -> None:
    frame = RunFeed(open_store(mlflow_store.tracking), mlflow_store.heart).load()
    found = best_run(frame, "accuracy")
    assert found.run.run_name == "trial-23"
    assert found.considered == 21
    assert set(found.left_out) == {
        "1 failed run",
        "1 killed run",
        "1 running run",
        "3 runs without accuracy",
    }
