"""The best-run dialog."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MlflowStore
from tests.tui.support import appears, settle, text_of, until
from tui.app import Console
from tui.widgets.scroll_pane import ScrollPane


@pytest.mark.parametrize("metric", ["accuracy", "metrics.accuracy"])
async def test_a_metric_may_be_named_with_or_without_its_prefix(
    mlflow_store: MlflowStore, metric: str
) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(140, 40), notifications=True) as pilot:
        await settle(pilot)
        await console.run_line(f"best {metric}")
        assert await appears(pilot, "Best by accuracy (higher is better)")
        assert await appears(pilot, "trial-23   accuracy 0.9300")


async def test_the_best_run_is_among_those_that_match_the_filter(
    mlflow_store: MlflowStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(140, 40), notifications=True) as pilot:
        await settle(pilot)
        await console.run_line("filter weights = uniform")
        await settle(pilot)
        await pilot.press("B")
        assert await appears(pilot, "trial-22   accuracy 0.9200   of 11 finished runs that match the filter")
        await pilot.press("w")
        assert await appears(pilot, "Write a report")
        await pilot.press("enter")
        assert await appears(pilot, "to report-heart: open report.html")
        text = (tmp_path / "report-heart" / "report.md").read_text()
        assert "runs that match weights = uniform" in text
        await pilot.press("enter")
        assert await appears(pilot, "enter opens")
        assert "hides" not in text_of(console)


@pytest.mark.parametrize("size", [(200, 60), (60, 16)])
async def test_the_dialog_is_as_high_as_its_text_and_scrolls_to_its_end(
    mlflow_store: MlflowStore, size: tuple[int, int]
) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("B")
        assert await appears(pilot, "esc close")
        box = console.screen.query_one(ScrollPane)
        await until(pilot, lambda: box.max_scroll_y > 0 or size == (200, 60))
        await pilot.press("G")
        assert await appears(pilot, "training_time")
        lines = text_of(console).splitlines()
        ends = [at for at, line in enumerate(lines) if "esc close" in line]
        assert "training_time" in lines[ends[0] - 1]  # no empty lines below
