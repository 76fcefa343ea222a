"""The table of a comparison: one row per parameter and metric, one column per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine import formats
from engine.api import CompareRow, Comparison, Delta
from engine.text import Shown, cell_width, cut
from tui.widgets.fit_text import fit, thin_bar
from tui.widgets.table.layout import GAP, GUTTER, MARGIN
from tui.widgets.table.source import CellStyle, FirstWord, TableColumn

BEST = " ★"
BASELINE = " ◆"
_UNMARKED = "  "
WIDE = 100
LABEL_LIMIT, NARROW_LABEL_LIMIT = 26, 16
"""The most cells of a parameter's or a metric's name, in tables that are `WIDE` or narrower."""
VALUE_LIMIT, NARROW_VALUE_LIMIT = 19, 11
"""The most cells of a run's name or of a value that is not a metric's."""
COMPLETE_NAME = 14
"""Run names of at most this many cells are shown complete."""
BAR_WIDTH = 10
SCROLLBAR = 1
_DELTA_STYLES: Mapping[bool | None, CellStyle] = {True: "good", False: "bad", None: "muted"}


@dataclass(frozen=True, slots=True)
class _Line:
    """A heading (`row` is None) or a row of the comparison, with its cells and their styles in the order of
    the columns."""

    key: str
    label: Shown
    row: CompareRow | None
    cells: tuple[Shown, ...] = ()
    styles: tuple[CellStyle | FirstWord | None, ...] = ()


@dataclass(frozen=True, slots=True)
class _Parts:
    """The widths of the parts of a run's cells: the values of metrics, the differences from the baseline, and
    the other values."""

    metric: int
    delta: int
    other: int

    @classmethod
    def of(
        cls, run: int, rows: Sequence[CompareRow], deltas: Sequence[Sequence[Delta | None]], limit: int
    ) -> _Parts:
        metrics = [cell_width(row.texts[run]) for row in rows if row.key.kind == "metric"]
        others = [cell_width(row.texts[run]) for row in rows if row.key.kind != "metric"]
        changes = [cell_width(change.text) for line in deltas if (change := line[run]) is not None]
        return cls(max(metrics, default=0), max(changes, default=0), min(limit, max(others, default=0)))

    def width(self, bar: int) -> int:
        """The width of the cells with a bar of `bar` cells."""
        parts = (part for part in (self.delta, bar, self.metric) if part)
        return max(self.other, sum(part + 1 for part in parts) - 1)


class CompareSource:
    """The baseline comes first, then the other runs; rows that differ come first in each section, and
    `differences_only` omits the others. A cell is the difference from the baseline, a bar, and the value;
    everything ends at the same cell. The bars of a row range from its lowest value to its highest; they are
    omitted if the columns would not fit into `width` cells with them.

    `baseline` is the index of the run that the deltas refer to.
    """

    def __init__(
        self, comparison: Comparison, *, baseline: int = 0, differences_only: bool = False, width: int = 0
    ) -> None:
        self.comparison = comparison
        self.baseline = baseline
        runs = range(len(comparison.runs))
        self._order = sorted(runs, key=lambda at: at != baseline)
        self._value_limit = VALUE_LIMIT if width >= WIDE else NARROW_VALUE_LIMIT
        self.names = comparison.run_names(COMPLETE_NAME, self._value_limit)
        sections = comparison.sections(differences_only=differences_only)
        rows = [row for section in sections for row in section.rows]
        label_limit = LABEL_LIMIT if width >= WIDE else NARROW_LABEL_LIMIT
        self._label_width = max([12, *(cell_width(row.label(label_limit)) for row in rows)])
        deltas = [row.deltas(baseline) if row.differs else [None] * len(runs) for row in rows]
        self._parts = [_Parts.of(at, rows, deltas, self._value_limit) for at in runs]
        self.bars = self._total_width(BAR_WIDTH) <= width
        lines: list[_Line] = []
        remaining = iter(deltas)
        for section in sections:
            lines.append(_Line(f"section {section.heading}", section.heading, None))
            lines += [self._line(row, next(remaining)) for row in section.rows]
        self._lines = tuple(lines)
        self._rows = {line.key: at for at, line in enumerate(self._lines)}
        self._columns = tuple(self._build_columns())

    @property
    def differing(self) -> int:
        return sum(row.differs for row in self.comparison.rows)

    def compared_row(self, row: int) -> CompareRow | None:
        return self._lines[row].row if row < len(self._lines) else None

    def _total_width(self, bar: int) -> int:
        columns = [self._label_width, *(self._cell_width(at, bar) for at in self._order)]
        return GUTTER + sum(columns) + GAP * (len(columns) - 1) + MARGIN + SCROLLBAR

    def _cell_width(self, run: int, bar: int) -> int:
        return max(self._parts[run].width(bar), cell_width(self.names.names[run])) + len(_UNMARKED)

    def _build_columns(self) -> list[TableColumn]:
        columns = [TableColumn("name", Shown(""), self._label_width)]
        for at in self._order:
            mark = BASELINE if at == self.baseline else _UNMARKED
            width = self._cell_width(at, BAR_WIDTH if self.bars else 0)
            run_id = self.comparison.runs[at].run_id
            columns.append(TableColumn(run_id, Shown(self.names.names[at] + mark), width, numeric=True))
        return columns

    def _line(self, row: CompareRow, deltas: Sequence[Delta | None]) -> _Line:
        shares = _shares(row) if self.bars else [None] * len(row.texts)
        cells = [self._cell(row, at, deltas[at], shares[at]) for at in self._order]
        styles = [_style(row, at, deltas[at]) for at in self._order]
        return _Line(str(row.key), row.label(self._label_width), row, tuple(cells), tuple(styles))

    def _cell(self, row: CompareRow, run: int, delta: Delta | None, share: float | None) -> Shown:
        if not row.differs and run != self.baseline:
            return Shown("=" + _UNMARKED)
        mark = BEST if run in row.best else _UNMARKED
        if row.key.kind != "metric":
            return Shown(cut(row.texts[run], self._value_limit) + mark)
        parts = self._parts[run]
        bar = "" if share is None else thin_bar(max(share, 0.5 / BAR_WIDTH), BAR_WIDTH)
        change = "" if delta is None else fit(delta.text, parts.delta, right=True)
        bars = fit(bar, BAR_WIDTH) + " " if self.bars else ""
        text = f"{change} {bars}{fit(row.texts[run], parts.metric, right=True)}{mark}"
        return Shown(text.lstrip())

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

    def cell_style(self, row: int, column: int) -> CellStyle | FirstWord | None:
        line = self._lines[row]
        if line.row is None:
            return "heading"
        if column == 0:
            return None if line.row.differs else "muted"
        return line.styles[column - 1]

    def row_key(self, row: int) -> str:
        return self._lines[row].key

    def row_of(self, key: str) -> int | None:
        return self._rows.get(key)


def _shares(row: CompareRow) -> list[float | None]:
    """Where each value of a metric lies between the lowest (0) and the highest (1) of its row; None for a
    value that is missing or not finite, and in rows that do not differ."""
    finite = [n for n in row.numbers if n is not None and formats.is_finite(n)]
    if row.key.kind != "metric" or not finite or min(finite) == max(finite):
        return [None] * len(row.texts)
    low, high = min(finite), max(finite)
    return [
        None if n is None or not formats.is_finite(n) else (n / 2 - low / 2) / (high / 2 - low / 2)
        for n in row.numbers
    ]


def _style(row: CompareRow, run: int, delta: Delta | None) -> CellStyle | FirstWord | None:
    """The best value is green; otherwise the difference alone has a colour."""
    if not row.differs:
        return "muted"
    if run in row.best:
        return "good"
    if not formats.is_finite(row.values[run]):
        return "bad"
    if delta is None:
        return None
    return FirstWord(_DELTA_STYLES[delta.better])
