"""The first line: where am I, may I write, when was this read, and which views there are."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine.text import ELLIPSIS, Shown


@dataclass(frozen=True, slots=True)
class Place:
    """What the status line says. `read` is when the data on screen was read; `trouble` stands in its
    place while the store does not answer."""

    store: Shown
    user: Shown
    read_only: bool
    read: Shown
    trouble: Shown | None = None


MODES: tuple[tuple[str, str, str], ...] = (
    ("runs", "1", "Runs"),
    ("compare", "2", "Compare"),
    ("models", "3", "Models"),
    ("training", "4", "Training"),
    ("activity", "6", "Activity"),
)

_RULE = (" ▏ ", "$border")


class StatusLine(Widget):
    DEFAULT_CSS = """
    StatusLine { height: 1; dock: top; background: $panel; color: $text-muted; }
    """

    place: reactive[Place | None] = reactive(None)
    mode: reactive[str] = reactive("runs")

    def render(self) -> Content:
        width = self.size.width
        tabs = self._tabs(words=width >= 120)
        left = self._left(max(0, width - tabs.cell_length - 3))
        gap = " " * max(1, width - left.cell_length - tabs.cell_length - 1)
        return Content.assemble(left, gap, tabs)

    def _tabs(self, words: bool) -> Content:
        parts: list[tuple[str, str] | str] = []
        for mode, key, title in MODES:
            current = mode == self.mode
            parts.append((f"{key} {title}" if words or current else key, "$accent bold" if current else ""))
            parts.append("  ")
        return Content.assemble(*parts[:-1])

    def _left(self, width: int) -> Content:
        place = self.place
        if place is None:
            return Content("")
        access = ("read-only", "$success") if place.read_only else ("read-write", "$warning")
        if place.trouble is not None:
            read: tuple[str, str] = (place.trouble, "$error bold")
        else:
            read = (place.read, "")
        when = (_RULE, read) if read[0] else ()
        tail = Content.assemble(_RULE, access, _RULE, (place.user, ""), *when)
        if width - tail.cell_length < 24:  # narrow: the user's name goes first
            tail = Content.assemble(_RULE, access, *when)
        store = shorten_left(place.store, max(8, width - tail.cell_length - 1))
        return Content.assemble(" ", (store, "$foreground"), tail)


def shorten_left(text: Shown, width: int) -> Shown:
    """`text` cut at its beginning: the end of a path tells more."""
    return text if len(text) <= width else Shown(ELLIPSIS + text[-(width - 1) :])
