"""Choose the metrics of a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from engine.text import Shown, cell_width, safe
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field
from tui.widgets.table import Table, TableColumn, TextRow
from tui.widgets.table.source import TextSource


class MetricsDialog(Dialog[tuple[str, ...]]):
    """Dismissed with the marked metrics, in their order; without marks, with the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("slash", "search", show=False, id="dialog.search")]
    DEFAULT_CSS = """
    MetricsDialog Field { margin: 0 0 1 0; }
    MetricsDialog Table { height: auto; max-height: 24; }
    """
    AUTO_FOCUS = "Table"
    title_text = "Metrics"
    subtitle_text = "space mark · / search · enter draw · esc cancel"

    def __init__(self, names: Sequence[str], chosen: Sequence[str]) -> None:
        super().__init__()
        self._names = names
        self._chosen = chosen
        self._marks = frozenset(chosen)

    def compose_dialog(self) -> ComposeResult:
        yield Field(placeholder="search")
        yield Table(id="names")

    def on_mount(self) -> None:
        self._show("")
        table = self.query_one(Table)
        if self._chosen:
            table.move_to(self._chosen[0])

    def _show(self, text: str) -> None:
        words = text.lower().split()
        found = [name for name in self._names if all(word in name.lower() for word in words)]
        width = max([20, *(cell_width(safe(name)) for name in found)])
        column = TableColumn("name", Shown("metric"), min(width, 80))
        table = self.query_one(Table)
        table.set_source(TextSource([column], [TextRow(name, (safe(name),)) for name in found]))
        table.set_marks(self._marks)

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        event.stop()
        self._show(event.value)

    @on(Input.Submitted)
    def _to_list(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(Table).focus()

    def action_search(self) -> None:
        self.query_one(Field).focus()

    @on(Table.MarksChanged)
    def _mark(self, event: Table.MarksChanged) -> None:
        event.stop()
        listed = {name for name in self._names if self.query_one(Table).source.row_of(name) is not None}
        self._marks = (self._marks - listed) | (event.keys & listed)

    @on(Table.RowSelected)
    def _choose(self, event: Table.RowSelected) -> None:
        """The marked metrics; if the marks are those that it opened with, and the cursor has moved to another
        metric, that one alone."""
        event.stop()
        if self._marks == frozenset(self._chosen) and event.key not in self._marks:
            self.dismiss((event.key,))
        else:
            self.dismiss(tuple(name for name in self._names if name in self._marks) or (event.key,))
