"""The commands of the lineage view."""

from __future__ import annotations

from tui.commands.command import Command
from tui.commands.shared import copy_menu_command, export_command

LINEAGE_COMMANDS: tuple[Command, ...] = (
    Command(
        id="lineage.go-back",
        keys="minus",
        action="go_back",
        title="back",
        help="Go back along the way you came; `enter` follows the link under the cursor.",
    ),
    Command(
        id="lineage.next",
        keys="right_square_bracket",
        action="step(1)",
        title="next",
        help="Next station of the same kind: where the walk began, the next version of the model.",
    ),
    Command(
        id="lineage.previous",
        keys="left_square_bracket",
        action="step(-1)",
        title="previous",
        help="Previous station of the same kind.",
    ),
    Command(
        id="lineage.repair",
        keys="e",
        action="repair",
        title="repair",
        help="Repair the link under the cursor: restore a deleted run or experiment, or tag the version with"
        " its run.",
        writes=True,
    ),
    Command(id="lineage.open-run", keys="d", action="open_run", title="run", help="Open the run."),
    copy_menu_command("lineage"),
    export_command("lineage", "the links, or the whole lineage,"),
)
