"""Runs beside each other: one column per run, parameters and metrics in rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from engine.text import Shown, safe
from engine.values import MISSING, duration, format_for, moment
from tui.cli.output import Cell, Head, Output, Row

if TYPE_CHECKING:
    from engine import CompareRow, Comparison
    from engine.query.keys import ColumnKind

HEADINGS: dict[ColumnKind, str] = {
    "attribute": "RUN",
    "param": "PARAMETERS",
    "metric": "METRICS",
    "tag": "TAGS",
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
    """Write the rows of these kinds; how many were left out because the runs do not differ in them."""
    rows: list[Row] = []
    left_out = 0
    kind: ColumnKind | None = None
    for row in comparison.rows:
        if row.key.kind not in kinds:
            continue
        if only_differences and not row.differs:
            left_out += 1
            continue
        if row.key.kind != kind:
            kind = row.key.kind
            rows.append([Cell(Shown(HEADINGS[kind]), "dim")])
        rows.append([_name(row), *_values(row)])
    heads = [Head(Shown(""), keep=True, least=16)]
    heads += [Head(label, right=True, keep=place < 2) for place, label in enumerate(labels)]
    if len(heads) > 1 and output.table(heads, rows):
        output.line(Cell(Shown("Some runs do not fit: use a wider terminal, a pipe or --json."), "dim"))
    return left_out


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
