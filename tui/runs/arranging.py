"""The commands that sort a table of runs or versions and choose its columns, the same in every view."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from textual.screen import Screen

from tui.runs.pane import RunPane
from tui.runs.session import RunSession
from tui.screen import ConsoleScreen

if TYPE_CHECKING:
    from engine.api import Arranged, RunView, SortKey
    from tui.runs.dialogs.column_picker import Candidate

T = TypeVar("T")


class Arranging:
    """Opens the dialogs of a view with a table, and applies what was chosen."""

    def __init__(self, screen: ConsoleScreen, session: RunSession, pane: Callable[[], RunPane]) -> None:
        self._screen = screen
        self._session = session
        self._pane = pane

    def pick(
        self,
        candidates: Callable[[Arranged], list[Candidate]],
        dialog: Callable[[list[Candidate]], Screen[T]],
        done: Callable[[T | None], None],
    ) -> None:
        """Collect the candidate columns, then open a dialog that lists them."""
        screen = self._screen

        def show(found: list[Candidate]) -> None:
            screen.app.push_screen(dialog(found), done)

        if (arranged := self._session.arranged) is not None:
            work = partial(candidates, arranged)
            screen.ask(work, show, group="candidates", failed=screen.session.show_error, opens=True)

    def pick_sort(self) -> None:
        from tui.runs.dialogs.sort import SortDialog, sort_candidates

        def sort(keys: tuple[SortKey, ...] | None) -> None:
            if keys is not None:
                self._pane().sort_by_keys(keys)

        self.pick(sort_candidates, partial(SortDialog, self._session.view.sort), sort)

    def pick_columns(self) -> None:
        from engine.api import default_keys
        from tui.runs.dialogs.columns import ColumnsDialog, column_candidates

        view, arranged = self._session.view, self._session.arranged

        def show(chosen: RunView | None) -> None:
            if chosen is not None:
                self._pane().show_view(chosen)

        if arranged is not None:
            defaults = default_keys(arranged.frame, narrow=arranged.narrow)
            self.pick(column_candidates, lambda found: ColumnsDialog(view, found, defaults), show)

    def toggle_constants(self) -> None:
        hidden = not self._session.view.constants_hidden
        self._session.change_view(constants_hidden=hidden)
        self._screen.session.say("Constant columns hidden" if hidden else "Constant columns shown")
