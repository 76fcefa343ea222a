"""A searchable list of columns: the base of the column, sort and group dialogs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from engine import formats
from engine.api import Column, columns_for, direction_of, pickable
from engine.columns import KINDS, ColumnKey
from engine.text import Shown, safe
from tui.commands.bindings import bindings
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field
from tui.widgets.lines import KeyHints
from tui.widgets.table import CellStyle, FirstWord, Table, TableColumn, TextRow
from tui.widgets.table.layout import HEADER

if TYPE_CHECKING:
    from engine.api import RunFrame

T = TypeVar("T")

NAME = TableColumn("name", Shown("column"), 20, full_width=56)
KIND = TableColumn("kind", Shown("kind"), len("attribute"))

CHROME_LINES = HEADER + 8
"""Lines of the dialog around the candidates: the list's header, the frame, the search, the message, the keys
and margins."""

_MARK_BINDINGS = {f"table.{verb}" for verb in ("toggle-mark", "mark-range", "mark-all")}
_REPLACED_BINDINGS = {*_MARK_BINDINGS, "table.select-row", "table.column-left", "table.column-right"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A column to choose, and facts that help to decide.

    `width` is the default width in cells, `distinct` the number of distinct values (None: not counted),
    `constant` whether all visible runs have the same value, and `descending` the direction of a new sort key.
    """

    key: ColumnKey
    label: Shown
    numeric: bool = False
    constant: bool = False
    width: int = 0
    distinct: int | None = None
    descending: bool = False


def pickable_columns(frame: RunFrame) -> tuple[Column, ...]:
    """Every column of the frame that a dialog can list. Slow for many runs; do not call on the event loop."""
    return columns_for(frame, pickable(frame))


def candidate_of(column: Column, *, constant: bool = False, distinct: int | None = None) -> Candidate:
    key = column.key
    higher_is_better = key.kind == "metric" and direction_of(key.name) != "lower"
    return Candidate(
        key,
        column.label,
        numeric=column.numeric,
        constant=constant,
        width=column.width,
        distinct=distinct,
        descending=higher_is_better or key.is_time,
    )


class CandidateSource:
    """Candidates as rows of a table; rows are built only when drawn."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        columns: Sequence[TableColumn],
        describe: Callable[[Candidate], TextRow],
    ) -> None:
        self.candidates = candidates
        self.columns = columns
        self._describe = describe
        self._rows: dict[str, int] = {}

    @property
    def row_count(self) -> int:
        return len(self.candidates)

    def cell(self, row: int, column: int) -> Shown:
        return self._describe(self.candidates[row]).cells[column]

    def cell_style(self, row: int, column: int) -> CellStyle | FirstWord | None:
        return self._describe(self.candidates[row]).styles.get(column)

    def row_key(self, row: int) -> str:
        return str(self.candidates[row].key)

    def row_of(self, key: str) -> int | None:
        if not self._rows:
            self._rows = {str(candidate.key): row for row, candidate in enumerate(self.candidates)}
        return self._rows.get(key)


class CandidateList(Table, inherit_bindings=False):
    """A table without the bindings that the dialog replaces."""

    BINDINGS: ClassVar[list[BindingType]] = [b for b in bindings("table") if b.id not in _REPLACED_BINDINGS]


class ColumnPicker(Dialog[T]):
    """A searchable list: chosen columns first, marked and in order, then the rest by kind.

    Subclasses set the `hints` and the `columns` of the list, `describe` a candidate as a row, and return the
    `result`. The `pinned` column is always chosen and always first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "choose", show=False, id="dialog.choose"),
        Binding("less_than_sign,H,left", "shift(-1)", show=False, id="dialog.shift-earlier"),
        Binding("greater_than_sign,L,right", "shift(1)", show=False, id="dialog.shift-later"),
        Binding("d", "reset", show=False, id="dialog.default"),
        Binding("slash", "search", show=False, id="dialog.search"),
        Binding("down", "list", show=False, id="dialog.list"),
        Binding("enter", "apply", show=False, id="dialog.apply"),
    ]
    DEFAULT_CSS = """
    ColumnPicker #search-row { height: 1; }
    ColumnPicker #slash { width: 2; color: $accent; }
    ColumnPicker Field { width: 1fr; }
    ColumnPicker #facts { width: auto; padding: 0 0 0 2; color: $text-muted; }
    ColumnPicker CandidateList { height: 1fr; margin: 1 0; }
    ColumnPicker.-short CandidateList { margin: 0; }
    ColumnPicker #message { height: auto; color: $warning; display: none; }
    ColumnPicker.-message #message { display: block; }
    ColumnPicker KeyHints { dock: bottom; }
    """
    AUTO_FOCUS = "CandidateList"

    hints: ClassVar[Sequence[tuple[str, str]]] = ()
    columns: ClassVar[Sequence[TableColumn]] = (NAME, KIND)
    chosen_word: ClassVar[str] = "chosen"
    pinned: ColumnKey | None = None

    def __init__(self, candidates: Iterable[Candidate], chosen: Iterable[ColumnKey]) -> None:
        """A chosen column that is not among the candidates, such as one of a saved view that no run has,
        stays chosen."""
        super().__init__()
        self.chosen = self._with_pinned(chosen)
        known = {candidate.key: candidate for candidate in candidates}
        unlisted = [key for key in self.chosen if key not in known]
        self._candidates = known | {key: Candidate(key, safe(str(key))) for key in unlisted}
        self._ordered = sorted(self._candidates.values(), key=self.rank)
        self._names = {key: f"{o.label} {key}".lower() for key, o in self._candidates.items()}
        self._found: list[Candidate] = []

    def _with_pinned(self, keys: Iterable[ColumnKey]) -> list[ColumnKey]:
        first = [self.pinned] if self.pinned is not None else []
        return list(dict.fromkeys([*first, *keys]))

    # ── for subclasses ───────────────────────────────────────────────────────

    @abstractmethod
    def result(self) -> T:
        """The value that the dialog is dismissed with."""

    def describe(self, candidate: Candidate) -> TextRow:
        """The row of a candidate."""
        return TextRow(str(candidate.key), [candidate.label, Shown(candidate.key.kind)], {1: "muted"})

    def rank(self, candidate: Candidate) -> tuple[int, ...]:
        """Sort key of a candidate that is not chosen."""
        return (KINDS.index(candidate.key.kind),)

    def facts(self) -> Shown:
        """The text to the right of the search."""
        total = formats.count(len(self._candidates))
        return Shown(f"{formats.count(len(self.chosen))} of {total} {self.chosen_word}")

    # ── drawing ──────────────────────────────────────────────────────────────

    def compose_dialog(self) -> ComposeResult:
        with Horizontal(id="search-row"):
            yield Static("/", id="slash", markup=False)
            yield Field(placeholder="search", id="search")
            yield Static("", id="facts", markup=False)
        yield CandidateList(id="candidates", empty_text=[Shown("No matching columns")])
        yield Static("", id="message", markup=False)
        yield KeyHints(self.hints)

    def on_mount(self) -> None:
        self.query_one("#box").styles.height = len(self._candidates) + CHROME_LINES
        self.show_candidates()

    @property
    def _list(self) -> CandidateList:
        return self.query_one(CandidateList)

    @property
    def under_cursor(self) -> Candidate | None:
        """The candidate under the cursor."""
        return self._found[self._list.cursor_row] if self._found else None

    def show_candidates(self) -> None:
        """Redraw the list after a change."""
        chosen = set(self.chosen)
        rest = [candidate for candidate in self._ordered if candidate.key not in chosen]
        words = self.query_one("#search", Field).value.lower().split()
        self._found = [
            candidate
            for candidate in (*(self._candidates[key] for key in self.chosen), *rest)
            if all(word in self._names[candidate.key] for word in words)
        ]
        self._list.set_source(CandidateSource(self._found, self.columns, self.describe))
        self._list.set_marks(str(key) for key in self.chosen)
        self.query_one("#facts", Static).update(Content(self.facts()))
        self.show_message("")

    def show_message(self, text: str) -> None:
        """Show why a key had no effect; an empty text clears the message."""
        self.query_one("#message", Static).update(Content(safe(text)))
        self.set_class(bool(text), "-message")

    # ── choosing ─────────────────────────────────────────────────────────────

    def action_choose(self) -> None:
        """Toggle whether the column under the cursor is chosen, and move to the next."""
        candidate = self.under_cursor
        if candidate is None:
            return
        if candidate.key == self.pinned:
            self.show_message(f"{candidate.label} is always first")
            return
        next_candidates = self._found[self._list.cursor_row + 1 :][:1]
        if candidate.key in self.chosen:
            self.chosen.remove(candidate.key)
        else:
            self.chosen.append(candidate.key)
        self.show_candidates()
        for following in next_candidates:
            self._list.move_to(str(following.key))

    def action_shift(self, by: int) -> None:
        """Move the column under the cursor up or down among the chosen ones."""
        candidate, chosen = self.under_cursor, set(self.chosen)
        visible = [each.key for each in self._found if each.key in chosen]
        if candidate is None or candidate.key not in visible:
            self.show_message("Only chosen columns can be moved; press space to choose")
            return
        target = visible.index(candidate.key) + by
        if self.pinned is not None and self.pinned in (candidate.key, *visible[max(target, 0) :][:1]):
            self.show_message(f"{self._candidates[self.pinned].label} is always first")
        elif 0 <= target < len(visible):
            index = self.chosen.index(visible[target])
            self.chosen.remove(candidate.key)
            self.chosen.insert(index, candidate.key)
            self.show_candidates()

    def action_reset(self) -> None:
        """Restore the default choice."""
        self.chosen = self._with_pinned(())
        self.show_candidates()

    @on(Table.MarksChanged)
    @on(Table.RowSelected)
    def _toggle_clicked(self) -> None:
        """A click on the mark, or a second click on the row; either has moved the cursor there."""
        self.action_choose()

    def action_apply(self) -> None:
        self.dismiss(self.result())

    # ── searching ────────────────────────────────────────────────────────────

    def action_search(self) -> None:
        self.query_one("#search").focus()

    def action_list(self) -> None:
        self._list.focus()

    @on(Input.Changed, "#search")
    def _search(self) -> None:
        self.show_candidates()
        self._list.action_cursor_top()

    @on(Input.Submitted, "#search")
    def _search_done(self) -> None:
        self._list.focus()

    def action_leave(self) -> None:
        """Clear the search, then close the dialog."""
        search = self.query_one("#search", Field)
        if search.value or search.has_focus:
            search.value = ""
            self._list.focus()
        else:
            super().action_leave()
