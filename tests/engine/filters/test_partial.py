"""Filters on partly loaded runs, and the conditions that are pushed down to the store."""

from __future__ import annotations

import pytest

from engine.columns import ColumnKey
from engine.errors import FilterError
from engine.filters.compiler import compile_filter
from engine.filters.pushdown import Pushed, pushdown
from engine.runs.frame import RunFrame
from engine.stores.base import Condition
from tests.support.runs import a_run

FRAME = RunFrame.from_runs([a_run("a", metrics={"acc": 0.9, "lr": 0.1}, params={"lr": "0.1", "k": "3"})])
NOW = 1_760_000_000_000.25


@pytest.mark.parametrize(
    "text", ["metrics.later > 1", "params.later = x", "tags.later < 5", "metrics.acc - metrics.later > 0"]
)
def test_an_unknown_prefixed_name_is_a_column_without_values(text: str) -> None:
    assert compile_filter(text, FRAME.keys, FRAME, partial=True).rows(FRAME) == []
    assert compile_filter(f"{text} or acc > 0", FRAME.keys, FRAME, partial=True).rows(FRAME) == [0]
    with pytest.raises(FilterError, match="Unknown"):
        compile_filter(text, FRAME.keys, FRAME)


def test_an_unknown_bare_name_is_an_error() -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter("ac > 1", FRAME.keys, FRAME, partial=True)
    assert caught.value.title == "Unknown column ac"
    assert caught.value.hint == "Did you mean acc? Only loaded runs were searched."


def acc(operator: str, value: float) -> Condition:
    return Condition("metric", "acc", operator, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "conditions", "exact"),
    [
        ("", (), True),
        ("acc > 0.5", (acc(">", 0.5),), True),
        ("acc > 0.5 and (acc < 1 and acc != 0.7) and", (acc(">", 0.5), acc("<", 1.0), acc("!=", 0.7)), True),
        ("acc between 0 and 1", (acc(">=", 0.0), acc("<=", 1.0)), True),
        ("acc > 0.5 and acc > 0.5", (acc(">", 0.5),), True),
        ("acc > 0.5 and k >= 3", (acc(">", 0.5),), False),
        ("acc > 0.5 and knn", (acc(">", 0.5),), False),
        ("acc > 0.5 or acc < 0.1", (), False),
        ("acc > 0.5 and not acc > 0.9", (acc(">", 0.5),), False),
        ("acc > metrics.lr and acc < 1", (acc("<", 1.0),), False),
        ("acc - metrics.lr > 0", (), False),
        ("acc > inf", (), False),
        ("duration > 10m", (), False),
        ("k = 3", (), False),
        ("k = '3'", (Condition("param", "k", "=", "3"),), True),
        ("k not in (a, b)", (Condition("param", "k", "!=", "a"), Condition("param", "k", "!=", "b")), True),
        ("k ~ x", (), False),
        ("k ilike 'E%'", (Condition("param", "k", "ILIKE", "E%"),), True),
        ("k ilike 'É%'", (), False),
        ("acc > 0.5 and run_name ilike '%é%'", (acc(">", 0.5),), False),
        ("metrics.later > 1", (Condition("metric", "later", ">", 1.0),), True),
        ("tags.later is null", (Condition("tag", "later", "IS NULL"),), True),
        ("status = running", (Condition("attribute", "status", "=", "RUNNING"),), True),
        ("status = 'running'", (), False),
        ("user = ada", (Condition("attribute", "user_id", "=", "ada"),), True),
        ("started > -7d", (Condition("attribute", "start_time", ">", 1_759_395_200_000),), True),
        ("started >= -7d", (Condition("attribute", "start_time", ">=", 1_759_395_200_001),), True),
        ("id in (a, b)", (Condition("attribute", "run_id", "IN", ("a", "b")),), True),
        ("datasets.name not in (x, y)", (Condition("dataset", "name", "NOT IN", ("x", "y")),), True),
        # nothing for invalid filters
        ("acc > 0.5 and lr > 1", (), False),
        ("acc > 0.5 and later > 1", (), False),
        ("acc > 0.5 and (", (), False),
        ("acc > 0.5 and acc ~ '('", (), False),
        ("x" * 20_000, (), False),
    ],
)
def test_conditions_that_mlflow_supports_are_pushed_down(
    text: str, conditions: tuple[Condition, ...], exact: bool
) -> None:
    assert pushdown(text, FRAME.keys, now=NOW) == Pushed(conditions, exact)


def test_a_bare_name_is_pushed_down_only_if_unambiguous() -> None:
    assert pushdown("acc > 1", [ColumnKey("metric", "acc"), ColumnKey("param", "acc")], now=NOW) == Pushed()
    assert pushdown("acc > 1", (), now=NOW) == Pushed()
    assert pushdown("start_time > 1", [ColumnKey("param", "start_time")], now=NOW).exact
