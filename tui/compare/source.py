"""The tables of a comparison: with one column per run, or transposed with one row per run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.api import CompareRow, Comparison, Versus
from engine.text import Shown, cell_width, cut
from tui.compare.cells import (
    BAR_WIDTH,
    BASELINE,
    COMPLETE_NAME,
    MOST_BAR_WIDTH,
    NARROW_VALUE_LIMIT,
    SCROLLBAR,
    UNMARKED,
    VALUE_LIMIT,
    WIDE,
    Cells,
    Look,
)
from tui.widgets.fit_text import fit, wrapped
from tui.widgets.table.layout import GAP, GUTTER, MARGIN
from tui.widgets.table.source import CellStyle, FirstWord, TableColumn, TableSource

NAME = "name"
"""The key of the first column."""
MAX_LINES = 6
"""The most lines of a description."""
ROW_NAME = 40
"""The most cells of the name of a run that is a row."""


def row_name(width: int) -> int:
    """The most cells of such a name, so that a table of this width also has room for values."""
    return min(ROW_NAME, width // 3)


class ComparisonSource(TableSource, Protocol):
    """A source that knows what its cells compare."""

    @property
    def pattern(self) -> Shown:
        """The words that the names of all runs share; empty if they are shown complete."""

    @property
    def bars(self) -> bool:
        """Whether it shows bars."""

    def compared_row(self, row: int, column: int) -> CompareRow | None:
        """The parameter, metric, … of a cell; None for a heading or a name."""

    def position(self, row: int, column: int) -> int | None:
        """The position in the comparison of a cell's run or version; None for a heading or a label."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A heading (`row` is None) or a row of the comparison. A long description has several lines; `part`
    numbers them. `is_evidence`: what is known of the chance in the row above."""

    key: str
    label: Shown
    row: CompareRow | None
    part: int = 0
    is_evidence: bool = False


class CompareSource:
    """One column per run. The baseline comes first, then the other runs; rows that differ come first in each
    section, and `differences_only` omits the others. A cell is the difference from the baseline, a bar, and
    the value; everything ends at the same cell. The bars of a row range from its lowest value to its highest;
    they are omitted if the columns would not fit into the width with them.
    """

    def __init__(self, comparison: Comparison, look: Look) -> None:
        self.comparison = comparison
        limit = look.value_limit(len(comparison.columns))
        self._cells = cells = Cells(comparison, look, limit)
        runs = range(len(comparison.columns))
        self._order = look.positions(len(comparison.columns))
        few = cells.limit > VALUE_LIMIT
        short = comparison.run_names(cells.limit if few else COMPLETE_NAME, cells.limit)
        self.names = short.names
        self.pattern = short.pattern
        lines: list[_Line] = []
        for section in comparison.sections(differences_only=look.differences_only):
            lines.append(_Line(f"section {section.heading}", section.heading, None))
            for row in section.rows:
                lines.append(_Line(row.id, row.label(look.label_limit), row))
                parts = range(1, self._line_count(row))
                lines += [_Line(f"{row.id} {part}", Shown(""), row, part) for part in parts]
                if row.is_metric and row.statistic == "last" and row.key.name in look.tested:
                    label = _evidence_label(look.evidence[row.key.name].values())
                    lines.append(_Line(f"{row.id} evidence", label, row, is_evidence=True))
        self._lines = tuple(lines)
        self._rows = {line.key: at for at, line in enumerate(lines)}
        rows = {line.row.id: line.row for line in lines if line.row is not None}.values()
        tested = [line.row for line in lines if line.row is not None and line.is_evidence]
        self._label_width = max([12, *(cell_width(line.label) for line in lines if line.row)])
        self._parts = [cells.parts([(row, at) for row in rows], [(row, at) for row in tested]) for at in runs]
        self.bars = self._total_width(BAR_WIDTH) <= look.width
        rooms = [self._parts[at].bar_room(self._cell_width(at, BAR_WIDTH) - len(UNMARKED)) for at in runs]
        self._bar_width = min([MOST_BAR_WIDTH, *rooms]) if self.bars else 0
        self._columns = tuple(self._build_columns(look.baseline))

    def compared_row(self, row: int, column: int) -> CompareRow | None:
        return self._lines[row].row if row < len(self._lines) else None

    def position(self, row: int, column: int) -> int | None:
        return self._order[column - 1] if column else None

    def _line_count(self, row: CompareRow) -> int:
        """More than one for what is said about versions, such as their descriptions."""
        if row.section != "version":
            return 1
        return min(MAX_LINES, max(len(wrapped(text, self._cells.limit)) for text in row.texts))

    def _wrapped(self, row: CompareRow, at: int, part: int) -> Shown:
        lines = wrapped(row.texts[at], self._cells.limit)
        if len(lines) == 1:
            return self._cells.text(row, at, self._parts[at]) if part == 0 else Shown("")
        if part == MAX_LINES - 1 and len(lines) > MAX_LINES:
            lines[part] = cut(Shown(" ".join(lines[part:])), self._cells.limit)
        text = lines[part] if part < len(lines) else ""
        return Shown(fit(text, self._cells.limit) + UNMARKED)

    def _total_width(self, bar: int) -> int:
        columns = [self._label_width, *(self._cell_width(at, bar) for at in self._order)]
        return GUTTER + sum(columns) + GAP * (len(columns) - 1) + MARGIN + SCROLLBAR

    def _cell_width(self, run: int, bar: int) -> int:
        return max(self._parts[run].width(bar), cell_width(self.names[run])) + len(UNMARKED)

    def _build_columns(self, baseline: int) -> list[TableColumn]:
        columns = [TableColumn(NAME, Shown(""), self._label_width)]
        for at in self._order:
            mark = BASELINE if at == baseline else UNMARKED
            width = self._cell_width(at, self._bar_width)
            key = self.comparison.columns[at].key
            columns.append(TableColumn(key, Shown(self.names[at] + mark), width, numeric=True))
        return columns

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
        at = self._order[column - 1]
        if line.row is None:
            return Shown("")
        if line.is_evidence:
            return Shown(self._cells.evidence_text(line.row, at) + UNMARKED)
        if line.part or line.row.section == "version":
            return self._wrapped(line.row, at, line.part)
        return self._cells.text(line.row, at, self._parts[at], self._bar_width)

    def cell_style(self, row: int, column: int) -> CellStyle | FirstWord | None:
        line = self._lines[row]
        if line.row is None:
            return "heading"
        if column == 0:
            return None if line.row.differs and not line.is_evidence else "muted"
        if line.is_evidence:
            versus = self._cells.versus(line.row, self._order[column - 1])
            return None if versus is not None and versus.distinguished else "muted"
        return self._cells.style(line.row, self._order[column - 1])

    def row_key(self, row: int) -> str:
        return self._lines[row].key

    def row_of(self, key: str) -> int | None:
        return self._rows.get(key)


def _evidence_label(found: Iterable[Versus]) -> Shown:
    """`  95 % n=61`, or without a number where runs were tested on different numbers of rows."""
    sizes = {(versus.n, versus.of_folds) for versus in found if versus.n is not None}
    if len(sizes) != 1:
        return Shown("  95 %")
    n, of_folds = sizes.pop()
    return Shown(f"  95 %, {n} folds" if of_folds else f"  95 %, n={n}")


class TransposedSource:
    """One row per run, the baseline first; one column per parameter, metric, …: what differs comes first, in
    the order of the sections."""

    bars = False

    def __init__(self, comparison: Comparison, look: Look) -> None:
        self.comparison = comparison
        limit = VALUE_LIMIT if look.width >= WIDE else NARROW_VALUE_LIMIT
        self._cells = cells = Cells(comparison, look, limit)
        self._baseline = look.baseline
        self._order = look.positions(len(comparison.columns))
        room = row_name(look.width)
        short = comparison.run_names(room, room)
        self.names = short.names
        self.pattern = short.pattern
        sections = comparison.sections(differences_only=look.differences_only)
        rows = [row for section in sections for row in section.rows]
        self._shown = sorted(rows, key=lambda row: not row.differs)
        self._parts = [cells.parts((row, at) for at in self._order) for row in self._shown]
        self._rows = {comparison.columns[at].key: row for row, at in enumerate(self._order)}
        name_width = max([12, *map(cell_width, self.names)]) + len(BASELINE)
        self._columns = (
            TableColumn(NAME, Shown(""), name_width, keep=True),
            *(self._column(row, at, look.label_limit) for at, row in enumerate(self._shown)),
        )

    def _column(self, row: CompareRow, at: int, limit: int) -> TableColumn:
        label = Shown(row.label(limit) + UNMARKED)
        width = max(self._parts[at].width(0) + len(UNMARKED), cell_width(label))
        return TableColumn(row.id, label, width, numeric=True)

    def compared_row(self, row: int, column: int) -> CompareRow | None:
        return self._shown[column - 1] if 0 < column <= len(self._shown) else None

    def position(self, row: int, column: int) -> int | None:
        return self._order[row] if row < len(self._order) else None

    # ── what the table asks ──────────────────────────────────────────────────

    @property
    def row_count(self) -> int:
        return len(self._order)

    @property
    def columns(self) -> Sequence[TableColumn]:
        return self._columns

    def cell(self, row: int, column: int) -> Shown:
        at = self._order[row]
        if column == 0:
            return Shown(self.names[at] + (BASELINE if at == self._baseline else ""))
        return self._cells.text(self._shown[column - 1], at, self._parts[column - 1])

    def cell_style(self, row: int, column: int) -> CellStyle | FirstWord | None:
        return None if column == 0 else self._cells.style(self._shown[column - 1], self._order[row])

    def row_key(self, row: int) -> str:
        return self.comparison.columns[self._order[row]].key

    def row_of(self, key: str) -> int | None:
        return self._rows.get(key)
