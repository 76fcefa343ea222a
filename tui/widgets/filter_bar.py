"""The filter line: one input, what it matches on its right, what is wrong under the wrong place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from engine.errors import FilterError
from engine.text import Shown, safe
from tui.widgets.field import Field


class FilterInput(Field):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "clear", show=False, id="filter.clear"),
        Binding("down,tab", "to_rows", "rows", show=False, id="filter.to-rows"),
    ]

    def action_leave(self) -> None:
        self.post_message(FilterBar.Cleared())

    def action_to_rows(self) -> None:
        self.post_message(FilterBar.Left())


class FilterBar(Widget):
    """Posts `Edited` at every change, `Left` when the operator goes to the rows, `Cleared` on escape."""

    DEFAULT_CSS = """
    FilterBar { height: auto; display: none; padding: 0 1; }
    FilterBar.-open { display: block; }
    FilterBar Horizontal { height: 1; }
    FilterBar #filter-slash { width: 2; color: $accent; }
    FilterBar FilterInput { width: 1fr; }
    FilterBar FilterInput:blur { background: transparent; }
    FilterBar #filter-note { width: auto; min-width: 12; padding: 0 0 0 2; color: $text-muted; }
    FilterBar #filter-fault { height: auto; max-height: 4; display: none; color: $error; }
    FilterBar.-wrong #filter-fault { display: block; }
    """

    @dataclass
    class Edited(Message):
        text: str

    class Left(Message):
        """The operator went on to the rows."""

    class Cleared(Message):
        """The operator gave the filter up."""

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("/", id="filter-slash", markup=False)
            yield FilterInput(placeholder="accuracy > 0.9 and metric = euclidean", id="filter-input")
            yield Static("", id="filter-note", markup=False)
        yield Static("", id="filter-fault", markup=False)

    @property
    def text(self) -> str:
        return self.query_one(FilterInput).value

    def open(self) -> None:
        self.add_class("-open")
        self.query_one(FilterInput).focus()

    def show_text(self, text: str) -> None:
        """Show a filter without announcing it."""
        field = self.query_one(FilterInput)
        with field.prevent(Input.Changed):
            field.value = text
        self.set_class(bool(text), "-open")
        if not text:
            self.show_note(Shown(""))

    def close(self) -> None:
        self.show_text("")
        self.remove_class("-wrong")

    def show_note(self, note: Shown) -> None:
        self.remove_class("-wrong")
        self.query_one("#filter-note", Static).update(Content(note))

    def show_fault(self, fault: FilterError) -> None:
        """Say what is wrong, under the place where it is wrong."""
        field = self.query_one(FilterInput)
        at = max(0, fault.position - int(field.scroll_offset.x))
        pointer = "▔" * max(1, fault.length)
        words = safe(f"{fault.title}{' — ' + fault.hint if fault.hint else ''}")
        beside = at + len(pointer) + 1 + len(words) <= self.size.width - 4
        told = Content(f"  {' ' * at}{pointer}{' ' if beside else chr(10) + '  '}{words}")
        self.query_one("#filter-fault", Static).update(told)
        self.add_class("-wrong")
        self.query_one("#filter-note", Static).update(Content("rows kept"))

    @on(Input.Changed)
    def _tell_edit(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Edited(event.value))

    @on(Input.Submitted)
    def _tell_leave(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Left())
