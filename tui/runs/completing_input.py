"""An input that Tab completes, and the list of completions under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from engine import formats
from engine.text import cell_width, safe
from tui.widgets.cells import fit
from tui.widgets.controls import Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.api import Completion, Option


MOST_LINES = 8
"""The most that are shown at once; with more options the last line tells where one is among them."""
WIDEST_OPTION = 48
"""Cells of an option before it is cut."""
_AT_HAND = "$block-cursor-foreground on $block-cursor-background"


class CompletionList(Widget):
    """Lies over what is below it, which does not move. Never has the focus."""

    DEFAULT_CSS = """
    CompletionList {
        display: none; overlay: screen; constrain: inside none;
        width: auto; height: auto; background: $panel; color: $foreground;
    }
    CompletionList.-open { display: block; }
    """

    @dataclass
    class Clicked(Message):
        place: int

    class Toggled(Message):
        """The list was opened or closed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.completion: Completion | None = None
        self.at: int | None = None
        """The option that was taken last; None while none was: the first one is at hand then."""

    @property
    def is_open(self) -> bool:
        return self.completion is not None

    @property
    def options(self) -> Sequence[Option]:
        return self.completion.options if self.completion is not None else ()

    def open(self, completion: Completion, x: int) -> None:
        """Offer the options, beginning at the cell `x`."""
        self.completion, self.at = completion, None
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
        """The place of the next option, or the one before, round the ends."""
        first = 0 if by > 0 else -1
        return (first if self.at is None else self.at + by) % len(self.options)

    def take(self, place: int) -> Option:
        self.at = place
        self.refresh()
        return self.options[place]

    # ── drawing ──────────────────────────────────────────────────────────────

    def _window(self) -> range:
        """The places on the screen, the one at hand among them."""
        count = len(self.options)
        if count <= MOST_LINES:
            return range(count)
        room = MOST_LINES - 1
        first = max(0, min((self.at or 0) - room // 2, count - room))
        return range(first, first + room)

    def _widths(self) -> tuple[int, int]:
        """Cells of the options and of their kinds."""
        shown = max((cell_width(safe(option.shown)) for option in self.options), default=0)
        return min(shown, WIDEST_OPTION), max((len(option.kind) for option in self.options), default=0)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return min(sum(self._widths()) + 5, container.width)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return min(len(self.options), MOST_LINES)

    def render(self) -> Content:
        window, count = self._window(), len(self.options)
        kinds = self._widths()[1]
        lines = [self._option_line(place, kinds) for place in window]
        if len(window) < count:
            told = f"  {window.start + 1}–{window.stop} of {formats.count(count)}"
            lines.append(Content.styled(fit(told, self.size.width), "$text-muted"))
        return Content("\n").join(lines)

    def _option_line(self, place: int, kinds: int) -> Content:
        option = self.options[place]
        at_hand = place == (self.at or 0)
        line = Content.assemble(
            ("▌ " if at_hand else "  ", "$accent"),
            fit(safe(option.shown), self.size.width - kinds - 5),
            (f"  {option.kind:>{kinds}} ", "" if at_hand else "$text-muted"),
        )
        return line.stylize_before(_AT_HAND) if at_hand else line

    def on_click(self, event: events.Click) -> None:
        event.stop()
        window = self._window()
        if event.y < len(window):
            self.post_message(self.Clicked(window[event.y]))


@dataclass(frozen=True, slots=True)
class Line:
    """What an input holds, and where its cursor is, in characters."""

    text: str
    cursor: int


class CompletingInput(Field):
    """Posts `CompletionWanted` while typing and on Tab; `offer` takes the answer.

    Tab and shift+Tab put the options into the line one after the other; Tab before the answer is
    there takes the first one when it comes. After the only option, what could follow is asked for.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete(1)", "complete", show=False, id="filter.complete"),
        Binding("shift+tab", "complete(-1)", "complete back", show=False, id="filter.complete-back"),
    ]

    @dataclass
    class CompletionWanted(Message):
        """What could stand at the cursor?"""

        text: str
        cursor: int

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, CompletingInput.CompletionWanted)

    def __init__(self, completions: CompletionList, *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002
        """`completions` is the list under this input, which its parent composes."""
        super().__init__(placeholder=placeholder, id=id)
        self._list = completions
        self._asked: Line | None = None
        self._steps = 0  # of Tab, before the answer came
        self._typed = self._taken = Line("", 0)  # the line that the list belongs to; with an option in it

    @property
    def line(self) -> Line:
        return Line(self.value, self.cursor_position)

    def put(self, line: Line) -> None:
        self.value = line.text
        self.cursor_position = line.cursor

    def cell_of(self, position: int) -> int:
        """The cell of this widget at which a character stands; 0 for those scrolled out at the left."""
        return max(0, cell_width(safe(self.value[:position], position)) - int(self.scroll_offset.x))

    def replace(self, text: str, start: int, end: int) -> None:
        """Every edit by hand comes through here."""
        before = self.value
        super().replace(text, start, end)
        if self.value == before:
            return
        self._steps = 0
        if self.value.strip():
            self._ask()
        else:
            self.close_list()

    def _ask(self) -> None:
        self._asked = self.line
        self.post_message(self.CompletionWanted(self.value, self.cursor_position))

    def offer(self, text: str, cursor: int, completion: Completion | None) -> None:
        """Take the answer to `CompletionWanted`; one to another line than is here now is dropped."""
        line = Line(text, cursor)
        if line != self._asked or line != self.line:
            return
        steps, self._steps, self._asked = self._steps, 0, None
        if completion is None or not completion.options:
            self._list.close()
            return
        self._typed = self._taken = line
        self._list.open(completion, self.cell_of(completion.start))
        for _ in range(min(abs(steps), len(completion.options))):
            self.take(self._list.step(steps))

    def action_complete(self, step: int) -> None:
        if self._asked == self.line:
            self._steps += step
        elif self._list.is_open:
            self.take(self._list.step(step))
        else:
            self._steps = step
            self._ask()

    def take(self, place: int) -> None:
        """Put that option into the line."""
        completion, text = self._list.completion, self._typed.text
        if completion is None:
            return
        before = text[: completion.start] + self._list.take(place).text
        self._taken = Line(before + text[completion.end :], len(before))
        self.put(self._taken)
        if len(completion.options) == 1:
            self._ask()

    def watch_selection(self) -> None:
        """Where only the cursor moved, the options belong to another place."""
        if self._list.is_open and self.value == self._taken.text and self.line != self._taken:
            self.close_list()

    def close_list(self) -> None:
        self._asked, self._steps = None, 0
        self._list.close()

    def on_blur(self) -> None:
        self.close_list()
