"""The chart view: one screen for every kind of chart."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from engine.errors import EngineError
from engine.text import Shown, cut, safe
from tui.charts.kinds import KINDS
from tui.charts.pane import ChartPane, Kind
from tui.commands.bindings import Command, Scope
from tui.screen import VIEW, ConsoleScreen
from tui.widgets.empty import EmptyState
from tui.widgets.screen_lines import PaneTitle

if TYPE_CHECKING:
    from tui.charts.subject import ChartSubject


class ChartScreen(ConsoleScreen):
    """Draws a subject with one of the kinds; `t` shows the next."""

    scope: ClassVar[Scope] = "chart"
    CSS_PATH = "screen.tcss"

    def __init__(self, subject: ChartSubject, kind: Kind | None = None) -> None:
        """Without a kind, the first that suits the subject."""
        super().__init__()
        self.subject = subject
        self.kind = kind or KINDS[0]

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("CHART", id="chart-title")
        yield Container(id="chart")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        self.mode = self.app.current_mode
        super().on_mount()
        self.call_later(self._show_kind, self.kind)

    @property
    def pane(self) -> ChartPane | None:
        """The chart on screen."""
        found = self.query(ChartPane)
        return found.first() if found else None

    async def _show_kind(self, kind: Kind) -> None:
        self.kind = kind
        container = self.query_one("#chart")
        await container.remove_children()
        await container.mount(kind.make(self.engine, self.ask))
        self.screen.focus_next()
        self.refresh_view()

    # ── reading and drawing ──────────────────────────────────────────────────

    def refresh_view(self) -> None:
        pane = self.pane
        if pane is None:
            return
        self._show_title(Shown("reading …"))
        subject = self.subject
        show = partial(self._show, pane, subject)
        self.ask(partial(pane.load, subject), show, group=VIEW, failed=self._show_failure)

    @property
    def is_live(self) -> bool:
        """Whether a run is unfinished; finished runs rarely change."""
        return any(not run.is_finished for run in self.subject.runs)

    def _show(self, pane: ChartPane, subject: ChartSubject, loaded: object) -> None:
        if pane is not self.pane or subject is not self.subject:
            return
        self.record_read()
        self.hide_page()
        pane.show(subject, loaded)
        self._show_title(pane.facts)

    def _show_failure(self, error: EngineError) -> None:
        if self.read_at is None:
            self.show_error_page(error)
        else:
            self.show_store_error(error)

    @on(ChartPane.Changed)
    def _show_facts(self, event: ChartPane.Changed) -> None:
        event.stop()
        if self.pane is not None:
            self._show_title(self.pane.facts)

    def _show_title(self, facts: Shown) -> None:
        title = self.query_one("#chart-title", PaneTitle)
        metrics = ", ".join(safe(name) for name in self.subject.metrics)
        title.subject = Shown(f"{self.kind.title} of {cut(Shown(metrics), 60)}  {self.subject.title}")
        title.facts = facts
        title.bright = True

    # ── commands ─────────────────────────────────────────────────────────────

    def why_not(self, command: Command) -> str | None:
        if command.id == "chart.next-kind" and len(self._kinds()) < 2:
            return "No other chart suits these runs."
        return super().why_not(command)

    def _kinds(self) -> list[Kind]:
        return [kind for kind in KINDS if kind.why_not(self.subject) is None]

    async def action_next_kind(self) -> None:
        if self.refuse("chart.next-kind"):
            return
        kinds = self._kinds()
        place = kinds.index(self.kind) if self.kind in kinds else -1
        await self._show_kind(kinds[(place + 1) % len(kinds)])

    def action_pick_metrics(self) -> None:
        """Choose the metrics to draw."""
        from tui.dialogs.pick import PickDialog

        names = self.subject.metric_names

        def pick(name: str | None) -> None:
            if name is not None:
                self.show_subject(self.subject.of_metrics((name,)))

        self.app.push_screen(PickDialog("Metric", [(name, safe(name)) for name in names]), pick)

    def show_subject(self, subject: ChartSubject) -> None:
        """Draw something else with the same kind of chart."""
        self.subject = subject
        self.refresh_view()
