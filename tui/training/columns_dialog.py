"""What was understood of the columns of a dataset, to be changed before training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from engine.api import COLUMN_TYPES
from engine.text import Shown, cell_width, safe
from tui.dialogs.base import Dialog
from tui.training.columns import HEADS, REMARK, column_cells, profile_lines
from tui.widgets.table import Table
from tui.widgets.table.source import CellStyle, FirstWord, TableColumn, TextRow, TextSource

if TYPE_CHECKING:
    from engine.api import ColumnProfile, ColumnType, DataProfile, DataSpec

REMARKS = 4
"""The most remarks on the whole dataset."""


@dataclass(frozen=True, slots=True)
class ColumnChoices:
    """Types and roles of columns as `DataSpec` has them."""

    types: Mapping[str, ColumnType]
    use: tuple[str, ...]
    leave_out: tuple[str, ...]


class ColumnsDialog(Dialog[ColumnChoices]):
    """Dismissed with other choices, or without a change with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "step_type", "type", id="dialog.type", priority=True),
        Binding("x", "toggle_use", "leave out", id="dialog.use", priority=True),
        Binding("enter,ctrl+s", "take", "done", id="dialog.take", priority=True),
        Binding("q", "leave", show=False, id="dialog.quit"),
    ]
    DEFAULT_CSS = """
    ColumnsDialog > #box { height: 90%; max-width: 130; }
    ColumnsDialog #facts { height: auto; max-height: 5; color: $text-muted; }
    ColumnsDialog Table { height: 1fr; margin-top: 1; }
    """
    subtitle_text = "t type · x leave out or use · enter done · esc cancel"

    def __init__(self, profile: DataProfile, data: DataSpec) -> None:
        super().__init__()
        self.title_text = "Columns"
        self._profile = profile
        self._data = data
        self._types: dict[str, ColumnType] = dict(data.types)
        self._used = {column.name: column.role == "feature" for column in profile.columns}

    def compose_dialog(self) -> ComposeResult:
        yield Static("", id="facts", markup=False)
        yield Table(can_mark=False)

    def on_mount(self) -> None:
        facts, *remarks = profile_lines(self._profile)
        lines = [Content(facts), *(Content.styled(text, "$warning") for text in remarks[:REMARKS])]
        self.query_one("#facts", Static).update(Content("\n").join(lines))
        self.query_one(Table).focus()
        self._show()

    def _show(self) -> None:
        rows = [self._row(column) for column in self._profile.columns]
        columns = [
            TableColumn(
                label,
                Shown(label),
                max([cell_width(Shown(label)), *(cell_width(row.cells[at]) for row in rows)]),
                numeric=right,
            )
            for at, (label, right) in enumerate(HEADS)
        ]
        self.query_one(Table).set_source(TextSource(columns, rows))

    def _row(self, column: ColumnProfile) -> TextRow:
        cells = column_cells(column, self._profile.rows)
        styles: dict[int, CellStyle | FirstWord] = {REMARK: "warning"}
        chosen = self._types.get(column.name)
        if chosen is not None and chosen != column.type:
            cells[1] = safe(f"{chosen} (was {column.type})")
            styles[1] = "accent"
        if column.role in ("feature", "left out"):
            used = self._used[column.name]
            cells[2] = Shown("" if used else "left out")
            if used != (column.role == "feature"):
                styles[2] = "accent"
                cells[2] = Shown("used" if used else "left out")
            if not used:
                styles = {**dict.fromkeys(range(len(cells)), "muted"), **styles}
        return TextRow(column.name, cells, styles)

    def _column(self) -> ColumnProfile | None:
        key = self.query_one(Table).cursor_key
        return next((column for column in self._profile.columns if column.name == key), None)

    def action_step_type(self) -> None:
        """The next type for the column under the cursor."""
        column = self._column()
        if column is None or column.role == "target":
            return
        now = self._types.get(column.name, column.type)
        following = COLUMN_TYPES[(COLUMN_TYPES.index(now) + 1) % len(COLUMN_TYPES)]
        self._types[column.name] = following
        if following == column.type and column.name not in self._data.types:
            del self._types[column.name]
        self._show()

    def action_toggle_use(self) -> None:
        """Leave out the column under the cursor, or use it."""
        column = self._column()
        if column is not None and column.role in ("feature", "left out"):
            self._used[column.name] = not self._used[column.name]
            self._show()

    def action_take(self) -> None:
        self.dismiss(self._choices())

    def _choices(self) -> ColumnChoices | None:
        """None without a change."""
        columns = [column for column in self._profile.columns if column.role in ("feature", "left out")]
        types = self._types if self._types != dict(self._data.types) else self._data.types
        if all(self._used[c.name] == (c.role == "feature") for c in columns):
            same = types is self._data.types
            return None if same else ColumnChoices(types, self._data.use, self._data.leave_out)
        if any(
            self._used[c.name] and c.role == "left out" and c.name not in self._data.leave_out
            for c in columns
        ):
            # Only a column that is named is used although it seems useless.
            return ColumnChoices(types, tuple(c.name for c in columns if self._used[c.name]), ())
        dropped = {c.name for c in columns if not self._used[c.name] and c.role == "feature"}
        kept = tuple(name for name in self._data.leave_out if not self._used.get(name, False))
        use = tuple(name for name in self._data.use if name not in dropped)
        return ColumnChoices(types, use, (*kept, *(name for name in dropped if name not in self._data.use)))
