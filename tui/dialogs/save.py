"""Ask for a file and write it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from engine.errors import EngineError
from engine.text import safe
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field

if TYPE_CHECKING:
    from tui.bridge import Bridge


class SaveDialog(Dialog[str]):
    """Dismissed with a message about the file written. Pressing enter twice replaces an existing file."""

    def __init__(
        self,
        bridge: Bridge,
        title: str,
        name: str,
        check: Callable[[Path], object],
        write: Callable[[Path], object],
        *,
        hint: str = "",
    ) -> None:
        """`name` is the file suggested. `check` raises `EngineError` for a file of the wrong kind; `write`
        runs on the bridge."""
        super().__init__()
        self._bridge = bridge
        self._suggested, self._hint = name, hint
        self._check, self._write_file = check, write
        self._warned: Path | None = None
        self.title_text = title
        self.subtitle_text = "enter write · esc cancel"

    def compose_dialog(self) -> ComposeResult:
        yield Static(safe(self._hint) or "file", classes="hint", markup=False)
        yield Field(self._suggested)
        yield Static("", id="message", classes="error", markup=False)

    def on_mount(self) -> None:
        """Typing replaces the suggested name; a cursor key keeps it."""
        self.query_one(Field).action_select_all()

    def _say(self, text: str) -> None:
        self.query_one("#message", Static).update(safe(text))

    @on(Input.Changed)
    def _clear_message(self) -> None:
        self._say("")

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        path = Path(event.value.strip() or self._suggested).expanduser()
        try:
            self._check(path)
        except EngineError as error:
            self._say(str(error))
            return
        if path.exists() and self._warned != path:
            self._warned = path
            self._say(f"{path} exists; press enter again to replace it")
            return
        self._say("writing …")
        self.run_worker(self._write(path), exclusive=True)

    async def _write(self, path: Path) -> None:
        try:
            await self._bridge.call(partial(self._write_file, path))
        except EngineError as error:
            self._say(str(error))
        else:
            self.dismiss(f"Saved {path}")
