"""The base of all views: the status and key lines, engine calls, and panes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.app import App, ComposeResult
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from engine import formats
from engine.errors import EngineError
from engine.text import Shown, safe
from tui.commands.bindings import Command, Scope, bindings, command, commands
from tui.session import Session, SessionApp
from tui.tasks import Tasks
from tui.textual_private import use_sparing_compositor
from tui.widgets.screen_lines import KeyLine, PaneTitle, StatusFacts, StatusLine

if TYPE_CHECKING:
    from engine.api import Engine
    from tui.state import State

T = TypeVar("T")

MAX_COMPARED = 50
"""Maximum number of runs to compare."""

_ALWAYS_SHOWN = (StatusLine, KeyLine, PaneTitle)
"""Widgets that stay visible when a pane is zoomed."""


class ConsoleScreen(Screen[None]):
    """A view. Subclasses set `scope` and `mode`, and override `compose_view` and `refresh_view`."""

    scope: ClassVar[Scope] = "app"
    mode: str = "runs"
    pane_ids: ClassVar[tuple[str, ...]] = ()
    """Ids of the focusable panes, left to right."""
    reads: ClassVar[bool] = True
    """Whether the view shows data from the store; the status line then says when it was read."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (130, "-very-wide")]  # noqa: RUF012 - declared by Screen
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012

    # Textual would repaint the whole screen when the focus changes; widgets repaint what changes.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init_subclass__(cls, **kwargs: object) -> None:
        cls.BINDINGS = [*cls.__dict__.get("BINDINGS", []), *bindings(cls.scope)]
        super().__init_subclass__(**kwargs)  # type: ignore[arg-type]

    def __init__(self) -> None:
        super().__init__()
        use_sparing_compositor(self)
        self.read_at: int | None = None
        self.trouble: Shown | None = None

    # ── for subclasses ───────────────────────────────────────────────────────

    def compose_view(self) -> ComposeResult:
        yield from ()

    def refresh_view(self) -> None:
        """Reload the data of this view."""

    def peel(self) -> bool:
        """Close or clear one layer of this view, e.g. the filter; return False if none is open."""
        return False

    def why_not(self, command: Command) -> str | None:
        """Why `command` is disabled; None if it is enabled."""
        if command.writes and self.session.read_only:
            return "The console was started with --read-only."
        return None

    # ── the frame ────────────────────────────────────────────────────────────

    def compose(self) -> ComposeResult:
        yield StatusLine(id="status")
        yield from self.compose_view()
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.show_status()
        self.show_keys()

    def on_screen_resume(self) -> None:
        self.show_status()
        self.show_keys()

    def on_descendant_focus(self) -> None:
        self.brighten_titles()
        self.show_keys()

    def brighten_titles(self) -> None:
        """Highlight the title of the focused pane."""
        for title in self.query(PaneTitle):
            pane = title.parent
            title.bright = isinstance(pane, Widget) and pane.has_focus_within

    def show_status(self) -> None:
        line = self.query_one(StatusLine)
        line.mode = self.mode
        session = self.session
        line.status = StatusFacts(
            session.uri.shown, session.user, session.read_only, self.data_age(), self.trouble
        )

    def data_age(self) -> Shown:
        """When the data was read."""
        if self.read_at is None:
            return Shown("reading …" if self.reads else "")
        return Shown(f"read {formats.clock(self.read_at)}")

    def show_keys(self) -> None:
        shown = (*commands(self.scope), *commands("app"))
        self.query_one(KeyLine).show_commands([(c, self.why_not(c) is None) for c in shown])

    # ── calling the engine ───────────────────────────────────────────────────

    @property
    def session(self) -> Session:
        assert isinstance(self.app, SessionApp)
        return self.app.session

    @property
    def tasks(self) -> Tasks:
        return Tasks.of(self, self.session.bridge)

    @property
    def engine(self) -> Engine:
        return self.session.engine

    @property
    def state(self) -> State:
        return self.session.state

    def ask(
        self,
        work: Callable[[], T],
        then: Callable[[T], None],
        *,
        group: str,
        failed: Callable[[EngineError], None] | None = None,
        opens: bool = False,
    ) -> None:
        """Run `work` on the bridge and pass its result to `then` on the event loop. A new call replaces the
        previous one of the same `group`, whose result is dropped. If `then` `opens` a dialog, keys typed
        ahead wait for it."""
        release = self.session.hold_keys() if opens else None
        self.tasks.ask(work, then, group=group, failed=failed or self.show_store_error, ended=release)

    def while_open(self, receive: Callable[[T], None]) -> Callable[[T], None]:
        """Wrap `receive` to drop values from an engine thread once the console is quitting, when the
        widgets that show them may be gone."""

        def received(value: T) -> None:
            if self.is_running and not self.session.leaving:
                receive(value)

        return received

    def record_read(self) -> None:
        """Record that the data was just read, and clear any error."""
        if self.trouble is not None:
            self.app.clear_notifications()
        self.read_at, self.trouble = int(time.time() * 1000), None
        self.show_status()

    def show_store_error(self, error: EngineError) -> None:
        """Show a store error; the data on screen stays."""
        self.trouble = safe(error.title)
        self.show_status()
        self.session.show_error(error)

    def refuse(self, identifier: str) -> bool:
        """If a command is disabled, show why and return True."""
        reason = self.why_not(command(identifier))
        if reason:
            self.session.say(reason, warning=True)
        return reason is not None

    # ── panes ────────────────────────────────────────────────────────────────

    def panes(self) -> list[Widget]:
        found: Iterable[Widget] = (self.query_one(f"#{i}") for i in self.pane_ids)
        return [pane for pane in found if pane.display and pane.focusable]

    def action_next_pane(self) -> None:
        self.step_pane(+1)

    def action_previous_pane(self) -> None:
        self.step_pane(-1)

    def step_pane(self, step: int, *, wrap: bool = False) -> None:
        """Focus the next pane (`step` is 1) or the previous one (-1)."""
        panes = self.panes()
        if not panes:
            return
        at = panes.index(self.focused) if self.focused in panes else (-1 if step > 0 else 0)
        panes[(at + step) % len(panes) if wrap else max(0, min(at + step, len(panes) - 1))].focus()

    def action_refresh_view(self) -> None:
        self.refresh_view()

    def action_toggle_zoom(self) -> None:
        """Expand the focused pane to the whole view, or restore it."""
        if self.query(".-zoomed"):
            self.query(".-zoomed, .-behind").remove_class("-zoomed", "-behind")
            return
        node = self.focused
        while node is not None and node is not self and isinstance(node.parent, Widget):
            node.add_class("-zoomed")
            others = [w for w in node.parent.children if w is not node and not _always_shown(w)]
            for other in others:
                other.add_class("-behind")
            node = node.parent


def _always_shown(widget: Widget) -> bool:
    return isinstance(widget, _ALWAYS_SHOWN) or widget.has_class("always-shown")


def current_view(app: App[Any]) -> ConsoleScreen:
    """The topmost view on the screen stack, below any dialog."""
    return next(screen for screen in reversed(app.screen_stack) if isinstance(screen, ConsoleScreen))


def compare_reason(marked: int, what: str) -> str | None:
    """Why `marked` runs cannot be compared; None if they can."""
    if marked < 2:
        return f"Mark at least two {what} with space."
    if marked > MAX_COMPARED:
        return f"{formats.count(marked)} {what} are marked; at most {MAX_COMPARED} can be compared."
    return None
