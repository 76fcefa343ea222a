"""The application: modes, theme, the engine handle, errors. Views own their behaviour."""

from __future__ import annotations

import asyncio
import getpass
import platform
import signal
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.screen import Screen

from engine.errors import EngineError, UsageError
from engine.log import log, start_log
from engine.text import Shown, safe
from engine.uri import TrackingUri
from tui import memory, terminal, themes
from tui.bridge import internal_error
from tui.commands.bindings import bindings, command
from tui.screen import ConsoleScreen, current_view
from tui.session import Session, SessionApp
from tui.too_small import TooSmallScreen
from tui.typeahead import TypeAhead
from tui.widgets.chrome import KeyLine, Status, StatusLine

SWITCH_SECONDS = 0.001
"""How long an engine thread computes before the event loop may; Python's own 5 ms, several times for one
frame, are felt under the fingers."""


def _open(module: str, name: str) -> Screen[Any]:
    screen: Screen[Any] = getattr(import_module(module), name)()
    return screen


class Console(SessionApp):
    """The console on one tracking store."""

    TITLE = "mlflow-console"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    # Each view is imported when it is first opened: starting waits for one of them only.
    MODES: ClassVar[dict[str, Callable[[], Screen[Any]]]] = {  # type: ignore[assignment]
        "runs": partial(_open, "tui.runs.screen", "RunsScreen"),
        "compare": partial(_open, "tui.compare.screen", "CompareScreen"),
        "models": partial(_open, "tui.models.screen", "ModelsScreen"),
        "training": partial(_open, "tui.training.screen", "TrainingScreen"),
        "activity": partial(_open, "tui.activity.screen", "ActivityScreen"),
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("app"),
        Binding("ctrl+z", "suspend_process", show=False),
    ]

    def __init__(
        self,
        uri: TrackingUri,
        *,
        read_only: bool = False,
        experiment: str | None = None,
        refresh_seconds: float = 0.0,
    ) -> None:
        """`refresh_seconds` is how often the runs are looked at again by themselves; 0 for never."""
        super().__init__()
        self._keys = TypeAhead(self, super().on_event)
        self.session = Session(
            self,
            uri,
            user=safe(f"{_user()}@{platform.node()}"),
            read_only=read_only,
            refresh_seconds=refresh_seconds,
            wanted_experiment=experiment,
            show_mode=self.action_show_mode,
            hold_keys=self._keys.hold,
        )
        self.fault: BaseException | None = None
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.theme = themes.ANSI if terminal.few_colours() else themes.DARK.name

    # ── life ─────────────────────────────────────────────────────────────────

    def compose(self) -> ComposeResult:
        """The frame: on screen at once, while the first view is imported and made."""
        line = StatusLine()
        session = self.session
        line.status = Status(session.uri.shown, session.user, session.read_only, Shown("opening …"))
        yield line
        yield KeyLine()

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        if not self.is_headless:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                loop.add_signal_handler(number, self._end, number)
        self.run_worker(self._keys.run(), group="keys")
        self.call_after_refresh(self._open_first_view)

    async def _open_first_view(self) -> None:
        await self.action_show_mode("runs")
        self.call_after_refresh(memory.keep_all)

    async def on_event(self, event: events.Event) -> None:
        leaving = isinstance(event, events.Key) and event.key in ("ctrl+c", "ctrl+q")  # waits for nothing
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded and not leaving:
            self._keys.take(event)
        else:
            with self._keys.busy():
                await super().on_event(event)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While there is no view to see, one can only leave."""
        unseen = self.current_mode not in self.MODES or isinstance(self.screen, TooSmallScreen)
        return action == "quit_console" or not unseen

    def _end(self, number: signal.Signals) -> None:
        """The terminal was closed or the process is asked to go: leave the terminal sane, and go."""
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
        columns, rows = terminal.SMALLEST
        small = size.width < columns or size.height < rows
        covered = isinstance(self.screen, TooSmallScreen)
        if small and not covered:
            self.push_screen(TooSmallScreen())
        elif covered and not small:
            self.pop_screen()

    def failed(self, error: Exception) -> None:
        """Log a fault of ours that ends the console; the traceback goes to the log, never to the terminal."""
        log.error("the console failed", exc_info=error)
        self.fault = self.fault or error

    # ── commands everywhere ──────────────────────────────────────────────────

    async def action_show_mode(self, mode: str) -> None:
        """Show a view; from what was opened in it, its beginning."""
        while mode == self.current_mode and isinstance(self.screen, ConsoleScreen) and self._pop_view():
            pass
        await self.switch_mode(mode)
        self._cover(self.size)

    def action_open_command_line(self) -> None:
        from tui.command_line import completions
        from tui.dialogs.commands import CommandLineDialog

        def run(line: str | None) -> None:
            if line:
                self.run_worker(self.run_line(line))

        self.push_screen(CommandLineDialog(partial(completions, self)), run)

    async def run_line(self, line: str) -> None:
        """Do what was typed after `:`."""
        from tui.command_line import execute

        try:
            await execute(self, line)
        except UsageError as error:
            self.session.show_error(error)

    def action_open_help(self) -> None:
        from tui.command_line import press
        from tui.dialogs.commands import HelpDialog

        view = self.view

        def do(identifier: str | None) -> None:
            if identifier:
                self.run_worker(press(self, command(identifier)))

        self.push_screen(HelpDialog(view.scope, view.why_not), do)

    def action_refresh_view(self) -> None:
        self.view.refresh_view()

    def action_next_pane(self) -> None:
        self.view.action_next_pane()

    def action_previous_pane(self) -> None:
        self.view.action_previous_pane()

    def action_cycle_panes(self) -> None:
        self.view.step_pane(+1, around=True)

    def action_cycle_panes_back(self) -> None:
        self.view.step_pane(-1, around=True)

    def action_toggle_zoom(self) -> None:
        self.view.action_toggle_zoom()

    async def action_go_back(self) -> None:
        self.clear_notifications()
        if not self.view.peel() and not self._pop_view() and self.current_mode != "runs":
            await self.action_show_mode("runs")

    async def action_close_view(self) -> None:
        if self._pop_view():
            return
        if self.current_mode != "runs":
            await self.action_show_mode("runs")
            return
        if not self.session.running_work:
            self.action_quit_console()
            return
        from tui.dialogs.confirm import ConfirmDialog

        def quit_if(sure: bool | None) -> None:
            if sure:
                self.action_quit_console()

        told = [
            Content(self.session.running_work),
            Content("Finished trials stay; unfinished ones are marked KILLED."),
        ]
        self.push_screen(ConfirmDialog("Quit and stop the sweep?", told, yes="Quit"), quit_if)

    def _pop_view(self) -> bool:
        if len(self.screen_stack) > 1:
            self.pop_screen()
            return True
        return False

    def action_save_picture(self, name: str = "") -> None:
        path = Path(name or f"mlflow-console-{self.current_mode}.svg")
        try:
            self.save_screenshot(filename=path.name, path=str(path.parent))
        except OSError as error:
            self.session.show_error(
                EngineError(
                    "The picture could not be saved", str(error), "Choose a folder that you can write to."
                )
            )
        else:
            self.session.say(f"Saved {path}")

    def action_quit_console(self) -> None:
        self.session.leaving = True
        self.exit()

    @property
    def view(self) -> ConsoleScreen:
        """The view on top, under any dialog."""
        return current_view(self)


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
    """Open the console on the terminal; the exit status. Nothing but the console reaches the
    terminal meanwhile, and the terminal is as before when this returns."""
    start_log()
    sys.setswitchinterval(SWITCH_SECONDS)
    console = Console(uri, read_only=read_only, experiment=experiment, refresh_seconds=refresh_seconds)
    with terminal.screen_to_ourselves():
        console.run(mouse=not terminal.over_ssh() if mouse is None else mouse)
    console.session.engine.close()
    if console.fault is not None:
        error = (
            console.fault
            if isinstance(console.fault, EngineError)
            else internal_error(Exception(console.fault))
        )
        print(safe(str(error)), file=sys.stderr)  # noqa: T201
        return 1
    return console.return_code or 0
