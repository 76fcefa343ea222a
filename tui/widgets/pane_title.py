"""A pane's one-line title: bright while the pane has the focus; facts on the right."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from engine.text import Shown, cut


class PaneTitle(Widget):
    DEFAULT_CSS = """
    PaneTitle { height: 1; padding: 0 1; color: $text-muted; }
    """

    title: reactive[str] = reactive("")
    """The kind of thing, in capitals."""
    subject: reactive[Shown] = reactive(Shown(""))
    facts: reactive[Shown] = reactive(Shown(""))
    bright: reactive[bool] = reactive(False)

    def __init__(self, title: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.set_reactive(PaneTitle.title, title)

    def render(self) -> Content:
        width = self.size.width
        title = (self.title, "$accent bold" if self.bright else "bold")
        room = width - len(self.title) - 2
        facts = cut(self.facts, max(0, room - min(len(self.subject), 12) - 2))
        subject = cut(self.subject, max(0, room - len(facts) - 2))
        left = Content.assemble(title, "  ", (subject, "$foreground" if self.bright else ""))
        gap = " " * max(1, width - left.cell_length - Content(facts).cell_length)
        return Content.assemble(left, gap, facts)
