"""The other ways to the same runs: `peers.py WAY URI EXPERIMENT_ID REPEAT` prints the seconds of each try.

Each runs in a separate process; imports and connecting are not counted, a first try that warms up
is not either where there are several.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

Way = Callable[[], object]


def bare(uri: str, experiment_id: str) -> Way:
    """The SELECTs of everything, with fetchall."""
    from tests.bench.stores import bare as selects

    return lambda: selects(Path(uri.removeprefix("sqlite:///")))


def search_runs(uri: str, experiment_id: str) -> Way:
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.get_experiment(experiment_id)
    return lambda: mlflow.search_runs([experiment_id], max_results=1_000_000)


def client(uri: str, experiment_id: str) -> Way:
    """MLflow's own client, page by page."""
    from mlflow import MlflowClient

    asked = MlflowClient(uri)

    def work() -> int:
        count, token = 0, None
        while True:
            page = asked.search_runs([experiment_id], max_results=1000, page_token=token)
            count += len(page)
            token = page.token
            if not token:
                return count

    return work


def request(uri: str, experiment_id: str) -> Way:
    """One bare request of 100 runs on a connection that is open."""
    import requests

    session = requests.Session()
    body = {"experiment_ids": [experiment_id], "max_results": 100}
    return lambda: session.post(f"{uri}/api/2.0/mlflow/runs/search", json=body, timeout=60).json()


def loop(uri: str, experiment_id: str) -> Way:
    """Pages of 1,000 runs one after the other, parsed."""
    import requests

    session = requests.Session()

    def work() -> int:
        count, token = 0, ""
        while True:
            body = {"experiment_ids": [experiment_id], "max_results": 1000}
            body |= {"page_token": token} if token else {}
            page = session.post(f"{uri}/api/2.0/mlflow/runs/search", json=body, timeout=60).json()
            count += len(page.get("runs", ()))
            token = page.get("next_page_token", "")
            if not token:
                return count

    return work


def data_table(uri: str, experiment_id: str) -> Way:
    """A stock DataTable, filled with what bare SELECTs give, until it has settled."""
    from textual.app import App, ComposeResult
    from textual.widgets import DataTable

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield DataTable()

    def rows() -> tuple[list[str], list[list[str]]]:
        database = sqlite3.connect(f"file:{uri.removeprefix('sqlite:///')}?mode=ro", uri=True)
        values: dict[str, dict[str, object]] = {}
        for table in ("latest_metrics", "params"):
            for run, key, value in database.execute(f"SELECT run_uuid, key, value FROM {table}"):
                values.setdefault(run, {})[key] = value
        keys = sorted({key for found in values.values() for key in found})
        runs = database.execute(
            "SELECT run_uuid, name, status, start_time FROM runs ORDER BY start_time DESC"
        )
        return keys, [
            [name, status, str(start), *(str(values[run].get(key, "")) for key in keys)]
            for run, name, status, start in runs
        ]

    async def fill() -> None:
        async with Bare().run_test(size=(140, 40)) as pilot:
            table = pilot.app.query_one(DataTable)
            keys, found = rows()
            table.add_columns("name", "status", "started", *keys)
            table.add_rows(found)
            await pilot.pause()

    return lambda: asyncio.run(fill())


WAYS = {way.__name__: way for way in (bare, search_runs, client, request, loop, data_table)}


def main() -> None:
    name, uri, experiment_id, repeat = sys.argv[1:]
    work = WAYS[name](uri, experiment_id)
    if int(repeat) > 1:
        work()
    taken = []
    for _ in range(int(repeat)):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
