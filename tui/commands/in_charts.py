"""The commands inside charts."""

from __future__ import annotations

from tui.commands.command import Command

DRAWING_COMMANDS: tuple[Command, ...] = (
    Command(id="drawing.cursor-down", keys="j,down", action="cursor_lines(1)", help="Down one line."),
    Command(id="drawing.cursor-up", keys="k,up", action="cursor_lines(-1)", help="Up one line."),
    Command(id="drawing.cursor-left", keys="left", action="cursor_cells(-1)", help="Left to the next value."),
    Command(
        id="drawing.cursor-right", keys="right", action="cursor_cells(1)", help="Right to the next value."
    ),
    Command(id="drawing.cursor-top", keys="g,home", action="cursor_end(-1)", help="First line."),
    Command(id="drawing.cursor-bottom", keys="G,end", action="cursor_end(1)", help="Last line."),
    Command(
        id="drawing.page-down", keys="ctrl+d,pagedown", action="cursor_pages(0.5)", help="Down half a page."
    ),
    Command(id="drawing.page-up", keys="ctrl+u,pageup", action="cursor_pages(-0.5)", help="Up half a page."),
    Command(id="drawing.open-run", keys="enter", action="open_run", help="Open the run under the cursor."),
    Command(
        id="drawing.zoom-in",
        keys="plus,equals_sign",
        action="zoom(0.5)",
        help="Zoom in on the run under the cursor (points).",
    ),
    Command(id="drawing.zoom-out", keys="minus", action="zoom(2.0)", help="Zoom out (points)."),
    Command(id="drawing.reset", keys="0", action="zoom(0.0)", help="Show all runs (points)."),
    Command(
        id="drawing.toggle-scale",
        keys="L",
        action="toggle_scale",
        help="Toggle the scale: bars from zero or from the lowest value, points on a logarithmic y-axis.",
    ),
)
"""In a chart across runs."""
