"""Copy what a run or a version is called, where it is, and code that loads it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from engine.errors import EngineError
from engine.text import Shown, cut, safe
from tui.dialogs.base import Dialog
from tui.widgets.controls import Field
from tui.widgets.fit_text import fit

if TYPE_CHECKING:
    from engine.api import Snippet
    from tui.bridge import Bridge

LABEL_WIDTH = 14


class CopyDialog(Dialog["Snippet | str"]):
    """Dismissed with the snippet to copy, or with a message about the file written: `w` writes the snippet to
    a file instead, for terminals without a clipboard. Pressing enter twice replaces an existing file."""

    AUTO_FOCUS = ""  # the field is only for the name of a file
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", show=False, id="dialog.next"),
        Binding("k,up", "move(-1)", show=False, id="dialog.previous"),
        Binding("enter", "copy", show=False, id="copy.copy"),
        Binding("w", "write", show=False, id="copy.write"),
    ]
    DEFAULT_CSS = """
    CopyDialog Field { display: none; }
    CopyDialog.-writing Field { display: block; }
    CopyDialog #preview { height: auto; max-height: 8; color: $text-muted; margin: 1 0 0 0; }
    """

    def __init__(self, bridge: Bridge, title: str, snippets: Sequence[Snippet]) -> None:
        super().__init__()
        self._bridge = bridge
        self._snippets = snippets
        self.title_text = f"Copy {title}"
        self.subtitle_text = "enter copy · w to a file · esc cancel"
        self._warned: Path | None = None

    @property
    def snippet(self) -> Snippet:
        return self._snippets[self.query_one(OptionList).highlighted or 0]

    def compose_dialog(self) -> ComposeResult:
        options = OptionList(markup=False)
        options.can_focus = False
        yield options
        yield Static("", id="preview", markup=False)
        yield Field()
        yield Static("", id="message", classes="error", markup=False)

    def on_mount(self) -> None:
        self.call_after_refresh(self._show_snippets)

    def _show_snippets(self) -> None:
        options = self.query_one(OptionList)
        room = options.size.width - 2 or self.app.size.width
        for snippet in self._snippets:
            first = safe(" ".join(snippet.text.split()), 400)
            options.add_option(Option(cut(Shown(fit(snippet.label, LABEL_WIDTH) + first), room)))
        options.highlighted = 0

    @on(OptionList.OptionHighlighted)
    def _show_preview(self) -> None:
        lines = [safe(line, 400) for line in self.snippet.text.rstrip("\n").splitlines()]
        self.query_one("#preview", Static).update("\n".join(lines))

    def action_move(self, step: int) -> None:
        if not self.has_class("-writing"):
            options = self.query_one(OptionList)
            options.highlighted = ((options.highlighted or 0) + step) % len(self._snippets)

    def action_copy(self) -> None:
        self.dismiss(self.snippet)

    @on(OptionList.OptionSelected)
    def _copy_clicked(self) -> None:
        self.action_copy()

    # ── to a file ────────────────────────────────────────────────────────────

    def action_write(self) -> None:
        field = self.query_one(Field)
        field.value = f"{self.snippet.label.replace(' ', '-').lower()}{self.snippet.suffix}"
        self.add_class("-writing")
        field.focus()

    def action_leave(self) -> None:
        if self.has_class("-writing"):
            self.remove_class("-writing")
            self.set_focus(None)
        else:
            super().action_leave()

    def _show_message(self, text: str) -> None:
        self.query_one("#message", Static).update(safe(text))

    @on(Input.Submitted)
    def _write(self, event: Input.Submitted) -> None:
        from engine.api import write_text

        if not event.value.strip():
            return
        path = Path(event.value.strip()).expanduser()
        if path.exists() and self._warned != path:
            self._warned = path
            self._show_message(f"{path} exists; press enter again to replace it")
            return

        async def write() -> None:
            try:
                await self._bridge.call(partial(write_text, self.snippet.text, path))
            except EngineError as error:
                self._show_message(str(error))
            else:
                self.dismiss(f"Wrote {path}")

        self.run_worker(write(), exclusive=True)
