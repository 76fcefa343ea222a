"""What is said of saved views keeps short, however long the names are."""

from __future__ import annotations

import sqlite3

import pytest

from tests.conftest import MlflowStore
from tests.tui.support import appears, settle
from tui.app import Console

LONG = "heart-disease-" * 10
WIDE = "心臓病🚀" * 35


@pytest.mark.parametrize("name", [LONG, WIDE])
async def test_a_view_that_is_not_there_is_told_in_few_lines(
    mlflow_store_copy: MlflowStore, name: str
) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as database:
        database.execute("UPDATE experiments SET name = ? WHERE name = 'heart'", (name,))
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=(140, 40), notifications=True) as pilot:
        await settle(pilot)
        await console.run_line(f"view save {name}")
        assert await appears(pilot, f"Saved the view {name[:15]}")
        await console.run_line("view nothing")
        assert await appears(pilot, "View 'nothing' not found")
        assert await appears(pilot, f"Saved views: {name[:5]}")
        lines = console.screen.query_one("Toast").region.height
        assert lines == 4, "two of the title, one of what is saved, one of what to do"
