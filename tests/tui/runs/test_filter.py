"""The runs view: filtering, sorting, marking, exporting and moving around."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.uri import TrackingUri, resolve
from tests.conftest import MlflowServer, MlflowStore
from tests.tui.support import appears, paste, settle, text_of, until
from tui.app import Console
from tui.compare.screen import CompareScreen
from tui.run.screen import RunScreen
from tui.runs.screen import RunsScreen
from tui.widgets.controls import Field
from tui.widgets.table import Table

SIZE = (140, 40)


def runs_view(console: Console) -> RunsScreen:
    assert isinstance(console.view, RunsScreen)
    return console.view


def keys(text: str) -> list[str]:
    """Key names that type `text`."""
    return ["space" if char == " " else char for char in text]


async def enter_filter(pilot: Pilot[None], text: str) -> None:
    """Put `text` into the filter bar and wait until the filter has been applied."""
    console = pilot.app
    assert isinstance(console, Console)
    await pilot.press("slash")
    await paste(pilot, text)
    view = runs_view(console)
    await until(pilot, lambda: view.runs.filter is not None and view.runs.filter.text == text)
    await settle(pilot)


async def shown_names(console: Console) -> list[str]:
    view = runs_view(console)
    assert view.runs.frame is not None
    return [view.runs.frame.run(row).run_name for row in view.runs.matching]


async def test_opens_on_the_most_recently_active_experiment(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        screen = text_of(console)
        assert "trial-23" in screen
        assert "heart" in screen
        assert "27 of 27" in screen


async def test_opens_on_the_experiment_last_viewed(mlflow_store_copy: MlflowStore) -> None:
    uri = mlflow_store_copy.tracking
    with sqlite3.connect(mlflow_store_copy.path) as db:
        db.execute(
            "UPDATE runs SET experiment_id = ? WHERE run_uuid = ?",
            (mlflow_store_copy.experiments["empty"], mlflow_store_copy.runs["trial-01"]),
        )
    first = Console(uri)
    async with first.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("h")
        first.screen.query_one("#experiments", Table).move_to(mlflow_store_copy.experiments["empty"])
        await pilot.press("enter")
        await settle(pilot)
        assert await shown_names(first) == ["trial-01"]
    again = Console(uri)
    async with again.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert await shown_names(again) == ["trial-01"]


async def test_s_sorts_by_the_focused_column_then_flips_the_direction(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        table = console.screen.query_one("#runs", Table)
        table.focus_column("metrics.accuracy")
        await pilot.press("s")
        await settle(pilot)
        runs = runs_view(console).runs
        frame = runs.frame
        assert frame is not None

        def accuracies() -> list[float]:
            found = [frame.run(row).metrics.get("accuracy") for row in runs.matching]
            return [value for value in found if value is not None and value == value]

        assert accuracies() == sorted(accuracies(), reverse=True)
        assert "sorted accuracy ↓" in text_of(console)
        assert " accuracy ↓ " in text_of(console)  # the arrow does not shorten the label
        assert table.cursor_row == 0
        await pilot.press("s")
        await settle(pilot)
        assert accuracies() == sorted(accuracies())
        assert "sorted accuracy ↑" in text_of(console)


async def test_the_filter_applies_while_typing(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await enter_filter(pilot, "trial-1")
        names = await shown_names(console)
        assert names == [f"trial-{n}" for n in range(19, 9, -1)]
        assert "10 of 27" in text_of(console)


async def test_the_beginning_of_a_column_name_hides_no_runs(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await enter_filter(pilot, "weigh")
        assert "add an operator" in text_of(console)
        assert len(await shown_names(console)) == 27


async def test_an_invalid_filter_shows_the_error_and_keeps_the_rows(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await enter_filter(pilot, "acuracy > 0.9")
        screen = text_of(console)
        assert "acuracy" in screen
        assert "accuracy" in screen.replace("acuracy", "")
        assert "invalid filter; showing all rows" in screen
        assert len(await shown_names(console)) == 27
        await pilot.press("down", "V")
        await settle(pilot)
        assert "The filter is invalid. Correct or clear it before marking all rows." in text_of(console)
        assert not runs_view(console).runs.marked()
        await pilot.press("escape", "V")
        assert len(runs_view(console).runs.marked()) == 27
        await pilot.press("escape")
        await enter_filter(pilot, "accuracy > 0.9")
        await pilot.press("enter", "slash", "end")
        await paste(pilot, " and zz = 1")
        await settle(pilot)
        assert "showing the previous rows" in text_of(console)


async def test_an_invalid_addition_to_a_filter_keeps_its_rows(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for sound in "status = failed", "trial-1":
            for wrong in "z", " and zz = 1", " and", " or accuracy ~ 'x(":
                await enter_filter(pilot, sound)
                before = await shown_names(console)
                assert 0 < len(before) < 27
                await pilot.press("enter", "slash", "end")
                await paste(pilot, wrong)
                await settle(pilot)
                another_word = wrong == "z" and sound == "trial-1"
                assert await shown_names(console) == ([] if another_word else before), sound + wrong
                await pilot.press("escape", "escape")  # the first may only close the list of completions
                await settle(pilot)
                assert len(await shown_names(console)) == 27


async def test_a_word_that_no_name_contains_is_reported(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await enter_filter(pilot, "accuracy > 0.8 and weigts")
        assert "No name or ID contains 'weigts'. Did you mean" in text_of(console)


async def test_a_filter_that_no_run_matches_says_so(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await enter_filter(pilot, "accuracy > 7")
        assert "No matching runs" in text_of(console)
        await pilot.press("enter", "slash", "end")
        await paste(pilot, " and zz = 1")
        await settle(pilot)
        assert "Unknown column zz" in text_of(console)
        assert "0 of 27" in text_of(console)
        assert "showing the previous rows" not in text_of(console)
        await pilot.press("escape", "escape")
        await enter_filter(pilot, "accuracy > 7")
        await pilot.press("enter", "w")
        await settle(pilot)
        assert console.screen is runs_view(console), "nothing to export"


async def test_an_unknown_column_gets_a_suggestion_without_a_position(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        for word in ("sort", "group"):
            await console.run_line(f"{word} acuracy")
            assert await appears(pilot, "Did you mean accuracy")
            assert "at character" not in text_of(console)
            await console.run_line(f"{word} zzzz")
            assert await appears(pilot, "Tab lists the columns")


async def test_escape_clears_the_filter(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await enter_filter(pilot, "trial-1")
        await pilot.press("escape")
        await settle(pilot)
        assert len(await shown_names(console)) == 27


async def test_marked_runs_are_compared(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("space", "space")
        await pilot.press("c")
        await settle(pilot)
        assert isinstance(console.screen, CompareScreen)
        assert console.screen.comparison is not None
        assert len(console.screen.comparison.runs) == 2
        assert "METRICS" in text_of(console)


async def test_comparing_without_marks_says_what_to_do(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("c")
        assert await appears(pilot, "Mark at least two runs")
        assert isinstance(console.screen, RunsScreen)


async def test_enter_opens_the_run_and_q_returns(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        table = console.screen.query_one("#runs", Table)
        table.move_to(mlflow_store.runs["special"])
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(console.screen, RunScreen)
        screen = text_of(console)
        assert "special" in screen
        assert "NaN" in screen
        assert "inf" in screen
        assert mlflow_store.model_id[:8] in screen
        await pilot.press("q")
        await settle(pilot)
        assert isinstance(console.screen, RunsScreen)
        assert console.screen.query_one("#runs", Table).cursor_key == mlflow_store.runs["special"]


async def test_the_export_contains_the_matching_runs(mlflow_store: MlflowStore, tmp_path: Path) -> None:
    console = Console(mlflow_store.tracking)
    target = tmp_path / "shown.csv"
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await enter_filter(pilot, "trial-1")
        await pilot.press("enter")
        await console.run_line("export")
        await settle(pilot)
        assert console.screen.query_one(Field).value == "heart.csv"
        await pilot.press("escape", "w")
        await settle(pilot)
        field = console.screen.query_one(Field)
        assert field.value == "heart.csv"
        field.value = str(target)
        await pilot.press("enter")
        await settle(pilot)
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert "metrics.accuracy" in rows[0]


async def test_a_refresh_keeps_cursor_and_marks(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("space", "j", "j")
        table = console.screen.query_one("#runs", Table)
        before = table.cursor_key, table.marks
        await pilot.press("r")
        await settle(pilot)
        assert (table.cursor_key, table.marks) == before


async def test_the_best_run_dialog_names_the_direction(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("B")
        await settle(pilot)
        assert "higher is better" in text_of(console)


async def test_a_missing_store_shows_an_empty_state_and_creates_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    console = Console(resolve(None, {}))
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "mlflow-console demo" in text_of(console)
    assert list(tmp_path.iterdir()) == []


async def test_a_refused_connection_is_reported() -> None:
    console = Console(TrackingUri("http://127.0.0.1:9"))
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert "127.0.0.1:9" in text_of(console)


async def test_a_server_shows_the_same_runs(mlflow_server: MlflowServer) -> None:
    console = Console(mlflow_server.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        assert len(await shown_names(console)) == 27


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (200, 60)])
async def test_rows_and_count_are_visible_at_every_size(
    mlflow_store: MlflowStore, size: tuple[int, int]
) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=size) as pilot:
        await settle(pilot)
        screen = text_of(console)
        assert "trial-23" in screen
        assert "27 of 27" in screen


async def test_the_view_returns_after_the_terminal_was_too_small(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.resize_terminal(50, 12)
        assert await appears(pilot, "too small")
        await pilot.resize_terminal(80, 24)
        assert await appears(pilot, "trial-23")


async def test_the_command_line_filters_and_sorts(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("colon", *keys("runs heart trial-2"), "enter")
        await settle(pilot)
        assert await shown_names(console) == ["trial-23", "trial-22", "trial-21", "trial-20"]
        await pilot.press("colon", *"nonsense", "enter")
        assert await appears(pilot, "Unknown command 'nonsense'")


async def test_help_is_searchable_and_gives_reasons(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking, read_only=True)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await pilot.press("question_mark", *"compare")
        await pilot.pause()
        screen = text_of(console)
        assert "Compare the marked runs" in screen
        assert "Mark at least two runs" in screen


async def test_zoom_enlarges_the_pane_and_keeps_its_title(mlflow_store: MlflowStore) -> None:
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        table = console.screen.query_one("#runs", Table)
        before = table.size
        await pilot.press("z")
        await pilot.pause()
        assert table.size.width > before.width
        assert table.size.height > before.height
        assert "27 of 27" in text_of(console)
        assert "EXPERIMENTS" not in text_of(console)
        await pilot.press("z")
        await pilot.pause()
        assert table.size == before
