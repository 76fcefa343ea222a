"""The models view: models, versions, source runs and tests."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engine.entities import RegisteredModel
from engine.uri import TrackingUri, resolve
from tests.conftest import MlflowServer, MlflowStore
from tests.hostile.payloads import PAYLOADS
from tests.tui.models.support import MODEL, SIZE, go_to, open_models, open_promotion
from tests.tui.support import settle, text_of
from tui.app import Console
from tui.models.sources import model_source
from tui.run.screen import RunScreen
from tui.widgets.scroll_pane import ScrollPane
from tui.widgets.table import Table


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_models_are_listed_with_their_production_version(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await open_models(pilot)
        table = view.query_one("#models", Table)
        rows = {
            table.source.row_key(row): [table.source.cell(row, column) for column in range(3)]
            for row in range(table.source.row_count)
        }
        assert rows[MODEL] == [MODEL, "3", "2"]
        assert rows["unused"] == ["unused", "0", "–"]
        assert set(rows) == {MODEL, "unused", 'it\'s "quoted"'}


async def test_versions_show_stage_aliases_and_the_source_run_s_metrics(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 2)
        screen = text_of(console)
        assert "● Production" in screen
        assert "○ Archived" in screen
        assert "@champion" in screen
        assert "@challenger @fresh" in screen
        assert "0.8000" in screen
        assert "trial-10" in screen
        assert "From trial-10" in screen
        assert mlflow_store.runs["trial-10"] in screen


async def test_selecting_a_model_shows_its_versions(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 2)
        view.query_one("#models", Table).focus()
        view.query_one("#models", Table).move_to("unused")
        await settle(pilot)
        assert view.model == "unused"
        assert "No versions yet" in text_of(console)
        await pilot.press("P")
        await settle(pilot)
        assert console.screen is view
        assert "No version selected." in text_of(console)


async def test_a_deleted_or_missing_source_run_is_marked(mlflow_store_copy: MlflowStore) -> None:
    runs = mlflow_store_copy.runs
    with sqlite3.connect(mlflow_store_copy.path) as db:
        db.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", (runs["trial-10"],))
        db.execute("UPDATE model_versions SET run_id = ? WHERE version = 3", ("0" * 32,))
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 2)
        assert "✗ deleted trial-10" in text_of(console)
        view.show_model(MODEL, 3)
        await settle(pilot)
        assert "✗ run missing" in text_of(console)
        await pilot.press("d")
        await settle(pilot)
        assert console.screen is view
        assert "The source run of this version no longer exists." in text_of(console)


async def test_d_opens_the_source_run(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 2)
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(console.screen, RunScreen)
        assert "trial-10" in text_of(console)
        await pilot.press("q")
        await settle(pilot)
        assert console.screen is view


async def test_a_refresh_keeps_the_cursor(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await go_to(pilot, 1)
        await pilot.press("r")
        await settle(pilot)
        assert view.model == MODEL
        assert view.version is not None
        assert view.version.version == 1


async def test_a_missing_store_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    console = Console(resolve(None, {}))
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        view = await open_models(pilot)
        assert "mlflow-console demo" in text_of(console)
        await pilot.press("P", "T", "d")
        await settle(pilot)
        assert console.screen is view
    assert files_in(tmp_path) == []


async def test_a_store_without_models_says_what_to_do(mlflow_store_copy: MlflowStore) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as db:
        for table in ("registered_model_aliases", "registered_model_tags", "model_version_tags"):
            db.execute(f"DELETE FROM {table}")
        db.execute("DELETE FROM model_versions")
        db.execute("DELETE FROM registered_models")
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await open_models(pilot)
        screen = text_of(console)
        assert "No registered models yet" in screen
        assert "mlflow-console demo" in screen


async def test_hostile_names_are_shown_as_plain_text(hostile_store: str) -> None:
    console = Console(TrackingUri(hostile_store))
    async with console.run_test(size=(200, 60), notifications=True) as pilot:
        view = await open_models(pilot)
        assert len(view.models) == len(PAYLOADS)
        for model in view.models:
            view.show_model(model.name)
            await settle(pilot)
            assert view.model == model.name
            if view.version is None:  # a name that MLflow cannot look up
                assert "PWN12" in model.name
                continue
            await open_promotion(pilot)
            await pilot.press("right")
            await settle(pilot)
            shown = text_of(console)
            assert all(raw not in shown for p in PAYLOADS if p.name != "newline" for raw in p.raw)
            await pilot.press("escape")
            await settle(pilot)
            assert console.screen is view


async def test_a_server_shows_the_same_models(mlflow_server: MlflowServer) -> None:
    console = Console(mlflow_server.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await go_to(pilot, 2)
        screen = text_of(console)
        assert "● Production" in screen
        assert "@champion" in screen
        assert "0.8000" in screen


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (200, 60)])
async def test_stage_and_buttons_are_visible_at_every_size(
    mlflow_store: MlflowStore, size: tuple[int, int]
) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=size, notifications=True) as pilot:
        await go_to(pilot, 3)
        assert "● Production" in text_of(console)
        await open_promotion(pilot)
        screen = text_of(console)
        assert "will change" in screen
        assert "[● Production]" in screen
        assert "  Cancel      Promote  " in screen
        assert "version 2 ● Production → ○ Archived" in screen


async def test_details_of_a_version_scroll_like_any_text(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking, read_only=True)
    async with console.run_test(size=(60, 16), notifications=True) as pilot:
        view = await go_to(pilot, 1)
        pane = view.query_one("#detail-pane", ScrollPane)
        pane.focus()
        for keys, top in ((("j", "j", "k"), 1), (("G",), pane.max_scroll_y), (("g",), 0), (("ctrl+d",), 2)):
            await pilot.press(*keys)
            assert pane.scroll_offset.y == top, keys
        await pilot.press("g")
        for _ in range(3):  # as the keys of one packet
            pane.action_scroll_lines(1)
        assert pane.scroll_offset.y == 3
        await pilot.press("?")
        await pilot.pause()
        await pilot.press(*"scroll")
        assert "Scroll down half a page" in text_of(console)


def test_a_narrow_table_of_models_leaves_its_room_to_the_names() -> None:
    models = [RegisteredModel("heart_disease_classifier", aliases={"champion": 2})]
    narrow, wide = model_source(models, {}, 28, {}, 0), model_source(models, {}, 44, {}, 0)
    assert [(column.key, column.width) for column in narrow.columns] == [("name", 24)]
    assert [column.key for column in wide.columns][:4] == ["name", "versions", "production", "staging"]
    assert wide.cell(0, 0) == "heart_disease_classifier"
