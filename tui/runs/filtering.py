"""The filter of the runs pane: tried while it is typed, completed, remembered."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from engine import formats
from engine.errors import EngineError
from engine.text import Shown, safe
from tui.bridge import Bridge
from tui.runs.filter_bar import FilterBar
from tui.state import View
from tui.widgets.table import Table
from tui.workers import run_newest

if TYPE_CHECKING:
    from engine.api import Arranged, Completion, FilterHistory, RunFrame

LEAST_PATIENCE, MOST_PATIENCE = 0.02, 0.25
"""Seconds without a key before a filter is tried: as long as the last arranging took, within bounds."""
LOCAL = Shown("local")


class RunFiltering(Widget):
    """The filtering half of the runs pane."""

    @dataclass
    class Filtered(Message):
        """Another filter is in force."""

        text: str

    def __init__(self, bridge: Bridge, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._bridge = bridge
        self.view = View()
        self.frame: RunFrame | None = None
        self.arranged: Arranged | None = None
        self._typing: Timer | None = None
        self._typed = False
        self._sound = ""
        """The last filter that made sense, but for a word at its end that was still being typed."""
        self._history: FilterHistory | None = None
        self._answered = Shown("")
        self._cost = 0.0
        """Seconds that filtering and sorting took the last time."""

    def rearrange(self) -> None:
        raise NotImplementedError

    @property
    def table(self) -> Table:
        return self.query_one("#runs", Table)

    @property
    def filter_bar(self) -> FilterBar:
        return self.query_one("#filter", FilterBar)

    @property
    def rows(self) -> Sequence[int]:
        """The rows of the frame that the filter lets through, in their order."""
        return self.arranged.matching if self.arranged is not None else ()

    # ── trying it ────────────────────────────────────────────────────────────

    @on(FilterBar.Edited)
    def _wait_for_more(self, event: FilterBar.Edited) -> None:
        if self._typing is not None:
            self._typing.stop()
        patience = min(MOST_PATIENCE, max(LEAST_PATIENCE, self._cost))
        self._typing = self.set_timer(patience, partial(self.set_filter, event.text, typed=True))

    def set_filter(self, text: str, *, typed: bool = False) -> None:
        """Filter by `text`; a wrong one says so and leaves the rows."""
        self._typed = typed
        self.view.change(filter_text=text)
        self._answered = Shown("")
        if not text.strip():
            self.filter_bar.show_note(Shown(""))
        self.rearrange()
        self.post_message(self.Filtered(text))

    def apply_filter(self, text: str) -> None:
        """Filter as if `text` had been typed."""
        self.show_filter(text)
        self.set_filter(text)

    def show_filter(self, text: str) -> None:
        """Show the filter that is in force."""
        self._answered = Shown("")
        self.filter_bar.show_text(text)

    def tell_answered(self, where: Shown) -> None:
        """Where the filter's answer comes from while not everything is loaded."""
        self._answered = where
        self.tell_matches()

    def tell_matches(self, word: str = "") -> None:
        """How many runs the filter lets through, and who answered it; that none has a `word` at its end."""
        frame = self.frame
        if self.view.look.filter_text.strip() and frame is not None:
            where = LOCAL if frame.complete or not self._answered else self._answered
            told = f"{formats.count(len(self.rows))} match"
            if word and frame.complete and not self.rows:
                told += f": no name or id has {safe(word, 20)}"
            self.filter_bar.show_note(Shown(told), where)

    @on(FilterBar.Left)
    def _go_to_rows(self) -> None:
        if not self.filter_bar.text.strip():
            self.filter_bar.close()
        self.table.focus()

    @on(FilterBar.Cleared)
    def clear_filter(self) -> None:
        if self._typing is not None:
            self._typing.stop()
        self.filter_bar.close()
        self.table.focus()
        self.set_filter("")

    # ── completing it ────────────────────────────────────────────────────────

    @on(FilterBar.CompletionWanted)
    def _complete(self, event: FilterBar.CompletionWanted) -> None:
        run_newest(self, "complete", partial(self._offer, event.text, event.cursor))

    async def _offer(self, text: str, cursor: int) -> None:
        if self.frame is None:
            return
        with suppress(EngineError):  # it is in the log, and a list that does not open harms nobody
            found = await self._bridge.call(partial(_completion, text, cursor, self.frame))
            self.filter_bar.offer(text, cursor, found)

    # ── remembering it ───────────────────────────────────────────────────────

    def on_mount(self) -> None:
        self._remember("")

    @on(FilterBar.Kept)
    def _keep(self, event: FilterBar.Kept) -> None:
        if self.arranged is not None and self.arranged.view.filter_text == event.text:
            self._sound = event.text
        self._remember(event.text)

    def _remember(self, text: str) -> None:
        """Add a filter to the history, and know what is in it."""
        self.run_worker(partial(self._update_history, text), group="history")  # type: ignore[arg-type]

    async def _update_history(self, text: str) -> None:
        with suppress(EngineError):
            self.filter_bar.set_history(await self._bridge.call(partial(self._remembered, text)))

    def _remembered(self, text: str) -> tuple[str, ...]:
        from engine.api import FilterHistory
        from engine.paths import filter_history_file

        if self._history is None:
            self._history = FilterHistory(filter_history_file())
        self._history.add(text)
        return self._history.entries()


def word_begun(text: str) -> str:
    """What a filter that makes sense ends with and looks for in names: it may be the beginning of something
    else."""
    from engine.api import search_at_end

    return search_at_end(text)


def names_column(word: str, text: str, frame: RunFrame, *, whole: bool) -> bool:
    """Whether the word at the end of a text is the `whole` name of a column, or may become one."""
    from engine.api import spot_at

    typed, before = word.lower(), text.rstrip().removesuffix(word)
    names = (key.name.lower() for key in frame.keys)
    if not any(name == typed if whole else name.startswith(typed) for name in names):
        return False
    return spot_at(before, len(before)).wanted == "column"


def _completion(text: str, cursor: int, frame: RunFrame) -> Completion:
    from engine.api import complete, key_metrics
    from engine.columns import ColumnKey

    metrics = key_metrics(key.name for key in frame.keys if key.kind == "metric")
    return complete(text, cursor, frame, first=[ColumnKey("metric", name) for name in metrics])
