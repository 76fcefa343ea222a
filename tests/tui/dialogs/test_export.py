"""`w` in every view with a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import MlflowStore
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.dialogs.export import ExportDialog
from tui.run.screen import KnownRun, RunScreen
from tui.widgets.controls import Field


async def test_each_view_exports_its_table(
    mlflow_store: MlflowStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(120, 34), notifications=True) as pilot:

        async def written(name: str, *keys: str) -> None:
            assert isinstance(console.screen, ExportDialog)
            await pilot.press(*keys)
            console.screen.query_one(Field).value = name
            await pilot.press("enter")
            assert await appears(pilot, f"to {name}"), text_of(console)

        await settle(pilot)
        await pilot.press("w")
        await settle(pilot)
        assert "27 shown runs, all columns" in text_of(console)
        await pilot.press("a", "full_stop")
        assert console.screen.query_one(Field).value == "a.", "typing replaces the suggestion"
        await written("runs.json")
        assert len(json.loads(Path("runs.json").read_text())) == 27
        await pilot.press("w", "enter")
        await settle(pilot)
        await pilot.press("w")
        await settle(pilot)
        await written("shown.md", "down")
        assert Path("shown.md").read_text().startswith("| run_id | run_name | status |")

        await console.push_screen(RunScreen(KnownRun(mlflow_store.runs["special"])))
        await settle(pilot)
        await pilot.press("w")
        await settle(pilot)
        await written("special.csv")
        assert "metric,nan,NaN\n" in Path("special.csv").read_text()
        await pilot.press("w")
        await settle(pilot)
        await written("history.csv", "down")
        loss = [line for line in Path("history.csv").read_text().splitlines() if line.startswith("loss,")]
        assert len(loss) == 6
        await pilot.press("escape", "3")
        await settle(pilot)
        await pilot.press("w")
        await settle(pilot)
        await written("versions.csv")
        versions = Path("versions.csv").read_text().splitlines()
        assert versions[0].startswith(
            "model,version,stage,request,aliases,status,created,last_updated,user,run_name"
        )
        assert len(versions) == 4
        await pilot.press("6")
        await settle(pilot)
        await pilot.press("w")
        assert await appears(pilot, "There is nothing to export yet")


async def test_an_existing_file_is_replaced_only_when_enter_is_pressed_twice(
    mlflow_store: MlflowStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    console = Console(mlflow_store.tracking)
    path = Path("mine.csv")
    path.write_text("mine")
    async with console.run_test(size=(120, 34), notifications=True) as pilot:
        await settle(pilot)
        await console.run_line(f"export {path}")
        await settle(pilot)
        await pilot.press("enter")
        assert await appears(pilot, "press enter again to replace it")
        assert path.read_text() == "mine"
        console.screen.query_one(Field).value = "runs.xlsx"
        await pilot.press("enter")
        assert await appears(pilot, "Tables are written to .csv")
        console.screen.query_one(Field).value = str(path)
        await pilot.press("enter", "enter")
        assert await appears(pilot, "Wrote 27 runs")
        assert path.read_text().startswith("run_id,experiment_id")
