"""Experiments are created, deleted and restored in the runs view, and that is undone in Activity."""

from __future__ import annotations

from textual.widgets import Input

from engine.api import Engine
from tests.conftest import MlflowStore
from tests.tui.support import settle, text_of
from tui.app import Console
from tui.editing.experiments import NewExperimentDialog
from tui.runs.screen import RunsScreen
from tui.widgets.controls import TextButton, TextEditor


async def test_an_experiment_is_created_deleted_and_restored(mlflow_store_copy: MlflowStore) -> None:
    console = Console(mlflow_store_copy.tracking)
    with Engine(mlflow_store_copy.tracking) as engine:
        async with console.run_test(size=(140, 40), notifications=True) as pilot:

            async def press(*keys: str) -> str:
                await pilot.press(*keys)
                await settle(pilot)
                return text_of(console)

            def names() -> set[str]:
                return {experiment.name for experiment in engine.runs.experiments()}

            await settle(pilot)
            runs = console.screen
            assert isinstance(runs, RunsScreen)
            await press("n")
            dialog = console.screen
            assert isinstance(dialog, NewExperimentDialog)
            dialog.query_one("#name", Input).value = "heart"
            dialog.query_one("#submit", TextButton).action_press()
            await settle(pilot)
            assert "exists" in text_of(console)
            dialog.query_one("#name", Input).value = "heart-2026"
            dialog.query_one("#tags", TextEditor).text = "team=cardiology"
            dialog.query_one("#submit", TextButton).action_press()
            await settle(pilot)
            assert "Create experiment heart-2026?" in text_of(console)
            assert "team = cardiology" in text_of(console)
            assert "heart-2026" not in names()
            assert "Created experiment heart-2026; u in Activity (6) undoes" in await press("right", "enter")
            assert "RUNS  heart-2026" in text_of(console)
            assert "No runs yet" in text_of(console)

            runs.experiments.table.focus()
            runs.experiments.table.move_to(mlflow_store_copy.heart)
            await settle(pilot)
            deleting = await press("D")
            assert "Delete experiment heart?" in deleting
            assert "26 runs deleted with it" in deleting or "27 runs deleted with it" in deleting
            await press("enter")  # Cancel has the focus
            assert "heart" in names()
            await press("D")
            assert "Deleted experiment heart" in await press("right", "enter")
            assert "heart" not in names()

            assert "heart  (" in await press("U")
            restoring = await press(*"heart", "enter")
            assert "Restore experiment heart?" in restoring
            assert "MLflow restores all, the console" in restoring
            assert "Restored experiment heart" in await press("right", "enter")
            assert "heart" in names()
            assert "trial-0" in text_of(console)

            await press("6")
            assert "Delete experiment heart?" in await press("u")
            await press("right", "enter")
            assert "heart" not in names()
            assert [entry.action for entry in engine.journal.entries()][:2] == [
                "experiment delete",
                "experiment restore",
            ]
