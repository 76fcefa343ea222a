"""Export runs to a CSV file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from engine import formats
from engine.errors import EngineError
from engine.text import safe
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.api import Engine, RunFrame
    from tui.bridge import Bridge


OTHER_FORMATS = {".html", ".json", ".jsonl", ".md", ".parquet", ".png", ".svg", ".tsv", ".xls", ".xlsx"}


class ExportDialog(Dialog[str]):
    """Dismissed with a message about the file written. Pressing enter twice replaces an existing file."""

    def __init__(
        self, engine: Engine, bridge: Bridge, frame: RunFrame, rows: Sequence[int], name: str
    ) -> None:
        super().__init__()
        self._engine = engine
        self._bridge = bridge
        self.frame = frame
        self.rows = rows
        self.name_given = name
        self.title_text = f"Export {formats.counted(len(rows), 'run')} as CSV"
        self.subtitle_text = "enter write · esc cancel"
        self._warned: Path | None = None

    def compose_dialog(self) -> ComposeResult:
        yield Static("file", classes="hint", markup=False)
        yield Field(self.name_given)
        yield Static("", id="message", classes="error", markup=False)

    def _show_message(self, text: str) -> None:
        self.query_one("#message", Static).update(safe(text))

    @on(Input.Submitted)
    def _write(self, event: Input.Submitted) -> None:
        path = Path(event.value.strip() or self.name_given).expanduser()
        if path.suffix.lower() in OTHER_FORMATS:
            self._show_message(f"Runs are exported as CSV; use {path.with_suffix('.csv').name}")
            return
        if path.exists() and self._warned != path:
            self._warned = path
            self._show_message(f"{path} exists; press enter again to replace it")
            return

        async def write() -> None:
            work = partial(self._engine.runs.write_csv, self.frame, path, self.rows)
            try:
                count = await self._bridge.call(work)
            except EngineError as error:
                self._show_message(str(error))
            else:
                self.dismiss(f"Wrote {formats.counted(count, 'run')} to {path}")

        self.run_worker(write(), exclusive=True)
