"""Comparisons as text: one column per run, one row per parameter and metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.text import Shown, cell_width, cut
from tui.cli.output import GAP, Cell, Head, Output, Row

if TYPE_CHECKING:
    from engine.api import CompareRow, CompareSection

BEST = " ★"
UNMARKED = " " * len(BEST)
VALUE_LIMIT = 40
"""The most cells of a name, and of a value unless there is room for more."""
ROOM_FOR_NAMES = 26


def value_limit(output: Output, columns: int) -> int:
    """The most cells of a value in this many columns: texts such as descriptions use the room there is."""
    room = 0 if output.width is None else (output.width - ROOM_FOR_NAMES) // max(1, columns) - len(GAP + BEST)
    return max(VALUE_LIMIT, room)


def show_side_by_side(
    output: Output,
    sections: Sequence[CompareSection],
    labels: Sequence[Shown],
    limit: int = VALUE_LIMIT,
    notes: Mapping[str, tuple[Shown, Sequence[Shown]]] = MappingProxyType({}),
) -> None:
    """Write the rows of a comparison, with values of at most `limit` cells. `labels` are the headings of the
    runs; runs that do not fit the width go into another table below. `notes` are lines below rows, by the id
    of the row: a label, and a text per run."""
    labels = [Shown(label + UNMARKED) for label in labels]
    lines: list[tuple[Cell, list[Cell]]] = []
    for section in sections:
        lines.append((Cell(section.heading, "dim"), []))
        for row in section.rows:
            lines.append((Cell(row.label(VALUE_LIMIT), "bold" if row.differs else ""), _values(row, limit)))
            if (note := notes.get(row.id)) is not None:
                lines.append(
                    (Cell(note[0], "dim"), [Cell(Shown(text + UNMARKED), "dim") for text in note[1]])
                )
    first = max((cell_width(name.text) for name, _ in lines), default=0)
    widths = [
        max(cell_width(text) for text in (label, *(cells[at].text for _, cells in lines if cells)))
        for at, label in enumerate(labels)
    ]
    for number, block in enumerate(_blocks(first, widths, output.width)):
        if number:
            output.line()
        heads = [Head(Shown(""), keep=True)]
        heads += [Head(labels[at], right=True, keep=True) for at in block]
        rows: list[Row] = [[name, *(cells[at] for at in block if cells)] for name, cells in lines]
        output.table(heads, rows)


def _blocks(first: int, widths: Sequence[int], room: int | None) -> list[list[int]]:
    """The positions of the runs, in groups that fit into `room` cells beside the names; at least one run per
    group."""
    blocks: list[list[int]] = []
    left = 0
    for at, width in enumerate(widths):
        left -= width + len(GAP)
        if not blocks or (room is not None and left < 0):
            blocks.append([])
            left = (room or 0) - first - width - len(GAP)
        blocks[-1].append(at)
    return blocks


def _values(row: CompareRow, limit: int) -> list[Cell]:
    """The values, aligned; a mark and a colour for the best of a metric."""
    return [
        Cell(Shown(text + BEST), "green") if at in row.best else Cell(Shown(text + UNMARKED))
        for at, text in enumerate(cut(text, limit) for text in row.texts)
    ]
