"""What a command is, and the scopes its keys work in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    "pane": "In a details pane",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One thing an operator can do, by key, by name after `:`, or both."""

    id: str
    """`scope.verb-noun`."""
    action: str
    """The action method without `action_`, with its arguments."""
    help: str
    """One sentence."""
    keys: str = ""
    """Textual key names, comma-separated."""
    title: str = ""
    """A word for the key line; empty when the key line leaves it out."""
    word: str = ""
    """What is typed after `:`; empty when it cannot be typed."""
    arguments: str = ""
    """The syntax of the arguments after `word`."""
    writes: bool = False
    """Whether it changes the store: `--read-only` disables it."""
    priority: bool = False
    """Whether the keys work everywhere, dialogs and inputs included."""

    @property
    def scope(self) -> Scope:
        return self.id.partition(".")[0]  # type: ignore[return-value]

    @property
    def shown_keys(self) -> str:
        """The keys as they are written on the keyboard, separated by spaces."""
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
    "less_than_sign": "<",
    "greater_than_sign": ">",
}
