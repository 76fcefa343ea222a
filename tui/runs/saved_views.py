"""Opening, saving and deleting the saved views of an experiment or a model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from engine.text import safe, short_name
from tui.screen import ConsoleScreen

if TYPE_CHECKING:
    from engine.api import RunView, SavedViews

T = TypeVar("T")


class SavedViewCommands:
    """The actions of `:view` and its key on the `saved` views. `show` receives a view to open."""

    def __init__(self, screen: ConsoleScreen, saved: SavedViews, show: Callable[[RunView], None]) -> None:
        self._screen = screen
        self._saved = saved
        self._show = show

    def names(self) -> tuple[str, ...]:
        """Raises `EngineError`."""
        return self._saved.names()

    def pick(self) -> None:
        """Open a saved view selected from a list."""
        from tui.dialogs.pick import PickDialog

        def show_names(names: tuple[str, ...]) -> None:
            if not names:
                self._screen.session.say("No saved views; use `:view save NAME` to save this one")
                return
            choices = [(name, safe(name)) for name in names]
            self._screen.app.push_screen(PickDialog("Saved views", choices), open_selected)

        def open_selected(name: str | None) -> None:
            if name:
                self.open(name)

        self._ask(self._saved.names, show_names, opens=True)

    def open(self, name: str) -> None:
        self._ask(partial(self._saved.view, name), self._show)

    def save(self, name: str, view: RunView) -> None:
        def report(path: Path) -> None:
            self._screen.session.say(f"Saved view {short_name(name)} to {path}")

        self._ask(partial(self._saved.save, name, view), report)

    def delete(self, name: str) -> None:
        def report(_: None) -> None:
            self._screen.session.say(f"Deleted view {short_name(name)}")

        self._ask(partial(self._saved.delete, name), report)

    def _ask(self, work: Callable[[], T], then: Callable[[T], None], *, opens: bool = False) -> None:
        failed = self._screen.session.show_error
        self._screen.ask(work, then, group="views", failed=failed, opens=opens)
