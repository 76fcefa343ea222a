"""Errors explain how to quote an unquoted column name that needs quotes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given, strategies as st

from engine.columns import ColumnKey
from engine.errors import FilterError
from engine.filters.compiler import compile_filter
from tests.engine.filters.support import call_count, rejected
from tests.support.runs import a_run

RUNS = [
    a_run(
        "a",
        metrics={"acc": 0.9, "val/acc top": 0.5, "val/acc top-1": 0.9, "a - b": 1, "f(x)": 1, "lr rate": 1},
        params={"k": "euclid", "only seven/param.x": "7", "lr rate": "x", "a=b": "1", 'both ` "': "1"},
        tags={"tag with space": "x", "rise and fall": "x", "with `ticks`": "x"},
    )
]


@pytest.mark.parametrize(
    ("text", "token", "hint"),
    [
        # the error is inside the name
        ("val/acc top-1 > 0.5", "top-1", "`val/acc top-1`"),
        ("acc > 0.5 and not (val/acc top-1>0.5)", "top-1", "`val/acc top-1`"),
        ("acc > val/acc top-1", "top-1", "`val/acc top-1`"),
        ("acc - val/acc top-1 > 0", "", "`val/acc top-1`"),
        ("val/acc top is nan", "top", "`val/acc top`"),
        ("tag with space is not null", "space", "`tag with space`"),
        ("only seven/param.x >= 70", "seven/param.x", "`only seven/param.x`"),
        ("rise and fall = x", "fall", "`rise and fall`"),
        ("f(x) > 1", "(", "`f(x)`"),
        ("with `ticks` is null", "`ticks`", '"with `ticks`"'),
        ("acc > 0 and a - b > 0", "b", "`a - b`"),
        # the error is after the name
        ("a=b > 0", ">", "`a=b`"),
        ("a=b>0", ">", "`a=b`"),
        ("a=b is null", "is", "`a=b`"),
        # with its own prefix, or another
        ("tags.tag with space = 'x'", "", "tags.`tag with space`"),
        ("acc > 0 and (Tag.tag with space = x)", "", "tags.`tag with space`"),
        ("params.tag with space = 'x'", "", "tags.`tag with space`"),
        ("metrics.lr rate > 0", "", "metrics.`lr rate`"),
        ("acc > metrics.val/acc top-1", "top-1", "metrics.`val/acc top-1`"),
        # more than one column
        ("lr rate > 0", "rate", "metrics.`lr rate` or params.`lr rate`"),
        # different text
        ("xval/acc top-1 > 0.5", "top-1", None),
        ("val/acc top-12 > 0.5", "top-12", None),
        ("Val/acc top-1 > 0.5", "top-1", None),
        ("tagſ.tag with space = x", "space", None),
        ("val/acc   top-1 > 0.5", "top-1", None),
        ("acc > `val/acc top-1` 0.5", "0.5", None),
        ("'val/acc top-1' > 1", "'val/acc top-1'", None),
        ("acc > 0.5 k = euclid", "k", None),
        ('both ` " > 1', '` " > 1', None),
    ],
)
def test_the_hint_shows_how_to_quote_the_name(text: str, token: str, hint: str | None) -> None:
    pointed, error = rejected(text, RUNS)
    assert pointed == token
    if hint is None:
        assert "Write this column as" not in error.hint
    else:
        assert error.hint == f"Write this column as {hint}."


@given(st.text(min_size=1, max_size=12))
@example("a b")
@example("metrics.x y")
@example("run name")
@example("it's")
def test_the_suggested_name_resolves_to_the_column(name: str) -> None:
    key = ColumnKey("metric", name)
    for text in (f"{name} > 1", f"metrics.{name} > 1"):
        hint = hint_of(text, [key])
        if "Write this column as" in hint:
            suggestion = hint.partition("Write this column as ")[2].removesuffix(".")
            assert compile_filter(f"{suggestion} > 1", [key]).keys == (key,)


def hint_of(text: str, keys: Sequence[ColumnKey]) -> str:
    try:
        compile_filter(text, keys)
    except FilterError as error:
        return error.hint
    return ""


def test_the_work_is_linear_in_filter_length_and_column_count() -> None:
    def keys(count: int) -> list[ColumnKey]:
        return [ColumnKey("metric", f"a {'a ' * (n % 100)}{n}") for n in range(count)]

    def calls(length: int, count: int) -> int:
        text, known = "a " * length + "b = 1", keys(count)
        return call_count(lambda: hint_of(text, known))

    assert calls(4990, 1000) <= 12 * calls(499, 1000)
    assert calls(499, 5000) <= 6 * calls(499, 1000)
