"""One walk through all views, for the everyday loop; the tests of each view are in its folder."""

from __future__ import annotations

from tests.conftest import MlflowStore
from tests.tui.support import appears, paste, settle, text_of
from tui.app import Console


async def test_every_view_opens_and_shows_what_it_is_for(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(140, 40)) as pilot:

        async def shows(*keys: str, text: str) -> None:
            await pilot.press(*keys)
            await settle(pilot)
            assert await appears(pilot, text), text_of(console)

        await shows(text="27 of 27")
        await pilot.press("slash")
        await paste(pilot, "weights = uniform")
        await shows("enter", text="12 of 27")
        await shows("space", "space", "c", text="baseline")
        await shows("1", "enter", text="DATASETS AND MODELS")
        await shows("q", "colon", *"sort accuracy", "enter", text="accuracy ↓")
        await shows("3", text="classifier")
        await shows("P", text="Cancel")
        await shows("escape", "4", text="No sweep yet")
        await shows("5", text="Nothing is deployed yet")
        await shows("6", text="No journal entries yet")
        await shows("question_mark", text="Keys")
