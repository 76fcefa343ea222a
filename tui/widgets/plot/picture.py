"""A chart laid out in cells: axes, labels and the drawn canvas. Needs numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from textual.geometry import Size

from engine.text import Shown, cell_width
from tui.widgets.plot.canvas import FAINT, NO_OWNER, Canvas
from tui.widgets.plot.legend import INKS, Piece, series_ink
from tui.widgets.plot.raster import POINT, draw, draw_raw
from tui.widgets.plot.scale import Scale, XKind, labels, log_labels, log_ticks, ticks
from tui.widgets.plot.series import Window
from tui.widgets.plot.track import Track

LABELLED_HEIGHT = 5
"""Height below which a chart has no axes, in lines."""
LABELLED_WIDTH = 24
"""Width below which a chart has no y labels, in cells."""
CURSOR = "▲"
"""Marks the cursor on the x axis."""
READ = "●"
"""Marks the cursor's value on each track."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Labels and their cells, counted from the top or the left of the drawing."""

    labels: dict[int, Shown]

    @property
    def width(self) -> int:
        return max((cell_width(label) for label in self.labels.values()), default=0)


@dataclass(frozen=True, slots=True)
class Reading:
    """The cursor's column in the drawing, -1 if out of view, and the tracks by the line of their value."""

    column: int
    owners: dict[int, int]


class Picture:
    """The chart below the legend, `width` by `height` cells of a widget of `size`."""

    def __init__(
        self,
        tracks: Sequence[Track],
        window: Window,
        size: Size,
        *,
        legend_height: int,
        log: bool,
        log_x: bool,
        x_kind: XKind,
        x_label: Shown,
        with_values: bool,
    ) -> None:
        """`with_values` is False if no point can be placed on the y axis, which then has no labels."""
        self.size, self.legend_height = size, legend_height
        width, height = size.width, size.height - legend_height
        self.width, self.height = width, height
        self._tracks = tracks
        self._x_label = x_label
        self._framed = height >= LABELLED_HEIGHT and width > 4
        ended = len(tracks) > 1 and any(track.kind != "scatter" for track in tracks)
        self._letters_wide = 2 if ended and width >= LABELLED_WIDTH else 0
        rows = height - 2 if self._framed else height
        self._y_axis = self._make_y_axis(window, rows, log) if with_values else Axis({})
        self.left = self._y_axis.width + 2 if self._framed else 0
        columns = max(1, width - self.left - self._letters_wide)
        self.canvas = Canvas(columns, max(1, rows))
        self.x_scale = Scale(window.x_low, window.x_high, self.canvas.width, log_x)
        self.y_scale = Scale(window.y_low, window.y_high, self.canvas.height, log)
        self._x_axis = self._make_x_axis(window, x_kind) if self._framed else Axis({})
        draw_raw(self.canvas, tracks, self.x_scale, self.y_scale)
        for place in reversed(range(len(tracks))):  # the first on top
            mark = tracks[place].letter if len(tracks) > 1 else POINT
            draw(self.canvas, tracks[place], self.x_scale, self.y_scale, place % INKS, mark)
        self._letters = self._place_letters(tracks, log) if self._letters_wide else {}

    def _make_y_axis(self, window: Window, rows: int, log: bool) -> Axis:
        if not self._framed or self.width < LABELLED_WIDTH:
            return Axis({})
        count = max(2, min(8, rows // 3))
        find = log_ticks if log else ticks
        values = find(window.y_low, window.y_high, count)
        scale = Scale(window.y_low, window.y_high, rows * 4, log)
        texts = log_labels(values) if log else labels(values)
        return Axis({rows - 1 - round(scale.at(v)) // 4: text for v, text in zip(values, texts, strict=True)})

    def _make_x_axis(self, window: Window, kind: XKind) -> Axis:
        columns = self.canvas.columns
        count = max(2, columns // 10)
        if self.x_scale.log:
            values = log_ticks(window.x_low, window.x_high, count)
        else:
            values = ticks(window.x_low, window.x_high, count, kind)
        is_plain = self.x_scale.log and kind in ("step", "number")
        texts = log_labels(values) if is_plain else labels(values, kind)
        return Axis({round(self.x_scale.at(v)) // 2: text for v, text in zip(values, texts, strict=True)})

    def _place_letters(self, tracks: Sequence[Track], log: bool) -> dict[int, Piece]:
        """A letter to the right of each track's end, as near to it as the other letters allow."""
        rows, ends = self.canvas.rows, list[tuple[float, int]]()
        for place, track in enumerate(tracks):
            y = track.last_drawn(self.x_scale.low, self.x_scale.high, log=log)
            if y is not None and track.kind != "scatter":
                ends.append((-self.y_scale.at(y), place))
        ends = sorted(ends[:rows])
        ideal = [rows - 1 - min(rows - 1, max(0, round(-dot) // 4)) for dot, _ in ends]
        return {
            row: (tracks[place].letter, series_ink(place))
            for row, (_, place) in zip(_rows_apart(ideal, rows), ends, strict=True)
        }

    @property
    def reach(self) -> float:
        """Half the width of a column of dots, in x, at the right end."""
        return abs(self.x_scale.value(self.x_scale.size - 1) - self.x_scale.value(self.x_scale.size - 2)) / 2

    def read(self, x: float) -> Reading:
        """The cells of x and of the values near it."""
        if not self.x_scale.low <= x <= self.x_scale.high:
            return Reading(-1, {})
        owners: dict[int, int] = {}
        for place in reversed(range(len(self._tracks))):
            track = self._tracks[place]
            at = track.nearest(x, self.reach)
            dot = math.nan if at is None else self.y_scale.at(float(track.ys[at]))
            if 0 <= dot <= self.canvas.height - 1:
                owners[self.canvas.rows - 1 - round(dot) // 4] = place
        return Reading(round(self.x_scale.at(x)) // 2, owners)

    def line(self, y: int, reading: Reading | None) -> list[Piece]:
        """One line of the chart, with the cursor."""
        if y < self.canvas.rows:
            return self._drawing_line(y, reading)
        return self._axis_line(reading) if y == self.canvas.rows else self._label_line()

    def _drawing_line(self, row: int, reading: Reading | None) -> list[Piece]:
        pieces: list[Piece] = []
        if self._framed:
            label = self._y_axis.labels.get(row)
            pieces.append((f"{label or '':>{self._y_axis.width}} ", "label"))
            pieces.append(("┤" if label else "│", "axis"))
        cells = self.canvas.row(row)
        if reading is not None and row in reading.owners:
            cells = _with_mark(cells, reading.column, READ, reading.owners[row])
        pieces += [(text, _ink(owner)) for text, owner in cells]
        if row in self._letters:
            pieces += [(" ", pieces[-1][1]), self._letters[row]]
        return pieces

    def _axis_line(self, reading: Reading | None) -> list[Piece]:
        columns = self.canvas.columns
        name = f" {self._x_label}" if 0 < cell_width(self._x_label) < columns // 3 else ""
        if reading is not None and reading.column >= columns - cell_width(name):
            name = ""  # the cursor's mark is under the name
        drawn = columns - cell_width(name)
        line = ["┬" if column in self._x_axis.labels else "─" for column in range(drawn)]
        start = [(" " * (self.left - 1), "label"), ("└", "axis")]
        if reading is None or not 0 <= reading.column < drawn:
            return [*start, ("".join(line), "axis"), (name, "label")]
        before, after = "".join(line[: reading.column]), "".join(line[reading.column + 1 :])
        return [*start, (before, "axis"), (CURSOR, "cursor"), (after, "axis"), (name, "label")]

    def _label_line(self) -> list[Piece]:
        """The x labels, each under its tick; a label that would touch the previous one is omitted."""
        line = ""
        for column, label in sorted(self._x_axis.labels.items()):
            ideal = self.left + column - cell_width(label) // 2
            start = max(0, min(ideal, self.width - cell_width(label)))
            if start >= len(line) + bool(line):
                line = line.ljust(start) + label
        return [(line, "label")]


def _rows_apart(ideal: Sequence[int], rows: int) -> list[int]:
    """Different rows in the same order, each as near to its ideal as the others allow. At most `rows` are
    asked for, in ascending order."""
    groups: list[
        tuple[float, int]
    ] = []  # the first row of neighbours that touch, less those above, and how many
    for above, row in enumerate(ideal):
        start, count = float(row - above), 1
        while groups and groups[-1][0] >= start:
            before, others = groups.pop()
            start, count = (before * others + start * count) / (others + count), others + count
        groups.append((start, count))
    starts = [round(min(max(start, 0), rows - len(ideal))) for start, count in groups for _ in range(count)]
    return [start + above for above, start in enumerate(starts)]


def _with_mark(pieces: list[tuple[str, int]], column: int, mark: str, owner: int) -> list[tuple[str, int]]:
    """The pieces of a line with a mark in one cell."""
    found: list[tuple[str, int]] = []
    start = 0
    for text, ink in pieces:
        at = column - start
        if 0 <= at < len(text):
            found += [(text[:at], ink), (mark, owner), (text[at + 1 :], ink)]
        else:
            found.append((text, ink))
        start += len(text)
    return found


def _ink(owner: int) -> str:
    if owner == NO_OWNER:
        return "label"
    return "faint" if owner == FAINT else series_ink(owner)
