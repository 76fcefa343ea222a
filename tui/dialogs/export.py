"""Export a table to a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from engine import formats
from engine.errors import EngineError
from engine.text import Shown, cut, safe
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field

if TYPE_CHECKING:
    from engine.api import Sheet
    from tui.bridge import Bridge

FORMATS = "The suffix is the format: .csv, .json, .md or .parquet"


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """What can be exported. `make` reads it, on the bridge."""

    label: Shown
    make: Callable[[], Sheet]


@dataclass(frozen=True, slots=True)
class ExportOffer:
    """What a view can export, the usual choice first, and a name for the file."""

    choices: Sequence[ExportChoice]
    file_name: str


class ExportDialog(Dialog[str]):
    """Dismissed with a message about the file written. Pressing enter twice replaces an existing file."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "move(1)", show=False, id="dialog.next"),
        Binding("up,ctrl+p", "move(-1)", show=False, id="dialog.previous"),
    ]

    def __init__(self, bridge: Bridge, offer: ExportOffer, name: str = "") -> None:
        """`name` is a file name in place of the offered one."""
        super().__init__()
        self._bridge = bridge
        self.offer = offer
        self.file_name = name or offer.file_name
        self.title_text = "Export"
        self.subtitle_text = "↑ ↓ what · enter write · esc cancel"
        self._warned: Path | None = None
        self._is_writing = False

    def compose_dialog(self) -> ComposeResult:
        options = OptionList(markup=False)
        options.can_focus = False
        yield options
        yield Field(self.file_name)
        yield Static(FORMATS, id="note", classes="hint", markup=False)
        yield Static("", id="message", classes="error", markup=False)

    def on_mount(self) -> None:
        """Typing replaces the suggested name; a cursor key keeps it."""
        field = self.query_one(Field)
        field.focus()
        field.action_select_all()
        self.call_after_refresh(self._show_choices)

    def _show_choices(self) -> None:
        options = self.query_one(OptionList)
        room = options.size.width - 2 or self.app.size.width
        options.add_options([Option(cut(choice.label, room)) for choice in self.offer.choices])
        options.highlighted = 0

    def action_move(self, step: int) -> None:
        options = self.query_one(OptionList)
        options.highlighted = ((options.highlighted or 0) + step) % len(self.offer.choices)

    @on(OptionList.OptionSelected)
    def _back_to_the_field(self) -> None:
        self.query_one(Field).focus()

    def _show_message(self, text: str) -> None:
        self.query_one("#message", Static).update(safe(text))

    @on(Input.Submitted)
    def _write(self, event: Input.Submitted) -> None:
        from engine.api import check_format, write_sheet

        if self._is_writing:
            return
        path = Path(event.value.strip() or self.file_name).expanduser()
        choice = self.offer.choices[self.query_one(OptionList).highlighted or 0]
        try:
            check_format(path)
        except EngineError as error:
            self._warned = None
            self._show_message(str(error))
            return
        if path.exists() and self._warned != path:
            self._warned = path
            self._show_message(f"{path} exists; press enter again to replace it")
            return

        def make() -> tuple[int, str]:
            sheet = choice.make()
            return write_sheet(sheet, path), sheet.noun

        async def write() -> None:
            self._is_writing = True
            self._show_message("")
            self.query_one("#note", Static).update("writing …")
            try:
                count, noun = await self._bridge.call(make)
            except EngineError as error:
                self.query_one("#note", Static).update(FORMATS)
                self._show_message(str(error))
            else:
                self.dismiss(f"Wrote {formats.counted(count, noun)} to {path}")
            finally:
                self._is_writing = False

        self.run_worker(write(), exclusive=True)
