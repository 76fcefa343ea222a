"""A text input with Tab completion, and its list of completions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from engine import formats
from engine.text import cell_width, safe
from tui.commands.bindings import Scope, bindings
from tui.widgets.controls import Field
from tui.widgets.fit_text import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.api import Completion, Option


MAX_LINES = 8
"""Height of the list; with more options, the last line shows which of them are visible."""
MAX_OPTION_WIDTH = 48
"""Cells beyond which an option is cut."""
_SELECTED_STYLE = "$block-cursor-foreground on $block-cursor-background"


class CompletionList(Widget):
    """An overlay of options. It never takes the focus."""

    DEFAULT_CSS = """
    CompletionList {
        display: none; overlay: screen; constrain: inside none;
        width: auto; height: auto; background: $panel; color: $foreground;
    }
    CompletionList.-open { display: block; }
    """

    @dataclass
    class Clicked(Message):
        index: int

    class Toggled(Message):
        """The list has opened or closed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.completion: Completion | None = None
        self.selected: int | None = None
        """Index of the option inserted last; None before the first, with option 0 highlighted."""

    @property
    def is_open(self) -> bool:
        return self.completion is not None

    @property
    def options(self) -> Sequence[Option]:
        return self.completion.options if self.completion is not None else ()

    def open(self, completion: Completion, x: int) -> None:
        """Show the options at column `x`."""
        self.completion, self.selected = completion, None
        self.styles.offset = (x, 0)
        self.add_class("-open")
        self.refresh(layout=True)
        self.post_message(self.Toggled())

    def close(self) -> None:
        if self.completion is not None:
            self.completion = None
            self.remove_class("-open")
            self.post_message(self.Toggled())

    def step(self, by: int) -> int:
        """Index of the option `by` steps ahead; wraps around."""
        first = 0 if by > 0 else -1
        return (first if self.selected is None else self.selected + by) % len(self.options)

    def select(self, index: int) -> Option:
        self.selected = index
        self.refresh()
        return self.options[index]

    # ── drawing ──────────────────────────────────────────────────────────────

    def _window(self) -> range:
        """Indices of the visible options, the selected one among them."""
        count = len(self.options)
        if count <= MAX_LINES:
            return range(count)
        room = MAX_LINES - 1
        first = max(0, min((self.selected or 0) - room // 2, count - room))
        return range(first, first + room)

    def _widths(self) -> tuple[int, int]:
        """Widths of the option and kind columns, in cells."""
        widest = max((cell_width(safe(option.shown)) for option in self.options), default=0)
        return min(widest, MAX_OPTION_WIDTH), max((len(option.kind) for option in self.options), default=0)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return min(sum(self._widths()) + 5, container.width)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return min(len(self.options), MAX_LINES)

    def render(self) -> Content:
        window, count = self._window(), len(self.options)
        kinds = self._widths()[1]
        lines = [self._option_line(index, kinds) for index in window]
        if len(window) < count:
            position = f"  {window.start + 1}–{window.stop} of {formats.count(count)}"
            lines.append(Content.styled(fit(position, self.size.width), "$text-muted"))
        return Content("\n").join(lines)

    def _option_line(self, index: int, kinds: int) -> Content:
        option = self.options[index]
        is_selected = index == (self.selected or 0)
        line = Content.assemble(
            ("▌ " if is_selected else "  ", "$accent"),
            fit(safe(option.shown), self.size.width - kinds - 5),
            (f"  {option.kind:>{kinds}} ", "" if is_selected else "$text-muted"),
        )
        return line.stylize_before(_SELECTED_STYLE) if is_selected else line

    def on_click(self, event: events.Click) -> None:
        event.stop()
        window = self._window()
        if event.y < len(window):
            self.post_message(self.Clicked(window[event.y]))


@dataclass(frozen=True, slots=True)
class InputState:
    """The text of an input, and its cursor as a character index."""

    text: str
    cursor: int


class CompletingInput(Field):
    """Posts `CompletionRequested` on edits and on Tab; `offer` delivers the answer.

    Tab and shift+Tab cycle through the options. Tab pressed before the answer arrives takes effect when it
    does. Inserting the only option requests completions for what follows it.
    """

    scope: ClassVar[Scope] = "filter"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("filter")]

    @dataclass
    class CompletionRequested(Message):
        """Options are needed for the text at the cursor."""

        text: str
        cursor: int

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, CompletingInput.CompletionRequested)

    def __init__(self, completions: CompletionList, *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002
        """`completions` is the list to fill; this widget's parent composes it."""
        super().__init__(placeholder=placeholder, id=id)
        self._list = completions
        self._pending: InputState | None = None
        self._steps = 0  # presses of Tab since the request
        self._typed = self._completed = InputState("", 0)  # when the list opened; with an option inserted

    @property
    def content(self) -> InputState:
        return InputState(self.value, self.cursor_position)

    def put(self, content: InputState) -> None:
        self.value = content.text
        self.cursor_position = content.cursor

    def cell_of(self, position: int) -> int:
        """Column of the character at `position`; 0 if it is scrolled out of view on the left."""
        return max(0, cell_width(safe(self.value[:position], position)) - int(self.scroll_offset.x))

    def replace(self, text: str, start: int, end: int) -> None:
        """Textual makes every edit by the user through this method."""
        before = self.value
        super().replace(text, start, end)
        if self.value == before:
            return
        self._steps = 0
        if self.value.strip():
            self._request()
        else:
            self.close_list()

    def _request(self) -> None:
        self._pending = self.content
        self.post_message(self.CompletionRequested(self.value, self.cursor_position))

    def offer(self, text: str, cursor: int, completion: Completion | None) -> None:
        """Answer `CompletionRequested`. An answer for anything but the current text and cursor is dropped."""
        content = InputState(text, cursor)
        if content != self._pending or content != self.content:
            return
        steps, self._steps, self._pending = self._steps, 0, None
        if completion is None or not completion.options or (completion.is_typed and not steps):
            self._list.close()
            return
        self._typed = self._completed = content
        self._list.open(completion, self.cell_of(completion.start))
        for _ in range(min(abs(steps), len(completion.options))):
            self.insert_option(self._list.step(steps))

    def action_complete(self, step: int) -> None:
        if self._pending == self.content:
            self._steps += step
        elif self._list.is_open:
            self.insert_option(self._list.step(step))
        else:
            self._steps = step
            self._request()

    def insert_option(self, index: int) -> None:
        """Replace the word being completed with an option."""
        completion, text = self._list.completion, self._typed.text
        if completion is None:
            return
        before = text[: completion.start] + self._list.select(index).text
        self._completed = InputState(before + text[completion.end :], len(before))
        self.put(self._completed)
        if len(completion.options) == 1:
            self._request()

    def watch_selection(self) -> None:
        """Close the list when only the cursor has moved: its options are for the old position."""
        if self._list.is_open and self.value == self._completed.text and self.content != self._completed:
            self.close_list()

    def close_list(self) -> None:
        self._pending, self._steps = None, 0
        self._list.close()

    def on_blur(self) -> None:
        self.close_list()
