"""The keys of a view, searchable; enter does the highlighted one."""

from __future__ import annotations

from collections.abc import Callable

from engine.text import Shown
from tui.commands.bindings import SCOPE_TITLES, Command, Scope, commands
from tui.dialogs.pick import PickDialog

LISTED_WITH: dict[Scope, tuple[Scope, ...]] = {
    "runs": ("runs", "table", "app"),
    "compare": ("compare", "table", "app"),
    "models": ("models", "table", "app"),
    "training": ("training", "table", "plot", "app"),
    "activity": ("activity", "table", "app"),
    "run": ("run", "pane", "app"),
}


class HelpDialog(PickDialog):
    """Dismissed with the id of the chosen command."""

    def __init__(self, scope: Scope, why_not: Callable[[Command], str | None]) -> None:
        choices = [
            (c.id, _line(c, why_not(c)))
            for part in LISTED_WITH.get(scope, (scope, "app"))
            for c in commands(part)
        ]
        super().__init__(f"Keys · {SCOPE_TITLES[scope]}", choices)
        self.subtitle_text = "type to search · enter does it · esc leaves"


def _line(command: Command, reason: str | None) -> Shown:
    told = f"✗ {reason} ({command.help})" if reason else command.help
    return Shown(f"{command.shown_keys:<14} {told}")
