"""Which rows a test takes: those that the run of the version recorded, or a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult

from tui.dialogs.form import FormDialog
from tui.dialogs.pick import version_choices

if TYPE_CHECKING:
    from engine.entities import ModelVersion

LOG = "log"
LOGGING = (
    ("keep", "no: keep the outcome on this machine, for promotions"),
    (LOG, "yes: also as a run, in an experiment for tests"),
)


@dataclass(frozen=True, slots=True)
class ChosenRows:
    """The rows of a test: those of a CSV file with the labels in column `label`, or without a file those that
    the run recorded. `log` keeps the outcome as a run. `version` is the other one of a comparison, else 0."""

    path: Path | None
    label: str
    log: bool
    version: int = 0


class RowsDialog(FormDialog[ChosenRows]):
    """Dismissed with the rows when the operator presses Run."""

    subtitle_text = "tab next field · enter on Run starts it · esc cancel"
    yes = "Run"

    def __init__(self, title: str, *, versions: Sequence[ModelVersion] = (), read_only: bool) -> None:
        """With `versions`, one of them is chosen, too."""
        super().__init__()
        self.title_text = title
        self._versions = versions
        self._read_only = read_only

    def compose_fields(self) -> ComposeResult:
        if self._versions:
            yield from self.select_row("version", "version", version_choices(self._versions))
        yield from self.text_row("path", "rows", "", "a CSV file; the run's recorded test part if empty")
        yield from self.text_row(
            "label", "labels", "", "the column of true labels; the run's target if empty"
        )
        if not self._read_only:
            yield from self.select_row("log", "log", LOGGING)

    def on_mount(self) -> None:
        self.query_one("#submit").focus()

    def submit(self) -> None:
        text = self.text("path")
        path = Path(text).expanduser() if text else None
        if path is not None and not path.is_file():
            self.show_message(f"{path} is not a file.", is_error=True)
            return
        version = int(self.chosen("version")) if self._versions else 0
        log = not self._read_only and self.chosen("log") == LOG
        self.dismiss(ChosenRows(path, self.text("label"), log, version))
