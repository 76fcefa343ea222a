"""The application: its views, the session, application-wide commands, starting and ending."""

from __future__ import annotations

import asyncio
import getpass
import platform
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Static

from engine.errors import EngineError, UsageError
from engine.log import log, start_log
from engine.text import Shown, safe
from engine.uri import TrackingUri
from tui import garbage_collection, terminal, themes
from tui.bridge import Relay, internal_error
from tui.commands.bindings import bindings, command
from tui.output import SparingDriver
from tui.session import Session, SessionApp
from tui.tasks import Tasks
from tui.textual_private import parse_css_once, resume_after_any_stop, set_clipboard, write_to_terminal
from tui.typeahead import TypeAhead
from tui.widgets.screen_lines import KeyLine, StatusFacts, StatusLine

if TYPE_CHECKING:
    from tui.screen import ConsoleScreen

TERMINAL_SECONDS = 2.0
"""How often the console checks that its terminal still exists."""
SWITCH_SECONDS = 0.001
"""How long an engine thread may run before the event loop gets a turn. Python's default of 5 ms, several
times per frame, makes keys feel slow."""


def _open(module: str, name: str) -> Screen[Any]:
    screen: Screen[Any] = getattr(import_module(module), name)()
    return screen


class TooSmallScreen(Screen[None]):
    """Covers the console while the terminal is too small to lay it out."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "app.quit_console", show=False)]
    DEFAULT_CSS = """
    TooSmallScreen { align: center middle; }
    TooSmallScreen Static { width: auto; height: auto; text-align: center; color: $text-muted; }
    """

    def compose(self) -> ComposeResult:
        columns, rows = terminal.MIN_SIZE
        yield Static(f"Terminal too small (minimum {columns}×{rows}).\nPress q to quit.", markup=False)


class Console(SessionApp):
    """The console on one tracking store."""

    TITLE = "mlflow-console"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    # Each view is imported when it is first opened, so that startup imports only one.
    MODES: ClassVar[dict[str, Callable[[], Screen[Any]]]] = {  # type: ignore[assignment]
        "runs": partial(_open, "tui.runs.screen", "RunsScreen"),
        "compare": partial(_open, "tui.compare.screen", "CompareScreen"),
        "models": partial(_open, "tui.models.screen", "ModelsScreen"),
        "training": partial(_open, "tui.training.screen", "TrainingScreen"),
        "deployments": partial(_open, "tui.deployments.screen", "DeploymentsScreen"),
        "activity": partial(_open, "tui.activity.screen", "ActivityScreen"),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("app"),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),  # also in a field
    ]

    def __init__(
        self,
        uri: TrackingUri,
        *,
        read_only: bool = False,
        experiment: str | None = None,
        refresh_seconds: float = 0.0,
    ) -> None:
        """`refresh_seconds` is the interval of auto-refresh; 0 turns it off."""
        super().__init__(driver_class=SparingDriver)
        parse_css_once(self)
        self._keys = TypeAhead(self, super().on_event)
        self.session = Session(
            self,
            uri,
            user=safe(f"{_user()}@{platform.node()}"),
            read_only=read_only,
            refresh_seconds=refresh_seconds,
            initial_experiment=experiment,
            show_mode=self.action_show_mode,
            show_error=self._show_error,
            hold_keys=self._keys.hold,
        )
        self.failure: BaseException | None = None
        for theme in themes.THEMES:
            self.register_theme(theme)
        coloured = themes.ANSI if terminal.few_colours() else themes.DARK
        self.theme = (themes.MONOCHROME if self.no_color else coloured).name

    # ── starting and ending ──────────────────────────────────────────────────

    def compose(self) -> ComposeResult:
        """The status and key lines, shown while the first view is imported."""
        line = StatusLine()
        session = self.session
        line.status = StatusFacts(session.uri.shown, session.user, session.read_only, Shown("opening …"))
        yield line
        yield KeyLine()

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        if not self.is_headless:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT):
                loop.add_signal_handler(number, self._end, number)
            resume_after_any_stop(self)
        self.session.on_wait = Relay(self.session.say)
        # After a stop and `fg` the terminal shows whatever the shell left there.
        self.app_resume_signal.subscribe(self, lambda _: self.action_repaint())
        self.run_worker(self._keys.run(), group="keys")
        self.set_interval(self.session.refresh_interval, self._watch_services)
        if not self.is_headless:
            self.set_interval(TERMINAL_SECONDS, self._end_if_lost)
        self.call_after_refresh(self._open_first_view)

    async def _open_first_view(self) -> None:
        await self.action_show_mode("runs")
        if self.session.startup_warning:
            self.session.say(self.session.startup_warning, warning=True)
        self.call_after_refresh(garbage_collection.freeze)

    def _end_if_lost(self) -> None:
        if terminal.is_lost():
            self._end(signal.SIGHUP)

    def _watch_services(self) -> None:
        """Count the services that have failed, for the status line of all views."""
        session = self.session
        if not session.refresh_seconds or self.current_mode == "deployments":
            return

        def show(failed: tuple[str, ...]) -> None:
            if len(failed) != session.failed_services:
                session.failed_services = len(failed)
                self.view.show_status()

        def unknown(error: EngineError) -> None:
            log.info("the services cannot be counted: %s", error)

        work = session.engine.deployments.failed
        Tasks.of(self, session.bridge).ask(work, show, group="services", failed=unknown)

    async def on_event(self, event: events.Event) -> None:
        leaving = isinstance(event, events.Key) and event.key in ("ctrl+c", "ctrl+q")  # never queued
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded and not leaving:
            self._keys.take(event)
        else:
            with self._keys.busy():
                await super().on_event(event)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While no view is visible, only quitting is possible."""
        hidden = self.current_mode not in self.MODES or isinstance(self.screen, TooSmallScreen)
        return action == "quit_console" or not hidden

    def copy_to_clipboard(self, text: str) -> None:
        """Copy to the operator's clipboard, also through tmux and screen. A text that is too large for that
        is only pasted within the console."""
        set_clipboard(self, text)
        sequences = terminal.clipboard_sequences(text)
        if sequences is not None:
            write_to_terminal(self, sequences)

    def action_repaint(self) -> None:
        """Draw every cell of the screen again."""
        self.screen.refresh(layout=True)

    def _end(self, number: signal.Signals) -> None:
        """Exit on a signal and restore the terminal."""
        log.info("ended by %s", number.name)
        terminal.end_soon()
        self.session.leaving = True
        self.exit(return_code=128 + number)

    def on_unmount(self) -> None:
        self.session.state.save()

    def on_resize(self, event: events.Resize) -> None:
        self._cover(event.size)

    def _cover(self, size: Size) -> None:
        """Cover the view while the terminal is too small for it."""
        columns, rows = terminal.MIN_SIZE
        small = size.width < columns or size.height < rows
        covered = isinstance(self.screen, TooSmallScreen)
        if small and not covered:
            self.push_screen(TooSmallScreen())
        elif covered and not small:
            self.pop_screen()

    def failed(self, error: Exception) -> None:
        """Log an internal error that ends the console: tracebacks never reach the terminal."""
        log.error("the console failed", exc_info=error)
        self.failure = self.failure or error

    # ── application-wide commands ────────────────────────────────────────────

    async def action_show_mode(self, mode: str) -> None:
        """Show a view; if it is already current, close what was opened from it."""
        from tui.screen import ConsoleScreen

        while mode == self.current_mode and isinstance(self.screen, ConsoleScreen) and self._pop_view():
            pass
        await self.switch_mode(mode)
        self._cover(self.size)

    @on(StatusLine.ViewClicked)
    async def _show_clicked(self, event: StatusLine.ViewClicked) -> None:
        await self.action_show_mode(event.mode)

    @on(KeyLine.CommandClicked)
    def _run_clicked(self, event: KeyLine.CommandClicked) -> None:
        from tui.command_line import press

        self.run_worker(press(self, event.command))

    def action_open_command_line(self) -> None:
        from tui.completions import completions
        from tui.dialogs.commands import CommandLineDialog

        def run(line: str | None) -> None:
            if line:
                self._run_before_keys(self.run_line(line))

        self.push_screen(CommandLineDialog(partial(completions, self)), run)

    def _run_before_keys(self, work: Awaitable[None]) -> None:
        """Run what a dialog asked for; keys typed ahead wait for it."""
        release = self._keys.hold()

        async def run() -> None:
            try:
                await work
            finally:
                release()

        self.run_worker(run())

    async def run_line(self, line: str) -> None:
        """Run a line typed after `:`."""
        from tui.command_line import execute

        try:
            await execute(self, line)
        except EngineError as error:
            self.session.show_error(error)

    def action_open_help(self) -> None:
        from tui.command_line import press
        from tui.dialogs.commands import HelpDialog

        view = self.view

        def run(identifier: str | None) -> None:
            if identifier:
                self._run_before_keys(press(self, command(identifier)))

        self.push_screen(HelpDialog(view.scope, getattr(view.focused, "scope", None), view.why_not), run)

    def action_refresh_view(self) -> None:
        self.view.refresh_view()

    def action_toggle_auto_refresh(self) -> None:
        self.session.toggle_auto_refresh()
        self.view.show_status()

    def action_next_pane(self) -> None:
        self.view.action_next_pane()

    def action_previous_pane(self) -> None:
        self.view.action_previous_pane()

    def action_cycle_panes(self) -> None:
        self.view.step_pane(+1, wrap=True)

    def action_cycle_panes_back(self) -> None:
        self.view.step_pane(-1, wrap=True)

    def action_toggle_zoom(self) -> None:
        self.view.action_toggle_zoom()

    def _show_error(self, error: EngineError) -> None:
        self.view.show_message(error)

    async def action_go_back(self) -> None:
        self.view.clear_messages()
        if not self.view.peel() and not self._pop_view() and self.current_mode != "runs":
            await self.action_show_mode("runs")

    async def action_close_view(self) -> None:
        if self._pop_view():
            return
        if self.current_mode != "runs":
            await self.action_show_mode("runs")
            return
        sweep = self.session.sweep
        if sweep is None:
            self.action_quit_console()
            return
        from tui.dialogs.confirm import ConfirmDialog

        def quit_if(confirmed: bool | None) -> None:
            if confirmed:
                self.action_quit_console()

        text = [
            Content(sweep.text),
            Content("Finished trials are kept; unfinished ones are marked KILLED."),
        ]
        self.push_screen(ConfirmDialog("Quit and stop the sweep?", text, yes="Quit"), quit_if)

    def _pop_view(self) -> bool:
        if len(self.screen_stack) > 1:
            self.pop_screen()
            return True
        return False

    def action_save_picture(self, name: str = "") -> None:
        try:
            path = picture_file(name, f"mlflow-console-{self.current_mode}")
            self.save_screenshot(filename=path.name, path=str(path.parent))
        except UsageError as error:
            self.session.show_error(error)
        except OSError as error:
            why = f"{error.filename}: {error.strerror}" if error.strerror else str(error)
            self.session.show_error(EngineError("Cannot save the screenshot", why, "Use a writable folder."))
        else:
            self.session.say(f"Saved {path}")

    def action_quit_console(self) -> None:
        self.session.leaving = True
        self.exit()

    @property
    def view(self) -> ConsoleScreen:
        """The view on top, under any dialog."""
        from tui.screen import current_view

        return current_view(self)


def picture_file(name: str, default: str) -> Path:
    """The new SVG file for a screenshot. Without a name, the first of `DEFAULT.svg`, `DEFAULT-2.svg`, … that
    does not exist. Raises `UsageError` for another format or an existing file."""
    if not name:
        names = chain((default,), (f"{default}-{number}" for number in count(2)))
        return next(path for path in (Path(f"{name}.svg") for name in names) if not path.exists())
    path = Path(name).expanduser()
    if path.suffix.lower() not in ("", ".svg"):
        hint = f"Use `:picture {path.with_suffix('.svg')}`."
        raise UsageError("Screenshots are saved as SVG only", f"{path.name} has another suffix", hint)
    path = path.with_suffix(".svg")
    if path.exists():
        raise UsageError("Screenshots do not replace files", f"{path} exists", "Use another name.")
    return path


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container user without a passwd entry
        return "unknown"


def run_console(
    uri: TrackingUri,
    *,
    read_only: bool = False,
    experiment: str | None = None,
    mouse: bool | None = None,
    refresh_seconds: float = 0.0,
) -> int:
    """Run the console and return its exit status. Meanwhile, all other output goes to the log. Restores the
    terminal."""
    start_log()
    sys.setswitchinterval(SWITCH_SECONDS)
    console = Console(uri, read_only=read_only, experiment=experiment, refresh_seconds=refresh_seconds)
    with terminal.exclusive_screen():
        console.run(mouse=not terminal.over_ssh() if mouse is None else mouse)
    console.session.close()
    if (error := console.failure) is not None:
        if not isinstance(error, EngineError):
            error = internal_error(error)
        print(safe(str(error)), file=sys.stderr)  # noqa: T201
        return 1
    return console.return_code or 0
