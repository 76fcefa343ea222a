"""A curve in one line of text: braille dots, two columns and four rows per cell. Needs no numpy."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from engine.text import Shown

_ROWS = 4
_LEFT, _RIGHT = (0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08)
"""The bits of the dots of a cell's two columns, from the bottom up."""


def sparkline(xs: Sequence[float], ys: Sequence[float], columns: int) -> Shown:
    """The points, sorted by x, in `columns` cells. Values that are not finite are gaps."""
    finite = [y for y in ys if math.isfinite(y)]
    if not finite or columns < 1:
        return Shown(" " * columns)
    low, high = min(finite), max(finite)
    levels = [_level(value, low, high) for value in _sampled(xs, ys, 2 * columns)]
    bits = []
    for column, level in enumerate(levels):
        before = levels[column - 1] if column else None
        bits.append(0 if level is None else _bar(level, level if before is None else before, column % 2))
    cells = (bits[at] | bits[at + 1] for at in range(0, len(bits), 2))
    return Shown("".join(chr(0x2800 + mask) if mask else " " for mask in cells))


def _level(value: float | None, low: float, high: float) -> int | None:
    if value is None:
        return None
    return _ROWS // 2 if low == high else round((value - low) / (high - low) * (_ROWS - 1))


def _bar(level: int, before: int, right: int) -> int:
    """The dot of a level, and those up to the level before it, which belong to the line between them."""
    dots = _RIGHT if right else _LEFT
    low, high = (before + 1, level) if level > before else (level, max(level, before - 1))
    return sum(dots[row] for row in range(low, high + 1))


def _sampled(xs: Sequence[float], ys: Sequence[float], count: int) -> list[float | None]:
    """A value for each of `count` parts of the range of x: the middle of those in it, else interpolated; None
    where the values are not finite."""
    first, last = xs[0], xs[-1]
    width = (last - first) / count
    found: list[float | None] = []
    for part in range(count):
        start = bisect_left(xs, first + part * width)
        end = bisect_left(xs, first + (part + 1) * width) if part < count - 1 else len(xs)
        inside = [y for y in ys[start:end] if math.isfinite(y)]
        if inside:
            found.append((min(inside) + max(inside)) / 2)
        elif end > start:
            found.append(None)
        else:
            found.append(_between(xs, ys, start, first + (part + 0.5) * width))
    return found


def _between(xs: Sequence[float], ys: Sequence[float], place: int, x: float) -> float | None:
    """The value on the line from the point before `place` to the one there."""
    if not 0 < place < len(xs):
        return None
    before, after = ys[place - 1], ys[place]
    if not (math.isfinite(before) and math.isfinite(after)) or xs[place] == xs[place - 1]:
        return None
    return before + (after - before) * (x - xs[place - 1]) / (xs[place] - xs[place - 1])
