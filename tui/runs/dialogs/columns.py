"""Choose the columns of a table of runs or versions, their order, widths and number formats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from engine import formats
from engine.api import RunView, constant_columns
from engine.columns import VERSION, ColumnKey
from engine.text import Shown
from tui.runs.dialogs.column_picker import KIND, NAME, Candidate, ColumnPicker, candidate_of, pickable_columns
from tui.widgets.table import CellStyle, TableColumn, TextRow

if TYPE_CHECKING:
    from engine.api import Arranged

AUTO = "auto"
FORMATS = tuple(formats.FORMATS)
MIN_WIDTH, MAX_WIDTH = 4, 200
"""Bounds of a width set by the operator, in cells."""
DEFAULT_WIDTH = 12
"""Width in cells from which to widen a column of unknown width."""


class ColumnsDialog(ColumnPicker[RunView]):
    """Dismissed with the view, its columns, widths, formats and hidden constants changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "widen(1)", show=False, id="dialog.widen"),
        Binding("minus", "widen(-1)", show=False, id="dialog.narrow"),
        Binding("0", "widen(0)", show=False, id="dialog.auto-width"),
        Binding("f", "step_format", show=False, id="dialog.format"),
        Binding("x", "toggle_constants", show=False, id="dialog.constants"),
    ]
    hints = (
        *(("space", "show"), ("< >", "move"), ("+ - 0", "width"), ("f", "format")),
        *(("x", "hide constants"), ("d", "default"), ("/", "search"), ("enter", "apply"), ("esc", "cancel")),
    )
    columns = (
        NAME,
        KIND,
        TableColumn("width", Shown("width"), 5, numeric=True),
        TableColumn("format", Shown("format"), max(map(len, FORMATS))),
        TableColumn("note", Shown(""), len("constant")),
    )
    chosen_word = "shown"
    title_text = "Columns"

    def __init__(self, view: RunView, candidates: Iterable[Candidate], defaults: Iterable[ColumnKey]) -> None:
        """`defaults` are the columns, in order, of a view that lists none."""
        found = list(candidates)
        is_of_versions = any(candidate.key == VERSION for candidate in found)
        self.pinned = VERSION if is_of_versions else ColumnKey("attribute", "run_name")
        self._view = view
        self._defaults = self._with_pinned(defaults)
        self._widths = dict(view.widths)
        self._formats = dict(view.formats)
        self._constants_hidden = view.constants_hidden
        super().__init__(found, view.columns or self._defaults)

    def result(self) -> RunView:
        return replace(
            self._view,
            columns=() if self.chosen == self._defaults else tuple(self.chosen),
            widths=self._widths,
            formats=self._formats,
            constants_hidden=self._constants_hidden,
        )

    def describe(self, candidate: Candidate) -> TextRow:
        key = candidate.key
        width, number_format = self._widths.get(key), self._formats.get(key, AUTO)
        hidden = self._constants_hidden and candidate.constant and key != self.pinned
        cells = (
            candidate.label,
            Shown(key.kind),
            formats.count(width) if width is not None else Shown(AUTO),
            Shown(number_format if candidate.numeric else ""),
            Shown("fixed" if key == self.pinned else "hidden" if hidden else "constant" * candidate.constant),
        )
        styles: dict[int, CellStyle] = {1: "muted", 4: "muted"}
        styles |= {0: "muted"} if hidden else {}
        styles |= {2: "muted"} if width is None else {}
        styles |= {3: "muted"} if number_format == AUTO else {}
        return TextRow(str(key), cells, styles)

    def facts(self) -> Shown:
        return Shown(super().facts() + " · constants hidden" * self._constants_hidden)

    def action_widen(self, by: int) -> None:
        """Widen the column by this many cells (negative: narrow it); 0 restores the automatic width."""
        if (candidate := self.under_cursor) is None:
            return
        if by == 0:
            self._widths.pop(candidate.key, None)
        else:
            width = self._widths.get(candidate.key) or candidate.width or DEFAULT_WIDTH
            self._widths[candidate.key] = max(MIN_WIDTH, min(width + by, MAX_WIDTH))
        self.show_candidates()

    def action_step_format(self) -> None:
        if (candidate := self.under_cursor) is None:
            return
        if not candidate.numeric:
            self.show_message(f"{candidate.label} has no numbers to format")
            return
        current = self._formats.pop(candidate.key, AUTO)
        following = FORMATS[(FORMATS.index(current) + 1) % len(FORMATS)] if current in FORMATS else AUTO
        if following != AUTO:
            self._formats[candidate.key] = following
        self.show_candidates()

    def action_toggle_constants(self) -> None:
        self._constants_hidden = not self._constants_hidden
        self.show_candidates()

    def action_reset(self) -> None:
        """Restore the default columns, with no custom widths or formats."""
        self.chosen = [*self._defaults]
        self._widths, self._formats, self._constants_hidden = {}, {}, False
        self.show_candidates()


def column_candidates(arranged: Arranged) -> list[Candidate]:
    """Every column, and whether all visible runs have the same value in it."""
    constant = constant_columns(arranged.frame, arranged.rows)
    columns = pickable_columns(arranged.frame)
    return [candidate_of(column, constant=column.key in constant) for column in columns]
