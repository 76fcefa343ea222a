"""The table of a comparison: one row per parameter and metric, one column per run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.api import CompareRow, Comparison
from engine.text import Shown, cell_width, cut, safe
from tui.widgets.fit_text import fit, thin_bar
from tui.widgets.table.source import CellStyle, TableColumn

NAME_WIDTH = 26
VALUE_WIDTH = 14
BAR_WIDTH = 10
DELTA_WIDTH = 10


@dataclass(frozen=True, slots=True)
class _Line:
    """A heading (`row` is None) or a row of the comparison with its cells."""

    key: str
    label: Shown
    row: CompareRow | None
    cells: tuple[Shown, ...] = ()


class CompareSource:
    """Rows that differ come first in each section; `differences_only` omits the others.

    `baseline` is the index of the run that the deltas refer to.
    """

    def __init__(
        self, comparison: Comparison, *, baseline: int = 0, differences_only: bool = False, bars: bool = True
    ) -> None:
        self.comparison = comparison
        self.baseline = baseline
        self._bars = bars
        self._lines = tuple(self._build(differences_only))
        self._rows = {line.key: at for at, line in enumerate(self._lines)}
        self._columns = tuple(self._build_columns())

    @property
    def differing(self) -> int:
        return sum(row.differs for row in self.comparison.rows)

    def compared_row(self, row: int) -> CompareRow | None:
        return self._lines[row].row if row < len(self._lines) else None

    def _build_columns(self) -> list[TableColumn]:
        names = [cell_width(line.label) for line in self._lines]
        columns = [TableColumn("name", Shown(""), min(NAME_WIDTH, max([12, *names])))]
        for at, run in enumerate(self.comparison.runs):
            mark = " ◆" if at == self.baseline else ""
            width = max([VALUE_WIDTH, *(cell_width(line.cells[at]) for line in self._lines if line.cells)])
            name = cut(safe(run.run_name), width - len(mark))
            columns.append(TableColumn(run.run_id, Shown(name + mark), width))
        return columns

    def _build(self, differences_only: bool) -> list[_Line]:
        lines: list[_Line] = []
        for section in self.comparison.sections(differences_only=differences_only):
            lines.append(_Line(f"section {section.heading}", section.heading, None))
            lines += [
                _Line(str(row.key), row.label(NAME_WIDTH), row, tuple(self._cells(row)))
                for row in section.rows
            ]
        return lines

    def _cells(self, row: CompareRow) -> list[Shown]:
        if row.key.kind != "metric":
            return [_right(text) for text in row.texts]
        numbers = row.numbers
        top = max((abs(n) for n in numbers if n is not None and math.isfinite(n)), default=0.0)
        cells = []
        for text, number, delta in zip(row.texts, numbers, row.deltas(self.baseline), strict=True):
            parts: list[str] = [_right(text)]
            if self._bars:
                share = abs(number) / top if number is not None and top and math.isfinite(number) else 0.0
                parts.append(fit(thin_bar(share, BAR_WIDTH), BAR_WIDTH))
            parts.append(fit(delta.text if delta else "", DELTA_WIDTH, right=True))
            cells.append(Shown(" ".join(parts).rstrip()))
        return cells

    # ── what the table asks ──────────────────────────────────────────────────

    @property
    def row_count(self) -> int:
        return len(self._lines)

    @property
    def columns(self) -> Sequence[TableColumn]:
        return self._columns

    def cell(self, row: int, column: int) -> Shown:
        line = self._lines[row]
        if column == 0:
            return line.label
        return line.cells[column - 1] if line.cells else Shown("")

    def cell_style(self, row: int, column: int) -> CellStyle | None:
        line = self._lines[row]
        if line.row is None:
            return "heading"
        if column and column - 1 in line.row.best:
            return "good"
        return None if line.row.differs else "muted"

    def row_key(self, row: int) -> str:
        return self._lines[row].key

    def row_of(self, key: str) -> int | None:
        return self._rows.get(key)


def _right(text: Shown) -> Shown:
    return Shown(fit(text, VALUE_WIDTH, right=True)) if cell_width(text) < VALUE_WIDTH else text
