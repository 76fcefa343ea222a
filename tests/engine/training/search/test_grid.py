"""Grid and random search."""

from __future__ import annotations

import pytest

from engine.errors import GridError, UsageError
from engine.training.search.grid import search_for, trials
from engine.training.spec import Limits, ModelSpec, Range, SearchSpec, SweepSpec

KNN = ModelSpec("knn", {"n_neighbors": (3, 5), "weights": ("uniform", "distance")})
TREE = ModelSpec("decision_tree", {"max_depth": (2, 3)})


def sweep(*models: ModelSpec, search: SearchSpec | None = None, baseline: bool = True) -> SweepSpec:
    return SweepSpec("e", models=models, search=search or SearchSpec(), baseline=baseline, limits=Limits())


def test_indexes_count_through_the_baseline_and_each_models_grid() -> None:
    found = trials(sweep(KNN, TREE), "classification")
    assert [trial.index for trial in found] == list(range(7))
    assert [trial.estimator for trial in found] == ["dummy", *["knn"] * 4, *["decision_tree"] * 2]
    assert found[2].params == {"n_neighbors": 3, "weights": "distance"}


def test_the_baseline_is_left_out_on_request_and_never_doubled() -> None:
    assert len(trials(sweep(KNN, baseline=False), "classification")) == 4
    listed = trials(sweep(KNN, ModelSpec("dummy", {"strategy": ("prior",)})), "classification")
    assert [trial.estimator for trial in listed].count("dummy") == 1


def test_a_grid_of_ten_million_is_refused_with_its_factors() -> None:
    huge = ModelSpec(
        "knn",
        {"n_neighbors": tuple(range(1, 10001)), "leaf_size": tuple(range(1, 1001))},
    )
    with pytest.raises(GridError) as caught:
        trials(sweep(huge), "classification")
    assert "10,000,000" in caught.value.title
    assert "n_neighbors 10,000 × leaf_size 1,000" in caught.value.detail
    assert "random" in caught.value.hint


def test_a_random_search_repeats_nothing_and_follows_its_seed() -> None:
    spec = sweep(KNN, TREE, search=SearchSpec("random", trials=100), baseline=False)
    found = trials(spec, "classification")
    assert len(found) == len({trial.name for trial in found}) == 6
    assert found == trials(spec, "classification")


def test_a_random_search_draws_from_ranges() -> None:
    model = ModelSpec("logistic_regression", {"C": Range(0.01, 100, log=True)})
    found = trials(sweep(model, search=SearchSpec("random", trials=20), baseline=False), "classification")
    values = [trial.params["C"] for trial in found]
    assert len(set(values)) == 20
    assert all(isinstance(value, float) and 0.01 <= value <= 100 for value in values)


def test_a_grid_refuses_a_range_and_a_random_search_needs_a_number_of_trials() -> None:
    model = ModelSpec("logistic_regression", {"C": Range(0.01, 100)})
    with pytest.raises(GridError, match="range"):
        trials(sweep(model), "classification")
    with pytest.raises(UsageError, match="number of trials"):
        trials(sweep(model, search=SearchSpec("random")), "classification")


def test_a_search_hands_out_every_trial_once() -> None:
    search = search_for(sweep(KNN), "classification")
    asked = []
    while (trial := search.ask()) is not None:
        asked.append(trial)
        search.tell(trial, None)
    assert len(asked) == search.total == 5
    assert search.exhausted
