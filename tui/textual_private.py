"""Composing what changed on the screen, and no more."""

from __future__ import annotations

from collections.abc import Iterable

from textual._compositor import Compositor
from textual.geometry import Region
from textual.strip import Strip


class SparingCompositor(Compositor):
    """For a cell that changed Textual's own renders every line of every widget: it asks whether the
    change meets a widget's clip, which for most is the whole screen. This one renders, of the widgets
    that a change meets, the lines that it meets.

    It takes the place of a private method. Where Textual no longer calls that, more is rendered than need be.
    """

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        """Region, place on screen and lines of each widget that `crop`, None for the screen, meets."""
        changed = self.size.region if crop is None else crop
        for widget, (region, clip) in self.visible_widgets.items():
            visible = region.intersection(clip)
            if visible.overlaps(changed):
                top, bottom = max(visible.y, changed.y), min(visible.bottom, changed.bottom)
                lines = Region(visible.x, top, visible.width, bottom - top)
                yield region, lines, widget.render_lines(lines.translate(-region.offset))
