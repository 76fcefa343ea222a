"""Axis limits as they are typed."""

from __future__ import annotations

from datetime import datetime

import pytest

from engine.errors import UsageError
from tui.charts.limits import Limits, merged, parse_limits, shown_limits
from tui.widgets.plot import XKind


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("x 0 5000", "step", Limits((0, 5000))),
        ("y 1e-3 auto, x -1 2.5", "step", Limits((-1, 2.5), (0.001, None))),
        ("x 90s 1h30m y - 3", "seconds", Limits((90, 5400), (None, 3))),
        ("x 15 1d", "seconds", Limits((15, 86_400))),
        ("", "step", Limits()),
    ],
)
def test_limits_are_read(text: str, kind: XKind, expected: Limits) -> None:
    assert parse_limits(text, kind) == expected


def test_times_of_day_are_on_the_day_in_view() -> None:
    begin = datetime(2026, 11, 29, 9, 0).astimezone()
    now = (begin.timestamp() * 1000, begin.timestamp() * 1000 + 60_000)
    limits = parse_limits("x 10:30 2026-11-30T08:00", "moment", now)
    assert limits.x == (
        begin.replace(hour=10, minute=30).timestamp() * 1000,
        begin.replace(day=30, hour=8).timestamp() * 1000,
    )
    assert shown_limits(now, (0.25, 1), "moment") == "x 2026-11-29T09:00:00 2026-11-29T09:01:00 y 0.25 1"
    assert parse_limits(shown_limits(now, (0.25, 1), "moment"), "moment", now) == Limits(now, (0.25, 1))


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("5 9", "Invalid axis limits"),
        ("x 5", "Invalid axis limits"),
        ("x 1 2 x 3 4", "Invalid axis limits"),
        ("x nan 3", "nan is not a number"),
        ("x 1 [red]", "\\[red\\] is not a number"),
        ("y 2 1", "The y-axis must begin below its end"),
    ],
)
def test_other_text_is_refused_with_an_example(text: str, title: str) -> None:
    with pytest.raises(UsageError, match=title) as caught:
        parse_limits(text)
    assert "x 0 5000 y 0 auto" in caught.value.hint


def test_an_open_end_fits_the_points() -> None:
    assert merged((5, None), (0, 9), None) == (5, 9)
    assert merged((None, None), (0, 9), (1, 2)) is None
    assert merged(None, (0, 9), (1, 2)) == (1, 2)
    with pytest.raises(UsageError, match="no points between"):
        merged((10, None), (0, 9), None)
