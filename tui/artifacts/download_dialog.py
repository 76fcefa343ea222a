"""Download an artifact: its size first, then the folder, then progress."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from engine import formats
from engine.errors import Cancelled, EngineError
from engine.jobs import CancelToken, Progress
from engine.text import Shown, safe
from tui.bridge import Bridge, Relay
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field
from tui.widgets.fit_text import thin_bar

if TYPE_CHECKING:
    from engine.api import Download, Engine

BAR = 24


class DownloadDialog(Dialog[str]):
    """Dismissed with a message about the files written. Pressing enter twice replaces existing files; escape
    cancels a running download, which then leaves nothing behind."""

    DEFAULT_CSS = """
    DownloadDialog #message { height: auto; max-height: 8; }
    """

    def __init__(self, engine: Engine, bridge: Bridge, run_id: str, path: str) -> None:
        super().__init__()
        self._engine = engine
        self._bridge = bridge
        self._run_id, self._path = run_id, path
        self._warned: Path | None = None
        self._cancel: CancelToken | None = None
        """Set while the download runs."""
        self.title_text = f"Download {path or 'all artifacts'}"
        self.subtitle_text = "enter download · esc cancel"

    def compose_dialog(self) -> ComposeResult:
        yield Static("size: reading …", id="size", classes="hint", markup=False)
        yield Static("into folder", classes="hint", markup=False)
        yield Field(".", id="folder")
        yield Static("", id="message", markup=False)

    def on_mount(self) -> None:
        async def measure() -> None:
            try:
                plan = await self._plan(Path())
            except EngineError as error:
                self.query_one("#size", Static).update("")
                self._show_error(error)
            else:
                self.query_one("#size", Static).update(safe(plan.summary))

        self.run_worker(measure(), group="measure", exclusive=True)

    async def _plan(self, folder: Path) -> Download:
        return await self._bridge.call(
            partial(self._engine.artifacts.plan_download, self._run_id, self._path, folder)
        )

    def _show(self, text: Shown, *, is_error: bool = False) -> None:
        message = self.query_one("#message", Static)
        message.set_class(is_error, "error")
        message.update(text)

    def _show_error(self, error: EngineError) -> None:
        parts = [safe(part) for part in (error.title, error.detail, error.hint) if part]
        self._show(Shown("\n".join(parts)), is_error=True)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if self._cancel is None:
            folder = Path(event.value.strip() or ".").expanduser()
            self.run_worker(self._download(folder), group="download", exclusive=True)

    async def _download(self, folder: Path) -> None:
        try:
            plan = await self._plan(folder)
            if plan.existing and self._warned != folder:
                self._warned = folder
                names = formats.listed([path.name for path in plan.existing], 4)
                counted = formats.counted(len(plan.existing), "file")
                self._show(safe(f"{counted} would be replaced: {names}. Press enter again."), is_error=True)
                return
            self._cancel = CancelToken()
            show = Relay(self._show_progress)
            work = partial(
                self._engine.artifacts.download,
                plan,
                replace=bool(plan.existing),
                on_progress=show,
                cancel=self._cancel,
            )
            written = await self._bridge.call(work)
        except Cancelled:
            self.dismiss(None)
        except EngineError as error:
            self._cancel = None
            self._show_error(error)
        else:
            without = [str(safe(artifact.path, 200)) for artifact, _ in written.left_out]
            left_out = f"; skipped: {formats.listed(without, 4)}" if without else ""
            self.dismiss(f"Wrote {written.summary}, to {folder}{left_out}")

    def _show_progress(self, progress: Progress) -> None:
        if not self.is_mounted:
            return
        bar = thin_bar(progress.done / progress.total, BAR) if progress.total else ""
        of = f" of {formats.size(progress.total)}" if progress.total else ""
        self._show(safe(f"{bar} {formats.size(progress.done)}{of}  {progress.note}".strip()))

    def action_leave(self) -> None:
        if self._cancel is None:
            self.dismiss(None)
        else:
            self._cancel.cancel()
            self._show(Shown("cancelling …"))
