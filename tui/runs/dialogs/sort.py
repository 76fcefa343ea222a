"""Sort the runs by one column or by several."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType

from engine.api import SortKey
from engine.columns import ColumnKey
from engine.text import Shown
from tui.runs.dialogs.choose import KIND, NAME, ChooseDialog, Offer
from tui.widgets.table import TableColumn, TextRow


class SortDialog(ChooseDialog[tuple[SortKey, ...]]):
    """Dismissed with the sort keys, the weightiest first; none means the newest run first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("backspace,delete", "remove", show=False, id="dialog.remove")
    ]
    hints = (
        *(("space", "add, turn round"), ("< >", "weight"), ("backspace", "remove"), ("d", "newest first")),
        *(("/", "search"), ("enter", "apply"), ("esc", "leave")),
    )
    columns = (NAME, KIND, TableColumn("order", Shown("order"), len("↓ descending mean")))
    title_text = "Sort by"
    subtitle_text = "missing values come last, both ways"

    def __init__(self, sort: Iterable[SortKey], offers: Iterable[Offer]) -> None:
        self._sorted: dict[ColumnKey, SortKey] = {}
        for key in sort:
            self._sorted.setdefault(key.key, key)
        super().__init__(offers, self._sorted)

    def result(self) -> tuple[SortKey, ...]:
        return tuple(self._sorted[key] for key in self.chosen)

    def describe(self, offer: Offer) -> TextRow:
        order = _order(self._sorted[offer.key]) if offer.key in self.chosen else Shown("")
        return TextRow(str(offer.key), (offer.label, Shown(offer.key.kind), order), {1: "muted"})

    def action_choose(self) -> None:
        """Sort by what is under the cursor too; if it is so already, the other way round."""
        if (offer := self.at_hand) is None:
            return
        key = offer.key
        if key in self.chosen:
            self._sorted[key] = replace(self._sorted[key], descending=not self._sorted[key].descending)
        else:
            self.chosen.append(key)
            self._sorted[key] = SortKey(key, offer.descending)
        self.show_offers()

    def action_remove(self) -> None:
        if (offer := self.at_hand) is not None and offer.key in self.chosen:
            self.chosen.remove(offer.key)
            self.show_offers()


def _order(key: SortKey) -> Shown:
    """The direction; of groups also what they are sorted by, where that is not the mean."""
    statistic = "" if key.statistic == "mean" else f" {key.statistic}"
    return Shown(("↓ descending" if key.descending else "↑ ascending") + statistic)
