"""The bars of a comparison: for each metric, one bar per run, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine import formats
from engine.api import CompareRow, Comparison
from engine.text import Shown, cell_width
from tui.compare.cells import BASELINE, BEST, DELTA_STYLES, SCROLLBAR, UNMARKED, Cells, Look
from tui.compare.source import ROW_NAME, row_name
from tui.widgets.fit_text import fit, thin_bar
from tui.widgets.table.layout import GAP, GUTTER, MARGIN
from tui.widgets.table.source import CellStyle, FirstWord, TableColumn

FEWEST_CELLS = 10
"""The fewest cells of a bar."""
START = "bars start at 0"


@dataclass(frozen=True, slots=True)
class _Line:
    """The heading of a metric, or, with a position `at`, the bar of one run."""

    row: CompareRow
    at: int | None = None


class BarsSource:
    """Bars begin at zero, so that their lengths compare; negative values go left from there. A run without a
    finite value has no bar."""

    bars = True

    def __init__(self, comparison: Comparison, look: Look) -> None:
        self.comparison = comparison
        self._baseline = look.baseline
        self._cells = cells = Cells(comparison, look, ROW_NAME)
        room = row_name(look.width)
        short = comparison.run_names(room, room)
        self.names = short.names
        self.pattern = short.pattern
        sections = comparison.sections(differences_only=look.differences_only, only=("metric",))
        rows = [row for section in sections for row in section.rows]
        self._lines: list[_Line] = []
        for row in rows:
            self._lines.append(_Line(row))
            self._lines += [_Line(row, at) for at in comparison.ranked(row)]
        self._keys = {self.row_key(at): at for at in range(len(self._lines))}
        positions = range(len(comparison.columns))
        parts = cells.parts((row, at) for row in rows for at in positions)
        names = [cell_width(name) + len(BASELINE) + 2 for name in self.names]
        label = max([12, *names, *(cell_width(row.label(look.label_limit)) for row in rows)])
        self._label_limit = look.label_limit
        value = parts.metric + len(UNMARKED)
        taken = GUTTER + label + value + parts.delta + 3 * GAP + MARGIN + SCROLLBAR
        self._bar_width = max(FEWEST_CELLS, look.width - taken)
        self._scales = {row.id: _scale(row) for row in rows}
        self._columns = (
            TableColumn("name", Shown(""), label, keep=True),
            TableColumn("bar", Shown(START if self._bar_width >= len(START) else "from 0"), self._bar_width),
            TableColumn("value", Shown("value" + UNMARKED), value, numeric=True),
            *([TableColumn("delta", Shown("Δ"), parts.delta, numeric=True)] if parts.delta else []),
        )

    def compared_row(self, row: int, column: int) -> CompareRow | None:
        return self._lines[row].row if row < len(self._lines) else None

    def position(self, row: int, column: int) -> int | None:
        return self._lines[row].at if row < len(self._lines) else None

    def _bar(self, row: CompareRow, at: int) -> str:
        number = row.values[at]
        if not isinstance(number, int | float) or not formats.is_finite(number):
            return ""
        low, high = self._scales[row.id]
        zero = round(self._bar_width * -low / (high - low)) if low < high else 0
        if number < 0:
            cells = round(zero * number / low)
            return " " * (zero - cells) + "━" * cells
        right = self._bar_width - zero
        return " " * zero + (thin_bar(number / high, right) or "╸" if number else "")

    # ── what the table asks ──────────────────────────────────────────────────

    @property
    def row_count(self) -> int:
        return len(self._lines)

    @property
    def columns(self) -> Sequence[TableColumn]:
        return self._columns

    def cell(self, row: int, column: int) -> Shown:
        line = self._lines[row]
        compared, at = line.row, line.at
        if at is None:
            return compared.label(self._label_limit) if column == 0 else Shown("")
        if column == 0:
            return Shown(f"  {self.names[at]}{BASELINE if at == self._baseline else ''}")
        if column == 1:
            return Shown(fit(self._bar(compared, at), self._bar_width))
        if column == 2:
            return Shown(compared.texts[at] + (BEST if at in compared.best else UNMARKED))
        return Shown(self._cells.change(compared, at))

    def cell_style(self, row: int, column: int) -> CellStyle | FirstWord | None:
        line = self._lines[row]
        compared, at = line.row, line.at
        if at is None:
            return "heading"
        if column == 3:
            delta = self._cells.deltas(compared)[at]
            return None if delta is None else DELTA_STYLES[delta.better]
        if at in compared.best:
            return "good" if column else None
        if column == 2 and not formats.is_finite(compared.values[at]):
            return "bad"
        return "accent" if column == 1 and at == self._baseline else None

    def row_key(self, row: int) -> str:
        line = self._lines[row]
        if line.at is None:
            return line.row.id
        return f"{line.row.id} {self.comparison.columns[line.at].key}"

    def row_of(self, key: str) -> int | None:
        return self._keys.get(key)


def _scale(row: CompareRow) -> tuple[float, float]:
    """The lowest and the highest value to draw; 0 is among them."""
    finite = [n for n in row.numbers if n is not None and formats.is_finite(n)]
    return min([0.0, *finite]), max([0.0, *finite])
