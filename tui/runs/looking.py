"""The runs pane looked at in another way: another order, other columns, folded, in another layout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from textual import on

from tui.bridge import Bridge
from tui.runs.filtering import RunFiltering
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.api import Column, RunView, SortKey, Statistic
    from engine.columns import ColumnKey
    from tui.runs.table_source import RunSource


class RunLooking(RunFiltering):
    """The half of the runs pane that changes how runs are looked at."""

    def __init__(self, bridge: Bridge, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(bridge, id=id)
        self._above: tuple[str, ...] = ()
        """What the run under the cursor is being folded into."""
        self._to_top = False
        """Who sorts wants to see what comes first."""

    @property
    def columns(self) -> Sequence[Column]:
        return self.arranged.columns if self.arranged is not None else ()

    @property
    def source(self) -> RunSource | None:
        from tui.runs.table_source import RunSource

        source = self.table.source
        return source if isinstance(source, RunSource) else None

    def change_look(self, **fields: Any) -> None:
        """Change some fields of the look."""
        self.view.change(**fields)
        self.rearrange()

    def show_look(self, look: RunView) -> None:
        """Look in this way."""
        filtered = look.filter_text != self.view.look.filter_text
        self.view.look = look
        if filtered:
            self.filter_bar.show_text(look.filter_text)
            self.set_filter(look.filter_text)
        else:
            self.rearrange()

    def is_group(self, key: str) -> bool:
        return self.source is not None and self.source.is_group(key)

    def toggle_fold(self) -> None:
        """Open or close what is under the cursor."""
        key, source = self.table.cursor_key, self.source
        if key is not None and source is not None and source.can_fold(key):
            self._toggle({key})

    def toggle_all_folds(self) -> None:
        """Close all; where all are closed, open them."""
        if self.source is not None:
            self._toggle(self.source.folds_to_toggle())

    def _toggle(self, keys: Iterable[str]) -> None:
        self.view.toggled = self.view.toggled.symmetric_difference(keys)
        cursor, source = self.table.cursor_key, self.source
        self._above = () if cursor is None or source is None else source.above(cursor)
        self.rearrange()

    def widen_column(self, cells: int) -> None:
        """Give the focused column more cells, or fewer."""
        column = self._focused_column()
        if column is not None:
            look = self.view.look
            self.change_look(widths={**look.widths, column.key: max(3, column.width + cells)})

    def _focused_column(self) -> Column | None:
        name, source = self.table.focused_column, self.source
        return source.column_of(name) if source is not None and name is not None else None

    # ── sorting ──────────────────────────────────────────────────────────────

    @on(Table.HeaderClicked)
    def _sort_clicked(self, event: Table.HeaderClicked) -> None:
        self.sort_by_column(event.key)

    def sort_by_column(self, name: str | None) -> None:
        """Sort by a column of the table; the focused one if None."""
        source = self.source
        column = self._focused_column() if name is None or source is None else source.column_of(name)
        if column is not None:
            self.sort_by(column.key, statistic=column.statistic or "mean")

    def sort_by(
        self, key: ColumnKey, descending: bool | None = None, *, statistic: Statistic = "mean"
    ) -> None:
        """Sort by one column, better or newer values first; again by the same: the other way round."""
        from engine.api import SortKey, direction_of

        now = self.view.look.sort[0] if self.view.look.sort else None
        if descending is None and now is not None and (now.key, now.statistic) == (key, statistic):
            descending = not now.descending
        elif descending is None:
            newest_first = key.name in ("start_time", "end_time")
            descending = newest_first or (key.kind == "metric" and direction_of(key.name) == "higher")
        self.sort_by_keys((SortKey(key, descending, statistic),))

    def sort_by_keys(self, keys: tuple[SortKey, ...]) -> None:
        self._to_top = True
        self.change_look(sort=keys)

    def metric_at_hand(self) -> str | None:
        """The metric that is being looked at: the focused column, the sort key, else accuracy or the
        first there is."""
        column = self._focused_column()
        at_hand = [*([column.key] if column else []), *(sort.key for sort in self.view.look.sort)]
        metrics = [c.key.name for c in self.columns if c.key.kind == "metric"]
        named = [key.name for key in at_hand if key.kind == "metric"]
        return next(iter([*named, *(["accuracy"] if "accuracy" in metrics else []), *metrics]), None)
