"""Deleting versions and models: nothing is deleted before its name is typed."""

from __future__ import annotations

from textual.widgets import Input

from engine.api import Engine
from tests.conftest import MlflowStore
from tests.tui.models.support import MODEL, SIZE, go_to
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.models.removal import RemovalDialog
from tui.widgets.controls import TextButton


async def test_a_version_and_a_model_are_deleted_once_their_names_are_typed(
    mlflow_store_copy: MlflowStore,
) -> None:
    console = Console(mlflow_store_copy.tracking)
    with Engine(mlflow_store_copy.tracking) as engine:
        async with console.run_test(size=SIZE, notifications=True) as pilot:
            view = await go_to(pilot, 2)
            await pilot.press("D")
            await settle(pilot)
            dialog = console.screen
            assert isinstance(dialog, RemovalDialog)
            assert "Version 2 is in Production and @champion." in text_of(console)
            await pilot.press("enter")  # Cancel has the focus
            await settle(pilot)
            assert console.screen is view

            await pilot.press("D")
            await settle(pilot)
            dialog = console.screen
            assert isinstance(dialog, RemovalDialog)
            dialog.query_one("#submit", TextButton).action_press()
            assert await appears(pilot, f"Type {MODEL}/2 to confirm.")
            assert engine.journal.entries() == ()
            dialog.query_one("#confirm", Input).value = f"{MODEL}/2"
            dialog.query_one("#submit", TextButton).action_press()
            await settle(pilot)
            assert await appears(pilot, f"Deleted {MODEL}/2")
            assert [version.version for version in engine.models.versions(MODEL)] == [3, 1]

            await pilot.press("h", "D")
            await settle(pilot)
            dialog = console.screen
            assert isinstance(dialog, RemovalDialog)
            assert "2 versions, the description and all tags." in text_of(console)
            dialog.query_one("#confirm", Input).value = MODEL
            dialog.query_one("#submit", TextButton).action_press()
            await settle(pilot)
            assert await appears(pilot, f"Deleted {MODEL}")
            await settle(pilot)
            assert MODEL not in [model.name for model in engine.models.registered()]
            assert view.model == 'it\'s "quoted"'
