"""What an operator does to see the runs in another way: order, columns, layout, saved views."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from textual.screen import Screen

from engine.text import safe, short_name
from tui.screen import ConsoleScreen

if TYPE_CHECKING:
    from engine.api import Arranged, RunView, SortKey
    from engine.columns import ColumnKey
    from engine.entities import Experiment
    from tui.runs.dialogs.column_picker import Candidate
    from tui.runs.pane import RunList

T = TypeVar("T")


class RunArranging(ConsoleScreen):
    """The arranging half of the runs view. Everything goes into the view of the shown experiment."""

    experiment: Experiment | None

    @property
    def run_list(self) -> RunList:
        raise NotImplementedError

    def look(self, look: RunView | None) -> None:
        """Look in this way from now on; None changes nothing."""
        if look is not None:
            self.run_list.show_look(look)

    def _pick(
        self,
        candidates: Callable[[Arranged], list[Candidate]],
        dialog: Callable[[list[Candidate]], Screen[T]],
        done: Callable[[T | None], None],
    ) -> None:
        """Collect the candidate columns, then open a dialog that lists them."""

        def show(found: list[Candidate]) -> None:
            self.app.push_screen(dialog(found), done)

        if (arranged := self.run_list.arranged) is not None:
            work = partial(candidates, arranged)
            self.ask(work, show, group="candidates", failed=self.session.show_error, opens=True)

    def action_open_filter(self) -> None:
        self.run_list.filter_bar.open()

    # ── order ────────────────────────────────────────────────────────────────

    def action_sort_column(self) -> None:
        self.run_list.sort_by_column(None)

    def action_pick_sort(self) -> None:
        from tui.runs.dialogs.sort import SortDialog, sort_candidates

        def sort(keys: tuple[SortKey, ...] | None) -> None:
            if keys is not None:
                self.run_list.sort_by_keys(keys)

        self._pick(sort_candidates, partial(SortDialog, self.run_list.view.look.sort), sort)

    # ── columns ──────────────────────────────────────────────────────────────

    def action_pick_columns(self) -> None:
        from engine.api import default_keys
        from tui.runs.dialogs.columns import ColumnsDialog, column_candidates

        look, arranged = self.run_list.view.look, self.run_list.arranged
        if arranged is not None:
            usual = default_keys(arranged.frame, narrow=arranged.narrow)
            self._pick(column_candidates, lambda found: ColumnsDialog(look, found, usual), self.look)

    def action_toggle_constants(self) -> None:
        hidden = not self.run_list.view.look.constants_hidden
        self.run_list.change_look(constants_hidden=hidden)
        told = "Constant columns hidden" if hidden else "Showing all columns"
        self.session.say(told)

    def action_widen_column(self, cells: int) -> None:
        self.run_list.widen_column(cells)

    # ── layout ───────────────────────────────────────────────────────────────

    def action_step_layout(self) -> None:
        """Flat, tree and, where something to group by was chosen, groups; round and round."""
        look = self.run_list.view.look
        ways = ["flat", "tree", *(["groups"] if look.group_by else [])]
        following = ways[(ways.index(look.layout) + 1) % len(ways)] if look.layout in ways else "flat"
        self.run_list.change_look(layout=following)

    def action_pick_groups(self) -> None:
        from tui.runs.dialogs.group import GroupDialog, group_candidates

        self._pick(group_candidates, partial(GroupDialog, self.run_list.view.look.group_by), self.group_by)

    def group_by(self, keys: tuple[ColumnKey, ...] | None) -> None:
        if keys is not None:
            self.run_list.change_look(group_by=keys, layout="groups" if keys else "flat")

    def action_toggle_fold(self) -> None:
        self.run_list.toggle_fold()

    def action_toggle_all_folds(self) -> None:
        self.run_list.toggle_all_folds()

    # ── saved views ──────────────────────────────────────────────────────────

    def action_pick_view(self) -> None:
        from tui.dialogs.pick import PickDialog

        def show(names: tuple[str, ...]) -> None:
            if not names:
                self.session.say("No saved views yet: `:view save NAME` saves this one.")
                return
            choices = [(name, safe(name)) for name in names]
            self.app.push_screen(PickDialog("Saved views", choices), self.open_view)

        if self.experiment is not None:
            work = self.engine.runs.saved_views(self.experiment.name).names
            self.ask(work, show, group="views", failed=self.session.show_error, opens=True)

    def open_view(self, name: str | None) -> None:
        """Look as a saved view says."""
        if not name or self.experiment is None:
            return

        work = partial(self.engine.runs.saved_views(self.experiment.name).view, name)
        self.ask(work, self.look, group="views", failed=self.session.show_error)

    def save_view(self, name: str) -> None:
        """Keep the way these runs are looked at under a name."""
        if self.experiment is None:
            return

        def tell(where: Path) -> None:
            self.session.say(f"Saved the view {short_name(name)} in {where}")

        work = partial(self.engine.runs.saved_views(self.experiment.name).save, name, self.run_list.view.look)
        self.ask(work, tell, group="views", failed=self.session.show_error)

    def delete_view(self, name: str) -> None:
        if self.experiment is None:
            return

        def tell(_: None) -> None:
            self.session.say(f"The saved view {short_name(name)} is deleted; the rows on screen stay.")

        work = partial(self.engine.runs.saved_views(self.experiment.name).delete, name)
        self.ask(work, tell, group="views", failed=self.session.show_error)
