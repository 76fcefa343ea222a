"""The insights view: opened from the runs and from the best run, and what its lines open."""

from __future__ import annotations

import pytest

from tests.conftest import MlflowStore
from tests.support.demo import DemoStore
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.charts.screen import ChartScreen
from tui.insights.screen import InsightsScreen
from tui.run.screen import RunScreen
from tui.runs.screen import RunsScreen


@pytest.mark.slow
async def test_insights_into_the_demo_lead_to_runs_and_charts(demo_store: DemoStore) -> None:
    console = Console(demo_store.tracking, experiment="heart-disease")
    async with console.run_test(size=(140, 40), notifications=True) as pilot:
        await settle(pilot)
        await console.run_line("insights accuracy")
        assert await appears(pilot, "accuracy over 60 runs of heart-disease")
        text = text_of(console)
        assert "knn-5-euclidean-uniform-auto  0.9180  [0.822, 0.964] n=61" in text
        assert "37 of 59 others cannot be distinguished from it (exact McNemar, α 0.05, no correction" in text
        assert "algorithm auto and ball_tree, n_neighbors 5 and 7 tie." in text
        assert "euclidean and manhattan beat chebyshev; euclidean beats manhattan" in text
        assert "algorithm, weights: no effect that 60 runs can show" in text
        assert "Cross-validation prefers knn-5-manhattan-uniform-" in text

        await pilot.press("p")
        assert await appears(pilot, "p-values corrected")
        assert "corrected for 59 comparisons by Holm's method" in text_of(console)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(console.screen, RunScreen)
        await pilot.press("q", "j", "enter")
        await settle(pilot)
        assert isinstance(console.screen, RunsScreen)
        assert "4 of 61" in text_of(console), "the best run and the three tied with it"

        await pilot.press("escape")
        await settle(pilot)
        await console.run_line("insights accuracy class_0_recall >= 0.9")
        assert await appears(pilot, "fail the constraint class_0_recall >= 0.9.")
        view = console.screen
        assert isinstance(view, InsightsScreen)
        while view.query_one("InsightList").line.label != "effects":  # type: ignore[attr-defined]
            await pilot.press("j")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(console.screen, ChartScreen)
        assert await appears(pilot, "box plot of accuracy")


async def test_what_cannot_be_explained_is_said_in_the_view(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking, experiment="heart")
    async with console.run_test(size=(120, 36), notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("B")
        assert await appears(pilot, "Best by accuracy")
        await pilot.press("i")
        assert await appears(pilot, "accuracy over 21 runs of heart")
        await console.run_line("insights accuracy nope > 1")
        assert await appears(pilot, "nope")
        await pilot.press("right_square_bracket", "right_square_bracket")
        await settle(pilot)
        await console.run_line("insights nope")
        assert await appears(pilot, "No run has the metric nope")
        await pilot.press("right_square_bracket")
        assert await appears(pilot, "over 21 runs of heart")
