"""Choose the estimators of a sweep from those that the catalogue has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from engine.api import BASELINE, ESTIMATORS, grid_text
from engine.text import Shown, cell_width, safe
from tui.dialogs.base import Dialog
from tui.widgets.table import Table
from tui.widgets.table.source import CellStyle, FirstWord, TableColumn, TextRow, TextSource

if TYPE_CHECKING:
    from engine.api import Task


class EstimatorsDialog(Dialog[Sequence[str]]):
    """Dismissed with the chosen names, those outside the catalogue kept."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,x", "toggle_choice", "choose", id="dialog.toggle", priority=True),
        Binding("enter,ctrl+s", "take", "done", id="dialog.take", priority=True),
        Binding("q", "leave", show=False, id="dialog.quit"),
    ]
    DEFAULT_CSS = """
    EstimatorsDialog > #box { height: auto; max-width: 130; }
    EstimatorsDialog Table { height: 14; margin-top: 1; }
    EstimatorsDialog Static { height: auto; color: $text-muted; }
    """
    title_text = "Estimators"
    subtitle_text = "space choose · enter done · esc cancel"

    def __init__(self, chosen: Sequence[str], task: Task | None) -> None:
        """`task` is that of the data, if it is known."""
        super().__init__()
        self._chosen = list(dict.fromkeys(chosen))
        self._wanted_task = task

    def compose_dialog(self) -> ComposeResult:
        yield Static(
            "Any other one of scikit-learn: type its full name, such as "
            "sklearn.neural_network.MLPClassifier, into the field.",
            markup=False,
        )
        yield Table(can_mark=False)

    def on_mount(self) -> None:
        self.query_one(Table).focus()
        self._show()

    def _show(self) -> None:
        rows = [self._row(name) for name in ESTIMATORS if name != BASELINE]
        labels = ("", "estimator", "for", "usual values")
        columns = [
            TableColumn(label or "chosen", Shown(label), max(cell_width(row.cells[at]) for row in rows))
            for at, label in enumerate(labels)
        ]
        self.query_one(Table).set_source(TextSource(columns, rows), fixed_columns=2)

    def _row(self, name: str) -> TextRow:
        estimator = ESTIMATORS[name]
        tasks = "both" if len(estimator.tasks) > 1 else "".join(estimator.tasks)
        task: Task = "regression" if estimator.tasks == {"regression"} else "classification"
        fits = self._wanted_task is None or self._wanted_task in estimator.tasks
        styles: dict[int, CellStyle | FirstWord] = {0: "accent"} if fits else dict.fromkeys(range(4), "muted")
        mark = Shown("●" if name in self._chosen else " ")
        return TextRow(
            name, [mark, safe(name), safe(tasks), safe(grid_text(estimator.default_grid(task)))], styles
        )

    def action_toggle_choice(self) -> None:
        name = self.query_one(Table).cursor_key
        if name is None:
            return
        if name in self._chosen:
            self._chosen.remove(name)
        else:
            self._chosen.append(name)
        self._show()

    def action_take(self) -> None:
        """With nothing chosen, the estimator under the cursor is meant."""
        name = self.query_one(Table).cursor_key
        self.dismiss(self._chosen or ([name] if name else []))
