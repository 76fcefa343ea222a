"""Train a sweep and watch its trials."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer

from engine import formats
from engine.errors import EngineError
from engine.text import Shown, safe
from tui.bridge import EventRelay
from tui.commands.bindings import Command, Scope, command
from tui.screen import ConsoleScreen, ReadSnippets, compare_reason, current_view
from tui.session import RunningSweep
from tui.training.leaderboard import Leaderboard, estimator_name, fold_spread, parameters_text
from tui.training.settings import OF_RUN, data_name, new_sweep, short_name
from tui.widgets.empty import EmptyState
from tui.widgets.fit_text import thin_bar
from tui.widgets.lines import Lines
from tui.widgets.plot import Plot, prepare
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.api import (
        ResumableSweep,
        SweepControl,
        SweepEvent,
        SweepResult,
        SweepSpec,
        TrialFinished,
    )
    from tui.dialogs.export import ExportOffer
    from tui.training.sweep_dialog import SweepRequest

    OnEvent = Callable[[SweepEvent], None]
    Work = Callable[[OnEvent, SweepControl], SweepResult]

BAR_WIDTH = 12
MAX_NOTES = 3
"""How many notes are on screen, the newest ones."""
REDRAW_SECONDS = 0.2
"""The least time between two drawings of the trials."""
PROGRESS_SECONDS = 1.0
"""How often the time that is left is shown again while no trial finishes."""
REDRAW_SHARE = 10
"""How many times as long as a drawing takes there is none: many trials leave time for keys."""
RESUMED = Shown("a resumed sweep")
MAX_OFFERED = 3
"""How many interrupted sweeps the empty view lists."""


class SweepNotes(Lines):
    """What the operator should know about a running sweep, the newest last; and the best trial."""

    DEFAULT_CSS = """
    SweepNotes { padding: 0 1; color: $text-muted; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._shown: tuple[Content, ...] = ()

    def show(self, lines: tuple[Content, ...]) -> None:
        if [line.markup for line in lines] != [line.markup for line in self._shown]:
            self._shown = lines
            self.refresh(layout=True)

    def lines(self, width: int) -> tuple[Content, ...]:
        return self._shown


class TrainingScreen(ConsoleScreen):
    """One sweep at a time, which keeps running while other views are open."""

    scope: ClassVar[Scope] = "training"
    mode = "training"
    pane_ids = ("board", "curve")
    reads = False
    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.spec: SweepSpec | None = None
        self.board = Leaderboard()
        self.control: SweepControl | None = None
        self.result: SweepResult | None = None
        self._started = 0.0
        self._note = ""
        self._notes: list[tuple[str, str]] = []
        """When, and what the operator should know."""
        self._resumable: tuple[ResumableSweep, ...] = ()
        self._has_looked = False
        """Whether interrupted sweeps have been looked for."""
        self._resumed = RESUMED
        self._has_changed = False
        """Whether trials finished that are not drawn yet."""
        self._draw_at = self._progress_at = 0.0
        """When trials and progress may be drawn next, on the monotonic clock."""
        self._clock: Timer | None = None
        """Runs while a sweep does."""

    @property
    def running(self) -> bool:
        return self.control is not None

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("TRAINING", id="training-title")
        yield SweepNotes(id="notes")
        with Horizontal(id="panes"):
            with Vertical(id="board-pane"):
                yield Table(id="board", fixed_columns=2)
            with Vertical(id="curve-pane"):
                yield PaneTitle("SCORES", id="curve-title")
                yield Plot(id="curve")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#board", Table).focus()
        self._show_all()
        self._read_resumable()

    def refresh_view(self) -> None:
        self._show_all()
        self._read_resumable()

    def _read_resumable(self) -> None:
        # If the store cannot be read, whatever is done next reports it.
        self.ask(
            self.engine.training.resumable, self._show_resumable, group="resumable", failed=lambda _: None
        )

    # ── starting and stopping ────────────────────────────────────────────────

    def action_new_sweep(self) -> None:
        if not self.refuse("training.new-sweep"):
            self.open_dialog()

    def open_dialog(self, spec: SweepSpec | None = None) -> None:
        """Ask what to train; `spec` is suggested."""
        from tui.training.sweep_dialog import SweepDialog

        if self.refuse("training.new-sweep"):
            return
        self.app.push_screen(SweepDialog(self.engine, self.session.bridge, spec), self._start_confirmed)

    def open_file(self, text: str) -> None:
        """Ask what to train, as a sweep file says, or with `run:ID` on the dataset of a run."""
        if text.startswith(OF_RUN):
            self.open_dialog(new_sweep(text))
            return
        read = partial(self.engine.training.read_sweep_file, Path(text).expanduser())
        self.ask(read, self.open_dialog, group="file", failed=self.session.show_error, opens=True)

    def _start_confirmed(self, request: SweepRequest | None) -> None:
        if request is not None:
            train = self.engine.training.train
            self._start(
                request.spec,
                lambda on_event, control: train(
                    request.spec, on_event=on_event, control=control, execution=request.execution
                ),
            )

    def action_resume_sweep(self) -> None:
        """Go on with a sweep that was interrupted: the only one, or one that is chosen."""
        from tui.dialogs.pick import PickDialog

        if self.refuse("training.resume-sweep"):
            return
        if len(self._resumable) == 1:
            self.resume(self._resumable[0].run.run_id)
            return
        choices = [(sweep.run.run_id, _resumable_text(sweep)) for sweep in self._resumable]

        def take(run_id: str | None) -> None:
            if run_id is not None:
                self.resume(run_id)

        self.app.push_screen(PickDialog("Resume which sweep?", choices), take)

    def resume(self, run_id: str) -> None:
        """Train the missing trials of the sweep whose parent run has this id, or an id that begins so."""
        if self.refuse("training.new-sweep"):
            return
        known = [sweep for sweep in self._resumable if sweep.run.run_id.startswith(run_id)]
        self._resumed = safe(f"{known[0].run.run_name} → {known[0].experiment}") if known else RESUMED
        work = self.engine.training.resume
        self._start(None, lambda on_event, control: work(run_id, on_event=on_event, control=control))

    def _start(self, spec: SweepSpec | None, work: Work) -> None:
        """Train in separate processes. `spec` is None while it is not known, as of a resumed sweep."""
        from engine.api import SweepControl

        self.spec, self.result = spec, None
        self.board = Leaderboard()
        self.control = control = SweepControl()
        self._started = time.monotonic()
        self._note, self._notes = "starting Python", []
        self._clock = self.set_interval(REDRAW_SECONDS, self._draw_changes)
        self._show_all()
        self.ask(prepare, lambda _: None, group="plot")
        relay: EventRelay[SweepEvent] = EventRelay(self.while_open(self._handle))
        self.ask(lambda: work(relay, control), self._finish, group="sweep", failed=self._fail)

    def action_cancel_sweep(self) -> None:
        if self.refuse("training.cancel-sweep") or self.control is None:
            return
        self.control.cancel.cancel()
        self._note = "stopping …"
        self._show_all()

    def action_pause_sweep(self) -> None:
        """Start no further trial, or go on."""
        if self.refuse("training.pause-sweep") or self.control is None:
            return
        paused = not self.control.paused
        self.control.pause(paused)
        self._note = "pausing: trials in progress finish …" if paused else ""
        self._show_all()

    def _handle(self, event: SweepEvent) -> None:
        from engine.api import SweepNote, SweepPaused, SweepPreparing, SweepStarted

        if isinstance(event, SweepPreparing):
            self._note = f"{event.note} …"
        elif isinstance(event, SweepNote):
            self._notes.append((formats.clock(int(time.time() * 1000)), event.text))
        elif isinstance(event, SweepStarted | SweepPaused):
            self._note = "stopping …" if self.control is not None and self.control.cancel.cancelled else ""
            self.board.add(event)
        else:
            self._has_changed |= self.board.add(event)
            return
        self._show_all()

    def _finish(self, result: SweepResult) -> None:
        self.result = result
        self._end("")
        what = "Sweep cancelled" if result.cancelled else "Sweep finished"
        self.session.say(f"{what}: {result.summary}", warning=bool(result.failed or result.cancelled))

    def _fail(self, error: EngineError) -> None:
        self._end(f"failed: {error.title}")
        self.session.show_error(error)

    def _end(self, note: str) -> None:
        self.control, self._note = None, note
        if self._clock is not None:
            self._clock.stop()
            self._clock = None
        self._show_all()
        self._read_resumable()

    def why_not(self, command: Command) -> str | None:
        if command.id in ("training.new-sweep", "training.resume-sweep") and self.running:
            return "A sweep is running; ctrl+x stops it."
        if command.id in ("training.cancel-sweep", "training.pause-sweep") and not self.running:
            return "No sweep is running."
        if command.id == "training.resume-sweep" and not self._resumable:
            return (
                "No sweep was interrupted." if self._has_looked else "Still looking for interrupted sweeps."
            )
        if command.id == "training.compare-marked":
            return compare_reason(len(self._marks()), "trials")
        return super().why_not(command)

    # ── showing ──────────────────────────────────────────────────────────────

    def _draw_changes(self) -> None:
        """Draw the trials that have finished, unless drawing would take too much of the time."""
        now = time.monotonic()
        if self._has_changed and now >= self._draw_at:
            self._show_all()
            self._draw_at = now + REDRAW_SHARE * (time.monotonic() - now)
        elif now >= self._progress_at:
            self._show_progress()

    def _show_all(self) -> None:
        self._has_changed = False
        is_empty = self.spec is None and not self.running and not self.board.done
        self.set_class(is_empty, "-empty")
        self.show_keys()
        self._show_progress()
        if is_empty:
            self._show_empty()
            return
        table = self.query_one("#board", Table)
        at_top = table.cursor_row == 0
        table.set_source(self.board.source())
        if at_top:  # keep the cursor on the best trial until the operator moves it
            table.action_cursor_top()
        self.query_one("#curve", Plot).set_series(self.board.curves())
        self.query_one("#curve-title", PaneTitle).facts = safe(
            f"cv {self.board.metric}" if self.board.metric else ""
        )

    def _show_progress(self) -> None:
        """The lines above the trials, and the status line of every view."""
        self._progress_at = time.monotonic() + PROGRESS_SECONDS
        title = self.query_one("#training-title", PaneTitle)
        title.bright = True
        title.subject, title.facts = self._subject(), self._progress()
        best = self._best_line()
        notes = [
            Content.assemble((f"{when}  ", "$text-muted"), (safe(text, 400), "$warning"))
            for when, text in self._notes
        ]
        self.query_one("#notes", SweepNotes).show((*best, *notes[-MAX_NOTES:]))
        sweep = None
        if self.control is not None:
            name = safe(self.spec.experiment) if self.spec is not None else self._resumed
            stopping, paused = self.control.cancel.cancelled, self.board.paused
            sweep = RunningSweep(self.board.done, self.board.total, name, stopping, paused)
        if sweep != self.session.sweep:
            self.session.sweep = sweep
            current_view(self.app).show_status()

    def _subject(self) -> Shown:
        if self.spec is None:
            return self._resumed if self.running or self.board.done else Shown("")
        models = formats.listed([short_name(model) for model in self.spec.models], 3)
        data = self.spec.data
        return safe(f"{data_name(data)} · {data.target} · {models} → {self.spec.experiment}")

    def _best_line(self) -> list[Content]:
        """The best trial, with the baseline beside it."""
        best, baseline = self.board.best, self.board.baseline
        if best is None:
            return []
        parts = [("best ", ""), (self._score(best), "$foreground bold"), ("  ", "")]
        if baseline is not None:
            parts += [("baseline ", ""), (self._score(baseline), "$foreground"), ("  ", "")]
        parts += [(f"{estimator_name(best.estimator)}  {parameters_text(best.params)}", "")]
        return [Content.assemble(*parts)]

    def _score(self, trial: TrialFinished) -> str:
        spread = fold_spread(trial, self.board.metric)
        return formats.number(trial.score) + ("" if spread is None else f" ± {spread:.3f}")

    def _progress(self) -> Shown:
        """`41 of 60 ━━━━━━········ · 7.9/s · 2.4s left · 2 processes`."""
        board, parts = self.board, []
        if board.started is not None:
            if board.total:
                drawn = thin_bar(board.done / board.total, BAR_WIDTH).ljust(BAR_WIDTH, "·")
                parts.append(f"{formats.count(board.done)} of {formats.count(board.total)} {drawn}")
            else:
                parts.append(formats.counted(board.done, "trial"))
            parts += self._speed()
        if board.failed:
            parts.append(f"{board.failed} failed")
        if self.result is not None:
            parts += ["cancelled"] if self.result.cancelled else []
            parts += [safe(self.result.ended)] if self.result.ended else []
            parts.append(f"took {formats.duration(self.result.seconds)}")
        elif self.running and board.total and board.done >= board.total and not self._note:
            parts.insert(1, "logging the results …")
        elif self.running and board.paused and not self._note:
            parts.insert(1, "paused; p goes on")
        return safe(" · ".join([*parts, *([self._note] if self._note else [])]))

    def _speed(self) -> list[str]:
        board = self.board
        rate = board.throughput.rate
        if not self.running or board.started is None or not rate:
            return [f"{board.resumed} earlier"] if board.resumed else []
        parts = [f"{rate:.1f}/s" if rate >= 1 else f"{60 * rate:.1f}/min"]
        left = board.throughput.seconds_left(board.total - board.done)
        if board.total > board.done and left is not None and not board.paused:
            parts.append(f"{formats.duration(left)} left")
        return [*parts, formats.counted(board.started.workers, "worker")]

    def _show_resumable(self, sweeps: tuple[ResumableSweep, ...]) -> None:
        self._resumable, self._has_looked = sweeps, True
        self._show_all()

    def _show_empty(self) -> None:
        lines = [
            "A sweep trains a model for each combination of a grid, beside a baseline, and logs it as a run."
        ]
        lines += [f"Interrupted: {_resumable_text(sweep)}" for sweep in self._resumable[:MAX_OFFERED]]
        if len(self._resumable) > MAX_OFFERED:
            lines.append(f"and {len(self._resumable) - MAX_OFFERED} more")
        reason = self.why_not(command("training.new-sweep"))
        resume = [("o", "resume")] if self._resumable else []
        self.query_one("#empty", EmptyState).show(
            "No sweep yet",
            lines if reason is None else [*lines, reason],
            keys=[("n", "new sweep"), *resume, (":train FILE", "a sweep from a YAML file"), ("1", "runs")],
        )

    # ── trials ───────────────────────────────────────────────────────────────

    def _marks(self) -> frozenset[str]:
        return self.query_one("#board", Table).marks if self.is_mounted else frozenset()

    @on(Table.MarksChanged, "#board")
    def _marks_changed(self) -> None:
        self.show_keys()

    @on(Table.RowSelected, "#board")
    def _open_run(self, event: Table.RowSelected) -> None:
        from tui.run.screen import KnownRun, RunScreen

        def step(by: int) -> KnownRun | None:
            run_id = self.query_one("#board", Table).step_row(by)
            return None if run_id is None else KnownRun(run_id)

        self.app.push_screen(RunScreen(KnownRun(event.key), step))

    def action_register(self, model: str = "") -> None:
        from tui.registration import Registration

        if self.refuse("training.register"):
            return
        if (run_id := self.query_one("#board", Table).cursor_key) is None:
            self.session.say("No trial selected.", warning=True)
        else:
            Registration(self).start(run_id, model=model)

    def snippets(self) -> ReadSnippets | None:
        run_id = self.query_one("#board", Table).cursor_key
        return None if run_id is None else self.run_snippets(run_id)

    def export_offer(self) -> ExportOffer | None:
        from engine.api import file_name
        from tui.dialogs.export import ExportChoice, ExportOffer

        if not self.board.trials:
            return None
        label = Shown(f"the leaderboard: {formats.counted(self.board.trials, 'trial')}, all metrics")
        name = self.spec.experiment if self.spec is not None else "sweep"
        return ExportOffer([ExportChoice(label, self.board.sheet)], file_name(f"{name} leaderboard"))

    def action_compare_marked(self) -> None:
        if self.refuse("training.compare-marked"):
            return
        order = [trial.run_id for trial in self.board.ranked()]
        self.state.compared = tuple(run_id for run_id in order if run_id in self._marks())
        self.run_worker(self.session.show_mode("compare"))


def _resumable_text(sweep: ResumableSweep) -> Shown:
    """`heart-disease-sweeps: knn sweep, 18 trials finished, started 2 h ago`."""
    started = formats.ago(sweep.run.start_time, int(time.time() * 1000))
    finished = formats.counted(sweep.finished, "trial")
    return safe(f"{sweep.experiment}: {sweep.run.run_name}, {finished} finished, started {started}", 200)
