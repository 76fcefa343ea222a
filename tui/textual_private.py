"""Every use of Textual's private API, with the reason.

`tests/tui/test_textual_private.py` has a test for each, which fails if a Textual upgrade breaks it; for
resuming, `tests/e2e/test_endings.py` does.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from types import FrameType
from typing import Any, ClassVar, TypeGuard

from rich.cells import cell_len
from rich.text import Text
from textual._compositor import Compositor
from textual.app import App
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.css.types import CSSLocation
from textual.dom import DOMNode
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from engine.text import safe


def use_sparing_compositor(screen: Screen[Any]) -> None:
    """Replace `Screen._compositor`, for which Textual has no public API."""
    screen._compositor = SparingCompositor()


def is_removed(node: DOMNode) -> bool:
    """Whether a screen or widget is closed or closing, when its children may be gone already.

    Reads `DOMNode._pruning`, for which Textual has no public API. If Textual no longer sets it, an answer
    that arrives while a screen closes may end the console.
    """
    return node._pruning or not node.is_attached


class SparingCompositor(Compositor):
    """Renders only the lines that a change affects, once.

    For one changed cell, Textual's compositor renders every line of every widget whose clip region contains
    it; for most widgets, that is the whole screen. Overrides `Compositor._get_renders`. If Textual stops
    calling it, more lines are rendered than necessary.

    Behind a dialog, Textual marks a screen as changed each time it passes the screen's changes on to the
    dialog, and passes them on again at the next message, without end. Overrides
    `Compositor.update_widgets`. A dialog between the change and the topmost dialog keeps what it drew before;
    `Widget._set_dirty` makes it draw again.
    """

    def update_widgets(self, widgets: set[Widget]) -> None:
        """Mark the regions of `widgets` as changed, except of a screen behind a dialog."""
        super().update_widgets({widget for widget in widgets if not _is_behind(widget)})

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        """Region, visible part and lines of each widget that overlaps `crop` (None for the screen)."""
        changed = self.size.region if crop is None else crop
        for widget, (region, clip) in self.visible_widgets.items():
            visible = region.intersection(clip)
            if visible.overlaps(changed):
                top, bottom = max(visible.y, changed.y), min(visible.bottom, changed.bottom)
                lines = Region(visible.x, top, visible.width, bottom - top)
                if _is_behind(widget) and widget.is_modal:
                    widget._set_dirty()
                yield region, lines, widget.render_lines(lines.translate(-region.offset))


def _is_behind(widget: Widget) -> TypeGuard[Screen[Any]]:
    """Whether this is a screen behind a dialog."""
    return isinstance(widget, Screen) and widget.app.screen is not widget


def write_to_terminal(app: App[Any], sequences: str) -> None:
    """Write control sequences with `App._driver`, in order with the frames that Textual draws."""
    if app._driver is not None:
        app._driver.write(sequences)


def set_clipboard(app: App[Any], text: str) -> None:
    """Set `App._clipboard`, which `ctrl+v` pastes from."""
    app._clipboard = text


def parse_css_once(app: App[Any]) -> None:
    """Replace `App.stylesheet` before anything is added to it."""
    app.stylesheet = ParsedOnceStylesheet(variables=app.get_css_variables())


class ParsedOnceStylesheet(Stylesheet):
    """Parses each CSS source once per theme and process.

    Textual parses all its CSS again whenever a mode or a screen with CSS of its own is opened: about five
    times before the first view is shown. Overrides `Stylesheet._parse_rules`, and `reparse`, which works on a
    new `Stylesheet`. If Textual stops calling them, starting and opening a view take longer.
    """

    _parsed: ClassVar[dict[tuple[object, ...], list[RuleSet]]] = {}

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._theme = frozenset(self._variables.items())

    def set_variables(self, variables: dict[str, str]) -> None:
        super().set_variables(variables)
        self._theme = frozenset(variables.items())

    def _parse_rules(
        self,
        css: str,
        read_from: CSSLocation,
        is_default_rules: bool = False,
        tie_breaker: int = 0,
        scope: str = "",
    ) -> list[RuleSet]:
        key = (self._theme, css, read_from, is_default_rules, tie_breaker, scope)
        if key not in self._parsed:
            self._parsed[key] = super()._parse_rules(css, read_from, is_default_rules, tie_breaker, scope)
        return self._parsed[key]

    def reparse(self) -> None:
        self.parse()


class QuietApp(App[None]):
    """An application that exits with status 1 on an unhandled exception and prints no traceback.

    Textual's `App._handle_exception` renders the traceback to the terminal when the application ends.
    """

    def failed(self, error: Exception) -> None:
        """Called with the exception that ends the application."""

    def _handle_exception(self, error: Exception) -> None:
        self.failed(error)
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._return_code = 1
        self._close_messages_no_wait()


class SafeInput(Input):
    """An input that keeps its raw value and displays it through `engine.text.safe()`.

    Textual draws `Input._value` and places the cursor with `Input._position_to_cell`.
    """

    @property
    def _value(self) -> Text:
        return Text(safe(self.value, len(self.value)), no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return cell_len(safe(self.value[:position], position))


def resume_after_any_stop(app: App[Any]) -> None:
    """Resume after SIGSTOP as after ctrl+z.

    SIGSTOP cannot be caught, so the terminal is not restored first. Textual's `LinuxDriver` would then start
    a second thread that reads keys, and not repaint. Reads `App._driver`, and sets the driver's
    `_must_signal_resume`, by which it knows that it is suspended.
    """
    driver: Any = app._driver
    resume = signal.getsignal(signal.SIGCONT)
    if not hasattr(driver, "_must_signal_resume") or not callable(resume):
        return

    def resume_suspended(number: int, frame: FrameType | None) -> None:
        if not driver._must_signal_resume:
            if not _is_in_foreground():  # after `bg`: the terminal is the shell's
                os.kill(os.getpid(), signal.SIGSTOP)
                return
            driver.suspend_application_mode()
            driver._must_signal_resume = True
        resume(number, frame)

    signal.signal(signal.SIGCONT, resume_suspended)


def _is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:  # no terminal
        return True
