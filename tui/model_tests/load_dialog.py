"""The settings of a load test: rate, duration, connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from engine.formats import as_number
from tui.dialogs.form import FormDialog

if TYPE_CHECKING:
    from engine.api import LoadOptions as LoadOptions

CLIMB = "climb"
SEARCHES = (
    ("rate", "no: only this rate"),
    (CLIMB, "yes: raise the rate until the server no longer keeps up"),
)


class LoadDialog(FormDialog["LoadOptions"]):
    """Dismissed with the options when the operator presses Run."""

    subtitle_text = "tab next field · enter on Run starts it · esc cancel"
    yes = "Run"

    def __init__(self, name: str) -> None:
        super().__init__()
        self.title_text = f"Send load to {name}"

    def compose_fields(self) -> ComposeResult:
        from engine.api import LoadOptions

        plain = LoadOptions()
        yield from self.text_row("rate", "requests/s", f"{plain.rate:g}")
        yield from self.text_row("seconds", "seconds", f"{plain.seconds:g}")
        yield from self.text_row("connections", "connections", str(plain.connections))
        yield from self.select_row("search", "find limit", SEARCHES)

    def on_mount(self) -> None:
        self.query_one("#submit").focus()

    def submit(self) -> None:
        from engine.api import LoadOptions

        numbers = [as_number(self.text(name)) for name in ("rate", "seconds", "connections")]
        rate, seconds, connections = (number or 0 for number in numbers)
        if not (rate > 0 and seconds > 0 and connections >= 1):
            self.show_message("Rate, seconds and connections must be numbers above 0.", is_error=True)
            return
        self.dismiss(
            LoadOptions(
                rate=rate,
                seconds=seconds,
                connections=int(connections),
                saturation=self.chosen("search") == CLIMB,
            )
        )
