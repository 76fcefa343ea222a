"""One thing that an operator can do, and where."""

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
    "less_than_sign": "<",
    "greater_than_sign": ">",
}
