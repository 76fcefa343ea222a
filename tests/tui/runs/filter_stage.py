"""A filter bar over a table, and the messages it posts."""

from __future__ import annotations

from textual.message import Message
from textual.pilot import Pilot

from engine.filters.completion import Completion, Option
from tests.tui.widgets.support import CountingSource, Stage, messages_of
from tui.runs.filter_bar import FilterBar, FilterInput
from tui.runs.pane import RUNS
from tui.widgets.table import Table

SIZE = (80, 24)


METRICS = tuple(Option(f"{name} ", name, "metric") for name in ("accuracy", "auc", "average precision"))
MANY = tuple(Option(f"m{at} ", f"m{at}", "metric") for at in range(30))


class FilterStage(Stage):
    """A filter bar over a table, and every message posted."""

    def __init__(self) -> None:
        self.bar = FilterBar(RUNS.example, id="filter")
        self.table = Table(CountingSource(40, columns=4))
        self.seen: list[Message] = []
        super().__init__(self.bar, self.table)

    @property
    def field(self) -> FilterInput:
        return self.query_one(FilterInput)

    @property
    def posted(self) -> list[str]:
        """The bar's messages: name and text."""
        kinds = (FilterBar.Edited, FilterBar.Accepted, FilterBar.Exited, FilterBar.Cleared)
        posted = {id(m): m for m in self.seen if isinstance(m, kinds)}.values()
        return [f"{type(m).__name__} {getattr(m, 'text', '')}".strip() for m in posted]

    def requests(self) -> list[tuple[str, int]]:
        return [(m.text, m.cursor) for m in messages_of(self.seen, FilterBar.CompletionRequested)]

    def answer(self, *options: Option) -> None:
        """Answer the last request with options for the word before the cursor."""
        text, cursor = self.requests()[-1]
        start = text.rfind(" ", 0, cursor) + 1
        self.bar.offer(text, cursor, Completion(start, cursor, options))


async def typed(stage: FilterStage, pilot: Pilot[None], text: str) -> None:
    stage.bar.open()
    await pilot.press(*("space" if char == " " else char for char in text))
    await pilot.pause()
