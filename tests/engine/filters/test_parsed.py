"""Filters that are parsed once and reused."""

from __future__ import annotations

import pytest

from engine.columns import ColumnKey
from engine.errors import FilterError
from engine.filters.compiler import compile_filter
from engine.filters.parsed import parse_filter
from engine.runs.frame import RunFrame
from tests.support.runs import a_run

KEYS = (ColumnKey("metric", "Accuracy"), ColumnKey("param", "k"))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("knn", "knn"),
        ("knn ", "knn"),
        ("knn 7", "7"),
        ("accuracy > 0.9 and knn", "knn"),
        ("accuracy > 0.9 or not knn", "knn"),
        ("(knn)", ""),
        ('"knn"', ""),
        ("knn and", ""),
        ("status = failed", ""),
        ("accuracy is null", ""),
        ("not (a = 1 or knn", ""),
    ],
)
def test_the_last_word_is_an_unquoted_search_at_the_end(text: str, word: str) -> None:
    assert parse_filter(text).last_word == word


@pytest.mark.parametrize(
    ("text", "begins", "names"),
    [
        ("acc", True, False),
        ("accuracy", True, True),
        ("k > 3 and ACC", True, False),
        ("k", True, True),
        ("curacy", False, False),
        ("accuracy > 0.9", False, False),
        ("", False, False),
    ],
)
def test_a_last_word_can_be_a_column_name_or_begin_one(text: str, begins: bool, names: bool) -> None:
    parsed = parse_filter(text)
    assert parsed.ends_in_column(KEYS, exact=False) is begins
    assert parsed.ends_in_column(KEYS, exact=True) is names


def test_a_syntax_error_is_kept_and_raised_on_use() -> None:
    parsed = parse_filter("accuracy >")
    for _ in range(2):
        with pytest.raises(FilterError) as raised:
            compile_filter(parsed, KEYS)
        assert raised.value is not parsed.syntax_error
        assert raised.value.position == len("accuracy >")


def test_one_parsed_filter_serves_frames_with_different_columns() -> None:
    parsed = parse_filter("acc > 1")
    small = RunFrame.from_runs([a_run("a", metrics={"acc": 2.0})])
    large = RunFrame.from_runs([a_run("a", metrics={"acc": 0.0}), a_run("b", metrics={"x": 1.0, "acc": 3.0})])
    assert compile_filter(parsed, small.keys, small).rows(small) == [0]
    assert compile_filter(parsed, large.keys, large).rows(large) == [1]
