"""The two ways to find a command: the `:` line with completion, and the searchable help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from engine.text import Shown, cut
from tui.commands.bindings import COMMANDS, SCOPE_TITLES, Command, Scope, commands
from tui.dialogs.base import Dialog
from tui.dialogs.pick import PickDialog
from tui.widgets.controls import Field

TYPED_COMMANDS: tuple[Command, ...] = tuple(command for command in COMMANDS if command.word)


class CommandLineDialog(Dialog[str]):
    """Dismissed with the typed line. `complete` takes a command word and a partial argument, and returns
    completions of the argument."""

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
        self._completions: list[str] = []

    def compose_dialog(self) -> ComposeResult:
        options = OptionList(markup=False)
        options.can_focus = False
        yield options
        yield Field(placeholder="type a command; Tab completes", id="line")

    def on_mount(self) -> None:
        self._show_completions("")

    @on(Input.Changed)
    def _edited(self, event: Input.Changed) -> None:
        self._show_completions(event.value)

    def _show_completions(self, line: str) -> None:
        word, space, argument = line.lstrip().partition(" ")
        if space:
            completions = [(f"{word} {value}", Shown(value)) for value in self._complete(word, argument)]
        else:
            completions = [(c.word, _command_line(c)) for c in TYPED_COMMANDS if c.word.startswith(word)]
        self._completions = [text for text, _ in completions]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(cut(shown, self.app.size.width - 4)) for _, shown in completions])
        if completions and line.strip():
            options.highlighted = 0

    def action_move(self, step: int) -> None:
        options = self.query_one(OptionList)
        if self._completions:
            highlighted = options.highlighted
            options.highlighted = 0 if highlighted is None else (highlighted + step) % len(self._completions)

    def action_complete(self) -> None:
        if self._completions:
            field = self.query_one(Input)
            field.value = self._completions[self.query_one(OptionList).highlighted or 0] + " "
            field.cursor_position = len(field.value)

    @on(Input.Submitted)
    def _run(self, event: Input.Submitted) -> None:
        line = event.value.strip()
        words, highlighted = self._completions, self.query_one(OptionList).highlighted
        if " " not in line and words and highlighted is not None and line not in words:
            line = words[highlighted]
        self.dismiss(line or None)

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        field = self.query_one(Input)
        field.value = self._completions[event.option_index] + " "
        field.focus()


def _command_line(command: Command) -> Shown:
    typed = f"{command.word} {command.arguments}".strip()
    return Shown(f"{typed:<36} {command.help}")


class HelpDialog(PickDialog):
    """The keys of a view, of its focused pane (if that has any), and of all views. Dismissed with the id of
    the selected command. `why_not` returns why a command is disabled, or None."""

    def __init__(self, view: Scope, pane: Scope | None, why_not: Callable[[Command], str | None]) -> None:
        scopes: tuple[Scope, ...] = (view, "app") if pane is None else (view, pane, "app")
        choices = [(c.id, _help_line(c, why_not(c))) for scope in scopes for c in commands(scope)]
        super().__init__(f"Keys · {SCOPE_TITLES[view]}", choices)
        self.subtitle_text = "type to search · enter run · esc close"


def _help_line(command: Command, reason: str | None) -> Shown:
    text = f"✗ {reason} ({command.help})" if reason else command.help
    return Shown(f"{command.shown_keys:<14} {text}")
