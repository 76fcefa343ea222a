"""The lines that frame a view: the status line, the titles of panes, the key line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from engine.errors import EngineError
from engine.text import ELLIPSIS, Shown, cell_width, cut, safe, safe_lines
from tui.commands.bindings import Command
from tui.widgets.lines import Lines, paragraph


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """The contents of the status line. `read` is the time when the data on screen was read; `trouble`
    replaces it while the store is unreachable. `marks` are shown beside the names of views: the progress of a
    running sweep, failed deployments."""

    store: Shown
    user: Shown
    read_only: bool
    read: Shown
    trouble: Shown | None = None
    marks: Mapping[str, Shown] = field(default_factory=dict)


MODES: tuple[tuple[str, str, str, str], ...] = (
    ("runs", "1", "Runs", "Runs"),
    ("compare", "2", "Compare", "Cmp"),
    ("models", "3", "Models", "Mod"),
    ("training", "4", "Training", "Trn"),
    ("deployments", "5", "Deployments", "Dep"),
    ("activity", "6", "Activity", "Act"),
)
"""Each view, its key, its name, and the name that is shown where there is less room."""
FULL_NAMES, SHORT_NAMES = 120, 76
"""The widths from which the status line names all views in full or in short; below, only the current one."""

_RULE = (" ▏ ", "$border")
_TAB_GAP = "  "
MIN_STORE = 6
"""The fewest cells of the store in the status line."""
TITLE_LINES, PART_LINES = 2, 4
"""The most lines of an error's title, and of its detail and its hint."""


class StatusLine(Widget):
    """The first line: the store, read-only or not, when it was read, and the views."""

    DEFAULT_CSS = """
    StatusLine { height: 1; dock: top; background: $panel; color: $text-muted; }
    """

    @dataclass
    class ViewClicked(Message):
        """The name of a view was clicked."""

        mode: str

    status: reactive[StatusFacts | None] = reactive(None)
    mode: reactive[str] = reactive("runs")

    def render(self) -> Content:
        width = self.size.width
        tabs = self._tabs()
        left = self._left(max(0, width - tabs.cell_length - 3))
        gap = " " * max(1, width - left.cell_length - tabs.cell_length - 1)
        return Content.assemble(left, gap, tabs)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        end = self.size.width - 1
        for mode, label in reversed(self._labels()):
            if end - len(label) <= event.x < end:
                self.post_message(self.ViewClicked(mode))
            end -= len(label) + len(_TAB_GAP)

    def _labels(self) -> list[tuple[str, str]]:
        """Each view with its label: `2 Compare`, `2 Cmp` or `2`, with its mark: `4 Training 23/60`."""
        width, marks = self.size.width, self.status.marks if self.status else {}
        labels = []
        for mode, key, name, short in MODES:
            shown = (
                name if mode == self.mode or width >= FULL_NAMES else short if width >= SHORT_NAMES else ""
            )
            labels.append((mode, " ".join(part for part in (key, shown, marks.get(mode)) if part)))
        return labels

    def _tabs(self) -> Content:
        parts: list[tuple[str, str] | str] = []
        for mode, label in self._labels():
            parts += [(label, "$accent bold" if mode == self.mode else ""), _TAB_GAP]
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
            tail = Content.assemble(_RULE, access, *when).truncate(
                max(1, width - MIN_STORE - 1), ellipsis=True
            )
        store = shorten_left(status.store, max(MIN_STORE, width - tail.cell_length - 1))
        return Content.assemble(" ", (store, "$foreground"), tail)


def shorten_left(text: Shown, width: int) -> Shown:
    """`text` cut at the start: the end of a path is more informative."""
    if cell_width(text) <= width:
        return text
    kept = text
    while cell_width(kept) > width - 1:
        kept = Shown(kept[1:])
    return Shown(ELLIPSIS + kept)


class ErrorLines(Lines):
    """An error: its title, and what to do. Takes no room without one."""

    DEFAULT_CSS = """
    ErrorLines { display: none; background: $panel; border-left: outer $error; padding: 0 1; }
    ErrorLines.-shown { display: block; }
    """

    error: reactive[EngineError | None] = reactive(None, layout=True)

    def watch_error(self) -> None:
        self.set_class(self.error is not None, "-shown")

    def lines(self, width: int) -> list[Content]:
        if self.error is None:
            return []
        lines = paragraph([safe(self.error.title)], width, TITLE_LINES, "$error bold")
        for part in (self.error.detail, self.error.hint):
            lines += paragraph(safe_lines(part), width, PART_LINES) if part else []
        return lines


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
    kept: reactive[int] = reactive(12)
    """The cells of the subject that long facts leave, up to two thirds of the line."""

    def __init__(self, title: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.set_reactive(PaneTitle.title, title)

    def render(self) -> Content:
        width = self.size.width
        title = (self.title, "$accent bold" if self.bright else "bold")
        room = width - len(self.title) - 2
        kept = min(cell_width(self.subject), max(12, min(self.kept, room * 2 // 3)))
        facts = cut(self.facts, max(0, room - kept - 2))
        subject = cut(self.subject, max(0, room - cell_width(facts) - 2))
        left = Content.assemble(title, "  ", (subject, "$foreground" if self.bright else ""))
        gap = " " * max(1, width - left.cell_length - Content(facts).cell_length)
        return Content.assemble(left, gap, facts)


class KeyLine(Widget):
    """The last line: the most important keys of the view; disabled ones are grey."""

    DEFAULT_CSS = """
    KeyLine { height: 1; dock: bottom; background: $panel; color: $text-muted; }
    """

    @dataclass
    class CommandClicked(Message):
        """A key or its word was clicked."""

        command: Command

    shown: reactive[tuple[tuple[Command, bool], ...]] = reactive(())
    """Commands in order of importance, each with whether it can be used now."""

    def show_commands(self, commands: Sequence[tuple[Command, bool]]) -> None:
        self.shown = tuple((command, enabled) for command, enabled in commands if command.title)

    def render(self) -> Content:
        return Content.assemble(" ", *(entry for _, entry in self._fitting()))

    def _fitting(self) -> list[tuple[Command, Content]]:
        """The commands that fit, with their texts. The last one opens the help and always stays."""
        if not self.shown:
            return []
        *entries, last = [(command, _entry(command, enabled)) for command, enabled in self.shown]
        room = self.size.width + 1 - last[1].cell_length
        fitting = []
        for command, entry in entries:
            room -= entry.cell_length
            if room < 0:
                break
            fitting.append((command, entry))
        return [*fitting, last]

    def on_click(self, event: events.Click) -> None:
        event.stop()
        x = 1
        for command, entry in self._fitting():
            if x <= event.x < x + entry.cell_length - len(_ENTRY_GAP):
                self.post_message(self.CommandClicked(command))
            x += entry.cell_length


_ENTRY_GAP = "   "


def _entry(command: Command, enabled: bool) -> Content:
    key = command.shown_keys.split()[0]
    return Content.assemble(
        (key, "$accent" if enabled else "$text-disabled"),
        " ",
        (command.title, "" if enabled else "$text-disabled"),
        _ENTRY_GAP,
    )
