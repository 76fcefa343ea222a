"""The lineage of a version, walked with enter, `-`, `[` and `]`, and repaired."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from engine.api import Engine
from tests.conftest import MlflowStore
from tests.tui.models.support import MODEL, go_to
from tests.tui.support import paste, settle, text_of
from tui.app import Console
from tui.artifacts.screen import ArtifactsScreen
from tui.lineage.screen import LineageScreen
from tui.run.screen import RunScreen
from tui.widgets.table import Table


async def test_the_lineage_is_walked_there_and_back(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(80, 24), notifications=True) as pilot:

        async def press(*keys: str) -> str:
            await pilot.press(*keys)
            await settle(pilot)
            return text_of(console)

        await go_to(pilot, 1)
        assert "classifier version 1" in await press("f")
        screen = console.screen
        assert isinstance(screen, LineageScreen)
        assert "version › logged model model" in await press("enter")
        assert "version › logged model › run special" in await press("enter")
        assert "experiment heart" in await press("enter")
        menu = await press("Y")
        assert "Copy from experiment heart" in menu
        assert mlflow_store.heart in menu
        await press("escape", "-")
        offered = await press("w")
        assert "the whole lineage of classifier version 1, to its datasets" in offered
        assert "the links of the 3 stations walked" in offered
        await paste(pilot, str(tmp_path / "links.csv"))
        assert "Wrote" in await press("enter")
        head, *rows = (tmp_path / "links.csv").read_text().splitlines()
        assert head.startswith("station,kind,link,leads_to,key,state")
        assert rows[0].startswith(f"run special,run,experiment,heart,{mlflow_store.heart},found")
        assert "models:/classifier/1" in await press("-", "-", "Y")
        await press("escape", "enter", "enter")
        screen.query_one("#links", Table).move_to("1")
        first = await press("enter")
        assert "› run › dataset" in first
        assert await press("]") != first, "the next dataset of the run"
        assert screen.query_one("#links", Table).cursor_key == "0"
        assert "This is the last one." in await press("]")
        assert "version › logged model › run special" in await press("-")
        assert screen.query_one("#links", Table).cursor_key == "2", "the link to the dataset last shown"
        await press("d")
        assert isinstance(console.screen, RunScreen)
        await press("-")
        assert console.screen is screen
        await press("-", "-")
        assert "classifier version 1" in text_of(console)
        assert "This is where the walk began" in await press("-")
        assert "classifier version 2" in await press("]")
        await press("[")
        screen.query_one("#links", Table).move_to("2")
        await press("enter")
        assert isinstance(console.screen, ArtifactsScreen)
        await press("-")
        assert console.screen is screen


async def test_a_missing_link_is_shown_and_a_deleted_run_restored(mlflow_store_copy: MlflowStore) -> None:
    special = mlflow_store_copy.runs["special"]
    with sqlite3.connect(mlflow_store_copy.path) as db:
        db.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", (special,))
        db.execute("UPDATE model_versions SET run_id = '' WHERE version = 1 AND name = ?", (MODEL,))
        db.execute("UPDATE model_versions SET run_id = ? WHERE version = 3", ("0" * 32,))
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=(140, 40), notifications=True) as pilot:

        async def press(*keys: str) -> str:
            await pilot.press(*keys)
            await settle(pilot)
            return text_of(console)

        await go_to(pilot, 3)
        assert "✗ missing" in await press("f")
        assert "deleted permanently: MLflow has no such run" in text_of(console)
        screen = console.screen
        assert isinstance(screen, LineageScreen)
        assert "MLflow cannot bring this back." in await press("e")
        await press("[", "[")
        screen.query_one("#links", Table).move_to("1")
        await settle(pilot)
        assert "the run is deleted; e restores it" in text_of(console)
        assert "Restore the run?" in await press("e")
        assert "1 run restored" in await press("right", "enter")
        assert "named by the logged model, not by the version; e tags the version with it" in text_of(console)
        assert "MLflow cannot change the run of a version." in await press("e")
        await press("right", "enter")
        assert "named by the tag source_run_id" in text_of(console)
        with Engine(mlflow_store_copy.tracking) as engine:
            tags = engine.models.versions(MODEL)[-1].tags
            assert tags["source_run_id"] == special
            assert [entry.action for entry in engine.journal.entries()] == ["edit", "restore"]
