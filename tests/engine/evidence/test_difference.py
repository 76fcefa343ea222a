"""How far the best run is ahead of the others, and whether a difference is more than chance."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.entities import SPLIT_TAG, Run
from engine.evidence.best import best_run
from engine.evidence.difference import Correction, Standing, Versus, chance, p_text, standing, verdict, versus
from engine.evidence.predictions import PATH, predictions_text
from engine.runs.frame import RunFrame
from engine.stores import open_store
from engine.stores.base import RunQuery
from tests.support.demo import DemoStore
from tests.support.runs import a_run


def rated(run_id: str, right: int, n: int = 61) -> Run:
    """A run that got `right` of `n` rows right."""
    metrics = {"accuracy": right / n, "class_0_support": 29.0, "class_1_support": n - 29.0}
    return a_run(run_id, metrics=metrics)


def standing_of(*right: int, n: int = 61, correction: Correction = "none") -> Standing | None:
    """For runs that get these numbers of `n` rows right."""
    frame = RunFrame.from_runs([rated(f"r{index}", count, n) for index, count in enumerate(right)])
    return standing(frame, best_run(frame, "accuracy"), correction=correction)


def with_predictions(run: Run, folder: Path, right: Sequence[bool], actual: Sequence[str] = ()) -> Run:
    """The run with a file of predictions, right in these rows."""
    labels = actual or ["0"] * 29 + ["1"] * (len(right) - 29)
    guesses = [label if ok else "wrong" for label, ok in zip(labels, right, strict=True)]
    path = folder / run.run_id / PATH
    path.parent.mkdir(parents=True)
    path.write_text(predictions_text(range(len(right)), labels, guesses))
    return replace(run, artifact_uri=(folder / run.run_id).as_uri())


def test_close_runs_cannot_be_distinguished_from_the_best_and_a_bad_one_can() -> None:
    found = standing_of(56, 56, 55, 52, 30)
    assert found is not None
    assert (found.others, found.level_with) == (4, 3)
    assert set(found.level) == {"r1", "r2", "r3"}
    assert found.measured == "[0.822, 0.964] n=61"
    assert found.more_rows is not None
    assert found.more_rows > 1000
    assert found.sentence == (
        "3 of 4 others cannot be distinguished from it (unpaired interval, α 0.05, no correction for the "
        "number of comparisons); about 4,727 more rows would distinguish the closest with another value."
    )


def test_more_rows_distinguish_the_same_rates() -> None:
    few, many = standing_of(92, 90, n=100), standing_of(9200, 9000, n=10_000)
    assert few is not None
    assert many is not None
    assert (few.level_with, many.level_with, many.more_rows) == (1, 0, None)


def test_equal_runs_stay_equal_with_any_number_of_rows() -> None:
    found = standing_of(56, 56)
    assert found is not None
    assert (found.level_with, found.more_rows) == (1, None)
    assert "more row" not in found.sentence


def test_a_single_run_has_an_interval_and_nobody_to_compare_with() -> None:
    found = standing_of(56)
    assert found is not None
    assert found.sentence == "No other run can be compared with it statistically."


@pytest.mark.parametrize("metric", ["f1", "loss"])
def test_a_metric_that_is_no_share_of_rows_has_no_standing(metric: str) -> None:
    frame = RunFrame.from_runs([a_run("a", metrics={metric: 0.5, "example_count": 10.0})])
    assert standing(frame, best_run(frame, metric)) is None


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        (
            "val_loss",
            "val_loss is not a share of counted rows. Runs repeated with other seeds would show it.",
        ),
        ("cv_mean", "the scores of the folds are not logged. Log them as cv_score."),
        (
            "accuracy",
            "nothing says how many rows accuracy was measured on. Log each run's predictions "
            "(evidence/predictions.csv), the support of each class, or the confusion counts.",
        ),
    ],
)
def test_it_is_said_that_chance_cannot_be_judged_and_what_to_log(metric: str, why: str) -> None:
    frame = RunFrame.from_runs([a_run(f"r{at}", metrics={metric: at / 10}) for at in range(2)])
    best = best_run(frame, metric)
    assert chance(best, standing(frame, best)) == (
        f"Whether its lead is more than chance cannot be said: {why}"
    )
    assert chance(best_run(frame, metric, rows=[0]), None) == ""


def test_predictions_for_the_same_rows_distinguish_what_rates_alone_cannot(tmp_path: Path) -> None:
    """55 and 49 right of 61 may be chance, but not if the second model gets nothing right that the first
    gets wrong."""
    best, other = rated("best", 55), rated("other", 49)
    (_, alone) = versus(None, [best, other], "accuracy")
    assert (alone.method, alone.distinguished) == ("interval", False)
    pair = [
        with_predictions(best, tmp_path, [row < 55 for row in range(61)]),
        with_predictions(other, tmp_path, [row < 49 for row in range(61)]),
    ]
    reference, paired = versus(None, pair, "accuracy")
    assert (reference.mark, reference.measured) == ("", "[0.802, 0.954] n=61")
    assert (paired.method, paired.distinguished) == ("mcnemar", True)
    assert (paired.only_reference, paired.only_this) == (6, 0)
    assert paired.p_value == pytest.approx(2 / 2**6)
    assert paired.mark == "p .03"
    frame = RunFrame.from_runs(pair)
    found = standing(frame, best_run(frame, "accuracy"))
    assert found is not None
    assert found.sentence.startswith("The other run can be distinguished from it (exact McNemar, α 0.05")


def test_a_verdict_is_one_sentence(tmp_path: Path) -> None:
    runs = [
        with_predictions(
            rated(f"r{right}{first}", right), tmp_path, [first <= row < first + right for row in range(61)]
        )
        for right, first in ((55, 0), (55, 6), (54, 0), (45, 0))
    ]
    base, *others = versus(
        None, [*runs, rated("bare", 50), a_run("none", metrics={"accuracy": 0.5})], "accuracy"
    )
    said = [verdict("accuracy", other, base, "version 2") for other in (*others, replace(base, value=None))]
    assert said == [
        "accuracy 0.9016 against 0.9016 of version 2: equal, n=61; they differ on 12 rows",
        "accuracy 0.8852 against 0.9016 of version 2: may be chance (exact McNemar, p 1.0, n=61); "
        "about 416 more rows would distinguish them",
        "accuracy 0.7377 against 0.9016 of version 2: more than chance (exact McNemar, p .002, n=61)",
        "accuracy 0.8197 against 0.9016 of version 2: may be chance (unpaired interval, p .19, n=61); "
        "about 216 more rows would distinguish them",
        "accuracy 0.5000 against 0.9016 of version 2: nothing is logged to test the difference with",
        "",
    ]


def test_a_recall_is_compared_on_the_rows_of_its_class(tmp_path: Path) -> None:
    """The second model gets seven more rows of class 0 wrong, but is as good on class 1."""
    runs = []
    for name, wrong in (("one", {60}), ("two", {0, 1, 2, 3, 4, 5, 6, 59})):
        right = [row not in wrong for row in range(61)]
        recalls = {"class_0_recall": sum(right[:29]) / 29, "class_1_recall": sum(right[29:]) / 32}
        supports = {"class_0_support": 29.0, "class_1_support": 32.0}
        runs.append(with_predictions(a_run(name, metrics={**recalls, **supports}), tmp_path, right))
    zero, one = (versus(None, runs, f"class_{label}_recall")[1] for label in (0, 1))
    assert (zero.method, zero.n, zero.mark) == ("mcnemar", 29, "p .02")
    assert (one.method, one.n, one.mark) == ("mcnemar", 32, "=")
    assert (one.only_reference, one.only_this) == (1, 1)


@pytest.mark.parametrize("what", ["other rows", "other labels", "another value", "another dataset"])
def test_predictions_that_do_not_match_are_not_used(tmp_path: Path, what: str) -> None:
    from engine.entities import DatasetRef

    one = with_predictions(rated("one", 55), tmp_path, [row < 55 for row in range(61)])
    two = with_predictions(
        rated("two", 48 if what == "another value" else 49),
        tmp_path,
        [row < 49 for row in range(61)],
        ["1"] * 61 if what == "other labels" else (),
    )
    if what == "other rows":
        file = tmp_path / "two" / PATH
        file.write_text(file.read_text().replace("\n60,", "\n61,"))
    if what == "another dataset":
        one = replace(one, datasets=(DatasetRef("a", "d1"),))
        two = replace(two, datasets=(DatasetRef("a", "d2"),))
    assert versus(None, [one, two], "accuracy")[1].method == "interval"


def test_holm_corrects_for_the_number_of_others() -> None:
    plain, corrected = standing_of(56, 47, 47, 47, 43), standing_of(56, 47, 47, 47, 43, correction="holm")
    assert plain is not None
    assert corrected is not None
    assert (plain.level_with, corrected.level_with) == (0, 3)
    assert plain.sentence.startswith("All 4 others can be distinguished from it (")
    assert "corrected for 4 comparisons by Holm's method" in corrected.sentence


def test_runs_without_the_metric_and_without_a_rate_are_not_judged() -> None:
    runs = [rated("a", 56), a_run("b"), a_run("c", metrics={"accuracy": 0.5})]
    reference, missing, bare = versus(None, runs, "accuracy")
    assert reference.interval is not None
    assert (missing.value, missing.mark, missing.distinguished) == (None, "", None)
    assert (bare.value, bare.interval, bare.mark, bare.range) == (0.5, None, "", "")
    assert [run.mark for run in versus(None, runs, "accuracy", reference=1)] == ["", "", ""]


@pytest.mark.slow
def test_two_equal_models_are_called_different_in_at_most_one_of_twenty_pairs(tmp_path: Path) -> None:
    """1,000 pairs through the files: both are right on each row with the same probability."""
    rng = random.Random(29)
    different = 0
    for pair in range(1000):
        runs = []
        for name in ("a", "b"):
            right = [rng.random() < 0.85 for _ in range(61)]
            runs.append(with_predictions(rated(f"{pair}{name}", sum(right)), tmp_path, right))
        (_, found) = versus(None, runs, "accuracy")
        assert found.method == "mcnemar"
        different += bool(found.distinguished)
    assert different <= 50


@pytest.mark.parametrize(
    ("p_value", "text"),
    [(0.6291, ".63"), (0.031, ".03"), (0.0496, ".050"), (0.0471, ".047"), (0.004, ".004"), (1e-9, "<.001")],
)
def test_p_values_are_written_short(p_value: float, text: str) -> None:
    assert p_text(p_value) == text


def test_an_interval_is_written_short() -> None:
    (found,) = versus(None, [rated("a", 61)], "accuracy")
    assert found.range == ".94 – 1.00"


def trials(demo: DemoStore) -> Mapping[str, Run]:
    """The trials of the demo's first experiment, by name."""
    store = open_store(demo.tracking)
    try:
        found = next(one for one in store.experiments() if one.name == "heart-disease")
        return {run.run_name: run for run in store.runs(RunQuery(found.experiment_id)).runs}
    finally:
        store.close()


def versus_in(demo: DemoStore, metric: str, *names: str) -> tuple[Versus, ...]:
    store = open_store(demo.tracking)
    try:
        return versus(store, [trials(demo)[name] for name in names], metric)
    finally:
        store.close()


@pytest.mark.slow
def test_trials_of_the_demo_are_compared_by_their_predictions_and_folds(demo_store: DemoStore) -> None:
    names = [
        "knn-5-euclidean-uniform-auto",
        "knn-7-euclidean-uniform-auto",
        "knn-3-chebyshev-uniform-ball_tree",
    ]
    best, tied, worse = versus_in(demo_store, "accuracy", *names)
    assert (best.value, best.measured) == (pytest.approx(56 / 61), "[0.822, 0.964] n=61")
    assert (tied.method, tied.mark) == ("mcnemar", "=")
    assert (worse.method, worse.distinguished) == ("mcnemar", True)
    assert worse.only_reference is not None
    assert worse.only_this is not None
    assert worse.only_reference - worse.only_this == 10
    best, tied, worse = versus_in(demo_store, "cv_mean", *names)
    assert (best.n, best.of_folds, tied.method, worse.method) == (5, True, "folds", "folds")
    assert (tied.distinguished, worse.p_value) == (False, pytest.approx(0.034, abs=0.03))
    assert best.measured.endswith("5 folds")


@pytest.mark.slow
def test_folds_of_another_split_are_not_compared(demo_store: DemoStore) -> None:
    run = trials(demo_store)["knn-5-euclidean-uniform-auto"]
    other = trials(demo_store)["knn-7-euclidean-uniform-auto"]
    assert run.tags[SPLIT_TAG] == other.tags[SPLIT_TAG]
    elsewhere = replace(other, tags={**other.tags, SPLIT_TAG: "another"})
    store = open_store(demo_store.tracking)
    assert versus(store, [run, elsewhere], "cv_mean")[1].method is None
    store.close()
