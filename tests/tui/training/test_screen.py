"""Training from the console, on a real store and in a real training process."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Select, Static

from engine.journal import read_journal
from engine.uri import TrackingUri
from tests.tui.support import appears, paste, settle, text_of, until
from tui.app import Console
from tui.compare.screen import CompareScreen
from tui.dialogs.confirm import ConfirmDialog
from tui.run.screen import RunScreen
from tui.runs.screen import RunsScreen
from tui.training.columns_dialog import ColumnsDialog
from tui.training.screen import TrainingScreen
from tui.training.sweep_dialog import SweepDialog
from tui.widgets.controls import Field, TextEditor
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


def in_training(console: Console) -> bool:
    return isinstance(console.screen, TrainingScreen)


async def open_dialog(pilot: Pilot[None], **fields: str) -> None:
    """Open the sweep dialog and fill in `fields`."""
    await pilot.press("4", "n")
    await until(pilot, lambda: isinstance(pilot.app.screen, SweepDialog))
    fill_in(pilot, **fields)
    await pilot.pause()


def fill_in(pilot: Pilot[None], **fields: str) -> None:
    for name, value in fields.items():
        if name == "grid":
            pilot.app.screen.query_one("#grid", TextEditor).text = value
        else:
            pilot.app.screen.query_one(f"#{name}", Field).value = value


def statuses(store: TrackingUri) -> dict[str, int]:
    assert store.sqlite_path is not None
    with sqlite3.connect(store.sqlite_path) as db:
        return dict(db.execute("SELECT status, count(*) FROM runs GROUP BY status"))


async def test_a_sweep_fills_the_leaderboard_and_can_be_compared(store: TrackingUri) -> None:
    console = Console(store)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_dialog(pilot, grid="n_neighbors=3,5 weights=uniform,distance", experiment="mine")
        assert "5 trials: knn and a baseline" in text_of(console)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: in_training(console) and training(console).running)
        await until(pilot, lambda: not training(console).running)
        screen = text_of(console)
        assert "5 of 5" in screen
        assert re.search(r"best 0\.\d+ ± 0\.\d+  baseline 0\.\d+", screen)
        assert "cv accuracy" in screen
        board = console.screen.query_one("#board", Table)
        scores = [trial.metrics["cv_mean"] for trial in training(console).board.ranked()]
        assert scores == sorted(scores, reverse=True)
        assert board.source.row_count == 5
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
        assert "6 of 6" in text_of(console)  # the trials and their parent
    assert statuses(store) == {"FINISHED": 6}
    entry = read_journal(1)[0]
    assert (entry.action, entry.outcome) == ("train", "done")
    assert entry.detail == "5 trials finished"


async def test_cancel_keeps_finished_trials_and_the_rest_can_be_trained_later(store: TrackingUri) -> None:
    console = Console(store)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await open_dialog(pilot, grid="n_neighbors=1,2,3,4,5,6,7,8,9,10 weights=uniform,distance")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: in_training(console) and training(console).board.done > 2)
        await pilot.press("p")
        await until(pilot, lambda: training(console).board.paused)
        assert "paused" in text_of(console)
        await pilot.press("p")
        await until(pilot, lambda: not training(console).board.paused)
        await pilot.press("1", "ctrl+x")
        await until(pilot, lambda: "To stop the running sweep, press 4" in text_of(console))
        assert re.search(r"4 Training \d+/21", text_of(console))
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
        assert 2 < result.finished < 21
        assert " · cancelled · took " in training(console).query_one("#training-title", PaneTitle).facts
        entry = read_journal(1)[0]
        assert (entry.action, entry.outcome, entry.detail) == ("train", "cancelled", result.summary)
        found = statuses(store)
        assert "RUNNING" not in found
        assert found["FINISHED"] >= result.finished
        assert found["KILLED"] >= 1
        await settle(pilot)
        await pilot.press("o")  # trains the rest
        await until(pilot, lambda: training(console).board.resumed == result.finished)
        await until(pilot, lambda: not training(console).running)
        await until(pilot, lambda: "21 of 21" in text_of(console))
        assert training(console).board.trials == 21
    trials = statuses(store)["FINISHED"] - 1  # without the parent
    assert trials == 21


async def test_the_dialog_shows_an_error_beside_its_field_and_starts_nothing(store: TrackingUri) -> None:
    cases = [
        ("grid", {"grid": "n_neighbours=3"}, "n_neighbors"),
        ("grid", {"grid": "n_neighbors=0"}, "n_neighbors"),
        ("estimators", {"grid": "n_neighbors=3", "estimators": "knm"}, "Unknown estimator"),
        ("test", {"estimators": "knn", "test": "1.5"}, "Invalid test size"),
        ("metric", {"test": "0.2", "metric": "beauty"}, "cannot rank"),
        ("target", {"metric": "", "target": "disease"}, "disease"),
        ("data", {"target": "target", "data": "/nowhere/at/all.csv"}, "/nowhere/at/all.csv"),
    ]
    console = Console(store)
    async with console.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await open_dialog(pilot)
        for field, fields, message in cases:
            fill_in(pilot, **fields)
            await pilot.press("ctrl+s")
            await settle(pilot)
            assert isinstance(console.screen, SweepDialog)
            (wrong,) = console.screen.query(".-wrong")
            assert wrong.query(f"#{field}")
            assert message in str(wrong.query_one(".wrong", Static).render())
            assert console.focused is not None
            assert console.focused.id == field
    assert store.sqlite_path is not None
    assert not store.sqlite_path.exists()


CITIES = ("Bern", "Basel", "")
PEOPLE = "".join(
    f"{row},{20 + row % 50 if row % 7 else ''},{CITIES[row % 3]},{row % 4},{('no', 'yes')[row % 2]}\n"
    for row in range(80)
)


async def test_columns_are_shown_and_changed_and_the_sweep_is_kept_in_a_file(
    store: TrackingUri, tmp_path: Path
) -> None:
    (tmp_path / "churn.csv").write_text("id,age,city,plan,churned\n" + PEOPLE)
    saved = tmp_path / "saved.yaml"
    console = Console(store)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await open_dialog(pilot, data=str(tmp_path / "churn.csv"), target="churned")
        await pilot.press("ctrl+t")
        await until(pilot, lambda: isinstance(console.screen, ColumnsDialog))
        assert await appears(pilot, "80 rows")
        screen = text_of(console)
        assert "12 (15%)" in screen  # missing ages
        assert re.search(r"id +number +left out", screen)
        await pilot.press("j", "j", "x", "j", "t", "enter")  # leaves out the city, and the plan is a category
        await until(pilot, lambda: "2 of 4 columns" in text_of(console))
        fill_in(pilot, grid="n_neighbors=3,5", trials="2")
        console.screen.query_one("#search", Select).value = "optuna"
        await pilot.pause()
        console.screen.query_one("#sampler", Select).value = "random"
        await pilot.press("ctrl+o")
        await pilot.pause()
        console.screen.query_one(Field).value = str(saved)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("escape", "colon")
        await settle(pilot)
        await paste(pilot, f"train {saved}")
        await pilot.press("enter")
        await until(pilot, lambda: "2 of 4 columns" in text_of(console))
        assert "3 trials: knn and a baseline" in text_of(console)
    text = saved.read_text()
    assert "plan: category" in text
    assert "sampler: random" in text
    assert "city" in text


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
