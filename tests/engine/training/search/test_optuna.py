"""Searches by Optuna."""

from __future__ import annotations

import importlib.util

import pytest

from engine.errors import GridError, UsageError
from engine.training.search.grid import planned_trials, search_for
from engine.training.spec import ModelSpec, Range, Sampler, SearchSpec, SweepSpec, Trial

KNN = ModelSpec("knn", {"n_neighbors": (3, 5), "weights": ("uniform", None)})
LOGISTIC = ModelSpec(
    "logistic_regression",
    {"C": Range(0.01, 100, log=True), "l1_ratio": Range(0, 0.5), "max_iter": Range(50, 200)},
)

needs_optuna = pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="Optuna is an extra")


def sweep(
    *models: ModelSpec, trials: int | None = 30, sampler: Sampler = "tpe", baseline: bool = True
) -> SweepSpec:
    search = SearchSpec("optuna", trials=trials, sampler=sampler)
    return SweepSpec("e", models=models, search=search, baseline=baseline)


def score(trial: Trial) -> float:
    """Best for logistic regression with C near 1."""
    value = trial.params.get("C")
    return -abs(value - 1) if isinstance(value, float) else -50


def run(spec: SweepSpec, at_once: int = 1) -> list[Trial]:
    search = search_for(spec, "classification")
    asked: list[Trial] = []
    while not search.exhausted:
        batch = [trial for _ in range(at_once) if (trial := search.ask()) is not None]
        asked += batch
        for trial in batch:
            search.tell(trial, score(trial) if trial.index % 7 else None)
    assert search.ask() is None
    assert len(asked) == search.total
    return asked


@needs_optuna
def test_samplers_propose_distinct_trials_within_their_ranges_and_follow_the_seed() -> None:
    for sampler in ("tpe", "random"):
        spec = sweep(KNN, LOGISTIC, sampler=sampler)
        asked = run(spec)
        assert [trial.index for trial in asked] == list(range(31))
        assert asked[0].estimator == "dummy"
        assert len({trial.name for trial in asked}) == 31
        knn = [trial for trial in asked if trial.estimator == "knn"]
        assert 0 < len(knn) <= 4
        assert all(trial.params.keys() == KNN.params.keys() for trial in knn)
        for trial in asked:
            if trial.estimator == "logistic_regression":
                c, ratio, iterations = (trial.params[name] for name in LOGISTIC.params)
                assert isinstance(c, float)
                assert 0.01 <= c <= 100
                assert isinstance(ratio, float)
                assert 0 <= ratio <= 0.5
                assert isinstance(iterations, int)
                assert 50 <= iterations <= 200
        assert run(spec) == asked


@needs_optuna
def test_tpe_learns_from_scores_also_of_trials_that_run_at_once() -> None:
    asked = run(sweep(LOGISTIC, baseline=False), at_once=2)
    first, last = ([score(trial) for trial in part] for part in (asked[:10], asked[-10:]))
    assert sum(last) > sum(first)


@needs_optuna
def test_a_grid_of_lists_ends_when_all_combinations_were_proposed() -> None:
    spec = sweep(KNN, ModelSpec("decision_tree", {"max_depth": (1, 2)}), baseline=False)
    assert planned_trials(spec, "classification") == 6
    assert len({trial.name for trial in run(spec, at_once=4)}) == 6


@needs_optuna
def test_invalid_settings_are_refused_before_the_first_trial() -> None:
    with pytest.raises(UsageError, match="number of trials"):
        search_for(sweep(KNN, trials=None), "classification")
    with pytest.raises(GridError, match="C cannot be"):
        search_for(sweep(ModelSpec("logistic_regression", {"C": Range(-1, 1)})), "classification")


def test_without_optuna_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="not installed") as caught:
        search_for(sweep(KNN), "classification")
    assert "pip install 'mlflow-console[optuna]'" in caught.value.hint
