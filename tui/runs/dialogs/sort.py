"""Choose the columns to sort runs by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from engine.api import SortKey
from engine.columns import ColumnKey
from engine.text import Shown
from tui.runs.dialogs.column_picker import KIND, NAME, Candidate, ColumnPicker, candidate_of, pickable_columns
from tui.widgets.table import TableColumn, TextRow

if TYPE_CHECKING:
    from engine.api import Arranged


class SortDialog(ColumnPicker[tuple[SortKey, ...]]):
    """Dismissed with the sort keys, primary key first; none sorts the newest runs first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("backspace,delete", "remove", show=False, id="dialog.remove")
    ]
    hints = (
        *(("space", "add, flip"), ("< >", "priority"), ("backspace", "remove"), ("d", "newest first")),
        *(("/", "search"), ("enter", "apply"), ("esc", "cancel")),
    )
    columns = (NAME, KIND, TableColumn("order", Shown("order"), len("↓ descending mean")))
    title_text = "Sort by"
    subtitle_text = "missing values come last in both directions"

    def __init__(self, sort: Iterable[SortKey], candidates: Iterable[Candidate]) -> None:
        self._sorted: dict[ColumnKey, SortKey] = {}
        for key in sort:
            self._sorted.setdefault(key.key, key)
        super().__init__(candidates, self._sorted)

    def result(self) -> tuple[SortKey, ...]:
        return tuple(self._sorted[key] for key in self.chosen)

    def describe(self, candidate: Candidate) -> TextRow:
        order = _order(self._sorted[candidate.key]) if candidate.key in self.chosen else Shown("")
        return TextRow(str(candidate.key), (candidate.label, Shown(candidate.key.kind), order), {1: "muted"})

    def action_choose(self) -> None:
        """Add the column under the cursor to the sort keys, or flip its direction."""
        if (candidate := self.under_cursor) is None:
            return
        key = candidate.key
        if key in self.chosen:
            self._sorted[key] = replace(self._sorted[key], descending=not self._sorted[key].descending)
        else:
            self.chosen.append(key)
            self._sorted[key] = SortKey(key, candidate.descending)
        self.show_candidates()

    def action_remove(self) -> None:
        if (candidate := self.under_cursor) is not None and candidate.key in self.chosen:
            self.chosen.remove(candidate.key)
            self.show_candidates()


def _order(key: SortKey) -> Shown:
    """The direction and, when groups are not sorted by the mean, the statistic."""
    statistic = "" if key.statistic == "mean" else f" {key.statistic}"
    return Shown(("↓ descending" if key.descending else "↑ ascending") + statistic)


def sort_candidates(arranged: Arranged) -> list[Candidate]:
    """Every column, with the direction in which the better or newer come first."""
    return [candidate_of(column) for column in pickable_columns(arranged.frame)]
