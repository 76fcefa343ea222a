"""The commands of comparisons, for the table of all commands."""

from __future__ import annotations

from tui.commands.command import Command
from tui.commands.shared import copy_menu_command, export_command, register_command

COMPARE_COMMANDS: tuple[Command, ...] = (
    Command(
        id="compare.toggle-differences",
        keys="x",
        action="toggle_differences",
        title="differences",
        help="Show only rows that differ.",
        word="differences",
    ),
    Command(
        id="compare.toggle-bars",
        keys="a",
        action="toggle_bars",
        title="bars",
        help="Switch between the table and bars for each metric, best first.",
        word="bars",
    ),
    Command(
        id="compare.chart-metric",
        keys="m",
        action="chart_metric",
        title="chart",
        help="Chart the metric of this row for all compared runs.",
    ),
    Command(
        id="compare.toggle-evidence",
        keys="e",
        action="toggle_evidence",
        help="Show what may be chance for all metrics, or only for the most important one.",
        word="evidence",
    ),
    Command(
        id="compare.toggle-correction",
        keys="p",
        action="toggle_correction",
        help="Correct p-values for the number of runs (Holm's method), on/off.",
        word="correct",
    ),
    Command(
        id="compare.transpose",
        keys="t",
        action="transpose",
        title="transpose",
        help="Switch between runs as columns and runs as rows.",
        word="transpose",
    ),
    Command(
        id="compare.sort-runs",
        keys="s",
        action="sort_runs",
        title="sort",
        help="Order the runs by this metric or parameter, best first; again to restore the order.",
    ),
    Command(
        id="compare.toggle-relative",
        keys="percent_sign",
        action="toggle_relative",
        help="Show differences in percent of the baseline, for rates in percentage points (pp).",
        word="percent",
    ),
    Command(
        id="compare.toggle-merging",
        keys="i",
        action="toggle_merging",
        help="Show identical runs as one column, or each as its own.",
        word="identical",
    ),
    Command(
        id="compare.set-baseline",
        keys="b",
        action="set_baseline",
        title="baseline",
        help="Use this run as the baseline.",
        word="baseline",
    ),
    Command(
        id="compare.flip-direction",
        keys="o",
        action="flip_direction",
        title="direction",
        help="Flip the metric's direction.",
    ),
    Command(
        id="compare.drop-run",
        keys="D",
        action="drop_run",
        title="drop",
        help="Remove this run from the comparison (does not delete it).",
    ),
    Command(
        id="compare.copy-id",
        keys="y",
        action="copy_id",
        help="Copy this run's id to your local clipboard (OSC 52).",
    ),
    register_command("compare", "this run"),
    copy_menu_command("compare"),
    export_command("compare", "the comparison"),
)
