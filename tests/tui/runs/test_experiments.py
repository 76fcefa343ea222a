"""The experiments pane: names take the width that the counts leave."""

from __future__ import annotations

import sqlite3

import pytest
from rich.cells import cell_len

from engine.entities import Experiment
from tests.conftest import MlflowStore
from tests.tui.support import appears, settle, text_of
from tests.tui.widgets.support import Stage
from tui.app import Console
from tui.runs.experiments import experiment_source
from tui.widgets.table import Table

LONG = "heart-disease-" * 20
WIDE = "心臓病🚀" * 60


def experiment(name: str, runs: int | None) -> Experiment:
    return Experiment(experiment_id=name, name=name, run_count=runs)


@pytest.mark.parametrize("name", [LONG, WIDE])
@pytest.mark.parametrize("width", [29, 36, 140])
@pytest.mark.parametrize("runs", [27, 1_234_567, None])
async def test_a_long_name_is_cut_before_the_count(name: str, width: int, runs: int | None) -> None:
    found = (experiment(name, runs), experiment("short", runs and 3))
    table = Table(experiment_source(found))
    stage = Stage(table)
    async with stage.run_test(size=(width, 5)) as pilot:
        await pilot.pause()
        line = next(line for line in stage.lines() if name[:3] in line)
        count = "" if runs is None else f"  {runs:,}".rjust(len("  runs"))
        assert line.endswith(f"…{count}")
        assert width - 1 == cell_len(line)
        assert any(line.split() == ["short", *([] if runs is None else ["3"])] for line in stage.lines())


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (140, 40)])
async def test_a_name_that_fits_beside_its_count_is_not_cut(
    mlflow_store_copy: MlflowStore, size: tuple[int, int]
) -> None:
    name = "heart-disease-large"
    with sqlite3.connect(mlflow_store_copy.path) as database:
        database.execute("UPDATE experiments SET name = ? WHERE name = 'heart'", (name,))
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("h")
        assert await appears(pilot, "EXPERIMENTS")
        width = console.screen.query_one("#experiments").region.width
        pane = [line[:width] for line in text_of(console).splitlines()]
        assert any(line.split()[-2:] == [name, "27"] for line in pane if line.split())


def test_the_open_experiment_is_marked_whatever_the_cursor_is_on() -> None:
    source = experiment_source((experiment("a", 1), experiment("b", 2)), "b")
    assert [source.cell(row, 0) for row in range(2)] == ["  a", "▸ b"]
    assert source.cell_style(0, 0) is None
    assert source.cell_style(1, 0) is not None
