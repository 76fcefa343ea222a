"""A few statements for any number of runs, and pages that hold together while runs come and go."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.entities import Run
from engine.errors import StoreRefused
from engine.stores import open_store
from engine.stores.base import RunQuery, Store
from engine.stores.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from tests.conftest import MlflowStore


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """The SELECTs that are carried out meanwhile."""
    seen: list[str] = []
    original = SqliteDatabase._connect

    def connect(self: SqliteDatabase) -> sqlite3.Connection:
        connection = original(self)
        connection.set_trace_callback(lambda text: seen.append(text) if text.startswith("SELECT") else None)
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteDatabase, "_connect", connect)
        yield seen


def add_runs(path: Path, experiment_id: str, count: int, start: int | None) -> None:
    """Active runs with two parameters, a tag and two metrics each; run `i` starts at `start + i`."""
    runs = [(f"{i:032x}", f"run {i}", None if start is None else start + i) for i in range(count)]
    ids = [(run_id,) for run_id, _, _ in runs]
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany(
            "INSERT INTO runs (run_uuid, name, start_time, experiment_id, status, lifecycle_stage)"
            f" VALUES (?, ?, ?, {int(experiment_id)}, 'FINISHED', 'active')",
            runs,
        )
        for table, values in (("params", "'a', '1'"), ("params", "'b', '2'"), ("tags", "'t', 'x'")):
            connection.executemany(f"INSERT INTO {table} (run_uuid, key, value) VALUES (?, {values})", ids)
        for key in ("accuracy", "loss"):
            connection.executemany(
                "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan)"
                f" VALUES (?, '{key}', 0.5, 0, 0, 0)",
                ids,
            )
        connection.commit()


def all_runs(store: Store, experiment_id: str, size: int) -> list[Run]:
    runs: list[Run] = []
    token: str | None = None
    while True:
        page = store.runs(RunQuery(experiment_id), page_token=token, max_results=size)
        runs += page.runs
        token = page.next_token
        if token is None:
            return runs


class TestStatements:
    def test_their_number_does_not_grow_with_the_runs(self, mlflow_store_copy: MlflowStore) -> None:
        empty = mlflow_store_copy.experiments["empty"]
        add_runs(mlflow_store_copy.path, empty, 3000, 1_770_000_000_000)
        store = open_store(mlflow_store_copy.tracking)
        counts = {}
        for size in (1, 10, 1000, 3000):
            with counted_statements() as seen:
                assert len(store.runs(RunQuery(empty), max_results=size).runs) == size
            counts[size] = len(seen)
        assert len(set(counts.values())) == 1
        assert counts[1] <= 6

    def test_nor_with_the_experiments_and_models(self, mlflow_store: MlflowStore) -> None:
        store = open_store(mlflow_store.tracking)
        for question, most in ((store.experiments, 4), (store.newest_run, 2), (store.registered_models, 5)):
            with counted_statements() as seen:
                question()
            assert 1 < len(seen) <= most

    def test_a_page_is_read_in_one_transaction(self, mlflow_store_copy: MlflowStore) -> None:
        """A run deleted between two statements would lose its parameters."""
        database = SqliteDatabase(mlflow_store_copy.path)
        with database.snapshot() as snapshot:
            before = snapshot.rows("SELECT count(*) FROM runs")
            with (
                closing(sqlite3.connect(mlflow_store_copy.path, timeout=0)) as writer,
                pytest.raises(sqlite3.OperationalError, match="locked"),
            ):
                writer.executescript("DELETE FROM tags; COMMIT")
            assert snapshot.rows("SELECT count(*) FROM runs") == before


class TestPages:
    def test_whole_runs_from_pages_of_any_size(self, mlflow_store_copy: MlflowStore) -> None:
        empty = mlflow_store_copy.experiments["empty"]
        add_runs(mlflow_store_copy.path, empty, 250, 1_770_000_000_000)
        store = open_store(mlflow_store_copy.tracking)
        runs = all_runs(store, empty, 100)
        assert [run.run_name for run in runs] == [f"run {i}" for i in reversed(range(250))]
        assert all(run.params == {"a": "1", "b": "2"} and run.tags == {"t": "x"} for run in runs)
        assert all(run.metrics == {"accuracy": 0.5, "loss": 0.5} for run in runs)
        assert runs == all_runs(store, empty, 1000)

    def test_runs_without_a_start_come_last(self, mlflow_store_copy: MlflowStore) -> None:
        add_runs(mlflow_store_copy.path, mlflow_store_copy.heart, 9, None)
        store = open_store(mlflow_store_copy.tracking)
        runs = all_runs(store, mlflow_store_copy.heart, 4)
        assert len({run.run_id for run in runs}) == 36
        assert [run.run_id for run in runs[-9:]] == [f"{i:032x}" for i in range(9)]
        assert runs[-1].duration is None
        assert store.newest_run() == (mlflow_store_copy.heart, 1_760_001_860_000)

    def test_a_run_that_starts_meanwhile_shifts_nothing(self, mlflow_store_copy: MlflowStore) -> None:
        store = open_store(mlflow_store_copy.tracking)
        first = store.runs(RunQuery(mlflow_store_copy.heart), max_results=10)
        add_runs(mlflow_store_copy.path, mlflow_store_copy.heart, 3, 1_770_000_000_000)
        second = store.runs(RunQuery(mlflow_store_copy.heart), page_token=first.next_token)
        names = [run.run_name for page in (first, second) for run in page.runs]
        assert len(names) == len(set(names)) == 27
        assert second.total == 30

    @pytest.mark.parametrize("token", ["nonsense", "{", "5", "[1]", '"x"'])
    def test_a_token_from_elsewhere(self, mlflow_store: MlflowStore, token: str) -> None:
        with pytest.raises(StoreRefused, match="token"):
            open_store(mlflow_store.tracking).runs(RunQuery(mlflow_store.heart), page_token=token)
