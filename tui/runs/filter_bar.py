"""The filter line: one input, what it matches on its right, what is wrong under the wrong place, and
what could be typed next over the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from engine.api import MAX_LENGTH
from engine.errors import FilterError
from engine.text import Shown, cell_width, safe
from tui.runs.completing_input import CompletingInput, CompletionList, Line

if TYPE_CHECKING:
    from engine.api import Completion

NARROW = 64
"""Cells below which there is no room to tell where a filter was answered."""
NOTHING = Shown("")


class InputHistory:
    """Earlier inputs, the newest last, walked through as in a shell.

    After the newest entry comes the draft: what was being typed when the walk began."""

    def __init__(self, entries: Sequence[str] = ()) -> None:
        self._entries = entries
        self._at = len(entries)
        self._draft = ""

    @property
    def recalled(self) -> str:
        """The entry at the current position, or the draft."""
        return self._entries[self._at] if self._at < len(self._entries) else self._draft

    def back(self, text: str) -> str | None:
        """The next older entry that differs from `text`, the current input; None at the oldest."""
        if self._at == len(self._entries):
            self._draft = text
        at = self._at - 1
        while at >= 0 and self._entries[at] == text:
            at -= 1
        if at < 0:
            return None
        self._at = at
        return self.recalled

    def forward(self) -> str | None:
        """The next newer entry, finally the draft; None at the draft."""
        if self._at == len(self._entries):
            return None
        self._at += 1
        return self.recalled

    def edited(self, text: str) -> None:
        """The input now holds `text`: unless that is the recalled entry, the walk is over."""
        if text != self.recalled:
            self._at, self._draft = len(self._entries), text


class FilterInput(CompletingInput):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "clear", show=False, id="filter.clear"),
        Binding("up", "recall(-1)", "earlier filter", show=False, id="filter.earlier"),
        Binding("down", "recall(1)", "later filter, rows", show=False, id="filter.later"),
    ]

    @property
    def _bar(self) -> FilterBar:
        return next(node for node in self.ancestors if isinstance(node, FilterBar))

    def restricted(self) -> None:
        """What would be longer than any filter is not taken in: it would only make the line slow."""
        told = f"At most {MAX_LENGTH:,} characters; nothing was added."
        self._bar.show_fault(FilterError("The filter is too long", self.cursor_position, hint=told))

    def action_leave(self) -> None:
        self._bar.peel()

    def action_recall(self, step: int) -> None:
        self._bar.recall(step)


class FilterBar(Widget):
    """Posts `Edited` at every change, `CompletionWanted` while typing and on Tab, `Kept` and `Left`
    when the operator goes to the rows, `Cleared` on escape, which closes the list first.

    Up and down walk through the earlier filters; down from what was being typed goes to the rows.
    """

    DEFAULT_CSS = """
    FilterBar { height: auto; display: none; padding: 0 1; }
    FilterBar.-open { display: block; }
    FilterBar Horizontal { height: 1; }
    FilterBar #filter-slash { width: 2; color: $accent; }
    FilterBar FilterInput { width: 1fr; }
    FilterBar FilterInput:blur { background: transparent; }
    FilterBar #filter-source { width: auto; padding: 0 0 0 2; color: $text-muted; }
    FilterBar #filter-note { width: auto; padding: 0 0 0 1; }
    FilterBar.-narrow #filter-source { display: none; }
    FilterBar #filter-fault { height: auto; max-height: 4; display: none; color: $error; }
    FilterBar.-wrong #filter-fault { display: block; }
    FilterBar.-remedied #filter-fault { display: none; }
    """

    CompletionWanted: TypeAlias = CompletingInput.CompletionWanted

    @dataclass
    class Edited(Message):
        text: str

    @dataclass
    class Kept(Message):
        """The operator is content with a filter, which is not blank."""

        text: str

    class Left(Message):
        """The operator went on to the rows."""

    class Cleared(Message):
        """The operator gave the filter up."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes="always-shown")
        self._list = CompletionList(id="filter-completions")
        hint = "accuracy > 0.9 and metric = euclidean"
        self._input = FilterInput(self._list, placeholder=hint, id="filter-input")
        self._input.max_length = MAX_LENGTH
        self._history = InputHistory()
        self._fault: FilterError | None = None
        self._wrong = ""
        """The text that the fault is one of; what stands here may be newer, and not looked at yet."""

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("/", id="filter-slash", markup=False)
            yield self._input
            yield Static("", id="filter-source", markup=False)
            yield Static("", id="filter-note", markup=False)
        yield Static("", id="filter-fault", markup=False)
        yield self._list

    @property
    def text(self) -> str:
        return self._input.value

    def open(self) -> None:
        self.add_class("-open")
        self._input.focus()

    def show_text(self, text: str) -> None:
        """Show a filter without announcing it."""
        with self._input.prevent(Input.Changed):
            self._show(text)
        self._history.edited(text)
        self.set_class(bool(text), "-open")
        if not text:
            self.show_note(NOTHING)

    def close(self) -> None:
        self.show_text("")

    def _show(self, text: str) -> None:
        self._input.close_list()
        self._input.put(Line(text, len(text)))

    @on(Input.Changed)
    def _tell_edit(self, event: Input.Changed) -> None:
        event.stop()
        self._history.edited(event.value)
        self.post_message(self.Edited(event.value))

    # ── what is told about the filter ────────────────────────────────────────

    def show_note(self, note: Shown, source: Shown = NOTHING) -> None:
        """What the filter matches, and where that was answered."""
        self._fault = None
        self._tell(note, source)

    def show_fault(self, fault: FilterError, text: str | None = None) -> None:
        """Say what is wrong in a text, or else in what stands here, under the place where it is wrong."""
        self._fault, self._wrong = fault, self.text if text is None else text
        self._tell(Shown("showing the previous rows"))

    def _tell(self, note: Shown, source: Shown = NOTHING) -> None:
        self._write("#filter-source", f"{source} ·" if source else "")
        self._write("#filter-note", note)
        self._arrange_fault()

    def _write(self, part: str, text: str) -> None:
        """What is there already is not laid out anew."""
        static, content = self.query_one(part, Static), Content(text)
        if static.content != content:
            static.update(content)

    @on(CompletionList.Toggled)
    def _arrange_fault(self) -> None:
        """What is wrong where the list has something to offer is about to be mended, and waits."""
        fault, offered = self._fault, self._list.completion
        self.set_class(fault is not None, "-wrong")
        if fault is not None:
            self.set_class(offered is not None and fault.position >= offered.start, "-remedied")
            self._write("#filter-fault", self._fault_text(fault))

    def _fault_text(self, fault: FilterError) -> str:
        room = max(1, self._input.size.width)
        at = min(self._input.cell_of(fault.position), room - 1)
        pointer = "▔" * max(1, min(fault.length, room - at))
        words = safe(f"{fault.title}{' — ' + fault.hint if fault.hint else ''}")
        beside = at + len(pointer) + 1 + cell_width(words) <= self.size.width - 4
        return f"  {' ' * at}{pointer}{' ' if beside else chr(10) + '  '}{words}"

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < NARROW, "-narrow")
        self.call_after_refresh(self._arrange_fault)  # the input knows its width then

    # ── completing ───────────────────────────────────────────────────────────

    def offer(self, text: str, cursor: int, completion: Completion | None) -> None:
        """Answer `CompletionWanted`; None: there is nothing to offer."""
        self._input.offer(text, cursor, completion)

    @on(CompletionList.Clicked)
    def _take_clicked(self, event: CompletionList.Clicked) -> None:
        event.stop()
        self._input.take(event.place)

    # ── history, and where to go from here ───────────────────────────────────

    def set_history(self, entries: Sequence[str]) -> None:
        """Earlier filters, the newest last."""
        self._history = InputHistory(entries)

    def recall(self, step: int) -> None:
        """Show the filter before or after the one that is shown; after the last, go to the rows."""
        text = self._history.back(self.text) if step < 0 else self._history.forward()
        if text is not None:
            self._show(text)
        elif step > 0:
            self._leave()

    def peel(self) -> None:
        """Close the list, else give the filter up."""
        if self._list.is_open:
            self._input.close_list()
        else:
            self.post_message(self.Cleared())

    @property
    def _is_wrong(self) -> bool:
        return self._fault is not None and self._wrong == self.text

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._is_wrong:
            self._leave()
        else:  # what is wrong is to be mended here; down leaves all the same
            self._input.close_list()

    def _leave(self) -> None:
        self._input.close_list()
        if self.text.strip() and not self._is_wrong:
            self.post_message(self.Kept(self.text))
        self.post_message(self.Left())
