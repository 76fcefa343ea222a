"""Sweep files."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import pytest

from engine.errors import EngineError, UsageError
from engine.training.spec import Range
from engine.training.sweep_file import parse_sweep

TEXT = """\
experiment: wine
data: {file: wine.csv, target: class, leave_out: [id], types: {zip: category}}
split: {method: stratified, test: 0.2, folds: 5}
models:
  - knn: {n_neighbors: [3, 5], weights: [uniform]}
  - logistic_regression: {C: {low: 0.01, high: 100, log: true}}
  - random_forest
search: {method: random, trials: 100}
limits: {trial_timeout: 60s, time: 1h, no_improvement: 20}
baseline: false
"""
WHERE = Path("/sweeps/wine.yaml")


def test_a_sweep_file_is_read() -> None:
    spec = parse_sweep(TEXT, WHERE)
    assert (spec.data.path, spec.data.leave_out) == ("/sweeps/wine.csv", ("id",))
    assert spec.models[0].params["n_neighbors"] == (3, 5)
    assert spec.models[1].params["C"] == Range(0.01, 100, log=True)
    assert (spec.limits.trial_timeout, spec.limits.time, spec.baseline) == (60, 3600, False)


@pytest.mark.parametrize(
    ("old", "new", "title", "place"),
    [
        ("folds", "fold", "Unknown key", "line 3, column 40"),
        ("60s", "soon", "duration", "line 9, column 25"),
        ("baseline", "experiment", "Duplicate key", "line 10, column 1"),
        ("[id]", "[id", "Invalid YAML", "line 2"),
        ("trials: 100", "trials: many", "integer", "line 8, column 34"),
        ("[id]", "*id", "Aliases", "line 2, column 50"),
    ],
)
def test_an_error_names_line_and_column(old: str, new: str, title: str, place: str) -> None:
    with pytest.raises(UsageError, match=title) as caught:
        parse_sweep(TEXT.replace(old, new), WHERE)
    assert place in caught.value.detail


def test_a_mutated_file_is_read_or_refused_with_an_error_of_the_engine() -> None:
    generator = random.Random(1)
    for _ in range(300):
        letters = list(TEXT)
        for _ in range(generator.randint(1, 4)):
            letters[generator.randrange(len(letters))] = generator.choice("{}[]:,-&*!|>'\"%@`#?\n\t\0é9a ")
        with contextlib.suppress(EngineError):
            parse_sweep("".join(letters), WHERE)
