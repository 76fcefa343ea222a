"""The view of one run: each part is shown as soon as it is read."""

from __future__ import annotations

import socket
import sqlite3

from tests.conftest import MlflowStore
from tests.tui.support import appears, settle, text_of
from tui.app import Console
from tui.run.screen import KnownRun, RunScreen

SIZE = (140, 40)


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
