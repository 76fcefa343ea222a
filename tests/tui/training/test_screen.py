"""Training from the console, on a real store and in a real training process."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.journal import read_journal
from engine.uri import TrackingUri
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.compare.screen import CompareScreen
from tui.dialogs.confirm import ConfirmDialog
from tui.run.screen import RunScreen
from tui.runs.screen import RunsScreen
from tui.training.screen import TrainingScreen
from tui.training.sweep_dialog import SweepDialog
from tui.widgets.controls import Field
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.table import Table

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_children")]

SIZE = (140, 40)
PATIENCE = 3000
"""Pauses of 20 ms."""


@pytest.fixture
def store(tmp_path: Path) -> TrackingUri:
    return TrackingUri(f"sqlite:///{tmp_path / 'mlflow.db'}")


def training(console: Console) -> TrainingScreen:
    assert isinstance(console.view, TrainingScreen)
    return console.view


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    for _ in range(PATIENCE):
        if condition():
            return
        await pilot.pause(0.02)
    pytest.fail(f"timed out; on screen:\n{text_of(pilot.app)}")  # type: ignore[arg-type]


def in_training(console: Console) -> bool:
    return isinstance(console.screen, TrainingScreen)


async def open_dialog(pilot: Pilot[None], **fields: str) -> None:
    """Open the sweep dialog and fill in `fields`."""
    await pilot.press("4", "n")
    await until(pilot, lambda: isinstance(pilot.app.screen, SweepDialog))
    for name, value in fields.items():
        pilot.app.screen.query_one(f"#{name}", Field).value = value
    await pilot.pause()


def statuses(store: TrackingUri) -> dict[str, int]:
    assert store.sqlite_path is not None
    with sqlite3.connect(store.sqlite_path) as db:
        return dict(db.execute("SELECT status, count(*) FROM runs GROUP BY status"))


async def test_a_recipe_that_is_cut_ends_in_an_ellipsis(store: TrackingUri) -> None:
    console = Console(store)
    async with console.run_test(size=(60, 16)) as pilot:
        await settle(pilot)
        await open_dialog(pilot)
        assert await appears(pilot, "leak-free: fit the scaler on the… ▼")


async def test_a_sweep_fills_the_leaderboard_and_can_be_compared(store: TrackingUri) -> None:
    console = Console(store)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_dialog(pilot, grid="n_neighbors=3,5 weights=uniform,distance", experiment="mine")
        assert "4 trials" in text_of(console)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: in_training(console) and training(console).running)
        await until(pilot, lambda: not training(console).running)
        screen = text_of(console)
        assert "4 of 4" in screen
        assert "accuracy" in screen
        board = console.screen.query_one("#board", Table)
        accuracies = [trial.metrics["accuracy"] for trial in training(console).board.ranked()]
        assert accuracies == sorted(accuracies, reverse=True)
        assert board.source.row_count == 4
        await pilot.press("space", "space", "c")
        await settle(pilot)
        assert isinstance(console.screen, CompareScreen)
        await pilot.press("4", "enter")
        await settle(pilot)
        assert isinstance(console.screen, RunScreen)
        assert "no disease" in text_of(console)
        await pilot.press("1")
        await settle(pilot)
        await pilot.press("r")
        await settle(pilot)
        assert isinstance(console.screen, RunsScreen)
        assert "5 of 5" in text_of(console)  # the trials and their parent
    assert statuses(store) == {"FINISHED": 5}
    entry = read_journal(1)[0]
    assert (entry.action, entry.outcome) == ("train", "done")
    assert entry.detail == "4 trials finished"


async def test_cancel_keeps_finished_trials_and_kills_the_rest(store: TrackingUri) -> None:
    console = Console(store)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await open_dialog(pilot)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: in_training(console) and training(console).board.done > 2)
        await pilot.press("1", "ctrl+x")
        await until(pilot, lambda: "To stop the running sweep, press 4" in text_of(console))
        assert re.search(r"4 Training \d+/60", text_of(console))
        await pilot.press("q")  # other views stay usable, and q asks for confirmation
        await until(pilot, lambda: isinstance(console.screen, ConfirmDialog))
        await pilot.press("enter")  # Cancel is the default
        await until(pilot, lambda: isinstance(console.screen, RunsScreen))
        await pilot.press("4")
        await pilot.press("ctrl+x")
        await until(pilot, lambda: not training(console).running)
        result = training(console).result
        assert result is not None
        assert result.cancelled
        assert 2 < result.finished < 60
        assert " · cancelled · took " in training(console).query_one("#training-title", PaneTitle).facts
    entry = read_journal(1)[0]
    assert (entry.action, entry.outcome, entry.detail) == ("train", "cancelled", result.summary)
    found = statuses(store)
    assert "RUNNING" not in found
    assert found["FINISHED"] >= result.finished
    assert found["KILLED"] >= 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"grid": "n_neighbours=3"}, "n_neighbors"),
        ({"grid": "n_neighbors=0"}, "n_neighbors"),
        ({"target": "disease"}, "disease"),
        ({"data": "/nowhere/at/all.csv"}, "/nowhere/at/all.csv"),
    ],
)
async def test_the_dialog_reports_an_invalid_sweep(
    store: TrackingUri, fields: dict[str, str], message: str
) -> None:
    console = Console(store)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_dialog(pilot, **fields)
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert isinstance(console.screen, SweepDialog)
        assert message in str(console.screen.query_one("#message").render())
    assert store.sqlite_path is not None
    assert not store.sqlite_path.exists()


async def test_read_only_refuses_a_new_sweep(store: TrackingUri) -> None:
    console = Console(store, read_only=True)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("4", "n")
        assert await appears(pilot, "--read-only")
        assert isinstance(console.screen, TrainingScreen)


async def test_the_experiment_is_suggested_from_the_dataset_until_it_is_entered(store: TrackingUri) -> None:
    console = Console(store)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_dialog(pilot, data="/data/churn.csv")
        field = console.screen.query_one("#experiment", Field)
        assert field.value == "churn"
        field.value = "mine"
        console.screen.query_one("#data", Field).value = "/data/other.csv"
        await pilot.pause()
        assert field.value == "mine"
