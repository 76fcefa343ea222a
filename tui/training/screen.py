"""Train a sweep and watch its trials."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from engine import formats
from engine.errors import EngineError
from engine.jobs import CancelToken
from engine.text import Shown, safe
from tui.bridge import EventRelay
from tui.commands.bindings import Command, Scope, command
from tui.screen import ConsoleScreen, ReadSnippets, compare_reason, current_view
from tui.session import RunningSweep
from tui.training.leaderboard import Leaderboard
from tui.widgets.empty import EmptyState
from tui.widgets.fit_text import thin_bar
from tui.widgets.plot import Plot, Series, prepare
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.api import SweepEvent, SweepResult, SweepSpec, UnfinishedSweep
    from tui.dialogs.export import ExportOffer

BAR_WIDTH = 20


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
        self.cancel: CancelToken | None = None
        self.result: SweepResult | None = None
        self._started = 0.0
        self._note = ""
        self._abandoned: tuple[UnfinishedSweep, ...] = ()

    @property
    def running(self) -> bool:
        return self.cancel is not None

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("TRAINING", id="training-title")
        with Horizontal(id="panes"):
            with Vertical(id="board-pane"):
                yield Table(id="board")
            with Vertical(id="curve-pane"):
                yield PaneTitle("BEST SO FAR", id="curve-title")
                yield Plot(id="curve")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#board", Table).focus()
        self._show_state()
        # If the store cannot be read, whatever is done next reports it.
        work = self.engine.training.abandoned
        self.ask(work, self._show_abandoned, group="abandoned", failed=lambda _: None)

    def refresh_view(self) -> None:
        self._show_state()

    # ── starting and stopping ────────────────────────────────────────────────

    def action_new_sweep(self) -> None:
        from tui.training.sweep_dialog import SweepDialog

        if self.refuse("training.new-sweep"):
            return
        self.app.push_screen(SweepDialog(self.engine, self.session.bridge), self._start_confirmed)

    def _start_confirmed(self, spec: SweepSpec | None) -> None:
        if spec is not None:
            self.start(spec)

    def start(self, spec: SweepSpec) -> None:
        """Train `spec` in a separate process."""
        self.spec, self.result = spec, None
        self.board = Leaderboard()
        self.cancel = token = CancelToken()
        self._started = time.monotonic()
        self._note = "starting Python and MLflow …"
        self._show_state()
        self.ask(prepare, lambda _: None, group="plot")
        relay: EventRelay[SweepEvent] = EventRelay(self.while_open(self._handle))
        work = partial(self.engine.training.train, spec, on_event=relay, cancel=token)
        self.ask(work, self._finish, group="sweep", failed=self._fail)

    def action_cancel_sweep(self) -> None:
        if self.refuse("training.cancel-sweep") or self.cancel is None:
            return
        self.cancel.cancel()
        self._note = "stopping after the current trial …"
        self._show_state()

    def _handle(self, event: SweepEvent) -> None:
        from engine.api import SweepPreparing, SweepStarted

        if isinstance(event, SweepPreparing):
            self._note = event.note
        elif isinstance(event, SweepStarted):
            self._note, self._started = "", time.monotonic()
            self.board.add(event)
        elif not self.board.add(event):
            return
        self._show_state()

    def _finish(self, result: SweepResult) -> None:
        self.result, self.cancel = result, None
        self._note = ""
        self._show_state()
        what = "Sweep cancelled" if result.cancelled else "Sweep finished"
        self.session.say(f"{what}: {result.summary}", warning=bool(result.failed or result.cancelled))

    def _fail(self, error: EngineError) -> None:
        self.cancel = None
        self._note = f"failed: {error.title}"
        self._show_state()
        self.session.show_error(error)

    def why_not(self, command: Command) -> str | None:
        if command.id == "training.new-sweep" and self.running:
            return "A sweep is running; ctrl+x stops it."
        if command.id == "training.cancel-sweep" and not self.running:
            return "No sweep is running."
        if command.id == "training.compare-marked":
            return compare_reason(len(self._marks()), "trials")
        return super().why_not(command)

    # ── showing ──────────────────────────────────────────────────────────────

    def _show_state(self) -> None:
        title = self.query_one("#training-title", PaneTitle)
        title.bright = True
        self.set_class(self.spec is None, "-empty")
        self.show_keys()
        if self.spec is None:
            title.subject = title.facts = Shown("")
            self._show_empty()
            return
        title.subject = safe(
            f"{self.spec.dataset.file.name} · {self.spec.dataset.target} · {self.spec.estimator} · "
            f"{self.spec.recipe} → {self.spec.experiment}"
        )
        title.facts = self._progress()
        self._show_everywhere()
        table = self.query_one("#board", Table)
        at_top = table.cursor_row == 0
        table.set_source(self.board.source())
        if at_top:  # keep the cursor on the best trial until the operator moves it
            table.action_cursor_top()
        curve = self.board.best_so_far()
        self.query_one("#curve", Plot).set_series(
            [Series.of(self.board.metric, curve, "step")] if curve else []
        )
        self.query_one("#curve-title", PaneTitle).facts = safe(self.board.metric)

    def _show_abandoned(self, sweeps: tuple[UnfinishedSweep, ...]) -> None:
        self._abandoned = sweeps
        self._show_state()

    def _show_empty(self) -> None:
        lines = ["A sweep trains one model per combination of a grid and logs each as a run."]
        lines += [
            f"An interrupted sweep in {safe(sweep.entry.experiment)}: {sweep.summary}. "
            "`mlflow-console journal --mark-killed` marks them KILLED."
            for sweep in self._abandoned
        ]
        reason = self.why_not(command("training.new-sweep"))
        self.query_one("#empty", EmptyState).show(
            "No sweep yet",
            lines if reason is None else [*lines, reason],
            keys=[("n", "new sweep"), ("1", "runs")],
        )

    def _show_everywhere(self) -> None:
        """Show the progress of the sweep in the status line, whichever view is open."""
        sweep = None
        if self.cancel is not None and self.spec is not None:
            experiment, stopping = safe(self.spec.experiment), self.cancel.cancelled
            sweep = RunningSweep(self.board.done, self.board.total, experiment, stopping)
        self.session.sweep = sweep
        current_view(self.app).show_status()

    def _progress(self) -> Shown:
        board = self.board
        if not board.total:
            return safe(self._note)
        drawn = thin_bar(board.done / board.total, BAR_WIDTH).ljust(BAR_WIDTH, "·")
        parts = [f"{board.done} of {board.total} {drawn}"]
        seconds = self.result.seconds if self.result else time.monotonic() - self._started
        if board.done and seconds > 0:
            rate = board.done / seconds
            parts.append(f"{rate:.1f}/s")
            if self.running and not self._note:
                parts.append(f"{(board.total - board.done) / rate:.0f} s left")
        if board.failed:
            parts.append(f"{board.failed} failed")
        if self.result is not None and self.result.cancelled:
            parts.append("cancelled")
        if self.result is not None:
            parts.append(f"took {formats.duration(self.result.seconds)}")
        return safe(" · ".join([*parts, *([self._note] if self._note else [])]))

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

        if not self.board.done:
            return None
        label = Shown(f"the leaderboard: {formats.counted(self.board.done, 'trial')}, all metrics")
        name = self.spec.experiment if self.spec is not None else "sweep"
        return ExportOffer([ExportChoice(label, self.board.sheet)], file_name(f"{name} leaderboard"))

    def action_compare_marked(self) -> None:
        if self.refuse("training.compare-marked"):
            return
        order = [trial.run_id for trial in self.board.ranked()]
        self.state.compared = tuple(run_id for run_id in order if run_id in self._marks())
        self.run_worker(self.session.show_mode("compare"))
