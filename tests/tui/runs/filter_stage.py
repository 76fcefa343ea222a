"""A filter line over a table, and everything that it tells."""

from __future__ import annotations

from textual.message import Message
from textual.pilot import Pilot

from engine.filters.completion import Completion, Option
from tests.tui.widgets.support import CountingSource, Stage, messages_of
from tui.runs.filter_bar import FilterBar, FilterInput
from tui.widgets.table import Table

SIZE = (80, 24)


METRICS = tuple(Option(f"{name} ", name, "metric") for name in ("accuracy", "auc", "average precision"))
MANY = tuple(Option(f"m{at} ", f"m{at}", "metric") for at in range(30))


class FilterStage(Stage):
    """A filter line over a table, and every message it sent."""

    def __init__(self) -> None:
        self.bar = FilterBar(id="filter")
        self.table = Table(CountingSource(40, columns=4))
        self.seen: list[Message] = []
        super().__init__(self.bar, self.table)

    @property
    def field(self) -> FilterInput:
        return self.query_one(FilterInput)

    @property
    def told(self) -> list[str]:
        """What was told, in words."""
        kinds = (FilterBar.Edited, FilterBar.Kept, FilterBar.Left, FilterBar.Cleared)
        told = {id(m): m for m in self.seen if isinstance(m, kinds)}.values()
        return [f"{type(m).__name__} {getattr(m, 'text', '')}".strip() for m in told]

    def wanted(self) -> list[tuple[str, int]]:
        return [(m.text, m.cursor) for m in messages_of(self.seen, FilterBar.CompletionWanted)]

    def answer(self, *options: Option) -> None:
        """Answer what was asked for last: options for the word before the cursor."""
        text, cursor = self.wanted()[-1]
        start = text.rfind(" ", 0, cursor) + 1
        self.bar.offer(text, cursor, Completion(start, cursor, options))


async def typed(stage: FilterStage, pilot: Pilot[None], text: str) -> None:
    stage.bar.open()
    await pilot.press(*("space" if char == " " else char for char in text))
    await pilot.pause()
