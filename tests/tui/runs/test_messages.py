"""Titles, warnings and navigation of the runs view."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.errors import EngineError, ServerTimeout
from engine.runs.frame import RunFrame
from engine.runs.view import RunView
from tests.conftest import MlflowStore
from tests.support.runs import a_run
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.run.screen import RunScreen
from tui.runs.pane import RunPane
from tui.runs.screen import RunsScreen
from tui.runs.table_source import RunSource

SIZE = (140, 40)


def pane(console: Console) -> RunPane:
    return view(console).pane


def view(console: Console) -> RunsScreen:
    assert isinstance(console.view, RunsScreen)
    return console.view


async def line(pilot: Pilot[None], console: Console, text: str) -> None:
    await console.run_line(text)
    await settle(pilot)


def title(console: Console) -> str:
    return next(line for line in text_of(console).splitlines() if "RUNS  " in line)


async def test_the_title_shows_only_sort_keys_that_apply_to_groups(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await line(pilot, console, "sort start_time desc")
        await line(pilot, console, "group metric")
        assert "sorted" not in title(console), "groups have no start time"
        table = pane(console).table
        for label in ("accuracy mean", "std", "max"):
            table.cursor_column = next(i for i, c in enumerate(table.source.columns) if c.label == label)
            await pilot.press("s")
            await settle(pilot)
            assert f"sorted accuracy {label.removeprefix('accuracy ')} " in title(console)
        assert table.cursor_row == 0


def test_all_folds_close_and_open_at_every_depth() -> None:
    runs = [a_run("top"), a_run("leaf", tags={"mlflow.parentRunId": "middle"})]
    runs.append(a_run("middle", tags={"mlflow.parentRunId": "top"}))
    frame, toggled_folds = RunFrame.from_runs(runs), frozenset[str]()
    from engine.runs.arrange import arrange

    lines = []
    for _ in range(3):
        source = RunSource(arrange(frame, RunView(layout="tree"), now=0, toggled_folds=toggled_folds))
        lines.append(source.row_count)
        toggled_folds = toggled_folds.symmetric_difference(source.folds_to_toggle())
    assert lines == [3, 1, 3]


async def test_no_deletion_is_asked_about_once_the_runs_are_off_the_screen(
    mlflow_store_copy: MlflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.screen.NOTICE_SECONDS", 0.05)
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        runs_view = view(console)
        await pilot.press("space")
        other = next(e for e in runs_view.experiments.experiments if e != runs_view.experiment)
        runs_view.action_change_lifecycle()
        runs_view.show_experiment(other)  # before the answer
        assert await appears(pilot, "The dialog did not open: you left the list.")
        assert console.screen is runs_view
        answered, opened = threading.Event(), []
        runs_view.ask(lambda: answered.wait(20), opened.append, group="dialog", opens=True)
        assert await appears(pilot, "Waiting for the store …")
        await console.session.show_mode("models")
        answered.set()
        assert await appears(pilot, "The dialog did not open: you left the view.")
        assert opened == []


async def test_deleting_hidden_runs_shows_a_warning(mlflow_store_copy: MlflowStore) -> None:
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        runs_pane = pane(console)
        runs_pane.table.move_to(mlflow_store_copy.runs["trial-10"])
        await pilot.press("space")
        await line(pilot, console, "filter trial-2")
        await pilot.press("D")
        assert await appears(pilot, "The filter hides 1 of these runs")
        await pilot.press("escape")
        await line(pilot, console, "filter trial-10")
        await pilot.press("D")
        assert await appears(pilot, "Delete 1 run?")
        assert "The filter hides" not in text_of(console)


async def test_a_column_name_alone_is_an_unfinished_filter(mlflow_store_copy: MlflowStore) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as database:  # a run name that contains a column name
        database.execute("UPDATE runs SET name = 'my accuracy' WHERE name = 'trial-10'")
    database.close()
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("slash", *"accuracy")
        assert await appears(pilot, "add an operator")
        assert "27 of 27" in text_of(console)
        await pilot.press("space", *"> 0.9 and loss")
        assert await appears(pilot, "add an operator")
        await pilot.press("escape", "escape")
        await settle(pilot)
        await line(pilot, console, "filter my accuracy")
        assert "1 of 27" in text_of(console)


async def test_an_error_in_a_filter_command_points_at_its_position(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await line(pilot, console, "filter accuracy > 0.5 and nosuch = 1")
        assert await appears(pilot, "▔▔▔▔▔▔")
        text, pointer = (line for line in text_of(console).splitlines() if "nosuch =" in line or "▔" in line)
        assert pointer.index("▔") == text.index("nosuch")


async def test_h_and_l_stop_at_the_outer_panes_and_tab_wraps(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key, pane in (
            ("l", "runs"),
            ("h", "experiments"),
            ("h", "experiments"),
            ("shift+tab", "runs"),
            ("tab", "experiments"),
            ("l", "runs"),
        ):
            await pilot.press(key)
            assert console.focused is not None
            assert console.focused.id == pane, key


async def test_an_experiment_is_opened_by_its_displayed_name_or_its_id(
    mlflow_store_copy: MlflowStore,
) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as database:
        database.execute("UPDATE experiments SET name = char(27) || '[31mred' WHERE name = 'heart'")
    database.close()
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for typed in ("runs ␛[31mred status = failed", f"runs {mlflow_store_copy.heart} status = failed"):
            await line(pilot, console, "runs empty")
            assert "RUNS  empty" in text_of(console)
            await line(pilot, console, typed)
            assert "RUNS  ␛[31mred" in text_of(console)
            assert "1 of 27" in text_of(console)


async def test_a_view_key_leaves_an_open_run(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for way in ("key", "line"):
            await pilot.press("enter")
            await settle(pilot)
            assert isinstance(console.screen, RunScreen)
            if way == "key":
                await pilot.press("1")
                await settle(pilot)
            else:
                await line(pilot, console, "runs empty")
            assert isinstance(console.screen, RunsScreen)
        assert "RUNS  empty" in text_of(console)


def rows(console: Console) -> list[str]:
    """The runs on screen, without the header of the table."""
    lines = text_of(console).splitlines()
    return lines[next(at for at, text in enumerate(lines) if "━" in text) + 1 : -1]


async def test_messages_cover_no_rows_and_do_not_follow_into_another_view(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        before = rows(console)
        for message in ("Copied something", "Copied nothing"):
            console.session.say(message)
            await pilot.pause()
            await pilot.pause()
            assert text_of(console).splitlines()[1].endswith(f"▌ {message}")
            assert rows(console) == before
        console.session.show_error(EngineError("Out of order", "Try later.\nReally.", "Use a hammer."))
        await pilot.pause()
        lines = text_of(console).splitlines()
        assert [line.strip("▌ ") for line in lines[1:5]] == [
            *("Out of order", "Try later.", "Really.", "Use a hammer.")
        ]
        assert "Copied nothing" not in text_of(console)
        assert [row.split()[:2] for row in rows(console)] == [row.split()[:2] for row in before[:-4]]
        await pilot.press("escape")
        await pilot.pause()
        assert rows(console) == before
        console.session.say("Copied nothing")
        console.session.show_error(EngineError("Out of order"))
        await pilot.press("3")
        await settle(pilot)
        await pilot.press("1")
        await settle(pilot)
        assert "Out of order" not in text_of(console)
        assert "Copied" not in text_of(console)


async def test_while_the_filter_has_the_focus_the_last_line_shows_its_keys(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("slash")
        await pilot.pause()
        keys = text_of(console).splitlines()[-1]
        assert keys.split("   ") == [" tab complete", "enter apply", "↑ earlier filters", "esc clear"]
        await pilot.press("escape")
        await pilot.pause()
        assert "/ filter" in text_of(console).splitlines()[-1]


async def test_a_screenshot_that_cannot_be_saved_says_why(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await line(pilot, console, f"picture {tmp_path}/none/a.svg")
        assert "none/a.svg: No such file or directory" in text_of(console)


async def test_a_failed_read_is_reported_only_over_its_own_view(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        runs = view(console)
        await pilot.press("3")
        await settle(pilot)
        runs.show_store_error(ServerTimeout("The server did not respond"))
        await settle(pilot)
        assert "MODELS" in text_of(console)
        assert "The server did not respond" not in text_of(console)
        await pilot.press("1")
        await settle(pilot)
        runs.show_store_error(ServerTimeout("The server did not respond"))
        await pilot.pause()
        assert "The server did not respond" in text_of(console)
