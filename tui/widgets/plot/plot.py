"""The chart widget: its series, zoom and cursor. `picture` does the drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from engine.text import Shown, cell_width, cut, safe
from tui.commands.bindings import Scope, bindings
from tui.widgets.fit_text import clean
from tui.widgets.plot.legend import INKS, Piece, names, packed, reading
from tui.widgets.plot.picture import LABELLED_HEIGHT, Picture
from tui.widgets.plot.scale import XKind
from tui.widgets.plot.series import Series, Track
from tui.widgets.plot.view import View

NO_VALUES = Shown("no values yet")


class Plot(Widget, can_focus=True):
    """Lines, steps or points on two axes, drawn in braille dots. NaN is a gap, ±inf is ▲ or ▼."""

    scope: ClassVar[Scope] = "plot"
    HELP = "`+` `-` zoom, `0` resets, arrows pan, `L` toggles a logarithmic y axis, `enter` reads values."
    ALLOW_SELECT = False
    auto_links = False
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("plot")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"plot--{name}"
        for name in (
            *("axis", "label", "legend", "reading", "cursor"),
            *(f"series-{place}" for place in range(1, INKS + 1)),
        )
    }
    DEFAULT_CSS = """
    Plot { height: 1fr; width: 1fr; padding: 0 1; color: $foreground; }
    Plot > .plot--axis { color: $border; }
    Plot:focus > .plot--axis { color: $text-muted; }
    Plot:ansi > .plot--axis { color: ansi_default; text-style: dim; }
    Plot > .plot--label { color: $text-muted; }
    Plot > .plot--legend { color: $foreground; }
    Plot > .plot--reading { color: $foreground; text-style: bold; }
    Plot > .plot--cursor { color: $accent; }
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
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._empty_text = empty_text
        self._x_kind: XKind = "step"
        self._x_label = Shown("")
        self._view = View(tuple(Track.of(each, place) for place, each in enumerate(series)))
        self._cursor: float | None = None
        self._picture: Picture | None = None
        self._styles: dict[str, Style] = {}
        self._painted: dict[int, Strip] = {}

    def set_series(self, series: Sequence[Series], *, x_kind: XKind = "step", x_label: str = "") -> None:
        """Show these series. Zoom, scale and cursor stay unless the kind of x changes."""
        if x_kind != self._x_kind:
            self._cursor = None
            self._view = View(())
        self._x_kind, self._x_label = x_kind, safe(x_label)
        self._change(self._view.of(tuple(Track.of(each, place) for place, each in enumerate(series))))

    @property
    def is_log(self) -> bool:
        """Whether the y axis is logarithmic."""
        return self._view.log

    @property
    def cursor(self) -> float | None:
        """The x under the cursor; None without a cursor."""
        return self._cursor

    # Actions

    def action_zoom_in(self) -> None:
        self._change(self._view.zoomed(0.5, self._cursor))

    def action_zoom_out(self) -> None:
        self._change(self._view.zoomed(2.0, self._cursor))

    def action_reset_view(self) -> None:
        self._change(self._view.reset())

    def action_toggle_log(self) -> None:
        self._change(self._view.with_log(not self._view.log))

    def action_pan(self, right: int, up: int) -> None:
        if right and self._cursor is not None:
            self._read(self._view.next_x(self._cursor, right))
        else:
            self._change(self._view.panned(right * 0.2, up * 0.2))

    def action_toggle_cursor(self) -> None:
        self._read(self._view.last_x() if self._cursor is None else None)

    def action_leave_cursor(self) -> None:
        self._read(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Turn the cursor off; without one, pass escape on to the screen."""
        return self._cursor is not None if action == "leave_cursor" else True

    def _change(self, view: View) -> None:
        self._view = view
        self._picture = None
        self._repaint_changed()

    def _read(self, x: float | None) -> None:
        """Move the cursor; pan if x is out of view."""
        self._cursor = x
        if x is not None and not self._view.shows(x):
            self._change(self._view.showing(x))
        else:
            self._repaint_changed()

    def _repaint_changed(self) -> None:
        """Repaint the lines that have changed."""
        if not self.is_attached:
            return
        for y in range(self.size.height):
            if self._line(y) != self._painted.get(y):
                self.refresh(Region(0, y, self.size.width, 1))

    # Drawing

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles = {}

    @property
    def _legend_height(self) -> int:
        height = self.size.height
        if height <= LABELLED_HEIGHT:
            return 0
        entries = names(self._view.tracks, self._view.notes())
        return max(1, len(packed(entries, self.size.width, max(1, height // 6))))

    def _legend_line(self, y: int, lines: int) -> list[Piece]:
        if self._cursor is not None:
            entries = reading(self._view.tracks, self._cursor, self._x_kind, self._x_label)
        else:
            entries = names(self._view.tracks, self._view.notes())
        rows = packed(entries, self.size.width, lines)
        return rows[y] if y < len(rows) else []

    def _drawn(self) -> Picture:
        height = self.size.height - self._legend_height
        if self._picture is None or (self._picture.width, self._picture.height) != (self.size.width, height):
            window, with_values = self._view.window()
            self._picture = Picture(
                self._view.tracks,
                window,
                self.size.width,
                height,
                log=self._view.log,
                x_kind=self._x_kind,
                x_label=self._x_label,
                with_values=with_values,
            )
        return self._picture

    def render_line(self, y: int) -> Strip:
        line = self._line(y)
        self._painted[y] = line
        return line

    def _line(self, y: int) -> Strip:
        width, height = self.size
        if not any(track.xs for track in self._view.tracks):
            text = cut(self._empty_text, width) if y == height // 2 else ""
            return self._strip([(" " * ((width - cell_width(text)) // 2) + text, "label")])
        picture = self._drawn()
        top = height - picture.height
        if y < top:
            return self._strip(self._legend_line(y, top))
        read = None if self._cursor is None else picture.read(self._cursor)
        return self._strip(picture.line(y - top, read))

    def _strip(self, pieces: Sequence[Piece]) -> Strip:
        segments = [Segment(clean(text), self._ink(name)) for text, name in pieces if text]
        return Strip(segments).simplify().adjust_cell_length(self.size.width, self._ink("label"))

    def _ink(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self._styles[name] = self.get_component_rich_style(f"plot--{name}")
        return style
