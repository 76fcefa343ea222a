"""The view of one run: each part is shown as soon as it is read."""

from __future__ import annotations

import socket
import sqlite3

from tests.conftest import MlflowStore
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.compare.screen import CompareScreen
from tui.dialogs.export import ExportDialog
from tui.run.screen import KnownRun, RunScreen
from tui.widgets.key_value import KeyValue
from tui.widgets.table import Table

SIZE = (140, 40)


async def test_keys_of_other_views_act_on_the_run_or_say_where_they_work(mlflow_store: MlflowStore) -> None:
    run_id, other = mlflow_store.runs["trial-10"], mlflow_store.runs["trial-11"]
    console = Console(mlflow_store.tracking)
    async with console.run_test(size=SIZE, notifications=True) as pilot:
        await settle(pilot)
        await console.push_screen(RunScreen(KnownRun(run_id)))
        await settle(pilot)
        await pilot.press("P")
        assert await appears(pilot, "P does nothing here. In Models: Move a version")
        await pilot.press("y")
        assert await appears(pilot, f"Copied {run_id}")
        assert console.clipboard == run_id
        await pilot.press("c")
        assert await appears(pilot, "Mark another run of this experiment")
        console.session.state.experiment(mlflow_store.heart).marks = frozenset({other})
        await pilot.press("c")
        await settle(pilot)
        assert isinstance(console.screen, CompareScreen)
        assert console.session.state.compared == (run_id, other)
        await pilot.press("w")
        await settle(pilot)
        assert isinstance(console.screen, ExportDialog)
        assert "the comparison as it stands, all rows" in text_of(console)
        assert "2 runs, all columns" in text_of(console)
        await pilot.press("escape")
        await settle(pilot)
        console.screen.query_one("#comparison", Table).focus_column(other)
        await pilot.press("y")
        await settle(pilot)
        assert console.clipboard == other


async def test_a_silent_artifact_host_does_not_hold_up_the_rest(mlflow_store_copy: MlflowStore) -> None:
    run_id = mlflow_store_copy.runs["trial-10"]
    silent = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{silent.getsockname()[1]}/api/2.0/mlflow-artifacts/artifacts/x?sig=SECRET"
    with sqlite3.connect(mlflow_store_copy.path) as db:
        db.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (address, run_id))
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await console.push_screen(RunScreen(KnownRun(run_id)))
        assert await appears(pilot, "accuracy")
        assert await appears(pilot, "reading …")
        silent.close()
        await settle(pilot)
        shown = text_of(console)
        assert "Cannot list the artifacts" in shown
        assert "SECRET" not in shown
        assert "reading …" not in shown


async def test_metrics_with_several_steps_have_their_curve(mlflow_store_copy: MlflowStore) -> None:
    special, other = mlflow_store_copy.runs["special"], mlflow_store_copy.runs["trial-10"]
    known = iter([KnownRun(other)])
    console = Console(mlflow_store_copy.tracking)
    async with console.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await console.push_screen(RunScreen(KnownRun(special), lambda _: next(known, None)))
        assert await appears(pilot, "METRICS WITH ONE STEP")
        assert await appears(pilot, "loss ↓")
        (row,) = [line for line in text_of(console).splitlines() if "loss ↓" in line]
        assert row.split("↓")[1].split()[:4] == ["0.2500", "0.2500", "4", "6"]
        assert "1 NaN at 2 · 1 inf at 3" in row
        await pilot.press("m")
        assert await appears(pilot, "history of loss")
        await pilot.press("q", "tab", "m")
        assert await appears(pilot, "all metrics")
        await pilot.press("q")
        await settle(pilot)
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert "at step" not in text_of(console)
        assert "METRICS WITH ONE STEP" not in text_of(console)
        assert isinstance(console.focused, KeyValue)
