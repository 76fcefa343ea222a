"""The filter bar: an input, the number of matches on its right, errors and completions below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from engine.api import MAX_LENGTH
from engine.errors import FilterError
from engine.text import Shown, cell_width, safe
from tui.runs.completing_input import CompletingInput, CompletionList, InputState
from tui.widgets.fit_text import wrapped

if TYPE_CHECKING:
    from engine.api import Completion

NARROW = 64
"""Width below which the bar omits where the filter was evaluated."""
EMPTY = Shown("")
PREVIOUS_ROWS, ALL_ROWS = Shown("showing the previous rows"), Shown("invalid filter; showing all rows")


class InputHistory:
    """Earlier inputs, newest last, recalled as in a shell.

    The draft follows the newest entry: the input as it was before the first recall."""

    def __init__(self, entries: Sequence[str] = ()) -> None:
        self._entries = entries
        self._position = len(entries)
        self._draft = ""

    @property
    def recalled(self) -> str:
        """The entry at the current position, or the draft."""
        return self._entries[self._position] if self._position < len(self._entries) else self._draft

    def back(self, text: str) -> str | None:
        """The next older entry that differs from `text`, the current input; None when there is none."""
        if self._position == len(self._entries):
            self._draft = text
        position = self._position - 1
        while position >= 0 and self._entries[position] == text:
            position -= 1
        if position < 0:
            return None
        self._position = position
        return self.recalled

    def forward(self) -> str | None:
        """The next newer entry, and finally the draft; None after that."""
        if self._position == len(self._entries):
            return None
        self._position += 1
        return self.recalled

    def edited(self, text: str) -> None:
        """The input is now `text`; any edit of a recalled entry starts a new draft."""
        if text != self.recalled:
            self._position, self._draft = len(self._entries), text


class FilterInput(CompletingInput):
    @property
    def _bar(self) -> FilterBar:
        return next(node for node in self.ancestors if isinstance(node, FilterBar))

    def restricted(self) -> None:
        """Report that the input has refused text longer than any valid filter."""
        hint = f"At most {MAX_LENGTH:,} characters; nothing was added."
        self._bar.show_error(FilterError("The filter is too long", self.cursor_position, hint=hint))

    def action_leave(self) -> None:
        self._bar.peel()

    def action_recall(self, step: int) -> None:
        self._bar.recall(step)


class FilterBar(Widget):
    """Posts `Edited` on every change, `CompletionRequested` on edits and on Tab, `Accepted` and `Exited` when
    the operator moves on to the rows, and `Cleared` on escape (the first escape closes an open list).

    Up and down recall earlier filters; down from the draft moves on to the rows.
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
    FilterBar #filter-error { height: auto; max-height: 4; display: none; color: $error; }
    FilterBar.-invalid #filter-error { display: block; }
    FilterBar.-completing #filter-error { display: none; }
    """

    CompletionRequested: TypeAlias = CompletingInput.CompletionRequested

    @dataclass
    class Edited(Message):
        text: str

    @dataclass
    class Accepted(Message):
        """The operator has moved on to the rows with a filter that is neither blank nor invalid."""

        text: str

    class Exited(Message):
        """The operator has moved on to the rows."""

    class Cleared(Message):
        """The operator has cleared the filter."""

    def __init__(self, example: str = "", *, id: str | None = None) -> None:  # noqa: A002
        """`example` is shown while the bar is empty."""
        super().__init__(id=id, classes="always-shown")
        self._list = CompletionList(id="filter-completions")
        self._input = FilterInput(self._list, placeholder=example, id="filter-input")
        self._input.max_length = MAX_LENGTH
        self._history = InputHistory()
        self._error: FilterError | None = None
        self._invalid_text = ""
        """The text that `_error` is about; the input may have changed since."""
        self.rows_shown = PREVIOUS_ROWS
        """What the table shows while the filter is invalid; empty if it has no rows."""

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static("/", id="filter-slash", markup=False)
            yield self._input
            yield Static("", id="filter-source", markup=False)
            yield Static("", id="filter-note", markup=False)
        yield Static("", id="filter-error", markup=False)
        yield self._list

    @property
    def text(self) -> str:
        return self._input.value

    def open(self) -> None:
        self.add_class("-open")
        self._input.focus()

    def show_text(self, text: str) -> None:
        """Show a filter without posting `Edited`."""
        with self._input.prevent(Input.Changed):
            self._show(text)
        self._history.edited(text)
        self.set_class(bool(text), "-open")
        if not text:
            self.show_note(EMPTY)

    def close(self) -> None:
        self.show_text("")

    def _show(self, text: str) -> None:
        self._input.close_list()
        self._input.put(InputState(text, len(text)))

    @on(Input.Changed)
    def _announce_edit(self, event: Input.Changed) -> None:
        event.stop()
        self._history.edited(event.value)
        self.post_message(self.Edited(event.value))

    # ── the note and the error ───────────────────────────────────────────────

    def show_note(self, note: Shown, source: Shown = EMPTY) -> None:
        """Show what the filter matches, and where it was evaluated."""
        self._error = None
        self._write_note(note, source)

    def show_error(self, error: FilterError, text: str | None = None) -> None:
        """Point at an error in `text`, by default the current text."""
        self._error, self._invalid_text = error, self.text if text is None else text
        self._write_note(self.rows_shown)

    def _write_note(self, note: Shown, source: Shown = EMPTY) -> None:
        self._write("#filter-source", f"{source} ·" if source else "")
        self._write("#filter-note", note)
        self._arrange_error()

    def _write(self, part: str, text: str) -> None:
        """Update a part only if its text has changed, to spare a layout."""
        static, content = self.query_one(part, Static), Content(text)
        if static.content != content:
            static.update(content)

    @on(CompletionList.Toggled)
    def _arrange_error(self) -> None:
        """Show the error, except where the completion list offers a fix for it."""
        error, offered = self._error, self._list.completion
        self.set_class(error is not None, "-invalid")
        if error is not None:
            self.set_class(offered is not None and error.position >= offered.start, "-completing")
            self._write("#filter-error", self._error_text(error))

    def _error_text(self, error: FilterError) -> str:
        room = max(1, self._input.size.width)
        x = min(self._input.cell_of(error.position), room - 1)
        pointer = "▔" * max(1, min(error.length, room - x))
        message = safe(f"{error.title}{' — ' + error.hint if error.hint else ''}")
        is_last = not self.text[error.position + error.length :].strip()  # else it would stand under a word
        beside = is_last and x + len(pointer) + 1 + cell_width(message) <= self.size.width - 4
        if beside:
            return f"  {' ' * x}{pointer} {message}"
        lines = wrapped(message, max(1, self.size.width - 4))
        return "\n".join(f"  {line}" for line in (f"{' ' * x}{pointer}", *lines))

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < NARROW, "-narrow")
        self.call_after_refresh(self._arrange_error)  # by then the input has its new width

    # ── completing ───────────────────────────────────────────────────────────

    def offer(self, text: str, cursor: int, completion: Completion | None) -> None:
        """Answer `CompletionRequested`; None when nothing can be offered."""
        self._input.offer(text, cursor, completion)

    @on(CompletionList.Clicked)
    def _insert_clicked(self, event: CompletionList.Clicked) -> None:
        event.stop()
        self._input.insert_option(event.index)

    # ── history and leaving ──────────────────────────────────────────────────

    def set_history(self, entries: Sequence[str]) -> None:
        """Set the earlier filters, newest last."""
        self._history = InputHistory(entries)

    def recall(self, step: int) -> None:
        """Show the previous or next filter of the history; from the draft, move on to the rows."""
        text = self._history.back(self.text) if step < 0 else self._history.forward()
        if text is not None:
            self._show(text)
        elif step > 0:
            self._exit()

    def peel(self) -> None:
        """Close the list if it is open, else clear the filter."""
        if self._list.is_open:
            self._input.close_list()
        else:
            self.post_message(self.Cleared())

    @property
    def _is_invalid(self) -> bool:
        return self._error is not None and self._invalid_text == self.text

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._is_invalid:
            self._exit()
        else:  # stay, to correct the filter; down exits regardless
            self._input.close_list()

    def _exit(self) -> None:
        self._input.close_list()
        if self.text.strip() and not self._is_invalid:
            self.post_message(self.Accepted(self.text))
        self.post_message(self.Exited())
