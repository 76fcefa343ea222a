"""The chart view: what it draws, and how it is opened."""

from __future__ import annotations

import sqlite3

import pytest
from textual.pilot import Pilot

from tests.conftest import MlflowStore
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.charts.histories import HistoryPane
from tui.charts.kinds import kind_named
from tui.charts.multiples import MultiplesPane, RunLegend, SmallChart
from tui.charts.screen import ChartScreen
from tui.runs.screen import RunsScreen
from tui.widgets.plot import Plot
from tui.widgets.screen_lines import PaneTitle

SIZE = (120, 40)
LONG = 6_000


@pytest.fixture
def long_store(mlflow_store_copy: MlflowStore) -> MlflowStore:
    """A store in which run `special` has 6,000 steps of `loss` with a peak, and run `running` 3,000."""
    with sqlite3.connect(mlflow_store_copy.path) as db:
        db.execute("DELETE FROM metrics WHERE key = 'loss'")
        for name, steps in (("special", LONG), ("running", LONG // 2)):
            _log(db, mlflow_store_copy.runs[name], range(steps))
    return mlflow_store_copy


def _log(db: sqlite3.Connection, run_id: str, steps: range) -> None:
    db.executemany(
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ('loss', ?, ?, ?, ?, 0)",
        [(9.0 if step == 1234 else 1 / (1 + step), 1_760_001_860_000 + step, run_id, step) for step in steps],
    )
    last = steps[-1]
    db.execute(
        "INSERT OR REPLACE INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
        " VALUES ('loss', ?, ?, ?, 0, ?)",
        (1 / (1 + last), 1_760_001_860_000 + last, last, run_id),
    )


def _facts(console: Console) -> str:
    return console.screen.query_one("#chart-title", PaneTitle).facts


def _steps(console: Console, series: int) -> list[float]:
    """The xs of a series on screen."""
    return console.screen.query_one(HistoryPane).plot._view.tracks[series].xs.tolist()


async def test_a_run_charted_alone_is_named(long_store: MlflowStore) -> None:
    console = Console(long_store.tracking, experiment="heart")
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        marks = {long_store.runs["special"], long_store.runs["trial-10"]}
        console.session.state.experiment(long_store.heart).marks = frozenset(marks)
        await console.run_line("chart loss")
        await settle(pilot)
        title, view = console.screen.query_one("#chart-title", PaneTitle), console.screen
        assert title.subject == "history of loss  special"
        assert isinstance(view, ChartScreen)
        view.kind = kind_named("grid")
        await view._mount_pane(kind_named("grid"))
        assert title.subject.startswith("all metrics"), "at once, also if reading takes long"
        assert title.facts == "reading …"
        await settle(pilot)
        assert "metric" in title.facts


async def test_a_metric_of_the_marked_or_shown_runs_is_charted(long_store: MlflowStore) -> None:
    console = Console(long_store.tracking, experiment="heart")
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("m")
        assert await appears(pilot, "of accuracy")
        await pilot.press("q")
        await settle(pilot)
        assert isinstance(console.screen, RunsScreen)
        marks = {long_store.runs["special"], long_store.runs["running"]}
        console.session.state.experiment(long_store.heart).marks = frozenset(marks)
        await console.run_line("chart loss")
        await settle(pilot)
        assert isinstance(console.screen, ChartScreen)
        assert _facts(console) == "2 runs · 9,000 points"
        assert "special" in text_of(console)
        await pilot.press("s", "s")
        await settle(pilot)
        assert _facts(console).endswith("smoothed 0.9 (approximate)")
        await console.run_line("smooth 0.5")
        await pilot.pause()
        assert _facts(console).endswith("smoothed 0.5 (approximate)")
        wide = console.screen.query_one(HistoryPane).plot._view.tracks[0].ys.tolist()
        await pilot.resize_terminal(80, 24)
        await console.run_line("chart loss")
        await settle(pilot)
        await console.run_line("smooth 0.5")
        await settle(pilot)
        assert console.screen.query_one(HistoryPane).plot._view.tracks[0].ys.tolist() == wide
        await pilot.resize_terminal(60, 24)
        await settle(pilot)
        assert "CHART  history of loss  " in text_of(console), "long facts leave the name of the metric"
        await pilot.resize_terminal(*SIZE)
        with sqlite3.connect(long_store.path) as db:
            where = "key = 'loss' AND step = 2000 AND run_uuid = ?"
            db.execute(
                f"UPDATE metrics SET is_nan = 1, value = 0 WHERE {where}", (long_store.runs["running"],)
            )
        await console.run_line("chart loss")
        await settle(pilot)
        assert _facts(console) == "2 runs · 9,000 points · 1 NaN in running"
        await console.run_line("smooth 7")
        assert await appears(pilot, "Invalid weight 7")
        await pilot.press("a")
        await pilot.pause()
        assert "time since start" in text_of(console)
        await console.run_line("chart unknown")
        assert await appears(pilot, "No run has the metric 'unknown'")


async def test_a_history_has_two_points_for_each_column_of_dots(long_store: MlflowStore) -> None:
    console = Console(long_store.tracking, experiment="heart")
    async with console.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        console.session.state.experiment(long_store.heart).marks = frozenset({long_store.runs["special"]})
        await console.run_line("chart loss")
        await settle(pilot)
        narrow = len(_steps(console, 0))
        assert 2 * 80 < narrow <= 2 * 2 * 80
        await pilot.resize_terminal(*SIZE)
        await settle(pilot)
        assert narrow < len(_steps(console, 0)) <= 2 * 2 * SIZE[0]


async def test_zooming_reads_all_points_of_the_visible_range(long_store: MlflowStore) -> None:
    console = Console(long_store.tracking, experiment="heart")
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        console.session.state.experiment(long_store.heart).marks = frozenset({long_store.runs["special"]})
        await console.run_line("chart loss")
        await settle(pilot)
        coarse = _steps(console, 0)
        assert len(coarse) < 1000
        assert 1234.0 in coarse, "the peak is kept"
        await console.run_line("limits x 1200 1300")
        await settle(pilot)
        assert [x for x in _steps(console, 0) if 1200 <= x <= 1300] == list(range(1200, 1301))
        await pilot.press("enter", *["left"] * 66)
        assert "step 1234" in text_of(console)
        assert "special 9" in text_of(console)
        await console.run_line("limits y 5 1")
        assert await appears(pilot, "The y-axis must begin below its end")
        await pilot.press("escape", "e")
        await settle(pilot)
        assert "x 1200 1300" in text_of(console)
        await pilot.press("escape", "0")
        await settle(pilot)
        assert _steps(console, 0) == coarse


async def test_an_unfinished_run_extends_in_place(long_store: MlflowStore) -> None:
    console = Console(long_store.tracking, experiment="heart")
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        console.session.state.experiment(long_store.heart).marks = frozenset({long_store.runs["running"]})
        await console.run_line("chart loss")
        await settle(pilot)
        await console.run_line("limits x 2900 3200")
        await settle(pilot)
        assert max(_steps(console, 0)) == 2999
        with sqlite3.connect(long_store.path) as db:
            _log(db, long_store.runs["running"], range(3000, 3100))
        screen = console.screen
        assert isinstance(screen, ChartScreen)
        assert screen.is_live
        screen.refresh_changes()
        await settle(pilot)
        assert max(_steps(console, 0)) == 3099
        plot = screen.query_one(HistoryPane).plot
        assert plot.shown_range == (2900, 3200)
        with sqlite3.connect(long_store.path) as db:
            db.execute("DELETE FROM metrics WHERE key = 'loss'")
        screen.refresh_changes()
        await settle(pilot)
        assert await appears(pilot, "no history of this metric in these runs")


async def test_all_metrics_of_a_run_are_drawn_as_small_charts(long_store: MlflowStore) -> None:
    with sqlite3.connect(long_store.path) as db:
        for table in ("metrics", "latest_metrics"):
            db.execute(
                f"INSERT INTO {table} (key, value, timestamp, run_uuid, step, is_nan) SELECT 'system/cpu',"
                f" value, timestamp, run_uuid, step, is_nan FROM {table} WHERE key = 'loss'"
            )
    console = Console(long_store.tracking, experiment="heart")
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        console.session.state.experiment(long_store.heart).marks = frozenset({long_store.runs["special"]})
        await console.run_line("chart loss")
        await settle(pilot)
        await pilot.press("t")
        await settle(pilot)
        shown = text_of(console)
        assert shown.index("▸ loss") < shown.index("SYSTEM METRICS") < shown.index("cpu  ")
        assert "2 metrics" in _facts(console)
        await pilot.press("down", "enter")
        await settle(pilot)
        assert await appears(pilot, "history of system/cpu")
        await pilot.press("escape")
        assert await appears(pilot, "SYSTEM METRICS")
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(console.screen, RunsScreen)
        await _check_the_grid_of_many_runs(console, pilot, long_store)


async def _check_the_grid_of_many_runs(console: Console, pilot: Pilot[None], store: MlflowStore) -> None:
    """Letters stay with their runs, and the charts say why there are no more of them."""
    names = ["running", "special", *(f"trial-{at:02}" for at in range(6))]
    state = console.session.state.experiment(store.heart)
    state.marks = frozenset(store.runs[name] for name in names)
    await console.run_line("chart loss")
    await settle(pilot)
    await pilot.press("t")
    await settle(pilot)
    assert _facts(console).startswith("5 of 8 runs (at most 5) · ")
    pane = console.screen.query_one(MultiplesPane)
    letters = {run.run_name: letter for run, letter in zip(pane.runs, "ABCDE", strict=False)}
    for chart in pane.query(SmallChart):
        tracks = chart.query_one(Plot)._view.tracks
        assert {track.label: track.letter for track in tracks} == letters
    for width in range(50, 90, 5):
        await pilot.resize_terminal(width, 40)
        await settle(pilot)
        shown = [line.plain for line in pane.query_one(RunLegend).lines(width - 2)]
        found = [pair.split(" ", 1) for line in shown for pair in line.split("   ")]
        assert {name: letter for letter, name in found} == letters


async def test_metrics_are_picked_in_the_chart(long_store: MlflowStore) -> None:
    console = Console(long_store.tracking, experiment="heart")
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        console.session.state.experiment(long_store.heart).marks = frozenset({long_store.runs["special"]})
        await console.run_line("chart loss")
        await settle(pilot)
        await pilot.press("m", "slash", "t", "i", "n", "y", "enter", "space", "enter")
        await settle(pilot)
        assert isinstance(console.screen, ChartScreen)
        assert console.screen.subject.metrics == ("loss", "tiny")
        assert "A loss   B tiny" in text_of(console)
