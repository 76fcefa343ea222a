"""Long work on stderr: a bar on a terminal, plain lines elsewhere; and how a signal stops it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

from engine.errors import Cancelled
from engine.formats import count
from engine.jobs import CancelToken
from engine.text import Shown, cell_width, cut
from tui.cli.output import Output

if TYPE_CHECKING:
    from rich.progress import Progress as Bar, TaskID

    from engine.api import Engine, RunFrame
    from engine.entities import Experiment, Lifecycle


ECHO = 4
"""Columns kept free at the end of a bar: the terminal writes ^C there, and must not start a new line."""


CLOCK, BAR, LEAST = 7, 8, 12
"""Columns that the time left and the bar take at least, and that a title or a note is cut to at most."""


class Meter:
    """How far a job is. Use it as a context; every text given to it has passed `safe()`."""

    def __init__(self, title: Shown) -> None:
        self._title = title
        self._output = Output(err=True)
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Meter:
        if self._output.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            console = self._output.rich
            console.width -= ECHO
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
        """Move the bar; off a terminal write a line, unless `line` says not to."""
        if self._bar is not None and self._task is not None:
            fixed = 2 * len(str(total or done)) + 1 + CLOCK + BAR + 4
            room = self._output.rich.width - fixed
            title = cut(self._title, max(LEAST, room - cell_width(note)))
            self._bar.update(
                self._task,
                description=title,
                completed=done,
                total=total,
                note=cut(note, max(LEAST, room - cell_width(title))),
            )
        elif line:
            of = f"/{total}" if total else ""
            self._output.line(f"{self._title}  {done}{of}  {note}".rstrip())


class StopSignals:
    """`number` is the signal that asked the job to stop, None while none did."""

    number: int | None = None

    @property
    def exit_status(self) -> int:
        """As a shell reports it: 130 after ctrl+c, 143 after a plain kill."""
        return 128 + self.number if self.number else 1


@contextmanager
def stop_signals(token: CancelToken) -> Iterator[StopSignals]:
    """ctrl+c, a kill or a closed terminal cancel `token`, so that the job can put things in order;
    a second ctrl+c raises KeyboardInterrupt. A `Cancelled` that comes of it takes the signal's status."""
    asked = StopSignals()

    def stop(number: int, _: FrameType | None) -> None:
        if asked.number is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.number = number
        token.cancel()

    before = {
        number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield asked
    except Cancelled as error:
        error.exit_status = asked.exit_status
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def working(what: str) -> Iterator[None]:
    """On a terminal stderr says that something takes its time."""
    output = Output(err=True)
    if not output.is_terminal:
        yield
        return
    with output.rich.status(what):
        yield


def load_frame(
    engine: Engine, experiment: Experiment, filter_text: str = "", lifecycle: Lifecycle = "active"
) -> RunFrame:
    """The runs of `experiment`, from a server only those that `filter_text` can let through; on a terminal
    stderr tells how many are there while they come."""
    output = Output(err=True)
    read = partial(engine.runs.find, experiment.experiment_id, filter_text, lifecycle=lifecycle)
    if not output.is_terminal:
        return read()
    with output.rich.status("loading runs") as status:

        def tell(frame: RunFrame) -> None:
            status.update(f"loading runs: {count(len(frame))}")

        return read(on_frame=tell)
