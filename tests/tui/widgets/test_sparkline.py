"""Curves in one line."""

from __future__ import annotations

import math

import pytest

from tui.widgets.plot.sparkline import sparkline


@pytest.mark.parametrize(
    ("ys", "text"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], "⣀⠤⠒⠉"),
        ([3, 3, 3, 3], "⠒⠒⠒⠒"),
        ([0, 0, 0, math.nan, math.nan, 0, 0, 0], "⠒⠂⠐⠒"),
        ([math.inf, 0, 0, 0, 0, 0, 0, -math.inf], "⠐⠒⠒⠂"),
        ([0, 9], "⡠⠔⠊"),
        ([math.nan, math.nan], "    "),
        ([], "    "),
    ],
)
def test_a_curve_is_drawn_in_dots(ys: list[float], text: str) -> None:
    assert sparkline(range(len(ys)), ys, len(text)) == text


def test_a_point_has_a_curve() -> None:
    assert len(sparkline([5], [1.0], 6)) == 6


def test_steep_parts_are_joined() -> None:
    assert sparkline(range(8), [0, 0, 0, 0, 9, 9, 9, 9], 4) == "⣀⣀⠏⠉"
