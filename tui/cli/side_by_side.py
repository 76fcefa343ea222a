"""Runs beside each other: one column per run, parameters and metrics in rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from engine.formats import MISSING, duration, format_for, moment
from engine.text import Shown, cell_width, safe
from tui.cli.output import GAP, Cell, Head, Output, Row

if TYPE_CHECKING:
    from engine.api import CompareRow, Comparison
    from engine.columns import ColumnKind

HEADINGS: dict[ColumnKind, Shown] = {
    "attribute": Shown("RUN"),
    "param": Shown("PARAMETERS"),
    "metric": Shown("METRICS"),
    "tag": Shown("TAGS"),
}
ARROWS = {"higher": " ↑", "lower": " ↓", None: ""}
BEST = " ◂"


def show_side_by_side(
    output: Output,
    comparison: Comparison,
    labels: Sequence[Shown],
    *,
    kinds: Collection[ColumnKind] = ("attribute", "param", "metric"),
    only_differences: bool = False,
) -> int:
    """Write the rows of these kinds; how many were left out because the runs do not differ in them.
    Runs that do not fit beside the others come in a table of their own below."""
    wanted = [row for row in comparison.rows if row.key.kind in kinds]
    rows = [row for row in wanted if row.differs or not only_differences]
    names = [_name(row) for row in rows]
    values = [_values(row) for row in rows]
    first = max((cell_width(cell.text) for cell in names), default=0)
    widths = [
        max(cell_width(text) for text in (label, *(cells[place].text for cells in values)))
        for place, label in enumerate(labels)
    ]
    for number, places in enumerate(_blocks(first, widths, output.width)):
        if number:
            output.line()
        heads = [Head(Shown(""), keep=True)]
        heads += [Head(labels[place], right=True, keep=True) for place in places]
        output.table(heads, list(_lines(rows, names, values, places)))
    return len(wanted) - len(rows)


def _blocks(first: int, widths: Sequence[int], room: int | None) -> list[list[int]]:
    """The places of the runs in groups, of one at least, that fit beside the names into `room` columns."""
    blocks: list[list[int]] = []
    left = 0
    for place, width in enumerate(widths):
        left -= width + len(GAP)
        if not blocks or (room is not None and left < 0):
            blocks.append([])
            left = (room or 0) - first - width - len(GAP)
        blocks[-1].append(place)
    return blocks


def _lines(
    rows: Sequence[CompareRow], names: Sequence[Cell], values: Sequence[Sequence[Cell]], places: Sequence[int]
) -> Iterator[Row]:
    """The rows of one block, with a heading before each kind."""
    kind: ColumnKind | None = None
    for row, name, cells in zip(rows, names, values, strict=True):
        if row.key.kind != kind:
            kind = row.key.kind
            yield [Cell(HEADINGS[kind], "dim")]
        yield [name, *(cells[place] for place in places)]


def _name(row: CompareRow) -> Cell:
    return Cell(safe(row.key.name + ARROWS[row.direction]), "bold" if row.differs else "")


def _values(row: CompareRow) -> list[Cell]:
    """The values, aligned; the best of a metric is marked by a sign and a colour."""
    return [
        Cell(
            Shown(text + (BEST if place in row.best else " " * len(BEST))),
            "green" if place in row.best else "",
        )
        for place, text in enumerate(_texts(row))
    ]


def _texts(row: CompareRow) -> list[Shown]:
    key = row.key
    if key.kind == "metric" or key.is_duration or key.is_time:
        numbers = [value if isinstance(value, (int, float)) else None for value in row.values]
        if key.is_duration:
            return [duration(number) for number in numbers]
        if key.is_time:
            return [moment(None if number is None else int(number)) for number in numbers]
        fmt = format_for(numbers)
        return [fmt(number) for number in numbers]
    return [MISSING if value is None else safe(value) for value in row.values]
