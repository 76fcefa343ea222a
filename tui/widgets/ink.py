"""Styles for what a widget draws itself.

Textual's component classes do the same, but it matches a node per class against the whole stylesheet whenever
the widget's focus or classes change. These styles are looked up when the widget draws.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from textual.widget import Widget

CELL_INKS: Mapping[str, str] = {
    "good": "$success",
    "bad": "$error",
    "warning": "$warning",
    "accent": "$accent",
    "muted": "$text-muted",
    "strong": "bold",
    "heading": "bold $text-muted",
}
"""The styles of cells and values by `CellStyle`, for `Inks.ink`."""


class Inks:
    """Styles on the background of a widget, at this moment: look them up again when its styles change."""

    def __init__(self, widget: Widget) -> None:
        app = widget.app
        self._parse = app.stylesheet.parse_style
        self._behind = widget.background_colors[1]
        self.plain: Style = widget.rich_style
        """The widget's own style."""
        self.is_ansi: bool = app.native_ansi_color
        """Whether the terminal's palette is used, where muted text must be dim."""
        self.is_grey: bool = app.no_color

    def ink(self, text: str) -> Style:
        """A style such as `bold $accent on $panel`, with the theme's variables. What it does not name is as
        in the widget's own style."""
        named = self._parse(text)
        behind = self._behind if named.background is None else self._behind + named.background
        return self.plain + Style(
            color=None if named.foreground is None else (behind + named.foreground).rich_color,
            bgcolor=None if named.background is None else behind.rich_color,
            bold=named.bold,
            dim=named.dim,
            reverse=named.reverse,
        )
