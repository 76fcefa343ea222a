"""What all views share: the engine, the bridge, the state, and notifications."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from textual.app import App

from engine.errors import EngineError
from engine.text import Shown, cut, safe
from engine.uri import TrackingUri
from tui.bridge import Bridge
from tui.state import State
from tui.textual_private import QuietApp

if TYPE_CHECKING:
    from engine.api import Engine

DEFAULT_REFRESH_SECONDS = 10.0
"""The auto-refresh interval when none was set at startup."""
_TOAST_EDGES = 3
"""Cells of a notification's border and padding."""


class HoldKeys(Protocol):
    def __call__(self, timeout: float = ..., /) -> Callable[[], None]: ...


@dataclass(frozen=True, slots=True)
class RunningSweep:
    """The progress of the sweep that runs in this console. `total` is 0 until it starts."""

    done: int
    total: int
    experiment: Shown
    stopping: bool = False
    paused: bool = False

    @property
    def text(self) -> Shown:
        return Shown(f"{self.done} of {self.total} trials of {self.experiment} finished.")

    @property
    def label(self) -> Shown:
        """Beside the name of the training view."""
        if self.stopping:
            return Shown("stopping")
        counts = f"{self.done}/{self.total}" if self.total else "starting"
        return Shown(f"{counts} paused" if self.paused else counts)


class Session:
    """A console on one tracking store. Owned by the application and shared by its views."""

    def __init__(
        self,
        app: App[None],
        uri: TrackingUri,
        *,
        user: Shown,
        read_only: bool,
        refresh_seconds: float,
        initial_experiment: str | None,
        show_mode: Callable[[str], Awaitable[None]],
        show_error: Callable[[EngineError], None],
        hold_keys: HoldKeys,
    ) -> None:
        """`show_mode` switches to a view; `show_error` shows an error in the current one. `hold_keys` holds
        back keys for what is about to be shown, until the function it returns is called, or a timeout.
        `refresh_seconds` is 0 for no auto-refresh. `initial_experiment` is a name or an id."""
        self._app = app
        self.uri = uri
        self.user = user
        self.read_only = read_only
        self.refresh_seconds = refresh_seconds
        """The auto-refresh interval; 0 while auto-refresh is off."""
        self.refresh_interval = refresh_seconds or DEFAULT_REFRESH_SECONDS
        """The interval while auto-refresh is on."""
        self.initial_experiment = initial_experiment
        self.show_mode = show_mode
        self.show_error = show_error
        self.hold_keys = hold_keys
        self.on_wait: Callable[[Shown], None] | None = None
        """Called in any thread when a read waits because the server asks it to. Set once the app runs."""
        self._engine: Engine | None = None
        self.bridge = Bridge()
        self.state = State(str(uri.shown))
        self.startup_warning = self.state.load()
        self.leaving = False
        self.sweep: RunningSweep | None = None
        """What quitting would stop; None when nothing is running."""
        self.failed_services = 0
        """Deployments and tracking servers that do not serve, although nobody stopped them."""

    @property
    def marks(self) -> dict[str, Shown]:
        """What the status line says beside the names of views."""
        marks = {} if self.sweep is None else {"training": self.sweep.label}
        if self.failed_services:
            marks["deployments"] = Shown(f"✗{self.failed_services}")
        return marks

    @property
    def engine(self) -> Engine:
        """The engine on the store, imported when it is first needed: after the first paint."""
        if self._engine is None:
            from engine.api import Engine

            self._engine = Engine(self.uri, read_only=self.read_only, on_wait=self._waits)
        return self._engine

    def close(self) -> None:
        """Close the engine, if it was opened."""
        if self._engine is not None:
            self._engine.close()

    def toggle_auto_refresh(self) -> None:
        self.refresh_seconds = 0.0 if self.refresh_seconds else self.refresh_interval
        self.say(
            f"Auto-refresh every {self.refresh_interval:g} s" if self.refresh_seconds else "Auto-refresh off"
        )

    def _waits(self, message: Shown) -> None:
        if self.on_wait is not None:
            self.on_wait(message)

    def say(self, message: str, *, warning: bool = False) -> None:
        """Show a notification in place of the previous one, cut to one line."""
        self._app.clear_notifications()
        line = cut(safe(message), max(1, self._app.size.width - _TOAST_EDGES))
        self._app.notify(line, severity="warning" if warning else "information", markup=False)


class SessionApp(QuietApp):
    """An application with a session."""

    session: Session
