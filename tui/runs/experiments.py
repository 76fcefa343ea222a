"""The experiments pane: names and run counts."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from engine import formats
from engine.entities import Experiment
from engine.text import Shown, cell_width, safe
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.table import Table, TableColumn, TextRow, TextSource
from tui.widgets.table.source import FirstWord

MIN_NAME_WIDTH, NAME_WIDTH = 8, 60
"""Cells of the name column: the minimum, and the width when there is room."""
OPEN, NOT_OPEN = "▸ ", "  "
"""Before the name of the experiment whose runs are on screen, and before the others."""


class ExperimentPane(Widget):
    DEFAULT_CSS = """
    ExperimentPane { height: 1fr; layout: vertical; }
    ExperimentPane #experiments { height: 1fr; }
    """

    @dataclass
    class Opened(Message):
        """The operator has opened an experiment."""

        experiment: Experiment

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.experiments: tuple[Experiment, ...] = ()
        self._open_id: str | None = None

    def compose(self) -> ComposeResult:
        yield PaneTitle("EXPERIMENTS", id="experiments-title")
        yield Table(id="experiments", can_mark=False)

    @property
    def table(self) -> Table:
        return self.query_one("#experiments", Table)

    @property
    def under_cursor(self) -> Experiment | None:
        key = self.table.cursor_key
        return next((e for e in self.experiments if e.experiment_id == key), None)

    def show(self, experiments: tuple[Experiment, ...]) -> None:
        self.experiments = experiments
        self._draw()
        self.query_one("#experiments-title", PaneTitle).facts = formats.count(len(experiments))

    def mark_open(self, experiment_id: str) -> None:
        """Mark the experiment whose runs are on screen, and move the cursor to it."""
        self._open_id = experiment_id
        self._draw()
        self.table.move_to(experiment_id)

    def _draw(self) -> None:
        self.table.set_source(experiment_source(self.experiments, self._open_id))

    @property
    def is_empty(self) -> bool:
        """Whether no experiment has any runs."""
        return all(e.run_count == 0 for e in self.experiments)

    @property
    def has_counts(self) -> bool:
        """Whether the store counts the runs of its experiments."""
        return any(e.run_count is not None for e in self.experiments)

    def current(self, experiment: Experiment) -> Experiment | None:
        """The current state of the experiment, which may have been renamed; None if it is gone, even if
        another has taken its id."""
        same = (e for e in self.experiments if e.experiment_id == experiment.experiment_id)
        return next((e for e in same if e.creation_time == experiment.creation_time), None)

    def named(self, name_or_id: str) -> Experiment | None:
        """The experiment with this name, or else this id."""
        by_name = {e.name: e for e in self.experiments}
        by_id = {e.experiment_id: e for e in self.experiments}
        return by_name.get(name_or_id) or by_id.get(name_or_id)

    @on(Table.RowSelected)
    def _open(self, event: Table.RowSelected) -> None:
        event.stop()
        experiment = next((e for e in self.experiments if e.experiment_id == event.key), None)
        if experiment is not None:
            self.post_message(self.Opened(experiment))


def experiment_source(experiments: tuple[Experiment, ...], open_id: str | None = None) -> TextSource:
    """One row per experiment: its name and, if the store counts them, its number of runs. Names take the
    width that the counts leave; the open experiment is marked."""
    names = [Shown((OPEN if e.experiment_id == open_id else NOT_OPEN) + safe(e.name)) for e in experiments]
    counts = [formats.MISSING if e.run_count is None else formats.count(e.run_count) for e in experiments]
    width = max([NAME_WIDTH, *map(cell_width, names)])
    columns = [TableColumn("name", Shown(NOT_OPEN + "name"), MIN_NAME_WIDTH, full_width=width)]
    if any(e.run_count is not None for e in experiments):
        head = Shown("runs")
        columns.append(TableColumn("runs", head, max(map(cell_width, [head, *counts])), numeric=True))

    def row(experiment: Experiment, *cells: Shown) -> TextRow:
        is_open = experiment.experiment_id == open_id
        style = {0: FirstWord("accent", "strong")} if is_open else {}
        return TextRow(experiment.experiment_id, cells, {**style, 1: "muted"})

    return TextSource(columns, map(row, experiments, names, counts))
