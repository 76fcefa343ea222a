"""A bitmap of braille dots, 2 by 4 per cell, drawn by several owners. Needs numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

NO_OWNER = -1
FAINT = 60
"""The owner of everything that is drawn faintly, which is hidden in cells where something else is drawn.
Other owners are below it."""

_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a cell, by row and column."""
_CHARACTERS = [" ", *(chr(0x2800 + mask) for mask in range(1, 256))]


class Canvas:
    """`columns` by `rows` cells, `width` by `height` dots; (0, 0) is at the bottom left. Dots outside are
    ignored."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.width, self.height = columns * 2, rows * 4
        self._masks = np.zeros((2, rows, columns), dtype=np.uint8)
        """The dots of the cells: drawn normally, and faintly."""
        self._owners = np.zeros((rows, columns), dtype=np.int64)
        """A bit for each owner with dots in the cell, but for the faint ones."""
        self._glyphs: dict[int, dict[int, tuple[str, int]]] = {}
        """Character and owner, by row and column."""

    def bars(self, xs: Ints, lows: Ints, highs: Ints, owner: int) -> None:
        """Draw vertical bars of dots, both ends included."""
        lows, highs = np.maximum(lows, 0), np.minimum(highs, self.height - 1)
        seen = (xs >= 0) & (xs < self.width) & (lows <= highs)
        xs, lows, highs = xs[seen], lows[seen], highs[seen]
        ends = np.zeros((self.width, self.height + 1), dtype=np.int16)  # +1 where a bar begins, -1 after it
        np.add.at(ends, (xs, lows), 1)
        np.add.at(ends, (xs, highs + 1), -1)
        self._add(np.cumsum(ends[:, :-1], axis=1, dtype=np.int16) > 0, owner)

    def dots(self, xs: Ints, ys: Ints, owner: int) -> None:
        seen = (xs >= 0) & (xs < self.width) & (ys >= 0) & (ys < self.height)
        drawn = np.zeros((self.width, self.height), dtype=np.bool_)
        drawn[xs[seen], ys[seen]] = True
        self._add(drawn, owner)

    def _add(self, drawn: NDArray[np.bool_], owner: int) -> None:
        """Add dots, by x and y."""
        lines = drawn.T[::-1].view(np.uint8)
        masks = np.zeros((self.rows, self.columns), dtype=np.uint8)
        for row, bits in enumerate(_BITS):
            for column, bit in enumerate(bits):
                masks |= lines[row::4, column::2] * np.uint8(bit)
        if owner == FAINT:
            self._masks[1] |= masks
        else:
            self._masks[0] |= masks
            self._owners[masks > 0] |= 1 << owner

    def glyphs(self, xs: NDArray[Any], ys: NDArray[Any], char: str, owner: int) -> None:
        """Put a character into the cells of these dots, hiding the cells' dots."""
        seen = (xs >= -0.5) & (xs < self.width - 0.5) & (ys >= -0.5) & (ys < self.height - 0.5)
        columns = np.round(xs[seen]).astype(np.int64) >> 1
        rows = (self.height - 1 - np.round(ys[seen]).astype(np.int64)) >> 2
        for cell in np.unique(rows * self.columns + columns).tolist():
            row, column = divmod(cell, self.columns)
            self._glyphs.setdefault(row, {})[column] = (char, owner)

    def row(self, row: int) -> list[tuple[str, int]]:
        """Pieces of text of a line, counted from the top, with their owners: as few as possible. A piece
        belongs to one of those that drew in all of its cells, the lowest; blank cells belong to the piece
        before them, or to no one."""
        found: list[tuple[str, int]] = []
        text, common = "", 0
        for char, owners in self._cells(row):
            if not owners or not common or common & owners:
                common = common & owners if owners and common else common or owners
                text += char
                continue
            found.append((text, _lowest(common)))
            text, common = char, owners
        return [*found, (text, _lowest(common))]

    def _cells(self, row: int) -> list[tuple[str, int]]:
        """The character of each cell, and a bit for each owner."""
        masks, faint = (self._masks[layer, row].tolist() for layer in (0, 1))
        cells = [
            (_CHARACTERS[mask], owners) if mask else (_CHARACTERS[other], (other > 0) << FAINT)
            for mask, owners, other in zip(masks, self._owners[row].tolist(), faint, strict=True)
        ]
        for column, (char, owner) in self._glyphs.get(row, {}).items():
            cells[column] = (char, 1 << owner)
        return cells


def _lowest(owners: int) -> int:
    return (owners & -owners).bit_length() - 1 if owners else NO_OWNER
