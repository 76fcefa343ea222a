"""Successive halving."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from engine.errors import GridError, TrainingError
from engine.training.search.grid import planned_trials
from engine.training.search.halving import HalvingSearch
from engine.training.spec import ModelSpec, Range, SearchSpec, SweepSpec
from tests.support.datasets import heart, mixed

KNN = ModelSpec("knn", {"n_neighbors": tuple(range(1, 20)), "weights": ("uniform", "distance")})
TREE = ModelSpec("decision_tree", {"max_depth": (1, 2, 3, None)})
SPEC = SweepSpec("e", models=(KNN, TREE), search=SearchSpec("halving"))


def parts_of(data: Any, spec: SweepSpec) -> Any:
    from engine.training.evaluation.parts import prepare

    return prepare(data, spec)


def asked(search: HalvingSearch) -> list[Any]:
    found = []
    while (trial := search.ask()) is not None:
        found.append(trial)
    assert search.exhausted
    return found


@pytest.mark.slow  # imports scikit-learn
def test_the_best_candidates_of_each_rung_go_on_and_those_of_the_last_are_proposed() -> None:
    search = HalvingSearch(SPEC, "classification")
    assert search.total == planned_trials(SPEC, "classification") == 43
    search.narrow(lambda: parts_of(heart(), SPEC), workers=1)
    rungs = search.rungs
    assert [len(rung.scores) for rung in rungs] == [42, 14, 5]
    assert [rung.rows for rung in rungs] == [20, 60, 180]
    for rung, following in itertools.pairwise(rungs):
        best = sorted((score for score in rung.scores.values() if math.isfinite(score)), reverse=True)
        assert {rung.scores[index] for index in following.scores} <= set(best[: len(following.scores)])
    survivors = asked(search)
    assert survivors[0].estimator == "dummy"
    assert {trial.index for trial in survivors[1:]} == set(rungs[-1].scores)
    dropped = search.dropped
    assert len(dropped) + len(survivors) == search.total
    assert {len(each.scores) for each in dropped} == {1, 2}
    assert dropped[0].metric == "accuracy"
    assert str(rungs[0]).startswith("halving, rung 1: 42 candidates on 20 rows, best accuracy 0.")

    search = HalvingSearch(SPEC, "classification")
    search.narrow(lambda: parts_of(heart(), SPEC), workers=1, stop=lambda: len(search.rungs) == 1)
    again = search.rungs
    assert [dict(rung.scores) for rung in again] == [pytest.approx(dict(rungs[0].scores), nan_ok=True)]
    assert len(asked(search)) == 43
    assert not search.dropped

    ridge = ModelSpec("ridge", {"alpha": Range(0.01, 100, log=True)})
    spec = SweepSpec(
        "e",
        models=(ridge,),
        metric="mean_absolute_error",
        search=SearchSpec("halving", trials=9),
        baseline=False,
    )
    search = HalvingSearch(spec, "regression")
    search.narrow(lambda: parts_of(mixed(300, "regression"), spec), workers=1)
    found = search.rungs
    last = found[-1]
    assert all(score > 0 for score in last.scores.values())
    assert len(search.dropped) == 8
    lowest = sorted(found[0].scores.values())[: len(found[1].scores)]
    assert sorted(found[0].scores[index] for index in found[1].scores) == pytest.approx(lowest)

    search = HalvingSearch(SPEC, "classification")
    asks = itertools.count()
    search.narrow(lambda: parts_of(heart(), SPEC), workers=1, abort=lambda: next(asks) > 20)
    assert not search.dropped

    many = ModelSpec("knn", {"n_neighbors": (200, 210)})
    failing = SweepSpec("e", models=(many,), search=SearchSpec("halving"))
    parts = parts_of(heart(), failing)
    with pytest.raises(TrainingError, match="all candidates") as caught:
        HalvingSearch(failing, "classification").narrow(lambda: parts, workers=1)
    assert "2 candidates on 242 rows" in caught.value.detail


def test_a_range_needs_a_number_of_candidates() -> None:
    ridge = ModelSpec("ridge", {"alpha": Range(0.01, 100)})
    with pytest.raises(GridError, match="range"):
        HalvingSearch(SweepSpec("e", models=(ridge,), search=SearchSpec("halving")), "regression")
    drawn = SweepSpec("e", models=(ridge,), search=SearchSpec("halving", trials=20))
    assert HalvingSearch(drawn, "regression").total == 21
