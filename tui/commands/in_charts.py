"""The commands inside charts."""

from __future__ import annotations

from tui.commands.command import Command

CHART_COMMANDS = (
    Command(
        id="chart.next-kind",
        keys="t",
        action="next_kind",
        title="next kind",
        help="Draw the same runs as the next kind of chart.",
    ),
    Command(
        id="chart.pick-metrics",
        keys="m",
        action="pick_metrics",
        title="metrics",
        help="Choose the metrics to draw.",
    ),
    Command(
        id="chart.step-axis",
        keys="a",
        action="step_axis",
        title="x-axis",
        help="Choose the x-axis: steps or time; in a chart across runs, a parameter or metric.",
    ),
    Command(
        id="chart.smooth",
        keys="s",
        action="smooth",
        title="smooth",
        help="Smooth the curves, more with each press; the raw values stay behind them.",
        word="smooth",
        arguments="[WEIGHT]",
    ),
    Command(
        id="chart.edit-limits",
        keys="e",
        action="edit_limits",
        title="limits",
        help="Set the limits of the axes.",
        word="limits",
        arguments="[x FROM TO] [y FROM TO]",
    ),
    Command(
        id="chart.export",
        keys="w",
        action="export",
        title="export",
        help="Export the chart (PNG, SVG, text) or its data (CSV, JSON, Markdown, Parquet).",
    ),
)

PLOT_COMMANDS: tuple[Command, ...] = (
    Command(id="plot.zoom-in", keys="plus,equals_sign", action="zoom_in", help="Zoom in."),
    Command(id="plot.zoom-out", keys="minus", action="zoom_out", help="Zoom out."),
    Command(id="plot.reset", keys="0", action="reset_view", help="Reset zoom and pan."),
    Command(id="plot.toggle-log", keys="L", action="toggle_log", help="Toggle the logarithmic y-axis."),
    Command(id="plot.toggle-log-x", keys="X", action="toggle_log_x", help="Toggle the logarithmic x-axis."),
    Command(
        id="plot.pan-left",
        keys="left",
        action="pan(-1, 0)",
        help="Pan left; with the cursor on, previous point.",
    ),
    Command(
        id="plot.pan-right",
        keys="right",
        action="pan(1, 0)",
        help="Pan right; with the cursor on, next point.",
    ),
    Command(
        id="plot.pan-up", keys="up", action="pan(0, 1)", help="Pan up; with the cursor on, previous series."
    ),
    Command(
        id="plot.pan-down",
        keys="down",
        action="pan(0, -1)",
        help="Pan down; with the cursor on, next series.",
    ),
    Command(
        id="plot.toggle-cursor",
        keys="enter",
        action="toggle_cursor",
        help="Toggle the cursor that reads exact values.",
    ),
    Command(id="plot.leave-cursor", keys="escape", action="leave_cursor", help="Turn the cursor off."),
)

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

GRID_COMMANDS: tuple[Command, ...] = (
    Command(id="grid.left", keys="left", action="move(-1, 0)", help="Chart to the left."),
    Command(id="grid.right", keys="right", action="move(1, 0)", help="Chart to the right."),
    Command(id="grid.up", keys="k,up", action="move(0, -1)", help="Chart above."),
    Command(id="grid.down", keys="j,down", action="move(0, 1)", help="Chart below."),
    Command(id="grid.open", keys="enter", action="open", help="Open the chart; `esc` goes back to the grid."),
)
