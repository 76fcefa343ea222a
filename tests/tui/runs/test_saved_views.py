"""Messages about saved views stay short, however long the names."""

from __future__ import annotations

import sqlite3

import pytest

from tests.conftest import MlflowStore
from tests.tui.support import appears, settle
from tui.app import Console

LONG = "heart-disease-" * 10
WIDE = "心臓病🚀" * 35


@pytest.mark.parametrize("name", [LONG, WIDE])
async def test_messages_about_long_view_names_are_short(mlflow_store_copy: MlflowStore, name: str) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as database:
        database.execute("UPDATE experiments SET name = ? WHERE name = 'heart'", (name,))
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=(140, 40), notifications=True) as pilot:
        await settle(pilot)
        await console.run_line(f"view save {name}")
        assert await appears(pilot, f"Saved view {name[:4]}")
        await console.run_line("view nothing")
        assert await appears(pilot, "View 'nothing' not found")
        assert await appears(pilot, f"Saved views: {name[:5]}")
        lines = console.screen.query_one("#error").region.height
        assert lines == 3, "the title, the saved views, the hint"
