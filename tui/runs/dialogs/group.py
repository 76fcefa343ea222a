"""Put the runs of the same configuration together."""

from __future__ import annotations

from collections.abc import Iterable

from engine import formats
from engine.columns import ColumnKey
from engine.text import Shown
from tui.runs.dialogs.choose import KIND, KINDS, NAME, ChooseDialog, Offer
from tui.widgets.table import TableColumn, TextRow


class GroupDialog(ChooseDialog[tuple[ColumnKey, ...]]):
    """Dismissed with the columns whose values make a group, in their order; none means no groups."""

    hints = (
        *(("space", "group by"), ("< >", "order"), ("d", "no groups")),
        *(("/", "search"), ("enter", "apply"), ("esc", "leave")),
    )
    columns = (NAME, KIND, TableColumn("values", Shown("values"), 7, numeric=True))
    title_text = "Group by"
    subtitle_text = "what varies first"

    def __init__(self, group_by: Iterable[ColumnKey], offers: Iterable[Offer]) -> None:
        super().__init__(offers, group_by)

    def result(self) -> tuple[ColumnKey, ...]:
        return tuple(self.chosen)

    def rank(self, offer: Offer) -> tuple[int, ...]:
        return (offer.distinct is not None and offer.distinct < 2, KINDS.index(offer.key.kind))

    def describe(self, offer: Offer) -> TextRow:
        distinct = formats.MISSING if offer.distinct is None else formats.count(offer.distinct)
        return TextRow(str(offer.key), (offer.label, Shown(offer.key.kind), distinct), {1: "muted"})
