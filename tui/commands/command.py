"""A command and its scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scope = Literal[
    "app",
    "table",
    "runs",
    "filter",
    "run",
    "compare",
    "models",
    "training",
    "testing",
    "editor",
    "deployments",
    "doctor",
    "activity",
    "chart",
    "artifacts",
    "insights",
    "lineage",
    "plot",
    "drawing",
    "grid",
    "pane",
]

SCOPE_TITLES: dict[Scope, str] = {
    "app": "Everywhere",
    "table": "In a table",
    "runs": "Runs",
    "filter": "In the filter",
    "run": "One run",
    "compare": "Compare",
    "models": "Models",
    "training": "Training",
    "testing": "Test of a version",
    "editor": "In a request",
    "deployments": "Deployments",
    "doctor": "Doctor",
    "activity": "Activity",
    "chart": "Chart",
    "artifacts": "Artifacts",
    "insights": "Insights",
    "lineage": "Lineage",
    "plot": "In a chart",
    "drawing": "In a chart across runs",
    "grid": "In a grid of charts",
    "pane": "In a details pane",
}


VIEW_SCOPES: tuple[Scope, ...] = (
    "runs",
    "run",
    "compare",
    "models",
    "training",
    "testing",
    "deployments",
    "doctor",
    "activity",
    "chart",
    "artifacts",
    "insights",
    "lineage",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An action that an operator runs by key, by name after `:`, or both."""

    id: str
    """`scope.verb-noun`."""
    action: str
    """The action method without `action_`, with its arguments."""
    help: str
    """One sentence."""
    keys: str = ""
    """Textual key names, comma-separated."""
    title: str = ""
    """The label in the key line; empty to leave it out."""
    word: str = ""
    """The name after `:`; empty if it has none."""
    arguments: str = ""
    """The syntax of the arguments after `word`."""
    writes: bool = False
    """Whether it changes the store, and is disabled by `--read-only`."""
    priority: bool = False
    """Whether the keys also work in dialogs and inputs."""

    @property
    def scope(self) -> Scope:
        return self.id.partition(".")[0]  # type: ignore[return-value]

    @property
    def shown_keys(self) -> str:
        """The keys as labelled on a keyboard, separated by spaces."""
        return " ".join(key_name(key) for key in self.keys.split(",") if key)


def key_name(key: str) -> str:
    """A key, by Textual's name, as labelled on a keyboard."""
    return _KEY_NAMES.get(key, key)


_KEY_NAMES = {
    "percent_sign": "%",
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
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}
