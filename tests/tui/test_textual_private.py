"""Of what did not change nothing is rendered; counted in lines."""

from __future__ import annotations

from collections import Counter

import pytest
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tests.conftest import MlflowStore
from tests.tui.support import settle, text_of
from tui.app import Console
from tui.widgets.pane_title import PaneTitle


async def test_a_change_renders_the_lines_that_it_meets(
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
        await pilot.pause()
        rendered.clear()
        title.title = "RANS"
        await pilot.pause()
        assert sum(rendered.values()) <= 4, rendered
        assert "RANS" in text_of(console)
