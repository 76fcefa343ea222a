"""Registering the model of a run from the views."""

from __future__ import annotations

from textual.pilot import Pilot
from textual.widgets import Input, Select

from engine.api import Engine
from tests.conftest import MlflowStore
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.dialogs.confirm import ConfirmDialog
from tui.models.promote_dialog import PromoteDialog
from tui.models.screen import ModelsScreen
from tui.registration import RegisterDialog
from tui.run.screen import KnownRun, RunScreen
from tui.runs.screen import RunsScreen
from tui.widgets.controls import TextButton, TextEditor

SIZE = (140, 40)


async def registration(pilot: Pilot[None]) -> RegisterDialog:
    await pilot.press("N")
    await settle(pilot)
    assert isinstance(pilot.app.screen, RegisterDialog)
    return pilot.app.screen


async def test_a_run_is_registered_shown_in_models_and_taken_back_in_activity(
    mlflow_store_copy: MlflowStore,
) -> None:
    console = Console(mlflow_store_copy.tracking)
    with Engine(mlflow_store_copy.tracking) as engine:
        async with console.run_test(size=SIZE, notifications=True) as pilot:
            await settle(pilot)
            view = console.screen
            assert isinstance(view, RunsScreen)
            view.pane.table.move_to(mlflow_store_copy.runs["trial-10"])
            await pilot.press("N")
            assert await appears(pilot, "Run trial-10 logged no model")
            view.pane.table.move_to(mlflow_store_copy.runs["special"])
            dialog = await registration(pilot)
            assert dialog.query_one("#description", TextEditor).text.startswith("Run special.")
            assert dialog.query_one("#model", Select).value == "classifier"
            submit = dialog.query_one("#submit", TextButton)
            dialog.query_one("#name", Input).value = "pumps/2"
            submit.action_press()
            assert await appears(pilot, "Choose “a new model, named below” to use the new name")
            dialog.query_one("#model", Select).value = ""
            submit.action_press()
            assert await appears(pilot, "'pumps/2' cannot be the name of a model")
            dialog.query_one("#name", Input).value = "pumps"
            dialog.query_one("#description", TextEditor).text = "for the\npumps"
            submit.action_press()
            await settle(pilot)
            assert isinstance(console.screen, ConfirmDialog)
            assert "model pumps (new), probably version 1" in text_of(console)
            await pilot.press("enter")  # Cancel has the focus
            await settle(pilot)
            assert engine.journal.entries() == ()
            dialog.query_one("#afterwards", Select).value = "promote"
            submit.action_press()
            await settle(pilot)
            await pilot.press("right", "enter")
            await settle(pilot)
            assert isinstance(console.screen, PromoteDialog), text_of(console)
            await pilot.press("escape")
            await settle(pilot)
            models = console.screen
            assert isinstance(models, ModelsScreen)
            assert models.version is not None
            assert (models.version.name, models.version.description) == ("pumps", "for the\npumps")

            await pilot.press("6")
            await settle(pilot)
            await pilot.press("u")
            assert await appears(pilot, "Removes version 1 of pumps")
            await pilot.press("right", "enter")
            await settle(pilot)
            assert await appears(pilot, "Removed version 1, model pumps")
            assert "pumps" not in [model.name for model in engine.models.registered()]


async def test_a_further_version_is_under_the_cursor_although_models_was_read_before(
    mlflow_store_copy: MlflowStore,
) -> None:
    mlflow_store_copy.refuse_run_tags()
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("h", "j", "d")  # another model's version; its run stays open in this view
        await settle(pilot)
        await pilot.press("1")
        await console.push_screen(RunScreen(KnownRun(mlflow_store_copy.runs["special"])))
        await settle(pilot)
        dialog = await registration(pilot)
        dialog.query_one("#submit", TextButton).action_press()
        await settle(pilot)
        assert "This run is registered already, as version 1" in text_of(console)
        await pilot.press("right", "enter")
        assert await appears(pilot, "The source run could not be tagged")
        await pilot.press("enter")
        assert await appears(pilot, "Registered classifier version")
        await settle(pilot)
        models = console.screen
        assert isinstance(models, ModelsScreen)
        assert models.version is not None
        assert (models.version.name, models.version.run_id) == (
            "classifier",
            mlflow_store_copy.runs["special"],
        )
        assert models.version.version > 3
