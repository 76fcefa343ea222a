"""A short list under an input: what could stand at the cursor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from engine import formats
from engine.text import safe
from tui.widgets.cells import cell_width, fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.api import Completion, Option

LINES = 8
"""The most that are shown at once; with more options the last line tells where one is among them."""
WIDEST = 48
"""Cells of an option before it is cut."""
_AT_HAND = "$block-cursor-foreground on $block-cursor-background"


class Completions(Widget):
    """Lies over what is below it, which does not move. Never has the focus."""

    DEFAULT_CSS = """
    Completions {
        display: none; overlay: screen; constrain: inside none;
        width: auto; height: auto; background: $panel; color: $foreground;
    }
    Completions.-open { display: block; }
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
        if count <= LINES:
            return range(count)
        room = LINES - 1
        first = max(0, min((self.at or 0) - room // 2, count - room))
        return range(first, first + room)

    def _widths(self) -> tuple[int, int]:
        """Cells of the options and of their kinds."""
        shown = max((cell_width(safe(option.shown)) for option in self.options), default=0)
        return min(shown, WIDEST), max((len(option.kind) for option in self.options), default=0)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return min(sum(self._widths()) + 5, container.width)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return min(len(self.options), LINES)

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
