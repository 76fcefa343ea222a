"""The lines that frame a view: the status line, the titles of panes, the key line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine.text import ELLIPSIS, Shown, cut
from tui.commands.bindings import Command


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """The contents of the status line. `read` is the time when the data on screen was read; `trouble`
    replaces it while the store is unreachable."""

    store: Shown
    user: Shown
    read_only: bool
    read: Shown
    trouble: Shown | None = None


MODES: tuple[tuple[str, str, str], ...] = (
    ("runs", "1", "Runs"),
    ("compare", "2", "Compare"),
    ("models", "3", "Models"),
    ("training", "4", "Training"),
    ("activity", "6", "Activity"),
)

_RULE = (" ▏ ", "$border")


class StatusLine(Widget):
    """The first line: the store, read-only or not, when it was read, and the views."""

    DEFAULT_CSS = """
    StatusLine { height: 1; dock: top; background: $panel; color: $text-muted; }
    """

    status: reactive[StatusFacts | None] = reactive(None)
    mode: reactive[str] = reactive("runs")

    def render(self) -> Content:
        width = self.size.width
        tabs = self._tabs(words=width >= 120)
        left = self._left(max(0, width - tabs.cell_length - 3))
        gap = " " * max(1, width - left.cell_length - tabs.cell_length - 1)
        return Content.assemble(left, gap, tabs)

    def _tabs(self, words: bool) -> Content:
        parts: list[tuple[str, str] | str] = []
        for mode, key, title in MODES:
            current = mode == self.mode
            parts.append((f"{key} {title}" if words or current else key, "$accent bold" if current else ""))
            parts.append("  ")
        return Content.assemble(*parts[:-1])

    def _left(self, width: int) -> Content:
        status = self.status
        if status is None:
            return Content("")
        access = ("read-only", "$success") if status.read_only else ("read-write", "$warning")
        if status.trouble is not None:
            read: tuple[str, str] = (status.trouble, "$error bold")
        else:
            read = (status.read, "")
        when = (_RULE, read) if read[0] else ()
        tail = Content.assemble(_RULE, access, _RULE, (status.user, ""), *when)
        if width - tail.cell_length < 24:  # narrow: the user's name is dropped first
            tail = Content.assemble(_RULE, access, *when)
        store = shorten_left(status.store, max(8, width - tail.cell_length - 1))
        return Content.assemble(" ", (store, "$foreground"), tail)


def shorten_left(text: Shown, width: int) -> Shown:
    """`text` cut at the start: the end of a path is more informative."""
    return text if len(text) <= width else Shown(ELLIPSIS + text[-(width - 1) :])


class PaneTitle(Widget):
    """The title of a pane, bright while the pane has the focus, with facts at the right."""

    DEFAULT_CSS = """
    PaneTitle { height: 1; padding: 0 1; color: $text-muted; }
    """

    title: reactive[str] = reactive("")
    """The heading, in capitals."""
    subject: reactive[Shown] = reactive(Shown(""))
    facts: reactive[Shown] = reactive(Shown(""))
    bright: reactive[bool] = reactive(False)

    def __init__(self, title: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.set_reactive(PaneTitle.title, title)

    def render(self) -> Content:
        width = self.size.width
        title = (self.title, "$accent bold" if self.bright else "bold")
        room = width - len(self.title) - 2
        facts = cut(self.facts, max(0, room - min(len(self.subject), 12) - 2))
        subject = cut(self.subject, max(0, room - len(facts) - 2))
        left = Content.assemble(title, "  ", (subject, "$foreground" if self.bright else ""))
        gap = " " * max(1, width - left.cell_length - Content(facts).cell_length)
        return Content.assemble(left, gap, facts)


class KeyLine(Widget):
    """The last line: the most important keys of the view; disabled ones are grey."""

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
        for entry in entries:  # the last one opens the help and always stays
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
