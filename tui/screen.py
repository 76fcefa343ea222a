"""The base of all views: the status and key lines, engine calls, and panes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import on
from textual.app import App, ComposeResult
from textual.reactive import Reactive
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from engine import formats
from engine.errors import EngineError, NotFound, StoreError, StoreNotFound
from engine.text import Shown, safe
from tui.commands.bindings import (
    COMMANDS,
    MARKING,
    SCOPE_TITLES,
    VIEW_SCOPES,
    Command,
    Scope,
    bindings,
    bindings_elsewhere,
    command,
    commands,
    key_name,
)
from tui.session import Session, SessionApp
from tui.tasks import Tasks
from tui.terminal import clipboard_sequences
from tui.textual_private import is_removed, use_sparing_compositor
from tui.widgets.empty import EmptyState
from tui.widgets.screen_lines import ErrorLines, KeyLine, PaneTitle, StatusFacts, StatusLine
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.api import Engine, Snippet
    from engine.entities import ModelVersion
    from tui.dialogs.export import ExportOffer
    from tui.state import State

T = TypeVar("T")
ReadSnippets = Callable[[], "tuple[str, Sequence[Snippet]]"]
"""Reads the title and the choices of the copy menu, on the bridge."""

MAX_COMPARED = 200
"""Maximum number of runs to compare."""
TICKS = 0.9
"""The time between two refreshes, as a fraction of the auto-refresh interval. The rest is time to read: data
is replaced before it is older than the status line says."""
NOTICE_SECONDS = 1.0
"""How long a dialog may take to open without a notice."""
RETRY_SECONDS = 5.0
"""Delay before reading again after a failure."""
ERROR_SECONDS = 12.0
"""How long an error stays on screen."""
NO_MARKS = "Nothing to mark here: only runs, trials and versions can be marked."
VIEW = "view"
"""The group of the call that reads what a view shows."""

_ALWAYS_SHOWN = (StatusLine, ErrorLines, KeyLine, PaneTitle)
"""Widgets that stay visible when a pane is zoomed."""


class ConsoleScreen(Screen[None]):
    """A view. Subclasses set `scope` and `mode`, and override `compose_view` and `refresh_view`."""

    scope: ClassVar[Scope] = "app"
    mode: str = "runs"
    pane_ids: ClassVar[tuple[str, ...]] = ()
    """Ids of the focusable panes, left to right."""
    reads: ClassVar[bool] = True
    """Whether the view shows data from the store; the status line then says when it was read."""

    nothing_to_export: ClassVar[str] = "There is nothing to export yet."
    nothing_to_copy: ClassVar[str] = "Nothing to copy here."

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide"), (130, "-very-wide")]  # noqa: RUF012 - declared by Screen
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012

    # Textual would repaint the whole screen when the focus changes; widgets repaint what changes.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init_subclass__(cls, **kwargs: object) -> None:
        own = cls.__dict__.get("BINDINGS", [])
        cls.BINDINGS = [*own, *bindings(cls.scope), *bindings_elsewhere(cls.scope)]
        super().__init_subclass__(**kwargs)  # type: ignore[arg-type]

    def __init__(self) -> None:
        super().__init__()
        use_sparing_compositor(self)
        self.read_at: int | None = None
        """When the store last answered, in milliseconds since the epoch."""
        self.trouble: Shown | None = None
        self._error_timer: Timer | None = None
        self._must_retry = False
        """Whether the last read failed."""
        self._retry_timer: Timer | None = None
        self._age_timer: Timer | None = None
        self._was_hidden = False
        """Whether another view covered this one."""

    # ── for subclasses ───────────────────────────────────────────────────────

    def compose_view(self) -> ComposeResult:
        yield from ()

    def refresh_view(self) -> None:
        """Reload the data of this view."""

    def refresh_changes(self) -> None:
        """Read again what may have changed."""
        self.refresh_view()

    @property
    def is_live(self) -> bool:
        """Whether what this view shows can change, and auto-refresh reads it again."""
        return self.reads

    def peel(self) -> bool:
        """Close or clear one layer of this view, e.g. the filter; return False if none is open."""
        return False

    def why_not(self, command: Command) -> str | None:
        """Why `command` is disabled; None if it is enabled."""
        if command.writes and self.session.read_only:
            return "The console was started with --read-only."
        if command.id in MARKING and isinstance(self.focused, Table) and not self.focused.can_mark:
            return NO_MARKS
        return None

    # ── the frame ────────────────────────────────────────────────────────────

    def compose(self) -> ComposeResult:
        yield StatusLine(id="status")
        yield ErrorLines(id="error")
        yield from self.compose_view()
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.show_status()
        self.show_keys()
        self.set_interval(self.session.refresh_interval * TICKS, self.tick)

    def on_screen_suspend(self) -> None:
        self.clear_messages()
        self._was_hidden = current_view(self.app) is not self

    def on_screen_resume(self) -> None:
        self.show_status()
        self.show_keys()
        if self._was_hidden:
            self._was_hidden = False
            self.tick()

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
            session.uri.shown,
            session.user,
            session.read_only,
            self.data_age(),
            self.trouble,
            session.marks,
        )

    def data_age(self) -> Shown:
        """When the data was read; while auto-refresh keeps up, its maximum age."""
        if self.read_at is None:
            return Shown("reading …" if self.reads and not self.has_class("-empty") else "")
        interval = self.session.refresh_seconds
        if interval and self.is_live and _now() - self.read_at <= interval * 1000:
            return Shown(f"≤ {interval:g} s old")
        return Shown(f"read {formats.clock(self.read_at)}")

    def show_keys(self) -> None:
        typing = isinstance(self.focused, Input)  # then the keys of the view are text
        scope = getattr(self.focused, "scope", None) if typing else None
        shown = (*commands(self.scope), *commands("app")) if scope is None else commands(scope)
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
        ahead wait for it, and it opens only if this view is still on screen."""
        failed = failed or self.show_store_error
        if not opens:
            self.tasks.ask(work, then, group=group, failed=failed)
            return
        release = self.session.hold_keys()
        notice = self.set_timer(NOTICE_SECONDS, self._say_waiting)

        def open_dialog(result: T) -> None:
            self.app.clear_notifications()
            if self.app.screen is self:
                then(result)
            else:
                self.session.say("The dialog did not open: you left the view.", warning=True)

        def ended() -> None:
            notice.stop()
            release()

        self.tasks.ask(work, open_dialog, group=group, failed=failed, ended=ended)

    def _say_waiting(self) -> None:
        if self.app.screen is self:
            self.session.say("Waiting for the store …")

    def while_open(self, receive: Callable[[T], None]) -> Callable[[T], None]:
        """Wrap `receive` to drop values from an engine thread once this view is closing or the console is
        quitting, when the widgets that show them may be gone."""

        def received(value: T) -> None:
            if self.is_running and not is_removed(self) and not self.session.leaving:
                receive(value)

        return received

    def record_read(self, at: int | None = None) -> None:
        """Record that the data was read, just now or `at` a time before, and clear any error."""
        if self.trouble is not None:
            self.clear_messages()
        self.read_at, self.trouble, self._must_retry = at or _now(), None, False
        self.show_status()
        if self._age_timer is not None:
            self._age_timer.stop()
        if self.session.refresh_seconds:
            self._age_timer = self.set_timer(self.session.refresh_seconds + 0.1, self.show_status)

    def show_store_error(self, error: EngineError) -> None:
        """Report that the store cannot be read; the data on screen stays, and reading is retried. Only the
        status line shows it if another view is on screen, as the error would seem to be about that one."""
        first = self.trouble is None
        if isinstance(error, StoreError) and self.read_at is not None:
            self.trouble = Shown(f"no answer since {formats.clock(self.read_at)}")
        else:
            self.trouble = safe(error.title)
        self.show_status()
        if first and current_view(self.app) is self:
            self.session.show_error(error)
        self.retry_later(error)

    # ── a page instead of the view ───────────────────────────────────────────

    def show_page(self, title: str, *lines: str, keys: Sequence[tuple[str, str]]) -> None:
        """Say why there is nothing to show, and which keys help, in place of the view's contents."""
        self.add_class("-empty")
        texts = [safe(line, 400) for line in lines if line]
        self.query_one("#empty", EmptyState).show(safe(title), texts, keys)
        self.show_status()
        self.show_keys()

    def hide_page(self) -> None:
        if self.has_class("-empty"):
            self.remove_class("-empty")
            self.show_keys()

    def show_error_page(self, error: EngineError) -> None:
        """Show why nothing could be read, and keep trying."""
        is_answer = isinstance(error, StoreNotFound)
        self.read_at, self.trouble = (_now(), None) if is_answer else (None, safe(error.title))
        self.show_status()
        leave = "quit" if self.mode == "runs" and len(self.app.screen_stack) == 1 else "back"
        keys = [("r", "retry"), (":", "command line"), ("q", leave)]
        train = [("4", "train a sweep")] if is_answer else []  # creates the store
        self.show_page(error.title, error.detail, error.hint, keys=[*train, *keys])
        self.retry_later(error)

    # ── reading again ────────────────────────────────────────────────────────

    def tick(self) -> None:
        """Refresh this view if it is on screen, even behind a dialog, and not being read."""
        is_due = self._must_retry or (self.session.refresh_seconds and self.is_live)
        if is_due and self.is_running and current_view(self.app) is self and not self._is_reading:
            self.refresh_changes()

    def retry_later(self, error: EngineError) -> None:
        """Read this view again soon after an error, unless what it shows is gone."""
        if isinstance(error, NotFound):
            return
        self._must_retry = True
        if self._retry_timer is not None:
            self._retry_timer.stop()
        self._retry_timer = self.set_timer(RETRY_SECONDS, self._retry)

    def _retry(self) -> None:
        if self._must_retry:
            self.tick()

    @property
    def _is_reading(self) -> bool:
        return any(w.node is self and w.group == VIEW and not w.is_finished for w in self.workers)

    def show_message(self, error: EngineError) -> None:
        """Show an error under the status line, in place of the previous message, for `ERROR_SECONDS`."""
        self.clear_messages()
        self.query_one("#error", ErrorLines).error = error
        self._error_timer = self.set_timer(ERROR_SECONDS, self._hide_error)

    def clear_messages(self) -> None:
        """Remove notifications and the error."""
        self.app.clear_notifications()
        self._hide_error()

    def _hide_error(self) -> None:
        if self._error_timer is not None:
            self._error_timer.stop()
            self._error_timer = None
            self.query_one("#error", ErrorLines).error = None

    def refuse(self, identifier: str) -> bool:
        """If a command is disabled, show why and return True. What no other row would change comes first."""
        wanted = command(identifier)
        reason = ConsoleScreen.why_not(self, wanted) or self.why_not(wanted)
        if reason:
            self.session.say(reason, warning=True)
        return reason is not None

    @on(Table.MarkingRefused)
    def _explain_refusal(self, event: Table.MarkingRefused) -> None:
        event.stop()
        self.session.say(event.reason, warning=True)

    def action_explain_key(self, key: str) -> None:
        """Say where a key that does nothing in this view is used."""
        if any(key in command(marking).keys.split(",") for marking in MARKING):
            self.session.say(NO_MARKS, warning=True)
            return
        found = [c for c in COMMANDS if key in c.keys.split(",") and c.scope in VIEW_SCOPES]
        uses = " ".join(f"In {SCOPE_TITLES[c.scope]}: {c.help}" for c in found)
        self.session.say(f"{key_name(key)} does nothing here. {uses}", warning=True)

    # ── what several views do ────────────────────────────────────────────────

    def copy(self, text: str, name: str = "") -> None:
        """Copy to the operator's clipboard, and say so; `name` stands for a text of several lines."""
        if clipboard_sequences(text) is None:
            size = formats.size(len(text.encode("utf-8", "backslashreplace")))
            reason = (
                f"{name or 'This'} is {size}, more than terminals can copy: use Y, then w to write a file."
            )
            self.session.say(reason, warning=True)
            return
        self.app.copy_to_clipboard(text)
        self.session.say(f"Copied {name or safe(text, 200)}")

    def snippets(self) -> ReadSnippets | None:
        """Reads the title and the choices of the copy menu for what is under the cursor, on the bridge; None
        if nothing is."""
        return None

    def action_open_copy_menu(self) -> None:
        """Offer names, addresses and code to copy, or to write to a file."""
        if self.refuse(f"{self.scope}.copy-menu"):
            return
        read = self.snippets()
        if read is None:
            self.session.say(self.nothing_to_copy, warning=True)
            return
        self.ask(read, self._show_copy_menu, group="copy", failed=self.session.show_error, opens=True)

    def _show_copy_menu(self, found: tuple[str, Sequence[Snippet]]) -> None:
        from tui.dialogs.copy import CopyDialog

        def take(chosen: Snippet | str | None) -> None:
            if isinstance(chosen, str):
                self.session.say(chosen)
            elif chosen is not None:
                lines = len(chosen.text.splitlines())
                text = chosen.text if lines == 1 else f"{chosen.label} ({formats.counted(lines, 'line')})"
                self.copy(chosen.text, "" if lines == 1 and chosen.suffix == ".txt" else text.rstrip())

        self.app.push_screen(CopyDialog(self.session.bridge, *found), take)

    def version_snippets(self, version: ModelVersion) -> ReadSnippets:
        """The choices of the copy menu for a model version."""

        def read() -> tuple[str, Sequence[Snippet]]:
            from engine.api import version_snippets

            title = f"from {safe(version.name, 60)} version {version.version}"
            return title, version_snippets(self.session.uri, version)

        return read

    def run_snippets(self, run_id: str) -> ReadSnippets:
        """Reads the choices of the copy menu for a run."""

        def read() -> tuple[str, Sequence[Snippet]]:
            from engine.api import run_snippets

            detail = self.engine.runs.detail(run_id)
            title = f"from run {safe(detail.run.run_name or run_id, 60)}"
            return title, run_snippets(self.session.uri, detail)

        return read

    def export_offer(self) -> ExportOffer | None:
        """What this view can export; None if it shows nothing."""
        return None

    def action_export(self, name: str = "") -> None:
        """Ask what to export and the file, suggesting `name`, and write it."""
        if self.refuse(f"{self.scope}.export"):
            return
        offer = self.export_offer()
        if offer is None:
            self.session.say(self.nothing_to_export, warning=True)
            return
        from tui.dialogs.export import ExportDialog

        def report(message: str | None) -> None:
            if message:
                self.session.say(message)

        self.app.push_screen(ExportDialog(self.session.bridge, offer, name), report)

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

    async def action_leave_view(self) -> None:
        """Close this view, which another one has opened."""
        await self.app.run_action("app.close_view")

    def action_toggle_zoom(self) -> None:
        """Expand the focused pane to the whole view, or restore it."""
        if self.query(".-zoomed"):
            self.query(".-zoomed, .-behind").remove_class("-zoomed", "-behind")
            return
        node, hidden = self.focused, False
        while node is not None and node is not self and isinstance(node.parent, Widget):
            node.add_class("-zoomed")
            others = [w for w in node.parent.children if w is not node and not _always_shown(w)]
            hidden |= any(other.display for other in others)
            for other in others:
                other.add_class("-behind")
            node = node.parent
        if not hidden:
            self.query(".-zoomed, .-behind").remove_class("-zoomed", "-behind")
            self.session.say("There is only one pane.", warning=True)


def _now() -> int:
    return int(time.time() * 1000)


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
