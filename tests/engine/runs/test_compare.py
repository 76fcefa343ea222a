"""Runs side by side: what differs, and which is best."""

from __future__ import annotations

import math
from dataclasses import replace

from engine.entities import DatasetRef, MetricExtremes, Run
from engine.runs.compare import CompareRow, compare
from engine.runs.metrics import Direction
from tests.support.runs import START, a_run

ONE = a_run(
    "a",
    params={"k": "5", "weights": "uniform"},
    metrics={"acc": 0.9, "loss": 0.3, "same": 1.0, "nan": math.nan, "only_a": 1.0, "diverged": 0.5},
)
TWO = a_run(
    "b",
    status="FAILED",
    start=START + 5000,
    seconds=2,
    user="",
    params={"k": "5.0", "weights": "uniform", "extra": "x"},
    metrics={"acc": 0.8, "loss": 0.2, "same": 1.0, "nan": math.nan, "diverged": math.nan},
)
THREE = a_run(
    "c", metrics={"acc": 0.9, "loss": math.inf, "same": 1.0, "nan": math.nan, "diverged": -math.inf}
)


def rows(*runs: object, **directions: Direction) -> dict[str, CompareRow]:
    return {row.id: row for row in compare(runs, directions=directions).rows}  # type: ignore[arg-type]


def test_attributes_then_parameters_then_metrics() -> None:
    comparison = compare([ONE, TWO])
    assert comparison.runs == (ONE, TWO)
    assert [row.id for row in comparison.rows] == [
        *("status", "start_time", "duration", "user_id", "params.extra", "params.k", "params.weights"),
        *("metrics.acc", "metrics.diverged", "metrics.loss", "metrics.nan", "metrics.only_a", "metrics.same"),
    ]


def test_values_are_as_they_were_logged_and_missing_is_none() -> None:
    found = rows(ONE, TWO, THREE)
    assert found["params.k"].values == ("5", "5.0", None)
    assert found["metrics.only_a"].values == (1.0, None, None)
    assert found["duration"].values == (1.0, 2.0, 1.0)
    assert found["user_id"].values == ("ada", None, "ada")


def test_what_differs() -> None:
    found = rows(ONE, TWO)
    same = {key for key, row in found.items() if not row.differs}
    assert same == {"params.weights", "metrics.same", "metrics.nan"}
    assert not any(row.differs for row in rows(ONE, ONE).values())


def test_the_best_are_marked_by_direction() -> None:
    found = rows(ONE, TWO, THREE)
    assert (found["metrics.acc"].direction, found["metrics.acc"].best) == ("higher", {0, 2})
    assert (found["metrics.loss"].direction, found["metrics.loss"].best) == ("lower", {1})
    assert found["metrics.diverged"].best == {0}
    assert rows(ONE, TWO, loss="higher")["metrics.loss"].best == {0}


def test_nothing_is_best_where_nothing_is_better() -> None:
    found = rows(ONE, TWO, THREE)
    for key in ("metrics.same", "metrics.nan", "metrics.only_a", "params.k", "duration"):
        assert found[key].best == frozenset(), key
    assert found["params.k"].direction is None
    assert all(row.best == frozenset() for row in rows(ONE).values())
    assert all(row.best == frozenset() for row in rows(a_run("x", metrics={"m": math.inf}), THREE).values())


def test_no_runs_compare_to_no_values() -> None:
    assert compare([]).runs == ()
    assert all(row.values == () for row in compare([]).rows)


def test_texts_are_aligned_and_missing_values_are_marked() -> None:
    found = rows(ONE, TWO, THREE)
    assert found["metrics.acc"].texts == ("0.9000", "0.8000", "0.9000")
    assert found["metrics.loss"].texts == ("0.3000", "0.2000", "inf")
    assert found["metrics.only_a"].texts == ("1", "–", "–")
    assert found["duration"].texts == ("1.0s", "2.0s", "1.0s")
    assert found["user_id"].texts == ("ada", "–", "ada")


def test_labels_carry_the_direction_and_never_lose_it() -> None:
    found = rows(ONE, TWO)
    assert [found[key].label() for key in ("metrics.acc", "metrics.loss", "params.k")] == [
        "acc ↑",
        "loss ↓",
        "k",
    ]
    assert found["metrics.diverged"].label(8) == "diver… ↑"


def test_the_delta_to_a_baseline_says_whether_it_is_better() -> None:
    found = rows(ONE, TWO, THREE)
    accuracy, loss = found["metrics.acc"].deltas(0)[1], found["metrics.loss"].deltas(0)[1]
    assert accuracy is not None
    assert loss is not None
    assert (accuracy.text, accuracy.better) == ("−0.1000", False)
    assert (loss.text, loss.better) == ("−0.1000", True)
    same = found["metrics.acc"].deltas(0)[2]
    assert same is not None
    assert same.better is None
    absent = (
        ("metrics.acc", 0),
        ("metrics.only_a", 1),
        ("metrics.diverged", 2),
        ("params.k", 1),
        ("duration", 1),
    )
    for key, position in absent:
        assert found[key].deltas(0)[position] is None, key


def names(width: int, *runs: str) -> tuple[tuple[str, ...], str]:
    found = compare([a_run(f"{at}" * 32, name=name) for at, name in enumerate(runs)]).run_names(width, width)
    return found.names, found.pattern


def test_long_names_lose_the_words_that_all_runs_share() -> None:
    knn = ("knn-7-euclidean-uniform-auto", "knn-9-euclidean-distance-auto")
    assert names(40, *knn) == (knn, "")
    assert names(20, *knn) == (("7·uniform", "9·distance"), "knn-*-euclidean-*-auto")
    assert names(6, "net_lr3e-4", "net_lr1e-4", "net_lr3e-4-warm") == (
        ("lr3e-4", "lr1e-4", "lr3e-…"),
        "net_*",
    )
    assert names(12, "net-lr1e-3-seed4", "net-lr3e-4-seed2")[0] == ("lr1e-3·seed4", "lr3e-4·seed2")
    assert names(9, "big model/a/final", "big model/b/2/final")[0] == ("a", "b/2")


def test_words_are_abbreviated_while_names_stay_different() -> None:
    knn = ("knn-11-chebyshev-distance-auto", "knn-11-chebyshev-uniform-ball_tree")
    assert names(12, *knn) == (("dista·auto", "unifo·ball_"), "knn-11-chebyshev-*-*")
    assert names(8, "run-distances-1000", "run-uni-2")[0] == ("dis·1000", "uni·2")
    assert names(6, "run-distances-1", "run-distance-1", "run-uni-2")[0] == ("dista…", "dista…", "uni·2")


def test_names_without_common_words_are_cut() -> None:
    assert names(8, "resnet50-baseline", "vit-large") == (("resnet5…", "vit-lar…"), "")
    assert names(6, "same-words", "same_words") == (("same-…", "same_…"), "")


def test_missing_and_repeated_names_get_an_id() -> None:
    assert names(40, "", "twin", "twin") == (("00000000", "twin 11111111", "twin 22222222"), "")
    assert names(8, "twin", "twin") == (("00000000", "11111111"), "twin *")


def test_sections_put_what_differs_first() -> None:
    comparison = compare([ONE, TWO])
    assert [section.heading for section in comparison.sections()] == ["PARAMETERS", "METRICS", "RUN"]
    assert [row.key.name for row in comparison.sections()[0].rows] == ["extra", "k", "weights"]
    different = comparison.sections(differences_only=True, only=("param", "metric"))
    assert [section.heading for section in different] == ["PARAMETERS", "METRICS"]
    assert all(row.differs for section in different for row in section.rows)
    assert compare([ONE, ONE]).sections(differences_only=True) == ()


def test_by_importance_key_metrics_come_before_parameters_that_differ() -> None:
    one = a_run("a", params={"k": "5", "same": "1"}, metrics={"zeta": 1.0, "accuracy": 0.9, "fit_time": 1.0})
    two = a_run("b", params={"k": "7", "same": "1"}, metrics={"zeta": 1.0, "accuracy": 0.9, "fit_time": 2.0})
    names = [row.key.name for row in compare([one, two]).by_importance()]
    assert names == ["accuracy", "zeta", "k", "fit_time", "same"]


def test_user_tags_and_datasets_are_compared() -> None:
    tags = {"team": "a", "mlflow.user": "ada", "console.sweep": "1"}
    heart = replace(a_run("a", tags=tags), datasets=(DatasetRef("heart.csv", "e715", "training"),))
    other = replace(a_run("b", tags={"team": "b"}), datasets=(DatasetRef("heart.csv", "e715", "training"),))
    found = rows(heart, other)
    assert found["tags.team"].values == ("a", "b")
    assert found["datasets.training"].values == ("heart.csv e715", "heart.csv e715")
    assert not any("mlflow" in key or "console" in key for key in found)
    headings = [section.heading for section in compare([heart, other]).sections()]
    assert headings == ["TAGS", "DATASETS", "RUN"]


def test_relative_differences_are_percent_and_those_of_rates_percentage_points() -> None:
    found = rows(
        a_run("a", metrics={"accuracy": 0.9180, "loss": 0.8, "errors": 0.0, "class_1_recall": 91.8}),
        a_run("b", metrics={"accuracy": 0.7541, "loss": 1.3, "errors": 2.0, "class_1_recall": 75.4}),
    )
    relative = {
        key.removeprefix("metrics."): delta.text
        for key, row in found.items()
        if (delta := row.deltas(0, relative=True)[1]) is not None
    }
    assert relative == {
        "accuracy": "−16.4 pp",
        "class_1_recall": "−16.4 pp",
        "loss": "+62.5%",
        "errors": "",
    }


def test_runs_with_the_same_parameters_and_metrics_are_merged() -> None:
    def trial(run_id: str, accuracy: float, seed: str) -> Run:
        metrics = {"accuracy": accuracy, "bad": math.nan}
        return a_run(run_id, name="knn", params={"k": "5"}, metrics=metrics, tags={"seed": seed})

    twins = compare([trial("a" * 9, 0.9, "1"), trial("b" * 9, 0.8, "1"), trial("c" * 9, 0.9, "2")])
    merged = twins.merged()
    assert [(column.key[0], column.twins) for column in merged.columns] == [("a", ("c" * 9,)), ("b", ())]
    found = {row.id: row for row in merged.rows}
    assert found["metrics.accuracy"].values == (0.9, 0.8)
    assert found["metrics.accuracy"].best == {0}
    assert found["tags.seed"].texts == ("2 values", "1")
    assert merged.run_names(20, 20).names == ("knn aaaaaaaa ×2", "knn bbbbbbbb")
    assert merged.position_of("c" * 9) == 0
    assert merged.position_of("z") is None
    unlogged = compare([a_run("a", name="x"), a_run("b", name="y")])
    assert unlogged.merged() is unlogged, "nothing says that these are the same"


def test_the_best_of_a_history_stands_below_the_last_value() -> None:
    read = compare([a_run("a", metrics={"loss": 0.3, "acc": 0.9}), a_run("b", metrics={"loss": 0.2})])
    ends = [("loss", "a", 0.1, 5.0), ("loss", "b", 0.2, 4.0), ("acc", "a", 0.2, 0.9)]
    extremes: dict[str, dict[str, MetricExtremes]] = {}
    for metric, run_id, low, high in ends:
        extremes.setdefault(metric, {})[run_id] = MetricExtremes(run_id, metric, low, high)
    comparison = replace(read, extremes=extremes)
    metrics = comparison.with_bests().sections(only=("metric",))[0].rows
    assert [row.id for row in metrics] == ["metrics.acc", "metrics.loss", "metrics.loss best"]
    assert metrics[-1].values == (0.1, 0.2)
    assert metrics[-1].best == {0}
    assert metrics[-1].label() == "loss best ↓"
    flipped = comparison.directed({"loss": "higher"})
    assert {row.id: row.best for row in flipped.rows}["metrics.loss"] == {0}
    assert flipped.with_bests().rows[-1].values == (5.0, 4.0)


def test_runs_are_ordered_by_a_row() -> None:
    runs = [ONE, TWO, THREE, a_run("d")]
    comparison = compare(runs)
    found = {row.id: row for row in comparison.rows}
    assert comparison.ranked(found["metrics.loss"]) == [1, 0, 2, 3]
    assert comparison.ranked(found["metrics.acc"]) == [0, 2, 1, 3]
    assert comparison.ranked(found["params.k"])[:2] == [0, 1], "parameters that are numbers are ordered, too"
