"""What the commands write: aligned tables and lines for people, one JSON object for scripts.

Everything for people is `Shown` (it has passed `engine.text.safe()`), and is written as plain
segments: nothing of it is ever read as markup. On a terminal a table keeps to its width and says
what it left out; off a terminal there are no colours and nothing is cut.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from engine.text import Shown, cell_width, safe, safe_lines
from tui.widgets.cells import fit, wrapped

if TYPE_CHECKING:
    from rich.console import Console

GAP = "  "
NARROWEST = 8
"""Characters below which no column is cut."""


class Cell(NamedTuple):
    """A text with a rich style, e.g. `green` or `bold`."""

    text: Shown
    style: str = ""


Row = Sequence[Cell | Shown]
"""One cell per column; a row of a single cell in a table of several is a heading across it."""


@dataclass(frozen=True, slots=True)
class Head:
    """A column. On a narrow terminal a column with `least` is cut with … to no fewer characters than
    that; then columns that are not `keep` are left out, the last first; then the rest is cut."""

    label: Shown
    right: bool = False
    keep: bool = False
    least: int = 0


class Output:
    """Writes for people, to stdout or (`err`) stderr."""

    def __init__(self, *, err: bool = False) -> None:
        self._stream: TextIO = sys.stderr if err else sys.stdout
        self.is_terminal = self._stream.isatty()
        self._rich: Console | None = None

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None off a terminal."""
        return self.rich.width if self.is_terminal else None

    @property
    def rich(self) -> Console:
        """The rich console of this stream, for progress bars. Respects NO_COLOR and TERM."""
        if self._rich is None:
            from rich.console import Console

            self._rich = Console(
                file=self._stream, force_terminal=self.is_terminal, markup=False, highlight=False, emoji=False
            )
        return self._rich

    def line(self, *parts: Cell | str) -> None:
        """One line of the parts, one after the other."""
        self._write([[_cell(part) for part in parts]])

    def text(self, text: str, style: str = "") -> None:
        """Text of some length, line by line; on a terminal broken at blanks."""
        for line in safe_lines(text):
            self._write([[Cell(Shown(part), style)] for part in wrapped(line, self.width or 0)])

    def table(self, heads: Sequence[Head], rows: Sequence[Row]) -> int:
        """A header and the rows, aligned; the number of columns left out for want of room."""
        cells = [[_cell(value) for value in row] for row in rows]
        widths = _natural_widths(heads, cells)
        columns = list(range(len(heads)))
        if self.width is not None:
            columns, widths = fitted(heads, widths, self.width)
        lines: list[list[Cell]] = [_line([Cell(h.label, "bold") for h in heads], heads, columns, widths)]
        if self.is_terminal:
            rule = sum(widths[c] for c in columns) + len(GAP) * (len(columns) - 1)
            lines.append([Cell(Shown("─" * rule), "dim")])
        for row in cells:
            heading = len(row) == 1 and len(heads) > 1
            lines.append(list(row) if heading else _line(row, heads, columns, widths))
        self._write(lines)
        return len(heads) - len(columns)

    def _write(self, lines: Iterable[Sequence[Cell]]) -> None:
        if not self.is_terminal:
            for line in lines:
                self._stream.write("".join(cell.text for cell in line).rstrip() + "\n")
            self._stream.flush()
            return
        from rich.segment import Segment, Segments
        from rich.style import Style

        segments: list[Segment] = []
        for line in lines:
            segments += [Segment(cell.text, Style.parse(cell.style) if cell.style else None) for cell in line]
            segments.append(Segment.line())
        self.rich.print(Segments(segments), soft_wrap=True, end="")


def _cell(value: Cell | str) -> Cell:
    """The second guard: what was forgotten to be made safe becomes so here."""
    return Cell(safe(value.text), value.style) if isinstance(value, Cell) else Cell(safe(value))


def _natural_widths(heads: Sequence[Head], rows: Sequence[Sequence[Cell]]) -> list[int]:
    widths = [cell_width(head.label) for head in heads]
    for row in rows:
        if len(row) == len(heads):
            for column, cell in enumerate(row):
                widths[column] = max(widths[column], cell_width(cell.text))
    return widths


def fitted(heads: Sequence[Head], natural: Sequence[int], room: int) -> tuple[list[int], list[int]]:
    """(columns that are shown, widths of all) so that a line has at most `room` characters."""
    columns = list(range(len(heads)))
    least = [head.least or width for head, width in zip(heads, natural, strict=True)]
    widths = _squeezed(natural, least, columns, room)
    for column in reversed(range(len(heads))):
        if _length(widths, columns) <= room:
            break
        if not heads[column].keep:
            columns.remove(column)
    widths = _squeezed(natural, least, columns, room)
    return columns, _squeezed(widths, [NARROWEST] * len(heads), columns, room)


def _squeezed(widths: Sequence[int], least: Sequence[int], columns: Sequence[int], room: int) -> list[int]:
    """`widths` with the widest of `columns` made narrower until a line fits, or nothing gives way."""
    found = list(widths)
    while (over := _length(found, columns) - room) > 0:
        giving = [column for column in columns if found[column] > least[column]]
        if not giving:
            break
        widest = max(giving, key=found.__getitem__)
        others = max((found[column] for column in giving if column != widest), default=0)
        found[widest] = max(least[widest], found[widest] - over, min(others, found[widest] - 1))
    return found


def _length(widths: Sequence[int], columns: Sequence[int]) -> int:
    return sum(widths[column] for column in columns) + len(GAP) * (len(columns) - 1)


def _line(
    row: Sequence[Cell], heads: Sequence[Head], columns: Sequence[int], widths: Sequence[int]
) -> list[Cell]:
    line: list[Cell] = []
    for place, column in enumerate(columns):
        cell = row[column]
        text = fit(cell.text, widths[column], right=heads[column].right)
        line += [Cell(Shown(GAP if place else "")), Cell(Shown(text), cell.style)]
    return line


def write_json(payload: Mapping[str, Any]) -> None:
    """One JSON object on stdout, in ASCII: names from outside cannot reach the terminal raw.
    NaN and infinities are the strings "NaN", "Infinity" and "-Infinity", as MLflow writes them."""
    indent = 2 if sys.stdout.isatty() else None
    try:
        text = json.dumps(payload, allow_nan=False, indent=indent)
    except ValueError:
        text = json.dumps(_finite(payload), allow_nan=False, indent=indent)
    sys.stdout.write(text.replace("\x7f", "\\u007f") + "\n")
    sys.stdout.flush()


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
