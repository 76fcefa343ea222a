"""MLflow's own parser reads the conditions back from the filter."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from engine.columns import KINDS
from engine.errors import StoreRefused
from engine.stores.base import Condition, ConditionOperator
from engine.stores.search_text import MAX_LIST_VALUES, is_expressible, search_text

PIECES = (
    *(
        "select",
        "from",
        "and",
        "AND",
        "IN",
        "IS",
        "NULL",
        "NOT",
        "LIKE",
        "CASE",
        "END",
        "metrics.",
        "a",
        "x y",
    ),
    *(
        "'",
        '"',
        "`",
        "\\",
        "''",
        '""',
        "``",
        "--",
        "/*",
        "*/",
        "$$",
        "$a$",
        ";",
        "(",
        ")",
        "[a]",
        "#",
        "@",
        "?",
    ),
    *(
        "%",
        "_",
        ".",
        ",",
        "é",
        "实验",
        "\n",
        "\r\n",
        "\t",
        " ",
        "1",
        "0.5",
        "-",
        "+",
        "=",
        "\u2028",
        "\x0c",
        ":x",
    ),
)
TEXTS = st.text(max_size=8) | st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
ATTRIBUTES = st.sampled_from(["run_id", "run_name", "status", "start_time", "end_time"])
NAMES = TEXTS | ATTRIBUTES | st.sampled_from(["name", "digest", "context"])
NUMBERS = st.floats() | st.integers(-(10**20), 10**20)
VALUES = TEXTS | NUMBERS | st.lists(TEXTS, max_size=4).map(tuple) | st.none()
CONDITIONS = st.builds(
    Condition, st.sampled_from(KINDS), NAMES, st.sampled_from(get_args(ConditionOperator)), VALUES
).filter(is_expressible)


def read(filter_string: str) -> list[Condition]:
    """The conditions that MLflow parses from a filter; its parser raises for invalid ones."""
    from mlflow.utils.search_utils import SearchUtils as Utils

    found = []
    for part in Utils.parse_search_filter(filter_string):
        kind, name, operator, value = part["type"], part["key"], part["comparator"].upper(), part["value"]
        checks = (Utils.is_metric, Utils.is_param, Utils.is_tag, Utils.is_dataset)
        assert any(check(kind, operator) for check in checks) or Utils.is_attribute(kind, name, operator)
        number = float(value) if kind == "metric" else value
        found.append(Condition("param" if kind == "parameter" else kind, name, operator, number))
    return found


@pytest.mark.slow
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.filter_too_much])
@example([Condition("metric", "", "=", 2**53 + 1)])
@given(st.lists(CONDITIONS, min_size=1, max_size=4))
def test_mlflow_parses_the_same_conditions(conditions: list[Condition]) -> None:
    assert read(search_text(conditions)) == [with_float(condition) for condition in conditions]


def with_float(condition: Condition) -> Condition:
    """MLflow reads the number of a metric as a float, which whole numbers from 2**53 on may not fit."""
    if condition.kind != "metric" or not isinstance(condition.value, int):
        return condition
    return replace(condition, value=float(condition.value))


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Condition("metric", "train acc", ">", 0.9), "metrics.`train acc` > 0.9"),
        (Condition("metric", "a`b", "<=", -1), 'metrics."a`b" <= -1'),
        (Condition("metric", "loss", "=", 1e22), "metrics.`loss` = 1e22"),
        (Condition("metric", "loss", "!=", 1e-7), "metrics.`loss` != 1e-07"),
        (Condition("param", "p", "=", "it's"), 'params.`p` = "it\'s"'),
        (Condition("param", "p", "IS NOT NULL"), "params.`p` IS NOT NULL"),
        (Condition("tag", "select", "ILIKE", "%x_"), "tags.`select` ILIKE '%x_'"),
        (Condition("attribute", "run_id", "NOT IN", ("a", "b")), "attributes.`run_id` NOT IN ('a','b')"),
        (Condition("attribute", "start_time", ">=", 2**40), f"attributes.`start_time` >= {2**40}"),
        (Condition("dataset", "context", "IN", ("it's",)), 'datasets.`context` IN ("it\'s")'),
    ],
)
def test_conditions_become_filter_text(condition: Condition, text: str) -> None:
    assert search_text([condition]) == text
    assert read(text) == [condition]


@pytest.mark.parametrize(
    "condition",
    [
        Condition("param", "p", "=", 'it\'s "both"'),
        Condition("param", 'a`b"c', "=", "x"),
        Condition("param", "`p`", "=", "x"),
        Condition("param", "p", "=", "ends with \\"),
        Condition("param", "p", "LIKE", "a\\%"),
        Condition("param", "p", "=", "nul \0"),
        Condition("param", "p", "=", "half \ud800"),
        Condition("param", "p", ">", "5"),
        Condition("param", "p", "=", 5),
        Condition("param", "p", "IN", ("a",)),
        Condition("metric", "m", ">", math.nan),
        Condition("metric", "m", "<", math.inf),
        Condition("metric", "m", "=", "5"),
        Condition("metric", "m", "=", 10**400),
        Condition("metric", "m", "IS NULL"),
        Condition("attribute", "status", "IN", ("RUNNING",)),
        Condition("attribute", "start_time", "LIKE", "1%"),
        Condition("attribute", "start_time", "<", 2**63),
        Condition("attribute", "duration", ">", 5),
        Condition("attribute", "lifecycle_stage", "=", "active"),
        Condition("attribute", "run_id", "IN", ()),
        Condition("attribute", "run_id", "IN", ("a", "b\\c")),
        Condition("attribute", "run_id", "IN", ("a",) * (MAX_LIST_VALUES + 1)),
        Condition("dataset", "source", "=", "x"),
        Condition("dataset", "name", ">", "x"),
    ],
)
def test_inexpressible_conditions_are_refused(condition: Condition) -> None:
    assert not is_expressible(condition)
    with pytest.raises(StoreRefused, match="does not support"):
        search_text([condition])


def test_quotes_in_a_name_are_part_of_the_name() -> None:
    for name in ("`p`", '"p"', "'p'", "a``b"):
        condition = Condition("param", name, "=", "x")
        assert not is_expressible(condition) or read(search_text([condition])) == [condition]


def test_mlflow_parses_the_longest_list() -> None:
    ids = tuple(f"{number:032x}" for number in range(MAX_LIST_VALUES))
    condition = Condition("attribute", "run_id", "IN", ids)
    assert read(search_text([condition] * 4)) == [condition] * 4


def test_no_conditions_are_an_empty_filter() -> None:
    assert search_text([]) == ""
