"""An input that Tab completes. It asks for options by message and is given them by method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from engine.text import safe
from tui.runs.completions import Completions
from tui.widgets.cells import cell_width
from tui.widgets.field import Field

if TYPE_CHECKING:
    from engine.api import Completion


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

    def __init__(self, completions: Completions, *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002
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
