"""Sweep files."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from engine.errors import EngineError, UsageError
from engine.training.spec import (
    COLUMN_TYPES,
    CURVES,
    METRICS,
    SAMPLERS,
    TASKS,
    DataSpec,
    Limits,
    ModelSpec,
    Range,
    SearchSpec,
    SplitSpec,
    SweepSpec,
)
from engine.training.sweep_file import parse_sweep, sweep_text

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
        ("test: 0.2", "test: 20", "Invalid test size 20", "line 3, column 35"),
        ("folds: 5", "folds: 1", "Invalid number of folds 1", "line 3, column 47"),
        ("stratified", "halves", "Unknown split method 'halves'", "line 3, column 17"),
        ("stratified", "time", "split by time needs a column", "line 3, column 17"),
        ("method: random", "method: guess", "Unknown search method", "line 8, column 18"),
        ("trials: 100", "seed: 7", "number of trials", "line 8, column 18"),
        ("{zip: category}", "{zip: text}", "Unknown column type 'text'", "line 2, column 69"),
        ("target: class", "target: class, task: guessing", "Unknown task", "line 2, column 45"),
        ("file: wine.csv", "file: wine.csv, run: abc", "either a file or", "line 2, column 29"),
        ("random_forest", "random_forrest", "Unknown estimator", "line 7, column 5"),
        ("random_forest", "sklearn.nothing", "not a scikit-learn estimator", "line 7, column 5"),
        ("n_neighbors", "neighbours", "Unknown parameter 'neighbours'", "line 5, column 11"),
        ("[3, 5]", "[3, five]", "n_neighbors cannot be 'five'", "line 5, column 28"),
        ("[3, 5]", "[3, 5, 3]", "n_neighbors lists 3 twice", "line 5, column 31"),
        ("[3, 5]", "[]", "n_neighbors has no values", "line 5, column 24"),
        ("low: 0.01", "low: 0", "C cannot be 0", "line 6, column 36"),
        ("high: 100", "high: 0.001", "invalid range", "line 6, column 30"),
        ("method: random, ", "", "C is a range, which a grid", "line 6, column 30"),
        ("baseline: false", "metric: beauty", "'beauty' cannot rank trials", "line 10, column 9"),
        ("baseline: false", "curves: [learning, steep]", "Unknown curve 'steep'", "line 10, column 20"),
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


def test_a_written_sweep_has_comments_and_leaves_out_defaults() -> None:
    assert (
        sweep_text(parse_sweep(TEXT, WHERE))
        == """\
# Run it with `mlflow-console train FILE`.
experiment: wine
data:
  file: /sweeps/wine.csv  # CSV or Parquet, relative to this file
  target: class  # the column to predict
  leave_out: [id]  # columns that are no features
  types: {zip: category}  # number, category or date
split:
  method: stratified  # random, stratified, time or group
models:  # estimators, with the values to try
  - knn:
      n_neighbors: [3, 5]
      weights: [uniform]
  - logistic_regression:
      C: {low: 0.01, high: 100, log: true}
  - random_forest
search:
  method: random  # grid, random, halving or optuna
  trials: 100  # how many combinations to try
limits:
  trial_timeout: 1m  # ends a trial
  time: 1h  # ends the sweep
  no_improvement: 20  # ends the sweep after so many trials without improvement
baseline: false  # whether to add a dummy
"""
    )


words = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["null", "Yes", "1", "1e3", ".5", "a: b", "# a", "- a", "<<", "=", " "]),
)
names = words.filter(str.strip)
integers = st.integers(-(10**17), 10**17)
numbers = st.one_of(integers, st.floats(allow_nan=False, allow_infinity=False))
values = st.one_of(words, numbers, st.booleans(), st.none())
ranges = st.tuples(numbers, numbers).filter(lambda pair: pair[0] < pair[1])
choices = st.one_of(
    st.lists(values, min_size=1, max_size=4, unique=True).map(tuple),
    ranges.map(lambda pair: Range(*pair, log=pair[0] > 0)),
)
models = st.one_of(
    st.builds(ModelSpec, st.sampled_from(["knn", "random_forest", "sklearn.svm.NuSVC"])),
    st.builds(
        ModelSpec,
        st.just("sklearn.neural_network.MLPClassifier"),
        st.dictionaries(words, choices, min_size=1, max_size=3),
    ),
)
seeds = st.integers(0, 2**32 - 1)
times = st.none() | st.floats(0.001, 1e9)
counts = st.none() | st.integers(1, 5000)
specs = st.builds(
    SweepSpec,
    experiment=names,
    data=st.builds(
        DataSpec,
        path=st.none() | names.filter(lambda name: "\0" not in name).map(lambda name: str(Path("/") / name)),
        target=words,
        task=st.none() | st.sampled_from(TASKS),
        use=st.lists(words, max_size=3).map(tuple),
        leave_out=st.lists(words, max_size=3).map(tuple),
        types=st.dictionaries(words, st.sampled_from(COLUMN_TYPES), max_size=3),
        delimiter=words,
        decimal=words,
        positive=words,
    ),
    split=st.builds(
        SplitSpec,
        method=st.sampled_from(["random", "stratified"]),
        column=words,
        test=st.floats(0.01, 0.99),
        folds=st.integers(2, 100),
        seed=seeds,
    ),
    models=st.lists(models, min_size=1, max_size=3).map(tuple),
    search=st.builds(
        SearchSpec,
        method=st.sampled_from(["random", "halving", "optuna"]),
        trials=st.integers(1, 5000),
        sampler=st.sampled_from(SAMPLERS),
        seed=seeds,
    ),
    limits=st.builds(Limits, trial_timeout=times, time=times, no_improvement=counts),
    metric=st.just("") | st.sampled_from(METRICS["classification"]),
    curves=st.lists(st.sampled_from(CURVES), max_size=2).map(tuple),
    baseline=st.booleans(),
    run_name=words,
).filter(lambda spec: not spec.metric or spec.data.task != "regression")


@given(specs)
@settings(max_examples=50, deadline=None)
def test_a_written_sweep_is_read_back_unchanged(spec: SweepSpec) -> None:
    read = parse_sweep(sweep_text(spec), WHERE)
    assert read == spec
    assert json.dumps(read.to_json()["models"]) == json.dumps(spec.to_json()["models"])


def test_without_a_task_values_for_any_task_are_accepted() -> None:
    text = "models: [{decision_tree: {criterion: [gini, squared_error]}}]"
    assert parse_sweep(text, WHERE).models[0].params == {"criterion": ("gini", "squared_error")}
    with pytest.raises(UsageError, match="criterion cannot be 'squared_error'"):
        parse_sweep(f"data: {{task: classification}}\n{text}", WHERE)
