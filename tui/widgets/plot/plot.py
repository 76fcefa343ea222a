"""The chart widget: its series, zoom and cursor. `picture` does the drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from engine.errors import UsageError
from engine.text import Shown, cell_width, cut, safe
from tui.commands.bindings import Scope, bindings
from tui.widgets.fit_text import clean
from tui.widgets.plot.legend import INKS, Entry, Piece, names, packed, reading
from tui.widgets.plot.scale import XKind
from tui.widgets.plot.series import Series

if TYPE_CHECKING:
    from tui.widgets.plot.picture import Picture
    from tui.widgets.plot.track import Track
    from tui.widgets.plot.view import Range, View

NO_VALUES = Shown("no values yet")
LEGEND_HEIGHT = 6
"""Height below which a chart has no legend, in lines."""
MARGIN = 1
"""Blank cells on the left and right."""
PAN = 0.2
"""The share of the visible range that an arrow key pans."""


def prepare() -> None:
    """Import what drawing needs: numpy, a tenth of a second. Call it on the bridge before the first chart."""
    import_module("tui.widgets.plot.picture")


class Plot(Widget, can_focus=True):
    """Lines, steps or points on two axes, drawn in braille dots. NaN is a gap, ±inf is ▲ or ▼."""

    @dataclass
    class RangeShown(Message):
        """Another range of x is in view; None is everything."""

        plot: Plot
        x: Range | None

        @property
        def control(self) -> Plot:
            return self.plot

    scope: ClassVar[Scope] = "plot"
    HELP = "`+` `-` zoom, `0` resets, arrows pan, `L` toggles a logarithmic y-axis, `enter` reads values."
    ALLOW_SELECT = False
    auto_links = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("plot")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"plot--{name}"
        for name in (
            *("axis", "label", "legend", "reading", "cursor", "faint"),
            *(f"series-{place}" for place in range(1, INKS + 1)),
        )
    }
    DEFAULT_CSS = """
    Plot { height: 1fr; width: 1fr; color: $foreground; }
    Plot > .plot--axis { color: $border; }
    Plot:focus > .plot--axis { color: $text-muted; }
    Plot:ansi > .plot--axis { color: ansi_default; text-style: dim; }
    Plot > .plot--label { color: $text-muted; }
    Plot > .plot--legend { color: $foreground; }
    Plot > .plot--reading { color: $foreground; text-style: bold; }
    Plot > .plot--cursor { color: $accent; }
    Plot > .plot--faint { color: $text-disabled; }
    Plot:ansi > .plot--faint { color: ansi_bright_black; }
    Plot > .plot--series-1 { color: $accent; }
    Plot > .plot--series-2 { color: $warning; }
    Plot > .plot--series-3 { color: $success; }
    Plot > .plot--series-4 { color: $error; }
    Plot > .plot--series-5 { color: $foreground; }
    Plot > .plot--series-6 { color: $secondary; }
    """

    def __init__(
        self,
        series: Sequence[Series] = (),
        *,
        empty_text: Shown = NO_VALUES,
        is_small: bool = False,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        """A small plot has no legend, only the letters at the ends of the lines."""
        super().__init__(id=id, classes=classes)
        self._empty_text = empty_text
        self._is_small = is_small
        self._x_kind: XKind = "step"
        self._x_label = Shown("")
        self._series = tuple(series)
        self._drawn_view: View | None = None
        self._cursor: float | None = None
        self._chosen = 0
        self._picture: Picture | None = None
        self._styles: dict[str, Style] = {}
        self._strips: list[Strip] | None = None
        self._strip_width = 0
        self._painted: dict[int, Strip] = {}

    @property
    def _view(self) -> View:
        """The view, made when it is first needed: numpy is imported then."""
        if self._drawn_view is None:
            from tui.widgets.plot.view import View

            self._drawn_view = View(_tracks(self._series))
        return self._drawn_view

    def set_empty_text(self, text: Shown) -> None:
        """Show this text while there are no points."""
        if text != self._empty_text:
            self._empty_text = text
            self._repaint_changed()

    def set_series(self, series: Sequence[Series], *, x_kind: XKind = "step", x_label: str = "") -> None:
        """Show these series. Zoom, scale and cursor stay unless the kind of x changes."""
        self._series = tuple(series)
        if x_kind != self._x_kind:
            self._cursor = None
            if self._drawn_view is not None:
                self._drawn_view = self._drawn_view.reset()
        self._x_kind, self._x_label = x_kind, safe(x_label)
        if self._drawn_view is not None or self._series:
            self._change(self._view.of(_tracks(self._series)))

    @property
    def is_log(self) -> bool:
        """Whether the y axis is logarithmic."""
        return self._view.log

    @property
    def is_log_x(self) -> bool:
        """Whether the x axis is logarithmic."""
        return self._view.log_x

    @property
    def x_kind(self) -> XKind:
        """The meaning of x."""
        return self._x_kind

    @property
    def limits(self) -> tuple[Range, Range]:
        """The ranges of x and y in view."""
        window = self._view.window()
        return (window.x_low, window.x_high), (window.y_low, window.y_high)

    @property
    def fitted(self) -> tuple[Range, Range]:
        """The ranges of x and y that fit all points, and those in view."""
        window = self._view.limited(self._view.x, None).window()
        return self._view.x_all, (window.y_low, window.y_high)

    @property
    def set_limits(self) -> tuple[Range | None, Range | None]:
        """The ranges of x and y that were set; None fits the points."""
        return self._view.x, self._view.y

    @property
    def shown_range(self) -> Range | None:
        """The range of x in view; None for everything."""
        return self._view.x

    def limit(self, x: Range | None, y: Range | None) -> None:
        """Show exactly these ranges; None fits the points. Raises `UsageError` for ends that a logarithmic
        axis cannot show."""
        view = self._view
        for name, limits, log in (("x", x, view.log_x), ("y", y, view.log)):
            if log and limits is not None and limits[0] <= 0:
                raise UsageError(
                    f"The logarithmic {name}-axis must begin above 0", "", "Use a positive number."
                )
        self._change(view.limited(x, y))

    @property
    def cursor(self) -> float | None:
        """The x under the cursor; None without a cursor."""
        return self._cursor

    @property
    def chosen(self) -> int:
        """The index of the series that the cursor names."""
        return min(self._chosen, max(0, len(self._series) - 1))

    # Actions

    def action_zoom_in(self) -> None:
        self._change(self._view.zoomed(0.5, self._cursor))

    def action_zoom_out(self) -> None:
        self._change(self._view.zoomed(2.0, self._cursor))

    def action_reset_view(self) -> None:
        self._change(self._view.reset())

    def action_toggle_log(self) -> None:
        self._change(self._view.with_log(not self._view.log))

    def action_toggle_log_x(self) -> None:
        self._change(self._view.with_log_x(not self._view.log_x))

    def action_pan(self, right: int, up: int) -> None:
        """Pan; with the cursor on, move it to the next point or the next series."""
        if self._cursor is None:
            self._change(self._view.panned(right * PAN, up * PAN))
        elif right:
            self._read(self._view.next_x(self._cursor, right, 2 * self._drawn().reach))
        else:
            self._choose(-up)

    def action_toggle_cursor(self) -> None:
        self._read(self._view.last_x() if self._cursor is None else None)

    def action_leave_cursor(self) -> None:
        self._read(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Turn the cursor off; without one, pass escape on to the screen."""
        return self._cursor is not None if action == "leave_cursor" else True

    def _change(self, view: View) -> None:
        before, self._drawn_view = self._drawn_view, view
        self._picture = None
        self._repaint_changed()
        if before is None or before.x != view.x:
            self.post_message(self.RangeShown(self, view.x))

    def _read(self, x: float | None) -> None:
        """Move the cursor; pan if x is out of view."""
        self._cursor = x
        if x is not None and not self._view.shows(x):
            self._change(self._view.showing(x))
        else:
            self._repaint_changed()
        if x is not None and self._entry(self.chosen).x is None:
            self._choose(1)

    def _choose(self, step: int) -> None:
        """Name the next series that has a point at the cursor."""
        places = [(self.chosen + step * turn) % len(self._series) for turn in range(1, len(self._series) + 1)]
        self._chosen = next((place for place in places if self._entry(place).x is not None), self.chosen)
        self._repaint_changed()

    def _repaint_changed(self) -> None:
        """Repaint the lines that have changed."""
        self._strips = None
        if not self.is_attached:
            return
        for y, strip in enumerate(self._lines()):
            if strip != self._painted.get(y):
                self.refresh(Region(0, y, self.size.width, 1))

    # Drawing

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles, self._strips = {}, None

    def _legend(self, notes: bool) -> list[list[Piece]]:
        """The lines of the legend. Without `notes`, those of the values at the cursor, if it is on."""
        width, height = self._inner
        if height < LEGEND_HEIGHT:
            return []
        if notes or self._cursor is None:
            entries = names(self._entries(), self._view.notes())
        else:
            read = [self._entry(place) for place in range(len(self._series))]
            entries = reading(read, self.chosen, self._cursor, self._x_kind, self._x_label)
        if self._is_small:
            entries = [[(note, "label")] for note in self._view.notes()]
            return packed(entries, width, 1) if entries else []
        return packed(entries, width, max(1, height // 6))

    def _entries(self) -> list[Entry]:
        return [Entry(track.letter, track.label) for track in self._view.tracks]

    def _entry(self, place: int) -> Entry:
        """A series with its point at the cursor."""
        track = self._view.tracks[place]
        at = None if self._cursor is None else track.nearest(self._cursor, self._drawn().reach)
        if at is None:
            return Entry(track.letter, track.label)
        raw = None if track.raw is None else float(track.raw[at])
        step = None if track.steps is None else int(track.steps[at])
        return Entry(track.letter, track.label, float(track.xs[at]), float(track.ys[at]), raw, step)

    def _drawn(self) -> Picture:
        from tui.widgets.plot.picture import Picture

        if self._picture is None or self._picture.size != self._inner:
            view = self._view
            self._picture = Picture(
                view.tracks,
                view.window(),
                self._inner,
                legend_height=len(self._legend(notes=True)),
                log=view.log,
                log_x=view.log_x,
                x_kind=self._x_kind,
                x_label=self._x_label,
                with_values=view.has_values,
            )
        return self._picture

    def render_line(self, y: int) -> Strip:
        lines = self._lines()
        line = lines[y] if y < len(lines) else Strip.blank(self.size.width)
        self._painted[y] = line
        return line

    def _lines(self) -> list[Strip]:
        """All lines of the widget."""
        if (
            self._strips is None
            or len(self._strips) != self.size.height
            or self._strip_width != self.size.width
        ):
            self._strip_width = self.size.width
            self._strips = [self._strip(pieces) for pieces in self._pieces()]
        return self._strips

    def _pieces(self) -> list[list[Piece]]:
        width, height = self._inner
        if not self._series or not any(len(track.xs) for track in self._view.tracks):
            text = cut(self._empty_text, width)
            blank: list[list[Piece]] = [[] for _ in range(height)]
            if height:
                blank[height // 2] = [(" " * ((width - cell_width(text)) // 2) + text, "label")]
            return blank
        picture = self._drawn()
        read = None if self._cursor is None else picture.read(self._cursor)
        legend = self._legend(notes=False)
        top = [legend[y] if y < len(legend) else [] for y in range(picture.legend_height)]
        return [*top, *(picture.line(y, read) for y in range(picture.height))]

    @property
    def _inner(self) -> Size:
        """The size without the margins on the left and right, which `_strip` adds: as padding they would be
        pieces of their own in each line that is written."""
        return Size(max(0, self.size.width - 2 * MARGIN), self.size.height)

    def _strip(self, pieces: Sequence[Piece]) -> Strip:
        drawn: list[Piece] = [(clean(text), name) for text, name in pieces if text] or [("", "label")]
        drawn[0] = (" " * MARGIN + drawn[0][0], drawn[0][1])
        segments = [Segment(text, self._ink(name)) for text, name in drawn]
        return Strip(segments).simplify().adjust_cell_length(self.size.width, segments[-1].style).simplify()

    def _ink(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self.get_component_rich_style(f"plot--{name}")
        return style


def _tracks(series: Sequence[Series]) -> tuple[Track, ...]:
    from tui.widgets.plot.track import Track

    return tuple(Track.of(each, place) for place, each in enumerate(series))
