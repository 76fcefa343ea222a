"""The cells of a comparison, which its table and its transposed table share."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine import formats
from engine.api import CompareRow, Comparison, Delta, Versus
from engine.text import Shown, cell_width, cut
from tui.widgets.fit_text import fit, thin_bar
from tui.widgets.table.layout import GAP, GUTTER, MARGIN
from tui.widgets.table.source import CellStyle, FirstWord

BEST = " ★"
BASELINE = " ◆"
UNMARKED = "  "
WIDE = 100
VALUE_LIMIT, NARROW_VALUE_LIMIT = 19, 11
"""The most cells of a run's name or of a text, in `WIDE` tables and in others with many runs."""
MOST_VALUE_LIMIT = 60
LABEL_LIMIT, NARROW_LABEL_LIMIT = 26, 16
"""The most cells of a parameter's or a metric's name."""
COMPLETE_NAME = 14
"""With many runs, names of at most this many cells are shown complete."""
BAR_WIDTH, MOST_BAR_WIDTH = 10, 40
"""The fewest and the most cells of a bar."""
SCROLLBAR = 1
MANY = 20
"""From more runs than this on, the widths of differences are estimated."""
SMALL_DELTA = 8
"""The cells of a difference that is rounded to its digits, such as −1.2e-05."""
Evidence = Mapping[str, Mapping[str, Versus]]
DELTA_STYLES: Mapping[bool | None, CellStyle] = {True: "good", False: "bad", None: "muted"}


@dataclass(frozen=True, slots=True)
class Look:
    """How a comparison is shown. `baseline` is the position of the column that differences refer to; `order`
    the positions of all columns, None for the baseline first; `relative` shows differences in percent;
    `width` is that of the table. `evidence` says by metric and run id what is more than chance; the table has
    a line for the metrics in `tested`."""

    baseline: int = 0
    differences_only: bool = False
    relative: bool = False
    width: int = 0
    order: Sequence[int] | None = None
    evidence: Evidence = field(default_factory=dict)
    tested: Container[str] = ()

    @property
    def label_limit(self) -> int:
        return LABEL_LIMIT if self.width >= WIDE else NARROW_LABEL_LIMIT

    def value_limit(self, columns: int) -> int:
        """The most cells of a run's name or of a text: more than usual where few columns have room."""
        least = VALUE_LIMIT if self.width >= WIDE else NARROW_VALUE_LIMIT
        room = self.width - GUTTER - MARGIN - SCROLLBAR - self.label_limit
        return max(least, min(MOST_VALUE_LIMIT, room // max(1, columns) - GAP - len(UNMARKED)))

    def positions(self, count: int) -> list[int]:
        """The positions of the columns in the order to show: the baseline, then the others."""
        order = range(count) if self.order is None else self.order
        return sorted(order, key=lambda at: at != self.baseline)


@dataclass(frozen=True, slots=True)
class Parts:
    """The widths of the parts of some cells: the values of metrics, the differences from the baseline, and
    the other values."""

    metric: int
    delta: int
    other: int

    def bar_room(self, width: int) -> int:
        """The cells for a bar beside a metric and its difference in cells of this width."""
        return width - sum(part + 1 for part in (self.delta, self.metric) if part)

    def width(self, bar: int) -> int:
        """The width of the cells with a bar of `bar` cells."""
        parts = (part for part in (self.delta, bar, self.metric) if part)
        return max(self.other, sum(part + 1 for part in parts) - 1)


class Cells:
    """The texts and styles of the cells. Differences are computed once per row, when first needed."""

    def __init__(self, comparison: Comparison, look: Look, limit: int) -> None:
        """`limit` is the most cells of a text."""
        self._look = look
        self._runs = [column.run for column in comparison.columns]
        self._count = len(self._runs)
        self.limit = limit
        self._deltas: dict[str, Sequence[Delta | None]] = {}
        self._shares: dict[str, Sequence[float | None]] = {}
        self._rooms: dict[str, int] = {}

    def deltas(self, row: CompareRow) -> Sequence[Delta | None]:
        found = self._deltas.get(row.id)
        if found is None:
            baseline, relative = self._look.baseline, self._look.relative
            found = row.deltas(baseline, relative=relative) if row.differs else [None] * self._count
            self._deltas[row.id] = found
        return found

    def change(self, row: CompareRow, at: int) -> str:
        """The difference from the baseline; empty if there is none to show."""
        delta = self.deltas(row)[at]
        return "" if delta is None else delta.text

    def parts(
        self, cells: Iterable[tuple[CompareRow, int]], tested: Iterable[tuple[CompareRow, int]] = ()
    ) -> Parts:
        """The widths that these cells need, and the evidence for those that are `tested`. Of many runs, the
        differences are not computed: they get room for the largest."""
        metric = delta = other = 0
        many = self._count > MANY
        for row, at in cells:
            if row.is_metric:
                metric = max(metric, len(row.texts[at]))  # numbers: one cell per character
                delta = max(delta, self._room(row) if many else len(self.change(row, at)))
            else:
                other = max(other, cell_width(row.texts[at]))
        evidence = max((cell_width(self.evidence_text(row, at)) for row, at in tested), default=0)
        return Parts(metric, delta, max(evidence, min(self.limit, other)))

    def _room(self, row: CompareRow) -> int:
        """The most cells of a difference in a row: of its ends from the baseline. A fraction among the values
        decides how many decimals they have."""
        found = self._rooms.get(row.id)
        if found is None:
            numbers = [n for n in row.numbers if n is not None and formats.is_finite(n)]
            found = 0
            if row.differs and numbers:
                fraction = next((n for n in numbers if n != int(n)), numbers[0])
                base = row.values[self._look.baseline]
                ends = replace(row, values=(base, min(numbers), max(numbers), fraction))
                deltas = ends.deltas(0, relative=self._look.relative)
                found = max([SMALL_DELTA, *(len(delta.text) for delta in deltas if delta)])
            self._rooms[row.id] = found
        return found

    def text(self, row: CompareRow, at: int, parts: Parts, bar_width: int = 0) -> Shown:
        """The difference, a bar of up to `bar_width` cells, the value, and a star for the best."""
        if not row.differs and at != self._look.baseline:
            return Shown("=" + UNMARKED)
        mark = BEST if at in row.best else UNMARKED
        if not row.is_metric:
            return Shown(cut(row.texts[at], self.limit) + mark)
        change = fit(text, parts.delta, right=True) if (text := self.change(row, at)) else ""
        bar = fit(self._bar(row, at, bar_width), bar_width) + " " if bar_width else ""
        return Shown(f"{change} {bar}{fit(row.texts[at], parts.metric, right=True)}{mark}".lstrip())

    def _bar(self, row: CompareRow, at: int, width: int) -> str:
        shares = self._shares.get(row.id)
        if shares is None:
            shares = self._shares[row.id] = _shares(row)
        share = shares[at]
        return "" if share is None else thin_bar(max(share, 0.5 / width), width)

    def style(self, row: CompareRow, at: int) -> CellStyle | FirstWord | None:
        """The best value is green; otherwise the difference alone has a colour."""
        if not row.differs:
            return "muted"
        if at in row.best:
            return FirstWord("muted", "good") if self._is_chance(row, at) else "good"
        if not formats.is_finite(row.values[at]):
            return "bad"
        return None if self.deltas(row)[at] is None else FirstWord(self.delta_style(row, at))

    def delta_style(self, row: CompareRow, at: int) -> CellStyle | None:
        """Green if better and red if worse, but neither if the difference may be chance."""
        delta = self.deltas(row)[at]
        if delta is None:
            return None
        return "muted" if self._is_chance(row, at) else DELTA_STYLES[delta.better]

    def _is_chance(self, row: CompareRow, at: int) -> bool:
        versus = self.versus(row, at)
        return versus is not None and versus.distinguished is False and self.deltas(row)[at] is not None

    def versus(self, row: CompareRow, at: int) -> Versus | None:
        """How a run's metric compares with the baseline's; None if that is unknown."""
        found = self._look.evidence.get(row.key.name) if row.is_metric and row.statistic == "last" else None
        run = self._runs[at] if found else None
        return found.get(run.run_id) if found and run else None

    def evidence_text(self, row: CompareRow, at: int) -> Shown:
        """The interval of the baseline, and whether another run differs by more than chance."""
        versus = self.versus(row, at)
        if versus is None:
            return Shown("")
        return versus.range if at == self._look.baseline else versus.mark or versus.range


def _shares(row: CompareRow) -> list[float | None]:
    """Where each value of a metric lies between the lowest (0) and the highest (1) of its row; None for a
    value that is missing or not finite, and in rows that do not differ."""
    finite = [n for n in row.numbers if n is not None and formats.is_finite(n)]
    if not row.is_metric or not finite or min(finite) == max(finite):
        return [None] * len(row.texts)
    low, high = min(finite), max(finite)
    return [
        None if n is None or not formats.is_finite(n) else (n / 2 - low / 2) / (high / 2 - low / 2)
        for n in row.numbers
    ]
