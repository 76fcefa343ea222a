"""Charts across runs in the console: opened by a parameter, drawn by another, exported."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.conftest import MlflowStore
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.charts.screen import ChartScreen
from tui.run.screen import RunScreen

SIZE = (120, 40)


@pytest.mark.slow
async def test_runs_are_charted_by_their_parameters(
    mlflow_store: MlflowStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    console = Console(mlflow_store.tracking, experiment="heart")
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await console.run_line("chart accuracy")
        assert await appears(pilot, "ranking of accuracy")
        assert await appears(pilot, "23 of 27 runs")
        await settle(pilot)  # the title is shown before the chart
        assert "★ trial-23  accuracy 0.9299999999999999  weights distance  n_neighbors 9" in text_of(console)
        assert "excluded: 4 runs without accuracy" in text_of(console)

        await pilot.press("j", "enter")
        await settle(pilot)
        assert isinstance(console.screen, RunScreen)
        assert "trial-22" in text_of(console)
        await pilot.press("q", "t", "t")
        assert await appears(pilot, "points of accuracy")
        assert await appears(pilot, "trial-23  weights distance  accuracy 0.9299999999999999")

        await pilot.press("a")
        assert await appears(pilot, "Draw by")
        await pilot.press(*"n_nei", "enter")
        assert await appears(pilot, "trial-23  n_neighbors 9")
        await pilot.press("t")
        assert await appears(pilot, "box plot of accuracy")
        assert await appears(pilot, "n_neighbors 3  n 5")

        await _export(pilot, tmp_path)
        await console.run_line("chart accuracy n_neighbors weights")
        assert await appears(pilot, "heat map of accuracy")
        assert isinstance(console.screen, ChartScreen)
        assert await appears(pilot, "weights distance  n_neighbors 3")
        await console.run_line("chart acuracy")
        assert await appears(pilot, "No run has the metric 'acuracy'")
        assert await appears(pilot, "Did you mean 'accuracy'")
        await console.run_line("chart nan weights")
        assert await appears(pilot, "No run has a finite nan")
        await settle(pilot)
        assert "1 run whose nan is NaN" in text_of(console)

        await _chart_filtered_runs(console, pilot)

        runs = mlflow_store.runs
        console.session.state.compared = (runs["trial-01"], runs["trial-02"])
        await console.session.show_mode("compare")
        assert await appears(pilot, "COMPARE")
        await settle(pilot)
        await pilot.press("g", "j", "m")
        assert await appears(pilot, "of accuracy")
        assert await appears(pilot, "2 runs")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(console.screen, RunScreen)


async def _chart_filtered_runs(console: Console, pilot: Pilot[None]) -> None:
    """The chart names the filter of its runs."""
    await pilot.press("escape")
    await settle(pilot)
    await console.run_line("filter n_neighbors = 5 and weights != uniform")
    await settle(pilot)
    await console.run_line("chart accuracy")
    assert await appears(pilot, "of accuracy  heart filtered by n_neighbors = 5 and weights != uniform")
    await console.run_line("filter")
    await settle(pilot)


async def _export(pilot: Pilot[None], folder: Path) -> None:
    """Export the chart as text and as a picture; an existing file is replaced only when confirmed."""
    await pilot.press("w")
    assert await appears(pilot, "accuracy_by_n_neighbors.png")
    await pilot.press("end", *["backspace"] * 3, *"gif", "enter")
    assert await appears(pilot, "A chart cannot be written to this file")
    await pilot.press(*["backspace"] * 3, *"txt", "enter")
    assert await appears(pilot, "Saved accuracy_by_n_neighbors.txt")
    assert "3            5  0.8000" in (folder / "accuracy_by_n_neighbors.txt").read_text()
    await pilot.press("w")
    assert await appears(pilot, "accuracy_by_n_neighbors.png")
    await pilot.press("end", *["backspace"] * 3, *"csv", "enter")
    assert await appears(pilot, "Saved accuracy_by_n_neighbors.csv")
    head, first, *_ = (folder / "accuracy_by_n_neighbors.csv").read_text().splitlines()
    assert head == "run_id,run_name,metrics.accuracy,params.n_neighbors,params.weights"
    assert len(first.split(",")) == 5
    (folder / "accuracy_by_n_neighbors.png").write_text("mine")
    await pilot.press("w", "enter")
    assert await appears(pilot, "press enter again to replace it")
    assert (folder / "accuracy_by_n_neighbors.png").read_text() == "mine"
    await pilot.press("enter")
    assert await appears(pilot, "Saved accuracy_by_n_neighbors.png")
    assert (folder / "accuracy_by_n_neighbors.png").read_bytes().startswith(b"\x89PNG")
