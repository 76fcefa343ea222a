"""Select one item of a searchable list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from engine.entities import ModelVersion
from engine.text import Shown, cut, safe
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field


class PickDialog(Dialog[str]):
    """Dismissed with the key of the selected item. `choices` are pairs of key and text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "move(1)", show=False, id="dialog.next"),
        Binding("up,ctrl+p", "move(-1)", show=False, id="dialog.previous"),
    ]

    def __init__(self, title: str, choices: Sequence[tuple[str, Shown]]) -> None:
        super().__init__()
        self.title_text = title
        self.subtitle_text = "type to search · enter select · esc cancel"
        self._choices = choices
        self._matching: list[str] = []

    def compose_dialog(self) -> ComposeResult:
        yield Field(placeholder="search")
        options = OptionList(markup=False)
        options.can_focus = False
        yield options

    def on_mount(self) -> None:
        self.call_after_refresh(self._show, "")

    @on(Input.Changed)
    def _search(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, text: str) -> None:
        words = text.lower().split()
        found = [(key, shown) for key, shown in self._choices if all(w in shown.lower() for w in words)]
        self._matching = [key for key, _ in found]
        options = self.query_one(OptionList)
        options.clear_options()
        room = options.size.width - 2 or self.app.size.width
        options.add_options([Option(cut(shown, room)) for _, shown in found])
        if found:
            options.highlighted = 0

    def action_move(self, step: int) -> None:
        options = self.query_one(OptionList)
        if self._matching:
            options.highlighted = ((options.highlighted or 0) + step) % len(self._matching)

    @on(Input.Submitted)
    def _choose(self) -> None:
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is not None and self._matching:
            self.dismiss(self._matching[highlighted])

    @on(OptionList.OptionSelected)
    def _choose_clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._matching[event.option_index])


def version_choices(versions: Iterable[ModelVersion]) -> list[tuple[str, Shown]]:
    """Versions of a model as choices: `version 3  Production  @champion`."""
    choices = []
    for version in versions:
        stage = "" if version.stage == "None" else f"  {version.stage}"
        aliases = "".join(f"  @{alias}" for alias in sorted(version.aliases))
        choices.append((str(version.version), safe(f"version {version.version}{stage}{aliases}")))
    return choices
