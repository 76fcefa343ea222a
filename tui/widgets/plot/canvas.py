"""A bitmap of braille dots, 2 by 4 per cell. A cell belongs to whoever drew in it last."""

from __future__ import annotations

import math

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = 0x2800
NO_OWNER = -1


class Canvas:
    """`columns` by `rows` cells, `width` by `height` dots; (0, 0) is at the bottom left. Dots outside are
    ignored."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.width, self.height = columns * 2, rows * 4
        self._masks = bytearray(columns * rows)
        self._owners = [NO_OWNER] * (columns * rows)
        self._glyphs: dict[int, str] = {}

    def dot(self, x: int, y: int, owner: int) -> None:
        if 0 <= x < self.width and 0 <= y < self.height:
            down = self.height - 1 - y
            cell = (down >> 2) * self.columns + (x >> 1)
            self._masks[cell] |= _DOTS[down & 3][x & 1]
            self._owners[cell] = owner

    def line(self, x0: float, y0: float, x1: float, y1: float, owner: int) -> None:
        """A straight line between two points, clipped to the canvas."""
        clipped = _clip(x0, y0, x1, y1, self.width - 1, self.height - 1)
        if clipped is None:
            return
        ax, ay, bx, by = (round(value) for value in clipped)
        dx, dy = bx - ax, by - ay
        length = max(abs(dx), abs(dy)) or 1
        masks, owners, columns, last = self._masks, self._owners, self.columns, self.height - 1
        twice, half = 2 * length, length
        for step in range(length + 1):  # integer arithmetic: this is the innermost loop
            x = ax + (2 * dx * step + half) // twice
            down = last - ay - (2 * dy * step + half) // twice
            cell = (down >> 2) * columns + (x >> 1)
            masks[cell] |= _DOTS[down & 3][x & 1]
            owners[cell] = owner

    def glyph(self, x: float, y: float, char: str, owner: int) -> None:
        """Put a character into the cell of that dot, hiding the cell's dots."""
        if -0.5 <= x < self.width - 0.5 and -0.5 <= y < self.height - 0.5:
            down = self.height - 1 - round(y)
            cell = (down >> 2) * self.columns + (round(x) >> 1)
            self._glyphs[cell] = char
            self._owners[cell] = owner

    def row(self, row: int) -> list[tuple[str, int]]:
        """The cells of a line, counted from the top: character and owner."""
        first = row * self.columns
        glyphs = self._glyphs
        return [
            (glyphs.get(cell) or (chr(_BLANK + mask) if mask else " "), self._owners[cell])
            for cell, mask in enumerate(self._masks[first : first + self.columns], first)
        ]


def _clip(
    x0: float, y0: float, x1: float, y1: float, right: float, top: float
) -> tuple[float, float, float, float] | None:
    """The part of a line inside (0, 0)-(right, top), by Liang and Barsky's algorithm; None if it is
    outside."""
    if not (math.isfinite(x0) and math.isfinite(y0) and math.isfinite(x1) and math.isfinite(y1)):
        return None
    dx, dy = x1 - x0, y1 - y0
    start, end = 0.0, 1.0
    for direction, distance in ((-dx, x0), (dx, right - x0), (-dy, y0), (dy, top - y0)):
        if direction == 0:
            if distance < 0:
                return None
            continue
        at = distance / direction
        if direction < 0:
            start = max(start, at)
        else:
            end = min(end, at)
    if start > end:
        return None
    return x0 + start * dx, y0 + start * dy, x0 + end * dx, y0 + end * dy
