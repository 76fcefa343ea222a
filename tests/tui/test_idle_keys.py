"""A key that does nothing where it is pressed says so."""

from __future__ import annotations

import pytest

from tests.conftest import MlflowStore
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.widgets.table import Table

pytestmark = pytest.mark.slow

NO_MARKS = "Nothing to mark here"


async def test_idle_keys_say_so_in_every_view(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(160, 40), notifications=True) as pilot:

        async def says(key: str, text: str) -> None:
            console.clear_notifications()
            await pilot.press(key)
            assert await appears(pilot, text), (key, text_of(console))

        async def refuses_marks(table: str) -> None:
            for key in ("space", "v", "V"):
                await says(key, NO_MARKS)
            assert not console.screen.query_one(table, Table).marks

        await settle(pilot)
        for key in ("o", "O"):
            await says(key, "The flat list has nothing to expand")
        await pilot.press("t")
        await settle(pilot)
        await pilot.press("G")
        await says("o", "This is neither a group nor a parent run.")
        await pilot.press("g", "space", "space", "h")
        await refuses_marks("#experiments")
        await pilot.press("l", "enter")
        await settle(pilot)
        await says("space", NO_MARKS)  # in the view of one run
        await pilot.press("escape", "c")
        await settle(pilot)
        await refuses_marks("#comparison")
        await says("z", "There is only one pane.")
        await says("enter", "enter opens it")
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("h")
        await refuses_marks("#models")
        await pilot.press("l", "space")
        assert console.screen.query_one("#versions", Table).marks
        for view in "46":  # both without entries
            await pilot.press(view)
            await settle(pilot)
            await says("space", NO_MARKS)
        await pilot.press("1", "h")
        await settle(pilot)
        await pilot.press("question_mark", *"mark all")
        assert await appears(pilot, f"✗ {NO_MARKS}")


async def test_a_click_before_a_row_marks_nothing_where_marks_mean_nothing(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(160, 40)) as pilot:
        await settle(pilot)
        await pilot.click("#experiments", offset=(1, 3))
        await pilot.click("#runs", offset=(1, 3))
        await pilot.pause()
        assert not console.screen.query_one("#experiments", Table).marks
        assert len(console.screen.query_one("#runs", Table).marks) == 1
