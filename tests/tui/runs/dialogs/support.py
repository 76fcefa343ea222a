"""An application with one open dialog, and its result."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from textual.message import Message
from textual.pilot import Pilot

from engine.columns import ColumnKey
from engine.text import Shown
from tests.tui.widgets.support import Stage
from tui.dialogs.base import Dialog
from tui.runs.dialogs.column_picker import Candidate

T = TypeVar("T")

NAME = ColumnKey("attribute", "run_name")
STATUS = ColumnKey("attribute", "status")
STARTED = ColumnKey("attribute", "start_time")
ACCURACY = ColumnKey("metric", "accuracy")
LOSS = ColumnKey("metric", "loss")
NEIGHBORS = ColumnKey("param", "n_neighbors")
SEED = ColumnKey("param", "seed")
OWNER = ColumnKey("tag", "owner")

CANDIDATES = (
    Candidate(OWNER, Shown("owner"), distinct=4),
    Candidate(NAME, Shown("name"), width=18),
    Candidate(STATUS, Shown("status"), width=10),
    Candidate(STARTED, Shown("started"), descending=True),
    Candidate(ACCURACY, Shown("accuracy"), numeric=True, width=8, descending=True),
    Candidate(LOSS, Shown("loss"), numeric=True, width=8),
    Candidate(NEIGHBORS, Shown("n_neighbors"), numeric=True, distinct=12),
    Candidate(SEED, Shown("seed"), constant=True, distinct=1),
)


class DialogStage(Stage, Generic[T]):
    """`result` is what the dialog was dismissed with; `...` while it is open."""

    CSS = "ModalScreen { align: center middle; }"

    def __init__(self, dialog: Dialog[T]) -> None:
        super().__init__()
        self.dialog = dialog
        self.result: object = ...

    def on_mount(self) -> None:
        def keep(result: T | None) -> None:
            self.result = result

        self.push_screen(self.dialog, keep)

    def text_lines(self) -> list[str]:
        """The lines of the dialog, without its frame."""
        inside = [line.partition("│")[2].rpartition("│")[0] for line in self.lines() if "│" in line]
        return [line.rstrip(" ▁▂▃▄▅▆▇█").removeprefix(" ") for line in inside]

    def rows(self) -> list[list[str]]:
        """The words of each row of the list, gutter included."""
        lines = self.text_lines()
        start = next(at for at, line in enumerate(lines) if "───" in line) + 1
        found: list[list[str]] = []
        for line in lines[start:]:
            if not line:
                break
            found.append(line.split())
        return found


@asynccontextmanager
async def opened(
    dialog: Dialog[T], keys: Sequence[str] = (), size: tuple[int, int] = (100, 30)
) -> AsyncIterator[tuple[DialogStage[T], Pilot[None]]]:
    """Open a dialog and press some keys."""
    seen: list[Message] = []
    stage = DialogStage(dialog)
    async with stage.run_test(size=size, message_hook=seen.append) as pilot:
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()
        yield stage, pilot
