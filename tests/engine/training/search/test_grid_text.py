"""Grids written as one line of text."""

from __future__ import annotations

import pytest

from engine.errors import GridError
from engine.training.search.text import grid_text, parse_grid
from engine.training.spec import Choices, Range


def test_lists_are_converted_to_values() -> None:
    read = parse_grid(" a = 1, 2.5 ,1e3,-3\n b=true,False,none,null  c=x.y ")
    assert read == {"a": (1, 2.5, 1000.0, -3), "b": (True, False, None, None), "c": ("x.y",)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C=0.01..100:log", Range(0.01, 100, log=True)),
        ("C=1..9", Range(1, 9)),
        ("C=-1e-3..2.5", Range(-0.001, 2.5)),
        ("C=1..", ("1..",)),
    ],
)
def test_ranges_are_read_and_written(text: str, expected: Choices) -> None:
    assert parse_grid(text) == {"C": expected}
    assert parse_grid(grid_text(parse_grid(text))) == {"C": expected}


@pytest.mark.parametrize("text", ["", "a", "=1", "a=", "a=1,,2", "a=1=2", "a=1 a=2"])
def test_invalid_text_is_refused(text: str) -> None:
    with pytest.raises(GridError):
        parse_grid(text)
