"""Filters on a run's datasets: any one of them may match."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.columns import ColumnKey
from engine.entities import DatasetRef
from engine.errors import FilterError
from engine.filters.compiler import compile_filter
from engine.filters.names import column_named
from engine.runs.frame import RunFrame
from tests.engine.filters.support import matching, rejected
from tests.support.runs import a_run

HEART, IRIS = DatasetRef("heart", "5c1f", "train"), DatasetRef("iris 2", "77aa")
RUNS = [
    replace(a_run("one", name="knn", tags={"context": "x"}), datasets=(HEART,)),
    replace(a_run("two"), datasets=(IRIS, replace(HEART, digest="9b9b", context="eval"))),
    replace(a_run("bare"), datasets=(IRIS,)),
    a_run("none"),
]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("datasets.name = heart", "one two"),
        ("dataset.name = 'heart'", "one two"),
        ("datasets.name != heart", "two bare"),
        ("datasets.name in (heart, 'iris 2')", "one two bare"),
        ("datasets.name not in (heart)", "two bare"),
        ("not datasets.name = heart", "bare none"),
        ("datasets.name like 'iris%'", "two bare"),
        ("datasets.name not like 'iris%'", "one two"),
        ("datasets.name ilike 'HEART'", "one two"),
        ("datasets.name ~ '^h'", "one two"),
        ("datasets.digest = '5c1f'", "one"),
        ("datasets.digest = 5", ""),
        ("datasets.context = train", "one"),
        ("datasets.context != train", "two"),
        ("datasets.context like '%'", "one two"),
        ("datasets.context is null", "bare none"),
        ("datasets.name is null", "none"),
        ("datasets.name is not null", "one two bare"),
        ("datasets.name = heart and datasets.digest = '77aa'", "two"),
        # without a prefix, these are other columns
        ("name = knn", "one"),
        ("context = x", "one"),
    ],
)
def test_a_run_matches_if_any_of_its_datasets_does(text: str, ids: str) -> None:
    assert matching(text, RUNS) == ids


def test_a_table_without_datasets_still_has_their_columns() -> None:
    frame = RunFrame.from_runs([a_run("a")])
    assert compile_filter("datasets.name = heart", frame.keys, frame).rows(frame) == []
    assert compile_filter("datasets.name is null", frame.keys, frame).rows(frame) == [0]


def test_datasets_cannot_be_ordered() -> None:
    pointed, error = rejected("datasets.name > 5", RUNS)
    assert pointed == ">"
    assert error.title == "datasets.name is text, not a number"


def test_dataset_columns_are_suggested_only_if_runs_have_datasets() -> None:
    frame = RunFrame.from_runs(RUNS)
    assert column_named("datasets.name", frame.keys) == ColumnKey("dataset", "name")
    with pytest.raises(FilterError, match="No run has a dataset"):
        column_named("datasets.name", RunFrame.from_runs([a_run("a")]).keys)
