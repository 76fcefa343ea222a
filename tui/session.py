"""What every view works with: the engine, the bridge to it, the state, and a way to speak to the operator."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.app import App

from engine.api import Engine
from engine.errors import EngineError
from engine.text import Shown, safe
from engine.uri import TrackingUri
from tui.bridge import Bridge
from tui.state import State
from tui.textual_private import QuietApp


class Session:
    """One console on one tracking store. Owned by the application and handed down to its views."""

    def __init__(
        self,
        app: App[None],
        uri: TrackingUri,
        *,
        user: Shown,
        read_only: bool,
        refresh_seconds: float,
        wanted_experiment: str | None,
        show_mode: Callable[[str], Awaitable[None]],
        hold_keys: Callable[[], Callable[[], None]],
    ) -> None:
        """`show_mode` switches to a view. `hold_keys` makes keys wait for a dialog about to open until
        the function it returns is called. `refresh_seconds` is 0 for no auto-refresh."""
        self._app = app
        self.uri = uri
        self.user = user
        self.read_only = read_only
        self.refresh_seconds = refresh_seconds
        self.wanted_experiment = wanted_experiment
        self.show_mode = show_mode
        self.hold_keys = hold_keys
        self.engine = Engine(uri, read_only=read_only)
        self.bridge = Bridge()
        self.state = State(str(uri.shown))
        self.state.load()
        self.leaving = False
        self.running_work = Shown("")
        """What quitting would stop; empty when nothing is running."""

    def say(self, message: str, *, warning: bool = False) -> None:
        """Show a passing message; it replaces the previous one."""
        self._app.clear_notifications()
        self._app.notify(safe(message), severity="warning" if warning else "information", markup=False)

    def show_error(self, error: EngineError) -> None:
        """Show the error that an operator's request ran into: title, detail, hint."""
        lines = [safe(part, 400) for part in (error.detail, error.hint) if part]
        self._app.clear_notifications()
        self._app.notify(
            "\n".join(lines), title=safe(error.title, 200), severity="error", timeout=12, markup=False
        )


class SessionApp(QuietApp):
    """An application that has a session."""

    session: Session
