"""The base of all dialogs: a titled box that escape closes."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from engine.text import safe
from tui.textual_private import use_sparing_compositor

T = TypeVar("T")


class Dialog(ModalScreen[T | None]):
    """Subclasses override `compose_dialog`. Escape dismisses with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "close", id="dialog.close", show=False)
    ]
    DEFAULT_CSS = """
    Dialog > #box {
        width: 90%; max-width: 100; height: auto; max-height: 90%;
        background: $surface; border: round $accent 60%; padding: 0 1;
        border-title-color: $accent; border-title-style: bold; border-subtitle-color: $text-muted;
    }
    Dialog OptionList { border: none; padding: 0; background: $surface; height: auto; max-height: 20; }
    Dialog .hint { color: $text-muted; }
    Dialog .error { color: $error; }
    """

    VERTICAL_BREAKPOINTS = [(0, "-short"), (24, "-tall")]  # noqa: RUF012 - declared by Screen

    title_text: str = ""
    subtitle_text: str = ""

    def __init__(self) -> None:
        super().__init__()
        use_sparing_compositor(self)

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = Content(safe(self.title_text))
            box.border_subtitle = Content(safe(self.subtitle_text))
            yield from self.compose_dialog()

    def compose_dialog(self) -> ComposeResult:
        yield from ()

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_step_focus(self, by: int) -> None:
        """Move the focus `by` one. Does not wrap, so that an extra key press cannot reach the button at
        the other end; tab does."""
        if self.focused is self.focus_chain[-1 if by > 0 else 0]:
            return
        if by > 0:
            self.focus_next()
        else:
            self.focus_previous()
