"""The commands of every view."""

from __future__ import annotations

from tui.commands.command import Command

EVERYWHERE: tuple[Command, ...] = (
    Command(
        id="app.show-runs",
        keys="1",
        action="show_mode('runs')",
        help="Show experiments and their runs.",
        word="runs",
        arguments="[EXPERIMENT [FILTER]]",
    ),
    Command(
        id="app.show-compare",
        keys="2",
        action="show_mode('compare')",
        help="Compare the marked runs, or versions of a model, side by side.",
        word="compare",
        arguments="[MODEL VERSION VERSION …]",
    ),
    Command(
        id="app.show-models",
        keys="3",
        action="show_mode('models')",
        help="Show registered models and their versions.",
        word="models",
        arguments="[MODEL [FILTER]]",
    ),
    Command(
        id="app.show-training",
        keys="4",
        action="show_mode('training')",
        help="Start a sweep and watch it run.",
        word="training",
    ),
    Command(
        id="app.show-deployments",
        keys="5",
        action="show_mode('deployments')",
        help="Show deployed model versions and the tracking server.",
        word="deployments",
        arguments="[NAME]",
    ),
    Command(
        id="app.show-activity",
        keys="6",
        action="show_mode('activity')",
        help="Show the journal of changes, newest first.",
        word="activity",
    ),
    Command(
        id="app.open-command-line",
        keys="colon,ctrl+p",
        action="open_command_line",
        title="command",
        help="Run any command by name; Tab completes.",
    ),
    Command(
        id="app.open-help",
        keys="question_mark",
        action="open_help",
        title="keys",
        help="Show the keys of this view; type to search.",
        word="help",
    ),
    Command(
        id="app.refresh", keys="r", action="refresh_view", help="Refresh from the store.", word="refresh"
    ),
    Command(
        id="app.toggle-auto-refresh",
        keys="R",
        action="toggle_auto_refresh",
        help="Auto-refresh on/off.",
        word="auto",
    ),
    Command(id="app.next-pane", keys="l", action="next_pane", help="Next pane."),
    Command(id="app.previous-pane", keys="h", action="previous_pane", help="Previous pane."),
    Command(id="app.cycle-panes", keys="tab", action="cycle_panes", help="Next pane (wraps)."),
    Command(
        id="app.cycle-panes-back", keys="shift+tab", action="cycle_panes_back", help="Previous pane (wraps)."
    ),
    Command(id="app.toggle-zoom", keys="z", action="toggle_zoom", help="Zoom the focused pane.", word="zoom"),
    Command(
        id="app.save-picture",
        keys="ctrl+s",
        action="save_picture",
        help="Save a screenshot as SVG.",
        word="picture",
        arguments="[FILE.svg]",
    ),
    Command(id="app.go-back", keys="escape", action="go_back", help="Clear the filter or marks, or go back."),
    Command(
        id="app.close-view",
        keys="q",
        action="close_view",
        help="Go back; in the runs view, quit (confirms first if a sweep is running).",
        word="back",
    ),
    Command(
        id="app.repaint",
        keys="ctrl+l",
        action="repaint",
        help="Repaint the whole screen.",
    ),
    Command(
        id="app.quit",
        keys="ctrl+c,ctrl+q",
        action="quit_console",
        help="Quit at once; stops a running sweep and keeps its finished trials.",
        word="quit",
        priority=True,
    ),
)
