"""Write a report on the shown runs into a folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from engine import formats
from engine.errors import Cancelled, EngineError
from engine.jobs import CancelToken, OnProgress, Progress
from engine.text import Shown, safe
from tui.bridge import Bridge, Relay
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field

if TYPE_CHECKING:
    from engine.api import Engine, Report

Make = Callable[[OnProgress, CancelToken], "Report"]


class ReportDialog(Dialog[str]):
    """Dismissed with a message about the report written. Pressing enter twice replaces existing files; escape
    cancels while the report is made."""

    DEFAULT_CSS = """
    ReportDialog #message { height: auto; max-height: 8; }
    """

    def __init__(self, engine: Engine, bridge: Bridge, make: Make, folder: str) -> None:
        """`make` makes the report, on the bridge; `folder` is suggested."""
        super().__init__()
        self._engine = engine
        self._bridge = bridge
        self._make = make
        self._folder = folder
        self._report: Report | None = None
        self._warned: Path | None = None
        self._cancel: CancelToken | None = None
        """Set while the report is made or written."""
        self.title_text = "Write a report"
        self.subtitle_text = "enter write · esc cancel"

    def compose_dialog(self) -> ComposeResult:
        yield Static("Markdown, one HTML file to send, and charts, into folder", classes="hint", markup=False)
        yield Field(self._folder, id="folder")
        yield Static("", id="message", markup=False)

    def _show(self, text: str, *, is_error: bool = False) -> None:
        message = self.query_one("#message", Static)
        message.set_class(is_error, "error")
        message.update(text)

    def _show_error(self, error: EngineError) -> None:
        parts = [safe(part) for part in (error.title, error.detail, error.hint) if part]
        self._show("\n".join(parts), is_error=True)

    def _show_progress(self, progress: Progress) -> None:
        if self.is_mounted and self._cancel is not None and not self._cancel.cancelled:
            self._show(safe(f"{progress.note} … ({progress.done + 1} of {progress.total})"))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if self._cancel is None:
            folder = Path(event.value.strip() or self._folder).expanduser()
            self.run_worker(self._write(folder), group="report", exclusive=True)

    async def _write(self, folder: Path) -> None:
        self._cancel = CancelToken()
        try:
            report = self._report
            if report is None:
                make = partial(self._make, Relay(self._show_progress), self._cancel)
                report = self._report = await self._bridge.call(make)
            self._cancel.check("The report")
            existing = self._engine.reports.existing_files(report.files, folder)
            if existing and self._warned != folder:
                self._warned = folder
                names = formats.listed([path.name for path in existing], 4)
                counted = formats.counted(len(existing), "file")
                self._show(safe(f"{counted} would be replaced: {names}. Press enter again."), is_error=True)
                return
            write = partial(self._engine.reports.write, report.files, folder, replace=bool(existing))
            written = await self._bridge.call(write)
            self.dismiss(f"Wrote {formats.counted(len(written), 'file')} to {folder}: open report.html")
        except Cancelled:
            self.dismiss(None)
        except EngineError as error:
            self._show_error(error)
        finally:
            self._cancel = None

    def action_leave(self) -> None:
        if self._cancel is None:
            self.dismiss(None)
        else:
            self._cancel.cancel()
            self._show(Shown("cancelling …"))
