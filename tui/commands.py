"""The one command table. Bindings, the key line, `:`, `?` and the README's key table come from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding

Scope = Literal["app", "table", "runs", "run", "compare", "models", "training", "activity", "plot", "pane"]

SCOPE_TITLES: dict[Scope, str] = {
    "app": "Everywhere",
    "table": "In a table",
    "runs": "Runs",
    "run": "One run",
    "compare": "Compare",
    "models": "Models",
    "training": "Training",
    "activity": "Activity",
    "plot": "In a chart",
    "pane": "In a pane of facts",
}


@dataclass(frozen=True, slots=True)
class Command:
    """One thing an operator can do.

    `id` is `scope.verb-noun`; `keys` are Textual key names, comma-separated; `action` is the name
    of the action method; `title` is the short word in the key line (empty: not shown there);
    `help` is one sentence; `word` is what is typed after `:` (empty: not there), `arguments`
    how its arguments read; `writes` marks what `--read-only` switches off.
    """

    id: str
    keys: str
    action: str
    title: str
    help: str
    word: str = ""
    arguments: str = ""
    writes: bool = False
    priority: bool = False

    @property
    def scope(self) -> Scope:
        return self.id.partition(".")[0]  # type: ignore[return-value]

    @property
    def shown_keys(self) -> str:
        return " ".join(_KEY_NAMES.get(key, key) for key in self.keys.split(",") if key)


_KEY_NAMES = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "escape": "esc",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "at": "@",
}

COMMANDS: tuple[Command, ...] = (
    Command(
        "app.show-runs",
        "1",
        "show_mode('runs')",
        "",
        "Experiments and their runs.",
        "runs",
        "[EXPERIMENT [FILTER]]",
    ),
    Command("app.show-compare", "2", "show_mode('compare')", "", "The marked runs side by side.", "compare"),
    Command(
        "app.show-models",
        "3",
        "show_mode('models')",
        "",
        "Registered models and their versions.",
        "models",
        "[MODEL]",
    ),
    Command("app.show-training", "4", "show_mode('training')", "", "Train a sweep and watch it.", "training"),
    Command(
        "app.show-activity",
        "6",
        "show_mode('activity')",
        "",
        "What was written from here, newest first.",
        "activity",
    ),
    Command(
        "app.open-command-line",
        "colon,ctrl+p",
        "open_command_line",
        "command",
        "Run any command by name; Tab completes.",
    ),
    Command(
        "app.open-help",
        "question_mark",
        "open_help",
        "keys",
        "The keys of this view; type to search.",
        "help",
    ),
    Command("app.refresh", "r", "refresh_view", "", "Read the store again.", "refresh"),
    Command("app.next-pane", "l,tab", "next_pane", "", "The pane to the right."),
    Command("app.previous-pane", "h,shift+tab", "previous_pane", "", "The pane to the left."),
    Command(
        "app.toggle-zoom", "z", "toggle_zoom", "", "Give the focused pane the whole screen, and back.", "zoom"
    ),
    Command(
        "app.save-picture",
        "ctrl+s",
        "save_picture",
        "",
        "Save the screen as an SVG picture.",
        "picture",
        "[FILE.svg]",
    ),
    Command(
        "app.go-back",
        "escape",
        "go_back",
        "",
        "Clear what is open (filter, marks), else back to the view before.",
    ),
    Command(
        "app.close-view",
        "q",
        "close_view",
        "",
        "Back to the view before; in the runs, quit (asks while a sweep runs).",
        "back",
    ),
    Command(
        "app.quit",
        "ctrl+c,ctrl+q",
        "quit_console",
        "",
        "Quit at once; a running sweep is stopped and its finished trials kept.",
        "quit",
        priority=True,
    ),
    Command("table.cursor-down", "j,down", "cursor_down", "", "One row down."),
    Command("table.cursor-up", "k,up", "cursor_up", "", "One row up."),
    Command("table.cursor-top", "g,home", "cursor_top", "", "The first row."),
    Command("table.cursor-bottom", "G,end", "cursor_bottom", "", "The last row."),
    Command("table.half-page-down", "ctrl+d", "half_page_down", "", "Half a page down."),
    Command("table.half-page-up", "ctrl+u", "half_page_up", "", "Half a page up."),
    Command("table.page-down", "pagedown", "page_down", "", "A page down."),
    Command("table.page-up", "pageup", "page_up", "", "A page up."),
    Command("table.column-left", "H,left", "column_left", "", "The column to the left."),
    Command("table.column-right", "L,right", "column_right", "", "The column to the right."),
    Command("table.select-row", "enter", "select_row", "", "Open the row."),
    Command("table.toggle-mark", "space", "toggle_mark", "", "Mark the row, or take the mark away."),
    Command("table.mark-range", "v", "mark_range", "", "Mark every row from the last mark to the cursor."),
    Command("table.mark-all", "V", "mark_all", "", "Mark every row shown; again: clear the marks."),
    Command(
        "runs.open-filter",
        "slash",
        "open_filter",
        "filter",
        "Filter the runs while you type.",
        "filter",
        "EXPRESSION",
    ),
    Command(
        "runs.sort-column",
        "s",
        "sort_column",
        "sort",
        "Sort by the focused column; again: the other way round.",
        "sort",
        "COLUMN [desc]",
    ),
    Command("runs.pick-sort", "S", "pick_sort", "", "Choose the column to sort by from a list."),
    Command("runs.compare-marked", "c", "compare_marked", "compare", "Compare the marked runs side by side."),
    Command(
        "runs.show-best",
        "B",
        "show_best",
        "best",
        "Which run is best, and how close the next are.",
        "best",
        "[METRIC]",
    ),
    Command(
        "runs.export-csv",
        "w",
        "export_csv",
        "export",
        "Write the shown runs to a CSV file.",
        "export",
        "[FILE.csv]",
    ),
    Command("runs.copy-id", "y", "copy_id", "", "Copy the run's id to your own clipboard (OSC 52)."),
    Command(
        "compare.toggle-differences",
        "x",
        "toggle_differences",
        "differences",
        "Show only rows in which the runs differ.",
        "differences",
    ),
    Command(
        "compare.set-baseline",
        "b",
        "set_baseline",
        "baseline",
        "Measure the others against this run.",
        "baseline",
    ),
    Command(
        "compare.flip-direction",
        "o",
        "flip_direction",
        "direction",
        "Turn round whether higher or lower is better.",
    ),
    Command(
        "compare.drop-run", "D", "drop_run", "drop", "Take this run out of the comparison (deletes nothing)."
    ),
    Command(
        "models.promote",
        "P",
        "promote",
        "promote",
        "Give a version a stage or an alias.",
        "promote",
        "MODEL VERSION TARGET",
        writes=True,
    ),
    Command(
        "models.test-version",
        "T",
        "test_version",
        "test",
        "Load the version and predict its own input example.",
        "test",
    ),
    Command("models.open-run", "d", "open_run", "run", "Open the run that made the version."),
    Command("models.undo", "u", "undo", "undo", "Take back the last promotion.", "undo", writes=True),
    Command(
        "training.new-sweep",
        "n",
        "new_sweep",
        "new sweep",
        "Choose data, grid and recipe, and start.",
        "train",
        writes=True,
    ),
    Command(
        "training.cancel-sweep",
        "ctrl+x",
        "cancel_sweep",
        "cancel",
        "Stop the sweep; finished trials stay.",
        "cancel",
    ),
    Command(
        "training.compare-marked", "c", "compare_marked", "compare", "Compare the marked trials side by side."
    ),
    Command("plot.zoom-in", "plus,equals_sign", "zoom_in", "", "Zoom in."),
    Command("plot.zoom-out", "minus", "zoom_out", "", "Zoom out."),
    Command("plot.reset", "0", "reset_view", "", "Show everything."),
    Command("plot.toggle-log", "l", "toggle_log", "", "Logarithmic y axis, and back."),
    Command(
        "plot.pan-left", "left", "pan(-1, 0)", "", "Move to the left; in reading mode: the point before."
    ),
    Command(
        "plot.pan-right", "right", "pan(1, 0)", "", "Move to the right; in reading mode: the next point."
    ),
    Command("plot.pan-up", "up", "pan(0, 1)", "", "Move up."),
    Command("plot.pan-down", "down", "pan(0, -1)", "", "Move down."),
    Command("plot.toggle-cursor", "enter", "toggle_cursor", "", "Read exact values, and back."),
    Command("plot.leave-cursor", "escape", "leave_cursor", "", "Stop reading values."),
    Command("pane.scroll-down", "j,down", "scroll_lines(1)", "", "One line down."),
    Command("pane.scroll-up", "k,up", "scroll_lines(-1)", "", "One line up."),
    Command("pane.half-page-down", "ctrl+d", "scroll_pages(0.5)", "", "Half a page down."),
    Command("pane.half-page-up", "ctrl+u", "scroll_pages(-0.5)", "", "Half a page up."),
    Command("pane.page-down", "pagedown", "scroll_pages(1)", "", "A page down."),
    Command("pane.page-up", "pageup", "scroll_pages(-1)", "", "A page up."),
    Command("pane.top", "g,home", "scroll_top", "", "The beginning."),
    Command("pane.bottom", "G,end", "scroll_bottom", "", "The end."),
)


def commands(scope: Scope) -> tuple[Command, ...]:
    return tuple(command for command in COMMANDS if command.scope == scope)


def command(identifier: str) -> Command:
    """The command with this id. Raises KeyError."""
    return _BY_ID[identifier]


def bindings(scope: Scope) -> list[Binding]:
    """Textual bindings of a scope; each carries its command's id, so a key map can change it."""
    return [
        Binding(c.keys, c.action, c.title, show=bool(c.title), id=c.id, priority=c.priority, tooltip=c.help)
        for c in commands(scope)
        if c.keys
    ]


def key_table() -> str:
    """The README's key table, Markdown."""
    lines = ["| where | key | command line | does |", "|---|---|---|---|"]
    for c in COMMANDS:
        keys = " ".join(f"`{key}`" for key in c.shown_keys.split())
        word = f"`:{c.word}{' ' + c.arguments if c.arguments else ''}`".replace("|", "\\|") if c.word else ""
        lines.append(f"| {SCOPE_TITLES[c.scope]} | {keys} | {word} | {c.help} |")
    return "\n".join(lines)


_BY_ID = {c.id: c for c in COMMANDS}
