"""The `:` line: any command by name, with its arguments; Tab completes, the list shows what there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from engine.text import Shown, cut
from tui.commands.bindings import COMMANDS, Command
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field

WORDS: tuple[Command, ...] = tuple(command for command in COMMANDS if command.word)


class CommandLineDialog(Dialog[str]):
    """Dismissed with the line typed, without the colon. `complete` gives completions of a word's
    argument: called with the word and what is typed of the argument."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", show=False, priority=True, id="dialog.complete"),
        Binding("down,ctrl+n", "move(1)", show=False, id="dialog.next"),
        Binding("up,ctrl+p", "move(-1)", show=False, id="dialog.previous"),
    ]
    DEFAULT_CSS = """
    CommandLineDialog > #box { width: 100%; max-width: 100%; border: none; border-top: hkey $border; }
    CommandLineDialog OptionList { max-height: 12; }
    """

    def __init__(self, complete: Callable[[str, str], Sequence[str]]) -> None:
        super().__init__()
        self._complete = complete
        self._offers: list[str] = []

    def compose_dialog(self) -> ComposeResult:
        options = OptionList(markup=False)
        options.can_focus = False
        yield options
        yield Field(placeholder="a command; Tab completes", id="line")

    def on_mount(self) -> None:
        self._offer("")

    @on(Input.Changed)
    def _edited(self, event: Input.Changed) -> None:
        self._offer(event.value)

    def _offer(self, line: str) -> None:
        word, space, argument = line.lstrip().partition(" ")
        if space:
            offers = [(f"{word} {value}", Shown(value)) for value in self._complete(word, argument)]
        else:
            offers = [(c.word, _line(c)) for c in WORDS if c.word.startswith(word)]
        self._offers = [text for text, _ in offers]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(cut(shown, self.app.size.width - 4)) for _, shown in offers])
        if offers and line.strip():
            options.highlighted = 0

    def action_move(self, step: int) -> None:
        options = self.query_one(OptionList)
        if self._offers:
            at = options.highlighted
            options.highlighted = 0 if at is None else (at + step) % len(self._offers)

    def action_complete(self) -> None:
        if self._offers:
            field = self.query_one(Input)
            field.value = self._offers[self.query_one(OptionList).highlighted or 0] + " "
            field.cursor_position = len(field.value)

    @on(Input.Submitted)
    def _run(self, event: Input.Submitted) -> None:
        line = event.value.strip()
        at = self.query_one(OptionList).highlighted
        if " " not in line and self._offers and at is not None and line not in self._offers:
            line = self._offers[at]
        self.dismiss(line or None)

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        field = self.query_one(Input)
        field.value = self._offers[event.option_index] + " "
        field.focus()


def _line(command: Command) -> Shown:
    typed = f"{command.word} {command.arguments}".strip()
    return Shown(f"{typed:<36} {command.help}")
