"""One test for each use of Textual's private API; a failure shows what a Textual upgrade broke."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pyte
import pytest
from rich.console import RenderableType
from textual._compositor import CompositorUpdate
from textual.app import App, ComposeResult
from textual.css import stylesheet
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, Static

from tests.conftest import MlflowStore
from tests.tui.support import settle, text_of
from tui.app import Console
from tui.dialogs.base import Dialog
from tui.runs.preview import RunPreview
from tui.textual_private import (
    ParsedOnceStylesheet,
    QuietApp,
    SafeInput,
    SparingCompositor,
    is_removed,
    use_sparing_compositor,
)
from tui.widgets.screen_lines import PaneTitle


async def test_the_compositor_renders_only_the_lines_that_a_change_affects(
    mlflow_store: MlflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: Counter[str] = Counter()
    render_lines = Widget.render_lines

    def counted(widget: Widget, crop: Region) -> list[Strip]:
        rendered[type(widget).__name__] += crop.height
        return render_lines(widget, crop)

    monkeypatch.setattr(Widget, "render_lines", counted)
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        title = console.view.query_one("#runs-title", PaneTitle)
        preview = console.view.query_one("#preview", RunPreview)
        while preview.subject is None:  # it is drawn only once the cursor rests
            await pilot.pause(0.02)
        await settle(pilot)
        rendered.clear()
        title.title = "RANS"
        await pilot.pause()
        assert sum(rendered.values()) <= 4, rendered
        assert "RANS" in text_of(console)


async def test_every_view_uses_the_sparing_compositor(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(140, 40)) as pilot:
        await settle(pilot)
        assert isinstance(console.view._compositor, SparingCompositor)


async def test_opening_views_parses_each_css_source_once(
    mlflow_store: MlflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: Counter[object] = Counter()
    parse = stylesheet.parse

    def counted(scope: str, css: str, *rest: Any, **options: Any) -> Any:
        parsed[scope, css, options["tie_breaker"]] += 1  # a base class of more widgets ranks lower
        return parse(scope, css, *rest, **options)

    monkeypatch.setattr(stylesheet, "parse", counted)
    monkeypatch.setattr(ParsedOnceStylesheet, "_parsed", {})
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(140, 40)) as pilot:
        for view in "1", "3", "6", "1":
            await settle(pilot)
            await pilot.press(view)
    assert len(parsed) > 10
    assert set(parsed.values()) == {1}


class Failing(QuietApp):
    def __init__(self) -> None:
        super().__init__()
        self.errors: list[Exception] = []

    def failed(self, error: Exception) -> None:
        self.errors.append(error)

    def on_mount(self) -> None:
        raise ValueError("unexpected")


async def test_a_failing_app_ends_with_status_1_and_prints_no_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = Failing()
    with pytest.raises(ValueError, match="unexpected"):  # Textual's test harness raises it again
        async with app.run_test():
            pass
    assert [str(error) for error in app.errors] == ["unexpected"]
    assert app.return_code == 1
    assert capsys.readouterr().err == ""


class Typing(QuietApp):
    def compose(self) -> ComposeResult:
        yield SafeInput("a\x1bb指")


async def test_an_input_draws_safe_text_and_places_the_cursor_accordingly() -> None:
    app = Typing()
    async with app.run_test() as pilot:
        await pilot.pause()
        field = app.query_one(SafeInput)
        assert isinstance(Input._value, property)
        assert "a␛b指" in field.render_line(0).text
        assert [field._position_to_cell(at) for at in range(5)] == [0, 1, 2, 3, 5]


async def test_a_screen_is_removed_once_it_closes() -> None:
    app: App[None] = App()
    async with app.run_test():
        screen: Screen[None] = Screen()
        await app.push_screen(screen)
        assert not is_removed(screen)
        await app.pop_screen()
        assert is_removed(screen)


class Drawn(App[None]):
    """An application whose frames are counted, and drawn on an emulated terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = 0
        self.terminal = pyte.Screen(60, 20)
        self._stream = pyte.Stream(self.terminal)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if isinstance(renderable, CompositorUpdate):
            self.frames += 1
            self._stream.feed(renderable.render_segments(self.console))
        super()._display(screen, renderable)

    def shows(self, text: str) -> bool:
        return any(text in line for line in self.terminal.display)


class Sparing(Screen[None]):
    def __init__(self) -> None:
        super().__init__()
        use_sparing_compositor(self)

    def compose(self) -> ComposeResult:
        yield Static("the view", id="behind")


class Outer(Dialog[None]):
    CSS = "Outer { align: center bottom; } Outer > #box { width: 40; }"

    def compose_dialog(self) -> ComposeResult:
        yield Static("the outer dialog", id="outer")


class Inner(Dialog[None]):
    CSS = "Inner { align: center middle; } Inner > #box { width: 20; }"

    def compose_dialog(self) -> ComposeResult:
        yield Static("the inner dialog")


async def test_what_changes_behind_dialogs_is_drawn_once() -> None:
    app = Drawn()

    async def draws(change: Callable[[str], None], text: str) -> None:
        """A change is drawn, and then no more, although the view receives messages."""
        change(text)
        for _ in range(100):
            if app.shows(text):
                break
            await pilot.pause(0.02)
        assert app.shows(text), "\n".join(app.terminal.display)
        for _ in range(4):
            frames = app.frames
            view.check_idle()
            await pilot.pause(0.03)  # Textual draws on a timer
            if app.frames == frames:
                return
        pytest.fail(f"drawn without end: {text}")

    async with app.run_test(size=(60, 20)) as pilot:
        view = Sparing()
        await app.push_screen(view)
        behind = view.query_one("#behind", Static)
        await draws(behind.update, "no dialog")
        outer = Outer()
        await app.push_screen(outer)
        await draws(behind.update, "behind one dialog")
        assert app.shows("the outer dialog")
        await app.push_screen(Inner())
        await draws(behind.update, "behind two dialogs")
        await draws(outer.query_one("#outer", Static).update, "the outer one")
        assert app.shows("the inner dialog")
        assert app.shows("behind two dialogs")
        await app.pop_screen()
        await draws(behind.update, "behind one again")
        assert app.shows("the outer one")
        await app.pop_screen()
        await draws(behind.update, "none again")
        assert not app.shows("the outer one")
