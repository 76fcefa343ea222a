"""The chart view: what it draws, and how it is opened."""

from __future__ import annotations

from tests.conftest import MlflowStore
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.charts.screen import ChartScreen
from tui.runs.screen import RunsScreen

SIZE = (120, 40)


async def test_a_metric_of_the_shown_runs_is_charted(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking, experiment="heart")
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("m")
        assert await appears(pilot, "history of accuracy")
        await pilot.press("q")
        await settle(pilot)
        assert isinstance(console.screen, RunsScreen)
        console.session.state.experiment(mlflow_store.heart).marks = frozenset({mlflow_store.runs["special"]})
        await console.run_line("chart loss")
        await settle(pilot)
        assert isinstance(console.screen, ChartScreen)
        assert console.screen.subject.runs[0].run_name == "special"
        assert "5" in text_of(console)
        await console.run_line("chart unknown")
        assert await appears(pilot, "no history of this metric")
