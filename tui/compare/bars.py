"""The bars of a comparison: for each metric, one bar per run, the best first."""

from __future__ import annotations

from collections.abc import Sequence

from engine import formats
from engine.api import CompareRow, Comparison
from engine.text import Shown, cell_width
from tui.compare.cells import BASELINE, BEST, SCROLLBAR, UNMARKED, Cells, Look
from tui.compare.source import ROW_NAME, row_name
from tui.widgets.fit_text import fit, thin_bar
from tui.widgets.table.layout import GAP, GUTTER, MARGIN
from tui.widgets.table.source import CellStyle, FirstWord, TableColumn

FEWEST_CELLS = 10
"""The fewest cells of a bar."""
START = "bars start at 0"


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
        self._metrics = rows
        self._ranks = [comparison.ranked(row) for row in rows]
        self._block = 1 + len(comparison.columns)
        self._places = {row.id: place for place, row in enumerate(rows)}
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
        return self._line(row)[0] if row < self.row_count else None

    def position(self, row: int, column: int) -> int | None:
        return self._line(row)[1] if row < self.row_count else None

    def _line(self, row: int) -> tuple[CompareRow, int | None]:
        """The metric, and the position of the run whose bar it is; None for the heading of the metric."""
        place, rank = divmod(row, self._block)
        return self._metrics[place], self._ranks[place][rank - 1] if rank else None

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
        return len(self._metrics) * self._block

    @property
    def columns(self) -> Sequence[TableColumn]:
        return self._columns

    def cell(self, row: int, column: int) -> Shown:
        compared, at = self._line(row)
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
        compared, at = self._line(row)
        if at is None:
            return "heading"
        if column == 3:
            return self._cells.delta_style(compared, at)
        if at in compared.best:
            return "good" if column else None
        if column == 2 and not formats.is_finite(compared.values[at]):
            return "bad"
        return "accent" if column == 1 and at == self._baseline else None

    def row_key(self, row: int) -> str:
        compared, at = self._line(row)
        return compared.id if at is None else f"{compared.id} {self.comparison.columns[at].key}"

    def row_of(self, key: str) -> int | None:
        place = self._places.get(key)
        if place is not None:
            return place * self._block
        metric, _, column = key.rpartition(" ")
        place, at = self._places.get(metric), self.comparison.position_of(column)
        return None if place is None or at is None else place * self._block + 1 + self._ranks[place].index(at)


def _scale(row: CompareRow) -> tuple[float, float]:
    """The lowest and the highest value to draw; 0 is among them."""
    finite = [n for n in row.numbers if n is not None and formats.is_finite(n)]
    return min([0.0, *finite]), max([0.0, *finite])
