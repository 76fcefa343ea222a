"""Any text gives an answer or an error with a position, in linear time."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import pytest
from hypothesis import example, given, strategies as st

from engine.entities import DatasetRef
from engine.errors import FilterError
from engine.filters.compiler import compile_filter
from engine.filters.lexer import MAX_LENGTH, tokens_of
from engine.runs.frame import RunFrame
from tests.engine.filters.support import call_count
from tests.support.runs import START, a_run

FRAME = RunFrame.from_runs(
    [
        a_run("one", name="knn", params={"k": "3", "m": "euclid"}, metrics={"acc": 0.5, "loss": math.nan}),
        replace(
            a_run("two", params={"k": "x"}, metrics={"acc": math.inf}, tags={"t": "", "a b": "c"}),
            datasets=(DatasetRef("heart", "5c1f", "train"), DatasetRef("euclid", "77aa")),
        ),
        a_run("three", status="RUNNING", start=None, seconds=None, metrics={"loss": -math.inf}),
    ]
)
ALL = set(range(len(FRAME)))

COLUMN = st.sampled_from(
    [
        "acc",
        "metrics.loss",
        "k",
        "params.m",
        "tags.t",
        "`a b`",
        "status",
        "name",
        "duration",
        "start_time",
        "nope",
        "datasets.name",
        "acc - loss",
        "- acc",
        "-acc",
        "(acc + k) / 2",
        "2 * duration",
    ]
)
VALUE = st.sampled_from(
    [
        "0.5",
        "3",
        "'3'",
        "inf",
        "nan",
        "euclid",
        '"a"',
        "-7d",
        "10m",
        "running",
        "'%e%'",
        "(",
        "[a-",
        "null",
        "''",
        "loss",
        "metrics.acc * 2",
        "`a b`",
        "(acc - 1) / 0",
        "- - k",
    ]
)
OPERATOR = st.sampled_from(
    ["=", "!=", "<", "<=", ">", ">=", "~", "!~", "like", "not ilike", "is", "is not", "in", "between"]
)
PIECE = st.one_of(
    COLUMN,
    VALUE,
    OPERATOR,
    st.sampled_from(["and", "OR", "not", "(", ")", ",", "null", "in (1, 'a')", "+", "-", "*", "/", "-k"]),
)
COMPARISON = st.tuples(COLUMN, OPERATOR, VALUE).map(" ".join)


def answer(text: str) -> list[int] | None:
    """The rows, or None for an error, whose position must be inside the text."""
    rows, raised = None, None
    try:
        rows = compile_filter(text, FRAME.keys, FRAME).rows(FRAME, now=START)
    except FilterError as error:
        raised = error
    if raised is not None:
        assert 0 <= raised.position <= raised.position + raised.length <= len(text)
        assert raised.title
    if rows is None:
        return None
    assert rows == sorted(rows)
    assert ALL.issuperset(rows)
    return rows


@given(st.text(max_size=200))
@example("\ud800 = '\x00'")
@example("´`´\u2028")
@example("'\\'")
@example("a\u00a0=\u00a01")
def test_any_text_is_answered(text: str) -> None:
    answer(text)


@given(st.lists(PIECE, max_size=25).map(" ".join))
@example("acc > 1 / 0 and acc - inf > nan")
def test_any_tokens_are_answered(text: str) -> None:
    answer(text)


@given(COMPARISON, COMPARISON)
def test_and_or_and_not_are_set_operations(one: str, other: str) -> None:
    first, second = answer(one), answer(other)
    both, either, neither = (
        answer(text) for text in (f"{one} and {other}", f"{one} or {other}", f"not ({one})")
    )
    if first is None or second is None:
        assert both is None
        assert either is None
        return
    assert both == sorted(set(first) & set(second))
    assert either == sorted(set(first) | set(second))
    assert neither == sorted(ALL - set(first))


@given(st.text("abc 123.,()='\"`<>!~%_-", max_size=120))
def test_tokens_cover_the_text_and_do_not_overlap(text: str) -> None:
    try:
        tokens = tokens_of(text)
    except FilterError:
        return
    end = 0
    for token in tokens:
        assert not text[end : token.span.position].strip()
        end = token.span.position + token.span.length
    assert end == len(text)
    assert tokens[-1].kind == "end"


GROWING = [
    "(",
    ")",
    "not ",
    "'",
    '"',
    "`",
    "''",
    "\\'",
    "a.",
    "a ",
    "a=1 or ",
    "1,",
    "-7d",
    "a in (",
    "! ",
    "\n",
    "`a`.",
    "%",
    "9",
    "- ",
    "* (",
    "a - ",
    "(a) + ",
    "-a ",
    "a between 1 + ",
]


@pytest.mark.parametrize("unit", GROWING)
def test_the_work_is_linear_in_the_length_of_the_text(unit: str) -> None:
    short = (unit * MAX_LENGTH)[: MAX_LENGTH // 10]
    long = (unit * MAX_LENGTH)[:MAX_LENGTH]
    assert call_count(lambda: answer(long)) <= 12 * call_count(lambda: answer(short))


@pytest.mark.parametrize(
    "text",
    [
        "(not " * 40 + "acc > 1" + ")" * 40,
        "(" * 40 + "acc" + " - 1) * 2" * 40 + " > 1",
        "acc > " + "- (" * 40 + "acc + 1" + ")" * 40,
        " + ".join(["acc"] * 250) + " > 1",
        "- " * 4000 + "acc > 1",
    ],
)
def test_deep_nesting_does_not_exhaust_the_stack(text: str) -> None:
    depth = 0
    frame = sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back  # type: ignore[assignment]
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 400)
    try:
        assert answer(text) is not None
    finally:
        sys.setrecursionlimit(limit)
