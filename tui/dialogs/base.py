"""The base of all dialogs: a titled box that escape closes."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from engine.text import cell_width, safe
from tui.dialogs.text import DialogText
from tui.textual_private import use_sparing_compositor

T = TypeVar("T")

SEPARATOR, SCROLL_KEYS = " · ", "PgUp PgDn scroll"
MAX_HEIGHT = 0.9
"""Of the screen, as in the style of the box."""


class Dialog(ModalScreen[T | None]):
    """Subclasses override `compose_dialog`. Escape dismisses with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "close", id="dialog.close", show=False),
        Binding("pagedown", "scroll_text(1)", show=False, id="dialog.page-down"),
        Binding("pageup", "scroll_text(-1)", show=False, id="dialog.page-up"),
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
        self._text_fits = True

    def compose(self) -> ComposeResult:
        with Vertical(id="box") as box:
            box.border_title = Content(safe(self.title_text))
            box.border_subtitle = Content(safe(self.subtitle_text))
            yield from self.compose_dialog()

    def compose_dialog(self) -> ComposeResult:
        yield from ()

    def show_keys(self, text: str) -> None:
        """Show which keys do something now. With text to scroll, the first ones make room for those keys."""
        self.subtitle_text = text
        box, keys = self.query_one("#box"), text.split(SEPARATOR) if text else []
        if not self._text_fits:
            while len(keys) > 1 and cell_width(SEPARATOR.join([SCROLL_KEYS, *keys])) > box.size.width - 2:
                keys.pop(0)
            keys.insert(0, SCROLL_KEYS)
        box.border_subtitle = Content(safe(SEPARATOR.join(keys)))

    # ── text that does not fit ───────────────────────────────────────────────

    @on(DialogText.Resized)
    def _text_resized(self, event: DialogText.Resized) -> None:
        event.stop()
        if event.fits != self._text_fits:
            self._text_fits = event.fits
            self.show_keys(self.subtitle_text)
        self.fit_text()

    @on(events.Resize)
    def fit_text(self) -> None:
        """Leave to the text the height that the rest of the dialog does not need."""
        self.call_after_refresh(self._fit_text)

    def _fit_text(self) -> None:
        for text in self.query(DialogText):
            box = self.query_one("#box")
            others = [child for child in box.children if child is not text and child.display]
            used = sum(child.outer_size.height + child.styles.margin.height for child in others)
            text.styles.max_height = max(2, int(self.size.height * MAX_HEIGHT) - 2 - used)

    def action_scroll_text(self, pages: int) -> None:
        for text in self.query(DialogText):
            text.scroll_page(pages)

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
