"""The end of a log, which follows while its last line is in view."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.strip import Strip

from engine.text import Shown
from tui.widgets.fit_text import clean, fit, wrapped
from tui.widgets.ink import Inks
from tui.widgets.scroll_pane import LinesPane

WRAPPED_LINES = 20
"""The most lines in which one line of the log is shown."""
NOTHING = Shown("The log is empty.")


class LogPane(LinesPane):
    """Shows lines, wrapped to its width. New lines scroll it only if its end was in view."""

    DEFAULT_CSS = """
    LogPane { padding: 0 1; scrollbar-gutter: stable; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._lines: tuple[Shown, ...] | None = None
        self._rows: list[str] = []
        self._width = 0

    @property
    def is_at_end(self) -> bool:
        """Whether the last line is in view, so that new ones are followed."""
        return self.scroll_offset.y >= self.max_scroll_y

    def show(self, lines: Iterable[Shown]) -> None:
        """Replace the lines. The same lines again change nothing."""
        fresh = tuple(lines)
        if fresh != self._lines:
            self._lines = fresh
            self._lay_out()

    def clear(self) -> None:
        """Show nothing until the log of another service is read."""
        if self._lines is not None:
            self._lines, self._rows = None, []
            self._lay_out()

    def on_resize(self, event: events.Resize) -> None:
        if self.scrollable_content_region.width != self._width:
            self._lay_out()

    def _lay_out(self) -> None:
        follows, self._width = self.is_at_end, self.scrollable_content_region.width
        if not self._width:
            return
        lines = (NOTHING,) if self._lines == () else self._lines or ()
        self._rows = [row for line in lines for row in islice(wrapped(line, self._width), WRAPPED_LINES)]
        self.virtual_size = Size(0, len(self._rows))
        self.refresh()
        if follows:
            self.call_after_refresh(self.action_scroll_bottom)

    def render_line(self, y: int) -> Strip:
        inks, row = Inks(self), self.scroll_offset.y + y
        if row >= len(self._rows):
            return Strip.blank(self.scrollable_content_region.width, inks.plain)
        style = inks.ink("$text-muted") if self._lines == () else inks.plain
        return Strip([Segment(fit(clean(self._rows[row]), self.scrollable_content_region.width), style)])
