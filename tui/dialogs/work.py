"""A write in progress, which closes by itself once it has succeeded."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from engine import formats
from engine.errors import EngineError
from engine.jobs import CancelToken, OnProgress, Progress
from engine.text import safe
from tui.bridge import Bridge, Relay
from tui.dialogs.base import Dialog
from tui.dialogs.text import DialogText
from tui.textual_private import is_removed
from tui.widgets.fit_text import thin_bar

T = TypeVar("T")
Work = Callable[[OnProgress, CancelToken], T]

BAR_WIDTH = 30
STILL_WRITING = "The write cannot be interrupted; the dialog closes when it has finished."


class WorkDialog(Dialog[T]):
    """Runs `work` when mounted, and is dismissed with its result: at once, or, if the result has `problems`,
    once the operator has read them. An error is shown likewise, and dismisses with None. Until `work` has
    ended, escape only asks it to stop, if it `can_stop`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,q", "close", show=False, id="dialog.leave")]

    def __init__(
        self,
        bridge: Bridge,
        title: str,
        work: Work[T],
        problems: Callable[[T], Sequence[Content]] = lambda _: (),
        *,
        can_stop: bool = True,
    ) -> None:
        super().__init__()
        self.title_text = title
        self.subtitle_text = "esc stop" if can_stop else ""
        self._can_stop = can_stop
        self._bridge = bridge
        self._work = work
        self._problems = problems
        self._cancel = CancelToken()
        self._started_at = time.monotonic()
        self._progress = Progress(0)
        self._first = (0, 0.0)
        """The first progress: how much was done, and when."""
        self._result: T | None = None
        self._working = True

    def compose_dialog(self) -> ComposeResult:
        yield DialogText([Content("working …")], id="report")

    def on_mount(self) -> None:
        self._tick = self.set_interval(1.0, self._show_progress)
        self.run_worker(self._run())

    async def _run(self) -> None:
        relay = Relay(self._take_progress)
        try:
            result = await self._bridge.call(lambda: self._work(relay, self._cancel))
        except EngineError as error:
            report = [Content.styled(f"✗ {safe(error.title)}", "$error bold")]
            self._finish(
                [*report, *(Content(safe(part, 400)) for part in (error.detail, error.hint) if part)]
            )
            return
        self._result = result
        if problems := self._problems(result):
            self._finish(problems)
        else:
            self._tick.stop()
            self.dismiss(result)

    def _take_progress(self, progress: Progress) -> None:
        if not self._progress.done:
            self._first = progress.done, time.monotonic()
        self._progress = progress
        if self._working and not is_removed(self):
            self._show_progress()

    def _show_progress(self) -> None:
        progress, seconds = self._progress, int(time.monotonic() - self._started_at)
        lines = [f"stopping … {seconds} s" if self._cancel.cancelled else f"working … {seconds} s"]
        if progress.total and progress.total > 1:
            bar = thin_bar(progress.done / progress.total, BAR_WIDTH).ljust(BAR_WIDTH, "·")
            counts = f"{formats.count(progress.done)} of {formats.count(progress.total)}"
            lines += [f"{counts} {bar}{self._time_left(progress.done, progress.total)}", progress.note]
        self._show([Content(safe(line)) for line in lines])

    def _time_left(self, done: int, total: int) -> str:
        """Measured since the first progress: what is prepared before takes its own time."""
        first_done, first_at = self._first
        if done <= first_done:
            return ""
        seconds = (time.monotonic() - first_at) / (done - first_done) * (total - done)
        return f" {formats.duration(round(seconds))} left"

    def _finish(self, report: Sequence[Content]) -> None:
        self._working = False
        self._tick.stop()
        self._show(report)
        self.show_keys("enter or esc close")

    def _show(self, report: Sequence[Content]) -> None:
        self.query_one("#report", DialogText).show(report)

    def action_close(self) -> None:
        if not self._working and self.is_current:
            self.dismiss(self._result)

    def action_leave(self) -> None:
        if not self._working:
            self.action_close()
        elif self._can_stop:
            self._cancel.cancel()
            self._show_progress()
        else:
            self.notify(STILL_WRITING, severity="warning", markup=False)
