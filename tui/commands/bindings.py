"""Look up commands by scope or id, as Textual bindings, or as the key table of the README."""

from __future__ import annotations

from textual.binding import Binding

from tui.commands.command import SCOPE_TITLES, VIEW_SCOPES, Command, Scope, key_name
from tui.commands.table import COMMANDS

__all__ = [
    "COMMANDS",
    "MARKING",
    "SCOPE_TITLES",
    "VIEW_SCOPES",
    "Command",
    "Scope",
    "bindings",
    "bindings_elsewhere",
    "command",
    "commands",
    "key_name",
    "key_table",
]


MARKING = frozenset({"table.toggle-mark", "table.mark-range", "table.mark-all"})
"""The commands that mark rows, which only some tables allow."""


def commands(scope: Scope) -> tuple[Command, ...]:
    """The commands of a scope, in the order of the table."""
    return tuple(command for command in COMMANDS if command.scope == scope)


def command(identifier: str) -> Command:
    """The command with this id. Raises KeyError."""
    return _BY_ID[identifier]


def bindings(scope: Scope) -> list[Binding]:
    """The Textual bindings of a scope. Their ids are those of the commands, for use in key maps."""
    has_priority = scope == "table"  # spares each key of a focused table the way through its ancestors
    return [
        Binding(
            c.keys,
            c.action,
            c.title,
            show=bool(c.title),
            id=c.id,
            priority=c.priority or has_priority,
            tooltip=c.help,
        )
        for c in commands(scope)
        if c.keys
    ]


def bindings_elsewhere(scope: Scope) -> list[Binding]:
    """Bindings for the keys that only other views or tables with marks use, to `action_explain_key` of the
    view."""
    here = {key for c in COMMANDS if c.scope in (scope, "app") for key in c.keys.split(",")}
    explained = [c for c in COMMANDS if c.scope in VIEW_SCOPES or c.id in MARKING]
    others = {key for c in explained for key in c.keys.split(",") if key}
    return [Binding(key, f"explain_key({key!r})", show=False) for key in sorted(others - here)]


def key_table() -> str:
    """The key table of the README, in Markdown."""
    lines = ["| where | key | command line | action |", "|---|---|---|---|"]
    for c in COMMANDS:
        keys = " ".join(f"`{key}`" for key in c.shown_keys.split())
        word = f"`:{c.word}{' ' + c.arguments if c.arguments else ''}`".replace("|", "\\|") if c.word else ""
        lines.append(f"| {SCOPE_TITLES[c.scope]} | {keys} | {word} | {c.help} |")
    return "\n".join(lines)


_BY_ID = {c.id: c for c in COMMANDS}
