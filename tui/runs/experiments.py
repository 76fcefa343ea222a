"""The experiments beside the runs: which there are, which is shown, what stands there when there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from engine import formats
from engine.entities import Experiment
from engine.errors import EngineError, StoreNotFound
from engine.text import Shown, safe, short_name
from tui.screen import ConsoleScreen
from tui.widgets.cells import cell_width
from tui.widgets.empty import EmptyState
from tui.widgets.pane_title import PaneTitle
from tui.widgets.table import Table, TableColumn, TextRow, TextSource

if TYPE_CHECKING:
    from tui.runs.pane import RunList
    from tui.runs.reading import RunReading


class RunExperiments(ConsoleScreen):
    """The experiments' half of the runs view."""

    reading: RunReading

    def __init__(self) -> None:
        super().__init__()
        self.experiments: tuple[Experiment, ...] = ()
        self.experiment: Experiment | None = None

    @property
    def run_list(self) -> RunList:
        raise NotImplementedError

    def lose(self, error: EngineError) -> None:
        """The store does not answer."""
        raise NotImplementedError

    def refresh_view(self) -> None:
        """Read everything again: the experiments, then the runs."""
        self.ask(self._read_experiments, self._show_experiments, group="experiments", failed=self._no_store)

    def _read_experiments(self) -> tuple[tuple[Experiment, ...], str | None]:
        found = self.engine.runs.experiments()
        known = any(e.last_run_time for e in found)
        newest = None if known or not found else self.engine.runs.newest_experiment()
        return found, newest or (found[0].experiment_id if found else None)

    def _show_experiments(self, answer: tuple[tuple[Experiment, ...], str | None]) -> None:
        newest = answer[1]
        self.read_now()
        if not self._list_experiments(answer[0]):
            self._show_empty("No runs yet", "Nothing has been logged into this store.", _FIRST_STEPS)
            return
        self.remove_class("-empty")
        before, still = self.experiment, self._follow()
        self.experiment = still
        chosen = self._choose(newest)
        if chosen is still:
            self.reading.reload()
        else:
            self.show_experiment(chosen)
        if before is not None and still is None:
            gone, here = short_name(before.name), short_name(chosen.name)
            self.session.say(f"The experiment {gone} no longer exists; showing {here}.", warning=True)

    def _list_experiments(self, found: tuple[Experiment, ...]) -> bool:
        """Show the experiments; False if there is nothing in any of them."""
        self.experiments = found
        if all(e.run_count == 0 for e in found):
            return False
        self.query_one("#experiments", Table).set_source(experiment_source(found))
        self.query_one("#experiments-title", PaneTitle).facts = formats.count(len(found))
        return True

    def list_experiments(self) -> None:
        """Look again which experiments there are and how many runs they have."""
        self.ask(self.engine.runs.experiments, self._keep_listed, group="experiments", failed=self.lose)

    def _keep_listed(self, found: tuple[Experiment, ...]) -> None:
        if self.experiment is None or found == self.experiments:
            return
        self._list_experiments(found)
        if self._follow() is None:
            gone = short_name(self.experiment.name)
            told = f"The experiment {gone} no longer exists; its runs stay on screen."
            self.session.say(told, warning=True)

    def _follow(self) -> Experiment | None:
        """Take the shown experiment as it is now, perhaps under another name. None where there is none, it
        has gone, or another one has its id."""
        if (shown := self.experiment) is None:
            return None
        same = (e for e in self.experiments if e.experiment_id == shown.experiment_id)
        now = next((e for e in same if e.creation_time == shown.creation_time), None)
        if now is not None:
            self.experiment = now
            self.run_list.tell_name(now.name)
        return now

    def _choose(self, newest: str | None) -> Experiment:
        """What was asked for, what is shown, what was viewed last, what was active last."""
        wanted, self.session.wanted_experiment = self.session.wanted_experiment, None
        by_id = {e.experiment_id: e for e in self.experiments}
        by_name = {e.name: e for e in self.experiments}
        if wanted is not None and wanted not in by_name and wanted not in by_id:
            self.session.say(f"There is no experiment {wanted!r} here.", warning=True)
        shown = self.experiment.experiment_id if self.experiment else None
        for choice in (wanted, shown, self.state.experiment_id, newest):
            if choice is not None and (choice in by_name or choice in by_id):
                return by_name.get(choice) or by_id[choice]
        return self.experiments[0]

    def show_experiment(self, experiment: Experiment) -> None:
        """Read an experiment's runs and show them as they come."""
        self.experiment = experiment
        self.state.experiment_id = experiment.experiment_id
        view = self.state.view(experiment.experiment_id)
        self.run_list.begin(experiment.name, view)
        self.query_one("#experiments", Table).move_to(experiment.experiment_id)
        self.reading.open(experiment.experiment_id, view.lifecycle)

    @on(Table.RowSelected, "#experiments")
    def _open_experiment(self, event: Table.RowSelected) -> None:
        chosen = next((e for e in self.experiments if e.experiment_id == event.key), None)
        if chosen is not None:
            self.show_experiment(chosen)
            self.remove_class("-experiments-open")
            self.run_list.table.focus()

    def _no_store(self, error: EngineError) -> None:
        if self.run_list.frame is not None:
            self.lose(error)
            return
        self.read_now()
        if not isinstance(error, StoreNotFound):
            self.trouble = safe(error.title)
            self.show_place()
        self._show_empty(error.title, error.detail, error.hint)

    def _show_empty(self, title: str, *lines: str) -> None:
        self.add_class("-empty")
        keys = [("4", "train a sweep"), ("r", "look again"), (":", "command line"), ("q", "quit")]
        self.query_one("#empty", EmptyState).show(title, [line for line in lines if line], keys)


LEAST, USUAL = 8, 60
"""Cells of an experiment's name: at least, and where there is room for more than any name needs."""
_FIRST_STEPS = "Train a sweep here, or run `mlflow-console demo` in an empty folder for an example."


def experiment_source(experiments: tuple[Experiment, ...]) -> TextSource:
    """Names and, where the store can tell, how many runs each has. The counts take what they need, the
    names what is left."""
    names = [safe(e.name) for e in experiments]
    counts = [formats.MISSING if e.run_count is None else formats.count(e.run_count) for e in experiments]
    columns = [TableColumn("name", Shown("name"), LEAST, wanted=max([USUAL, *map(cell_width, names)]))]
    if any(e.run_count is not None for e in experiments):
        head = Shown("runs")
        columns.append(TableColumn("runs", head, max(map(cell_width, [head, *counts])), numeric=True))
    shown = zip(experiments, names, counts, strict=True)
    return TextSource(columns, [TextRow(e.experiment_id, cells, {1: "muted"}) for e, *cells in shown])
