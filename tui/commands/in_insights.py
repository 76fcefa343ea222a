"""The commands of the insights view."""

from tui.commands.command import Command

INSIGHT_COMMANDS = (
    Command(
        id="insights.open-line",
        keys="enter",
        action="open_line",
        title="open",
        help="Open the run, the runs (as a filter) or the chart behind the line.",
    ),
    Command(
        id="insights.pick-metric",
        keys="m",
        action="pick_metric",
        title="metric",
        help="Choose the metric to explain.",
    ),
    Command(
        id="insights.next-metric",
        keys="right_square_bracket",
        action="step_metric(1)",
        help="Explain the next metric.",
    ),
    Command(
        id="insights.previous-metric",
        keys="left_square_bracket",
        action="step_metric(-1)",
        help="Explain the previous metric.",
    ),
    Command(
        id="insights.toggle-correction",
        keys="p",
        action="toggle_correction",
        title="correct",
        help="Correct p-values for the number of comparisons (Holm's method), on/off.",
    ),
    Command(
        id="insights.fit-forest",
        keys="f",
        action="fit_forest",
        title="forest",
        help="Ask a random forest which parameters matter, on/off; takes a few seconds.",
    ),
    Command(
        id="insights.flip-direction",
        keys="o",
        action="flip_direction",
        help="Flip the metric's direction.",
    ),
    Command(
        id="insights.write-report",
        keys="w",
        action="write_report",
        title="report",
        help="Write a report on these runs.",
    ),
)
