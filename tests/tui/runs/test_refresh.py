"""The runs view while the store changes."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from engine import formats
from engine.api import Engine
from engine.columns import ColumnKey
from engine.runs.frame import RunFrame
from engine.runs.sorting import SortKey
from engine.runs.view import RunView
from engine.uri import resolve
from tests.conftest import MlflowStore
from tests.support.runs import a_run
from tests.tui.support import appears, settle, text_of, title_facts
from tui.app import Console
from tui.bridge import Bridge
from tui.run.screen import RunScreen
from tui.runs.pane import RunPane
from tui.runs.screen import RunsScreen
from tui.runs.session import RunSession, SessionChange
from tui.state import ExperimentState
from tui.tasks import Tasks

SIZE = (140, 40)

Act = Callable[[Pilot[None], Console], Awaitable[None]]


def change(store: MlflowStore, statement: str, *values: object) -> None:
    with sqlite3.connect(store.path) as database:
        database.execute(statement, values)
    database.close()


def view_of(console: Console) -> RunsScreen:
    assert isinstance(console.view, RunsScreen)
    return console.view


async def tick(pilot: Pilot[None], console: Console) -> None:
    """Refresh, as the timer does."""
    view_of(console).tick()
    await settle(pilot)


async def press_r(pilot: Pilot[None], _: Console) -> None:
    await pilot.press("r")
    await settle(pilot)


@pytest.fixture
def console(mlflow_store_copy: MlflowStore) -> Console:
    return Console(mlflow_store_copy.tracking, refresh_seconds=3600)


async def test_a_replaced_store_file_is_read_again(
    mlflow_store_copy: MlflowStore, console: Console, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    shutil.copyfile(mlflow_store_copy.path, backup)
    with sqlite3.connect(backup) as database:
        database.execute("UPDATE runs SET lifecycle_stage = 'deleted' WHERE name LIKE 'trial-1%'")
    database.close()
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "27 of 27" in text_of(console)
        os.replace(backup, mlflow_store_copy.path)
        await tick(pilot, console)
        assert await appears(pilot, "17 of 17")


async def test_deleted_runs_lose_their_marks(mlflow_store_copy: MlflowStore, console: Console) -> None:
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for name in ("trial-10", "trial-11", "trial-12"):
            view_of(console).pane.table.move_to(mlflow_store_copy.runs[name])
            await pilot.press("space")
        await settle(pilot)
        assert "3 marked" in text_of(console)
        change(mlflow_store_copy, "UPDATE runs SET lifecycle_stage = 'deleted' WHERE name LIKE 'trial-1_'")
        await press_r(pilot, console)
        assert "17 of 17" in text_of(console)
        assert "marked" not in text_of(console)


async def test_another_experiment_with_the_same_id_is_not_mistaken_for_the_current_one(
    mlflow_store_copy: MlflowStore, console: Console
) -> None:
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        change(
            mlflow_store_copy,
            "UPDATE experiments SET name = 'other', creation_time = creation_time + 5 WHERE name = 'heart'",
        )
        await tick(pilot, console)
        assert await appears(pilot, "Experiment heart no longer exists")
        assert "27 of 27" in title_facts(console)
        await pilot.press("r")
        await settle(pilot)
        assert await appears(pilot, "RUNS  other")
        assert "no longer exists" in text_of(console)


@pytest.mark.parametrize("refresh", [tick, press_r])
@pytest.mark.parametrize(
    ("before", "after", "expected"), [("heart", "cardio", "RUNS  cardio"), ("empty", "void", "void")]
)
async def test_a_renamed_experiment_shows_its_new_name(
    mlflow_store_copy: MlflowStore, console: Console, refresh: Act, before: str, after: str, expected: str
) -> None:
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        change(mlflow_store_copy, "UPDATE experiments SET name = ? WHERE name = ?", after, before)
        await refresh(pilot, console)
        assert expected in text_of(console)


async def test_a_deleted_experiment_is_reported_and_its_runs_stay(
    mlflow_store_copy: MlflowStore, console: Console
) -> None:
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        change(mlflow_store_copy, "UPDATE experiments SET lifecycle_stage = 'deleted' WHERE name = 'heart'")
        await tick(pilot, console)
        assert await appears(pilot, "Experiment heart no longer exists")
        assert "27 of 27" in title_facts(console)


async def test_runs_refresh_behind_a_dialog(mlflow_store_copy: MlflowStore, console: Console) -> None:
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("question_mark")
        await settle(pilot)
        change(
            mlflow_store_copy,
            "UPDATE runs SET end_time = end_time + 1000000000, status = 'FAILED' WHERE name = 'trial-10'",
        )
        await tick(pilot, console)
        await pilot.press("escape")
        frame = view_of(console).runs.frame
        assert frame is not None
        row = frame.row_of(mlflow_store_copy.runs["trial-10"])
        assert row is not None
        assert frame.run(row).status == "FAILED"


async def test_every_view_is_up_to_date_when_it_comes_back(
    mlflow_store_copy: MlflowStore, console: Console
) -> None:
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        view = view_of(console)
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("1", "enter")
        await settle(pilot)
        assert isinstance(console.view, RunScreen)
        change(
            mlflow_store_copy,
            "UPDATE runs SET end_time = end_time + 1000000000, status = 'KILLED' WHERE name = 'trial-10'",
        )
        change(mlflow_store_copy, "UPDATE runs SET lifecycle_stage = 'deleted' WHERE name = 'trial-12'")
        change(mlflow_store_copy, "UPDATE model_versions SET current_stage = 'Staging' WHERE version = 3")
        await pilot.press("escape")
        await settle(pilot)
        assert "killed" in text_of(console)
        assert {e.name: e.run_count for e in view.experiments.experiments}["heart"] == 26
        await pilot.press("3")
        await settle(pilot)
        assert "Staging" in text_of(console)


async def test_the_age_of_the_data_is_never_understated(
    mlflow_store_copy: MlflowStore, console: Console
) -> None:
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        view = view_of(console)
        assert view.data_age() == "≤ 3600 s old"
        assert view.read_at is not None
        view.read_at -= 3600 * 1000
        assert view.data_age() == f"read {formats.clock(view.read_at)}"


async def test_an_open_unfinished_run_is_refreshed_until_it_ends(
    mlflow_store_copy: MlflowStore, console: Console
) -> None:
    run_id = mlflow_store_copy.runs["trial-10"]
    change(mlflow_store_copy, "UPDATE runs SET status = 'RUNNING', end_time = NULL WHERE name = 'trial-10'")
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        view_of(console).pane.table.move_to(run_id)
        await pilot.press("enter")
        await settle(pilot)
        assert "running" in text_of(console)
        assert console.view.data_age() == "≤ 3600 s old"
        change(
            mlflow_store_copy, "UPDATE runs SET status = 'FAILED', end_time = 9e12 WHERE name = 'trial-10'"
        )
        console.view.tick()
        await settle(pilot)
        assert "failed" in text_of(console)
        assert console.view.data_age().startswith("read ")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [((), "27 of 27"), (("3",), "VERSIONS"), (("V", "c"), "METRICS")],
    ids=["runs", "models", "compare"],
)
async def test_an_error_page_recovers_by_itself(
    mlflow_store_copy: MlflowStore,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    keys: tuple[str, ...],
    expected: str,
) -> None:
    monkeypatch.setattr("tui.screen.RETRY_SECONDS", 0.05)
    aside = mlflow_store_copy.path.with_suffix(".aside")
    if not keys:
        os.replace(mlflow_store_copy.path, aside)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        if keys:
            os.replace(mlflow_store_copy.path, aside)
            await pilot.press(*keys)
        assert await appears(pilot, "MLflow store not found")
        os.replace(aside, mlflow_store_copy.path)
        assert await appears(pilot, expected)


async def test_a_run_opens_with_what_its_row_holds_and_the_rest_follows(
    mlflow_store_copy: MlflowStore, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.screen.RETRY_SECONDS", 0.05)
    aside = mlflow_store_copy.path.with_suffix(".aside")
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        view_of(console).pane.table.move_to(mlflow_store_copy.runs["trial-10"])
        os.replace(mlflow_store_copy.path, aside)
        await pilot.press("enter")
        assert await appears(pilot, "not read")
        screen = text_of(console)
        assert "RUN  trial-10" in screen
        assert "n_neighbors" in screen
        assert screen.count("no answer since") == 1
        assert "✓ finished · 1.5s" in screen, "not the error"
        os.replace(aside, mlflow_store_copy.path)
        assert await appears(pilot, "no datasets or models logged")
        assert "no answer since" not in text_of(console)


async def test_brackets_step_through_the_runs_of_the_list(
    mlflow_store: MlflowStore,
) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        view = view_of(console)
        keys = [view.pane.table.source.row_key(row) for row in range(3)]
        await pilot.press("enter", "left_square_bracket")
        assert await appears(pilot, "This is the first run.")
        await pilot.press(*(f"{side}_square_bracket" for side in ("right", "right", "left", "right")))
        await settle(pilot)
        assert isinstance(console.view, RunScreen)
        assert console.view.run_id == keys[2]
        assert keys[2] in text_of(console)
        await pilot.press("escape")
        await settle(pilot)
        assert view.pane.table.cursor_key == keys[2]


class Streaming(App[None]):
    """The runs pane alone."""

    def __init__(self) -> None:
        super().__init__()
        self.bridge = Bridge()

    def compose(self) -> ComposeResult:
        engine = Engine(resolve("sqlite:///none.db"))
        self.session = RunSession(engine, self.bridge, Tasks.of(self, self.bridge), self._update)
        yield RunPane(self.session)

    def _update(self, change: SessionChange) -> None:
        self.query_one(RunPane).update(change)


async def test_an_unmoved_cursor_stays_on_the_first_row_while_runs_stream_in() -> None:
    key = ColumnKey("metric", "loss")
    first = RunFrame.from_runs((a_run(f"a{n}", metrics={"loss": 1.0 + n}) for n in range(60)), complete=False)
    more = first.extended((a_run(f"b{n}", metrics={"loss": n / 100}) for n in range(60)), complete=True)
    app = Streaming()
    async with app.run_test(size=(100, 30)) as pilot:
        pane = app.query_one(RunPane)
        for moved in (False, True):
            state = ExperimentState(RunView(sort=(SortKey(key),)))
            pane.begin("x", state)
            app.session.state = state
            app.session.show_frame(first)
            await app.bridge.wait_idle()
            await pilot.pause()
            assert pane.table.cursor_key == "a0"
            if moved:
                pane.table.action_cursor_down()
            app.session.show_frame(more)
            await app.bridge.wait_idle()
            await pilot.pause()
            assert pane.table.cursor_key == ("a1" if moved else "b0")
