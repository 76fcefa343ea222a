"""A name that needs quotes and has none is recognised: the error says how to write it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given, strategies as st

from engine.columns import ColumnKey
from engine.errors import FilterError
from engine.filters.compiler import compile_filter
from tests.engine.filters.support import fault, work
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
    ("text", "place", "hint"),
    [
        # the place is in the name
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
        # the name ends before it
        ("a=b > 0", ">", "`a=b`"),
        ("a=b>0", ">", "`a=b`"),
        ("a=b is null", "is", "`a=b`"),
        # with its prefix, or with another one's
        ("tags.tag with space = 'x'", "", "tags.`tag with space`"),
        ("acc > 0 and (Tag.tag with space = x)", "", "tags.`tag with space`"),
        ("params.tag with space = 'x'", "", "tags.`tag with space`"),
        ("metrics.lr rate > 0", "", "metrics.`lr rate`"),
        ("acc > metrics.val/acc top-1", "top-1", "metrics.`val/acc top-1`"),
        # more than one column
        ("lr rate > 0", "rate", "metrics.`lr rate` or params.`lr rate`"),
        # something else is spelled there
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
def test_the_hint_says_how_the_name_is_written(text: str, place: str, hint: str | None) -> None:
    pointed, error = fault(text, RUNS)
    assert pointed == place
    if hint is None:
        assert "Write this column as" not in error.hint
    else:
        assert error.hint == f"Write this column as {hint}."


@given(st.text(min_size=1, max_size=12))
@example("a b")
@example("metrics.x y")
@example("run name")
@example("it's")
def test_what_the_hint_says_to_write_is_that_column(name: str) -> None:
    key = ColumnKey("metric", name)
    for text in (f"{name} > 1", f"metrics.{name} > 1"):
        hint = hint_of(text, [key])
        if "Write this column as" in hint:
            wanted = hint.partition("Write this column as ")[2].removesuffix(".")
            assert compile_filter(f"{wanted} > 1", [key]).keys == (key,)


def hint_of(text: str, keys: Sequence[ColumnKey]) -> str:
    try:
        compile_filter(text, keys)
    except FilterError as error:
        return error.hint
    return ""


def test_the_names_are_looked_through_once_however_long_the_filter_is() -> None:
    def keys(count: int) -> list[ColumnKey]:
        return [ColumnKey("metric", f"a {'a ' * (n % 100)}{n}") for n in range(count)]

    def asked(length: int, count: int) -> int:
        text, known = "a " * length + "b = 1", keys(count)
        return work(lambda: hint_of(text, known))

    assert asked(4990, 1000) <= 12 * asked(499, 1000)
    assert asked(499, 5000) <= 6 * asked(499, 1000)
