"""Grid syntax, the trials of a grid, and rejected values."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace

import pytest

from engine.errors import GridError, UsageError
from engine.training.datasets import DatasetSpec, read_dataset
from engine.training.estimators import ParameterValue
from engine.training.sweep import (
    DEFAULT_GRID,
    SweepSpec,
    check_rows,
    fingerprint,
    grid_text,
    parse_grid,
    trials,
)

SPEC = SweepSpec(experiment="x")


def with_grid(text: str) -> SweepSpec:
    return replace(SPEC, grid=parse_grid(text))


def test_the_default_grid_has_sixty_trials_with_unique_names() -> None:
    all_trials = trials(SPEC)
    assert len(all_trials) == 60
    assert all_trials[0].name == "knn-3-euclidean-uniform-auto"
    assert all_trials[5].name == "knn-3-chebyshev-uniform-ball_tree"
    assert list(all_trials[5].params) == ["n_neighbors", "weights", "metric", "algorithm"]
    assert [trial.index for trial in all_trials] == list(range(60))
    assert len({trial.name for trial in all_trials}) == 60


def test_grids_survive_a_round_trip_and_values_are_typed() -> None:
    assert parse_grid(grid_text(DEFAULT_GRID)) == DEFAULT_GRID
    read = parse_grid(" a = 1, 2.5 ,1e3,-3\n b=true,False,none,null  c=x.y ")
    expected: dict[str, tuple[ParameterValue, ...]] = {
        "a": (1, 2.5, 1000.0, -3),
        "b": (True, False, None, None),
        "c": ("x.y",),
    }
    assert read == expected
    assert [type(value) for value in read["a"]] == [int, float, float, int]


@pytest.mark.parametrize(
    "text", ["", "  ", "k", "k=", "=3", "k=3,,5", "k=3,", "k=3 k=5", "k=3 = 4", ",", "=="]
)
def test_invalid_grids_are_rejected(text: str) -> None:
    with pytest.raises(GridError):
        parse_grid(text)


def test_an_unknown_parameter_lists_the_valid_ones() -> None:
    with pytest.raises(GridError) as caught:
        trials(with_grid("neighbours=3"))
    assert caught.value.title == "Unknown parameter 'neighbours'"
    assert "n_neighbors, weights, metric, algorithm" in caught.value.detail
    assert caught.value.exit_status == 2
    assert caught.value.hint == "Did you mean n_neighbors?"


def test_more_neighbors_than_rows_are_rejected_before_training() -> None:
    """Of 303 rows, 242 are for training; five folds leave 193 of those to fit on."""
    check_rows(with_grid("n_neighbors=3,193"), 303)
    check_rows(with_grid("weights=uniform"), 303)
    with pytest.raises(GridError) as caught:
        check_rows(with_grid("n_neighbors=3,194"), 303)
    assert caught.value.title == "n_neighbors cannot be 194 with only 303 rows"
    assert "Use values up to 193" in caught.value.hint


def test_the_neighbor_limit_matches_scikit_learn() -> None:
    from engine.training.recipes import fit, split

    heart = read_dataset(DatasetSpec())
    for neighbors, fits in ((193, True), (194, False)):
        spec = with_grid(f"n_neighbors={neighbors}")
        with nullcontext() if fits else pytest.raises(ValueError, match="n_neighbors"):
            fit(split(heart, spec), spec, trials(spec)[0])


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("n_neighbors=0", "n_neighbors cannot be 0"),
        ("n_neighbors=2.5", "n_neighbors cannot be 2.5"),
        ("n_neighbors=true", "n_neighbors cannot be True"),
        ("n_neighbors=three", "n_neighbors cannot be 'three'"),
        ("n_neighbors=none", "n_neighbors cannot be None"),
        ("n_neighbors=99999999999999999999", "n_neighbors cannot be '9999"),
        ("weights=heavy", "weights cannot be 'heavy'"),
        ("metric=5", "metric cannot be 5"),
        ("p=1e999", "p cannot be inf"),
        ("n_neighbors=3,5,3", "n_neighbors lists 3 twice"),
    ],
)
def test_invalid_values_are_rejected(text: str, title: str) -> None:
    with pytest.raises(GridError) as caught:
        trials(with_grid(text))
    assert title in caught.value.title
    assert caught.value.hint


def test_settings_out_of_range_are_rejected() -> None:
    invalid = [
        replace(SPEC, grid={}),
        replace(SPEC, grid={"n_neighbors": ()}),
        replace(SPEC, grid={"n_neighbors": tuple(range(1, 5003))}),
        replace(SPEC, estimator="oracle"),
        replace(SPEC, experiment=" "),
        replace(SPEC, recipe="secret"),  # type: ignore[arg-type]
        replace(SPEC, test_size=1.0),
        replace(SPEC, cv_folds=1),
        replace(SPEC, random_state=-1),
    ]
    for spec in invalid:
        with pytest.raises(UsageError):
            trials(spec)


def test_a_spec_survives_a_round_trip_through_json() -> None:
    spec = replace(SPEC, dataset=DatasetSpec("/a b.csv", "y"), grid={"weights": ("uniform", None)})
    assert SweepSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_a_fingerprint_depends_only_on_what_is_trained() -> None:
    heart = read_dataset(DatasetSpec())
    same = replace(SPEC, experiment="y", run_name="z")
    assert fingerprint(same, heart) == fingerprint(SPEC, heart)
    params = trials(SPEC)[0].params
    others = [
        fingerprint(SPEC, heart),
        fingerprint(replace(SPEC, recipe="published"), heart),
        fingerprint(replace(SPEC, random_state=1), heart),
        fingerprint(with_grid("n_neighbors=3"), heart),
        fingerprint(SPEC, heart, params),
        fingerprint(SPEC, heart, {**params, "p": 3}),
        fingerprint(SPEC, replace(heart, sha256="0"), params),
    ]
    assert len(set(others)) == len(others)
    assert fingerprint(SPEC, heart, {**params, "algorithm": "auto"}) == fingerprint(SPEC, heart, params)
    defaults = {"n_neighbors": 3, "metric": "euclidean"}
    assert fingerprint(SPEC, heart, defaults) == fingerprint(SPEC, heart, params)
