"""What a plot shows: named points. `track` prepares them for drawing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""Identify the series of a plot, in order."""

SeriesKind = Literal["line", "scatter", "step"]


@dataclass(frozen=True, eq=False, slots=True)
class Series:
    """Named points: `xs` and `ys` are sequences of numbers of the same length, such as arrays. A NaN in `ys`
    is a gap in the line; ±inf are drawn as ▲ and ▼ at the edge. Points whose x is not finite are omitted.

    `raw` are other values at the same xs, drawn faintly behind the line. `steps` name the points at the
    cursor if x is a time.
    """

    label: str
    xs: Sequence[float]
    ys: Sequence[float]
    kind: SeriesKind = "line"
    raw: Sequence[float] | None = None
    steps: Sequence[int] | None = None

    @classmethod
    def of(cls, label: str, points: Iterable[tuple[float, float]], kind: SeriesKind = "line") -> Series:
        """A series of (x, y)."""
        found = list(points)
        return cls(label, [x for x, _ in found], [y for _, y in found], kind)


@dataclass(frozen=True, slots=True)
class Window:
    """The visible part of the plane."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float
