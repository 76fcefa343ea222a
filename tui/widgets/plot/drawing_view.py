"""Shows a drawing: its lines scroll between head and foot, and a cursor reads exact values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from engine.text import Shown, cell_width, cut
from tui.commands.bindings import Scope, bindings
from tui.widgets.fit_text import clean, wrapped
from tui.widgets.plot.drawing import Drawing, Line, Spot, spread
from tui.widgets.plot.legend import INKS, Piece

NOTE_LINES = 2
READING_LINES = 2
ROOMY = 16
"""From this height on, readings and notes have two lines."""

Draw = Callable[[int, int], Drawing]
"""Draws in so many cells: width and height."""


class DrawingView(Widget, can_focus=True):
    """A chart across runs. Drawn again for another size."""

    scope: ClassVar[Scope] = "drawing"
    HELP = "`j` `k` and the arrows move the cursor, which reads exact values; `enter` opens the run."
    ALLOW_SELECT = False
    auto_links = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("drawing")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"drawing--{name}"
        for name in (
            *("axis", "label", "legend", "reading", "cursor", "best"),
            *(f"series-{place}" for place in range(1, INKS + 1)),
        )
    }
    DEFAULT_CSS = """
    DrawingView { height: 1fr; width: 1fr; padding: 0 1; color: $foreground; }
    DrawingView > .drawing--axis { color: $border; }
    DrawingView:ansi > .drawing--axis { color: ansi_default; text-style: dim; }
    DrawingView > .drawing--label { color: $text-muted; }
    DrawingView > .drawing--legend { color: $foreground; }
    DrawingView > .drawing--reading { color: $foreground; text-style: bold; }
    DrawingView > .drawing--cursor { text-style: reverse; }
    DrawingView > .drawing--best { color: $success; text-style: bold; }
    DrawingView > .drawing--series-1 { color: $accent; }
    DrawingView > .drawing--series-2 { color: $warning; }
    DrawingView > .drawing--series-3 { color: $success; }
    DrawingView > .drawing--series-4 { color: $error; }
    DrawingView > .drawing--series-5 { color: $foreground; }
    DrawingView > .drawing--series-6 { color: $secondary; }
    """

    class RunChosen(Message):
        """Enter was pressed on a run."""

        def __init__(self, run_id: str) -> None:
            super().__init__()
            self.run_id = run_id

    class ScaleToggled(Message):
        """Another scale was asked for."""

    class Zoomed(Message):
        """A part `factor` times as large was asked for; everything if it is 0."""

        def __init__(self, factor: float) -> None:
            super().__init__()
            self.factor = factor

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._draw: Draw | None = None
        self._notes: tuple[Shown, ...] = ()
        self._drawing = Drawing((), ())
        self._note_lines: tuple[str, ...] = ()
        self._drawn_for = (0, 0)
        self._top = 0
        self._row, self._at = 0, 0
        self._styles: dict[str, Style] = {}

    def set_drawing(self, draw: Draw, notes: Sequence[Shown] = ()) -> None:
        """Show what `draw` draws, with these notes. The cursor stays on its run."""
        spot = self.spot
        self._draw, self._notes = draw, tuple(notes)
        self._lay_out()
        self._find(None if spot is None else spot.run_id)
        self.refresh()

    @property
    def spot(self) -> Spot | None:
        """What is under the cursor."""
        lines = self._drawing.body
        spots = lines[self._row].spots if self._row < len(lines) else ()
        return spots[min(self._at, len(spots) - 1)] if spots else None

    # ── layout ───────────────────────────────────────────────────────────────

    def _lay_out(self) -> None:
        self._drawn_for = width, height = self.size.width, self.size.height
        if self._draw is None or width <= 0 or height <= 0:
            return
        self._drawing = spread(self._draw(width, height - self._below), height - self._below)
        self._note_lines = self._wrapped_notes(width)

    @property
    def _below(self) -> int:
        """The lines kept for notes and the reading."""
        return NOTE_LINES + READING_LINES if self.size.height >= ROOMY else 2

    def _wrapped_notes(self, width: int) -> tuple[str, ...]:
        lines = wrapped(" · ".join((*self._notes, *self._drawing.notes)), width)
        most = NOTE_LINES if self.size.height >= ROOMY else 1
        if len(lines) > most:
            lines = [*lines[: most - 1], cut(Shown(" ".join(lines[most - 1 :])), width)]
        return tuple(lines)

    @property
    def _visible(self) -> int:
        """The number of lines of the body in view."""
        fixed = len(self._drawing.head) + len(self._drawing.foot) + self._below
        return max(1, self.size.height - fixed)

    @property
    def is_scrollable(self) -> bool:
        return len(self._drawing.body) > self._visible

    def _on_resize(self, event: events.Resize) -> None:
        if self._drawn_for != (self.size.width, self.size.height):
            spot = self.spot
            self._lay_out()
            self._find(None if spot is None else spot.run_id)
            self.refresh()

    # ── the cursor ───────────────────────────────────────────────────────────

    def _find(self, run_id: str | None) -> None:
        """Move to the run, else to the first spot."""
        body = self._drawing.body
        found = [(row, at) for row, line in enumerate(body) for at in range(len(line.spots))]
        self._row, self._at = next(
            ((row, at) for row, at in found if run_id is not None and body[row].spots[at].run_id == run_id),
            found[0] if found else (0, 0),
        )
        self._top = max(0, min(self._top, len(body) - self._visible))
        self._reveal()

    def _go(self, row: int, at: int) -> None:
        self._row, self._at = row, at
        self._reveal()
        self.refresh()

    def _reveal(self) -> None:
        visible = self._visible
        if self._row < self._top:
            self._top = 0 if not any(line.spots for line in self._drawing.body[: self._row]) else self._row
        elif self._row >= self._top + visible:
            self._top = self._row - visible + 1

    def action_cursor_lines(self, lines: int) -> None:
        """Up or down by so many lines with spots, to the nearest spot there."""
        rows = [row for row, line in enumerate(self._drawing.body) if line.spots]
        here = self.spot
        if not rows or here is None:
            return
        place = max(0, min(len(rows) - 1, rows.index(self._row) + lines))
        row = rows[place]
        if row != self._row:
            spots = self._drawing.body[row].spots
            self._go(row, min(range(len(spots)), key=lambda at: abs(spots[at].start - here.start)))

    def action_cursor_pages(self, pages: float) -> None:
        self.action_cursor_lines(round(pages * self._visible))

    def action_cursor_end(self, end: int) -> None:
        """To the first line (-1) or the last one (1)."""
        self.action_cursor_lines(end * len(self._drawing.body))

    def action_cursor_cells(self, direction: int) -> None:
        """To the next spot to the left or right: in this line, else in the nearest one."""
        here = self.spot
        if here is None:
            return
        spots = self._drawing.body[self._row].spots
        if 0 <= self._at + direction < len(spots):
            self._go(self._row, self._at + direction)
            return
        others = [
            (abs(spot.start - here.start), abs(row - self._row), row, at)
            for row, line in enumerate(self._drawing.body)
            for at, spot in enumerate(line.spots)
            if (spot.start - here.start) * direction > 0
        ]
        if others:
            _, _, row, at = min(others)
            self._go(row, at)

    def action_open_run(self) -> None:
        spot = self.spot
        if spot is not None and spot.run_id is not None:
            self.post_message(self.RunChosen(spot.run_id))

    def action_zoom(self, factor: float) -> None:
        self.post_message(self.Zoomed(factor))

    def action_toggle_scale(self) -> None:
        self.post_message(self.ScaleToggled())

    # ── drawing ──────────────────────────────────────────────────────────────

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles = {}

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        drawing, height = self._drawing, self.size.height
        head, foot = drawing.head, drawing.foot
        if y < len(head):
            return self._strip(head[y].pieces)
        shown = min(self._visible, len(drawing.body) - self._top)
        row = self._top + y - len(head)
        if y < len(head) + shown:
            return self._body_strip(row, drawing.body[row])
        below = y - len(head) - shown
        if below < len(foot):
            return self._strip(foot[below].pieces)
        return self._below_strip(y - (height - self._below))

    def _body_strip(self, row: int, line: Line) -> Strip:
        strip = self._strip(line.pieces)
        spot = self.spot
        if row != self._row or spot is None or not self.has_focus:
            return strip
        end = min(spot.end, self.size.width)
        marked = strip.crop(spot.start, end).apply_style(self._ink("cursor"))
        return Strip.join([strip.crop(0, spot.start), marked, strip.crop(end, self.size.width)])

    def _below_strip(self, line: int) -> Strip:
        """The notes, then the reading."""
        notes = self._below - (READING_LINES if self._below > 2 else 1)
        if line < 0:
            return self._strip([])
        if line < notes:
            return self._strip([(self._note_lines[line], "label")] if line < len(self._note_lines) else [])
        spot = self.spot
        if spot is None:
            return self._strip([])
        width = self.size.width
        lines = wrapped(self._position() + spot.reading, width)
        room = self._below - notes
        if len(lines) > room:
            lines = [*lines[: room - 1], cut(Shown(" ".join(lines[room - 1 :])), width)]
        at = line - notes
        return self._strip([(lines[at], "reading")] if at < len(lines) else [])

    def _position(self) -> str:
        """Where the cursor is among more lines than fit: `12/60  `."""
        if not self.is_scrollable:
            return ""
        rows = [row for row, line in enumerate(self._drawing.body) if line.spots]
        return f"{rows.index(self._row) + 1:,}/{len(rows):,}  " if self._row in rows else ""

    def _strip(self, pieces: Sequence[Piece]) -> Strip:
        segments = [Segment(clean(text), self._ink(ink)) for text, ink in pieces if text]
        width = self.size.width
        strip = Strip(segments)
        if sum(cell_width(text) for text, _ in pieces) > width:
            strip = strip.crop(0, width)
        return strip.simplify().adjust_cell_length(width, self._ink("label"))

    def _ink(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self.get_component_rich_style(f"drawing--{name}")
        return style
