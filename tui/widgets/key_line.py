"""The last line: the keys that matter here, from the command table; greyed when they do nothing now."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tui.commands.bindings import Command


class KeyLine(Widget):
    DEFAULT_CSS = """
    KeyLine { height: 1; dock: bottom; background: $panel; color: $text-muted; }
    """

    shown: reactive[tuple[tuple[Command, bool], ...]] = reactive(())
    """Commands in order of importance, each with whether it can be used now."""

    def show_commands(self, commands: Sequence[tuple[Command, bool]]) -> None:
        self.shown = tuple((command, enabled) for command, enabled in commands if command.title)

    def render(self) -> Content:
        *entries, last = [_entry(command, enabled) for command, enabled in self.shown] or [Content("")]
        line = Content(" ")
        for entry in entries:  # the last one, the way to all the others, is always there
            if line.cell_length + entry.cell_length + last.cell_length > self.size.width + 2:
                break
            line = Content.assemble(line, entry)
        return Content.assemble(line, last)


def _entry(command: Command, enabled: bool) -> Content:
    key = command.shown_keys.split()[0]
    return Content.assemble(
        (key, "$accent" if enabled else "$text-disabled"),
        " ",
        (command.title, "" if enabled else "$text-disabled"),
        "   ",
    )
