"""Progress on stderr (a bar on a terminal, lines elsewhere), and stopping on a signal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Protocol, TypeVar

from engine.errors import Cancelled, EngineError
from engine.formats import count
from engine.jobs import CancelToken, OnProgress, Progress, no_progress
from engine.text import Shown, cell_width, cut, safe
from tui.cli.output import Output

if TYPE_CHECKING:
    from rich.progress import Progress as Bar, TaskID

    from engine.api import Engine, RunFrame
    from engine.entities import Experiment, Lifecycle


ECHO_WIDTH = 4
"""Columns kept free after the bar, so that the ^C that a terminal echoes does not wrap the line."""
MIN_BAR_WIDTH = 8
TIME_WIDTH = 7
SPINNER_WIDTH = 2
MIN_TEXT_WIDTH = 12
"""Columns reserved for the title and the note."""


class Meter:
    """The progress of a job. Use it as a context manager."""

    def __init__(self, title: Shown) -> None:
        self._title = title
        self._output = Output(err=True)
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Meter:
        if self._output.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            console = self._output.rich
            console.width -= ECHO_WIDTH
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[note]}", markup=False),
                console=console,
                transient=True,
                refresh_per_second=8,
                expand=True,
            )
            self._task = self._bar.add_task(self._title, total=None, note="")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, total: int | None, note: Shown, *, line: bool = True) -> None:
        """Move the bar; without a terminal, write a line if `line`."""
        if self._bar is not None and self._task is not None:
            fixed = 2 * len(str(total or done)) + 1 + TIME_WIDTH + MIN_BAR_WIDTH + 4
            room = self._output.rich.width - fixed
            title = cut(self._title, max(MIN_TEXT_WIDTH, room - cell_width(note)))
            self._bar.update(
                self._task,
                description=title,
                completed=done,
                total=total,
                note=cut(note, max(MIN_TEXT_WIDTH, room - cell_width(title))),
            )
        elif line:
            of = f"/{total}" if total else ""
            self._output.line(f"{self._title}  {done}{of}  {note}".rstrip())

    def report(self, text: str) -> None:
        """Write a line that stays, above the bar."""
        self._output.text(text, "yellow")


class StopSignals:
    """`number` is the signal that stopped the job; None if none did."""

    number: int | None = None

    @property
    def exit_status(self) -> int:
        """As shells report it: 130 after ctrl+c, 143 after SIGTERM."""
        return 128 + self.number if self.number else 1


@contextmanager
def stop_signals(token: CancelToken) -> Iterator[StopSignals]:
    """Cancel `token` on SIGINT, SIGTERM or SIGHUP, so that the job can clean up; a second SIGINT raises
    KeyboardInterrupt. A `Cancelled` raised inside gets the exit status of the signal."""
    stopped = StopSignals()

    def stop(number: int, _: FrameType | None) -> None:
        if stopped.number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        stopped.number = number
        token.cancel()

    before = {
        number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield stopped
    except Cancelled as error:
        error.exit_status = stopped.exit_status
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Stoppable(Protocol):
    """The result of a job that a signal may have stopped."""

    @property
    def stopped(self) -> EngineError | None: ...


Result = TypeVar("Result", bound=Stoppable)


def metered(title: str, job: Callable[[OnProgress, CancelToken], Result]) -> Result:
    """Run a job with a meter; a signal cancels it, and gives its exit status to the result's error."""
    token = CancelToken()
    with stop_signals(token) as stopped, Meter(Shown(title)) as meter:

        def show(progress: Progress) -> None:
            meter.update(progress.done, progress.total, safe(progress.note), line=False)

        result = job(show, token)
    if result.stopped is not None and stopped.number is not None:
        result.stopped.exit_status = stopped.exit_status
    return result


@contextmanager
def spinner(text: str) -> Iterator[OnProgress]:
    """On a terminal, show `text` with a spinner; what is yielded shows the note of a progress report
    instead."""
    output = Output(err=True)
    if not output.is_terminal:
        yield no_progress
        return
    with output.rich.status(text) as status:
        yield lambda progress: status.update(cut(safe(progress.note), output.rich.width - SPINNER_WIDTH))


def load_frame(
    engine: Engine, experiment: Experiment, filter_text: str = "", lifecycle: Lifecycle = "active"
) -> RunFrame:
    """The runs of `experiment`; a server sends only those that can match `filter_text`. On a terminal,
    shows the number of loaded runs."""
    output = Output(err=True)
    read = partial(engine.runs.find, experiment.experiment_id, filter_text, lifecycle=lifecycle)
    if not output.is_terminal:
        return read()
    with output.rich.status("Loading runs") as status:

        def show_count(frame: RunFrame) -> None:
            status.update(f"Loading runs: {count(len(frame))}")

        return read(on_frame=show_count)
