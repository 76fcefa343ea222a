"""SQL stores: a fixed number of statements, stable pages while runs come and go, and conditions."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.entities import Run
from engine.errors import StoreRefused
from engine.stores import open_store
from engine.stores.base import Condition, ConditionOperator, RunQuery, Store
from engine.stores.sql.sqlite import SqliteDatabase
from tests.support.statements import counted_statements

if TYPE_CHECKING:
    from tests.conftest import MlflowStore


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
    def test_the_number_of_statements_does_not_grow_with_the_runs(
        self, mlflow_store_copy: MlflowStore
    ) -> None:
        empty = mlflow_store_copy.experiments["empty"]
        add_runs(mlflow_store_copy.path, empty, 3000, 1_770_000_000_000)
        store = open_store(mlflow_store_copy.tracking)
        counts = {}
        for size in (1, 10, 1000, 3000):
            with counted_statements() as seen:
                assert len(store.runs(RunQuery(empty), max_results=size).runs) == size
            counts[size] = len(seen)
        assert counts[1] == counts[10] == counts[1000] <= 8
        assert counts[3000] < counts[1]  # a complete page needs no count

    def test_the_number_of_statements_does_not_grow_with_the_experiments_and_models(
        self, mlflow_store: MlflowStore
    ) -> None:
        store = open_store(mlflow_store.tracking)
        for read, limit in ((store.experiments, 4), (store.newest_run, 2), (store.registered_models, 5)):
            with counted_statements() as seen:
                read()
            assert 1 < len(seen) <= limit

    def test_a_page_is_read_in_one_transaction(self, mlflow_store_copy: MlflowStore) -> None:
        """A run deleted between two statements would lose its parameters."""
        database = SqliteDatabase(mlflow_store_copy.path)
        with database.snapshot() as snapshot:
            before = list(snapshot.stream("SELECT count(*) FROM runs"))
            with (
                closing(sqlite3.connect(mlflow_store_copy.path, timeout=0)) as writer,
                pytest.raises(sqlite3.OperationalError, match="locked"),
            ):
                writer.executescript("DELETE FROM tags; COMMIT")
            assert list(snapshot.stream("SELECT count(*) FROM runs")) == before


class TestPages:
    def test_pages_of_any_size_give_complete_runs(self, mlflow_store_copy: MlflowStore) -> None:
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

    def test_a_run_that_starts_between_pages_shifts_nothing(self, mlflow_store_copy: MlflowStore) -> None:
        store = open_store(mlflow_store_copy.tracking)
        first = store.runs(RunQuery(mlflow_store_copy.heart), max_results=10)
        add_runs(mlflow_store_copy.path, mlflow_store_copy.heart, 3, 1_770_000_000_000)
        second = store.runs(RunQuery(mlflow_store_copy.heart), page_token=first.next_token)
        names = [run.run_name for page in (first, second) for run in page.runs]
        assert len(names) == len(set(names)) == 27
        assert second.total == first.total == 27

    def test_a_token_works_with_any_store_and_more_than_once(self, mlflow_store: MlflowStore) -> None:
        first, other = open_store(mlflow_store.tracking), open_store(mlflow_store.tracking)
        query = RunQuery(mlflow_store.heart)
        expected = all_runs(first, mlflow_store.heart, 1000)
        token = first.runs(query, max_results=5).next_token
        for store in (first, other, first):
            page = store.runs(query, page_token=token, max_results=5)
            assert list(page.runs) == expected[5:10]
            after = other.runs(query, page_token=page.next_token, max_results=1000)
            assert list(after.runs) == expected[10:]

    def test_queries_read_in_turn_do_not_mix(self, mlflow_store: MlflowStore) -> None:
        store = open_store(mlflow_store.tracking)
        queries = [
            RunQuery(mlflow_store.heart, (Condition("metric", "cv_mean", ">", least / 10),))
            for least in range(7)
        ]
        tokens: dict[RunQuery, str | None] = dict.fromkeys(queries)
        found: dict[RunQuery, list[str]] = {query: [] for query in queries}
        while tokens:
            for query in list(tokens):
                page = store.runs(query, page_token=tokens.pop(query), max_results=6)
                found[query] += page.runs.run_ids
                if page.next_token is not None:
                    tokens[query] = page.next_token
        for query, ids in found.items():
            assert ids == store.runs(query).runs.run_ids

    def test_runs_deleted_between_pages_are_left_out(self, mlflow_store_copy: MlflowStore) -> None:
        store = open_store(mlflow_store_copy.tracking)
        query = RunQuery(mlflow_store_copy.heart)
        expected = store.runs(query).runs.run_ids
        pages = [store.runs(query, max_results=9)]
        pages.append(store.runs(query, page_token=pages[-1].next_token, max_results=9))
        gone = expected[17:20]  # the run that the last token names, and two behind it
        with closing(sqlite3.connect(mlflow_store_copy.path)) as connection:
            connection.executemany("DELETE FROM runs WHERE run_uuid = ?", [(run_id,) for run_id in gone])
            connection.commit()
        pages.append(store.runs(query, page_token=pages[-1].next_token, max_results=9))
        assert pages[-1].next_token is None
        ids = [run_id for page in pages for run_id in page.runs.run_ids]
        assert ids == [run_id for run_id in expected if run_id not in gone[1:]]
        assert pages[-1].runs[0].params  # its parameters stay with it

    def test_oldest_first_also_puts_runs_without_a_start_last(self, mlflow_store_copy: MlflowStore) -> None:
        add_runs(mlflow_store_copy.path, mlflow_store_copy.heart, 3, None)
        store = open_store(mlflow_store_copy.tracking)
        query = RunQuery(mlflow_store_copy.heart, oldest_first=True)
        starts: list[int | None] = []
        token: str | None = None
        while page := store.runs(query, page_token=token, max_results=7):
            starts += [run.start_time for run in page.runs]
            token = page.next_token
            if token is None:
                break
        assert starts[-3:] == [None] * 3
        assert starts[:-3] == sorted(start for start in starts if start is not None)

    @pytest.mark.parametrize(
        "token", ["nonsense", "{", "5", "[1]", '"x"', "[1, 2, 3, 4]", '["a", "b", 1, 2]']
    )
    def test_an_invalid_token_is_refused(self, mlflow_store: MlflowStore, token: str) -> None:
        with pytest.raises(StoreRefused, match="token"):
            open_store(mlflow_store.tracking).runs(RunQuery(mlflow_store.heart), page_token=token)


class TestConditions:
    """What MLflow's grammar cannot express; tests/contract compares the rest with MLflow."""

    @pytest.mark.parametrize(
        ("key", "operator", "value", "found"),
        [
            ("up", "=", math.inf, 1),
            ("up", ">=", math.inf, 1),
            ("up", "<", math.inf, 0),
            ("up", ">", -math.inf, 1),
            ("down", "=", -math.inf, 1),
            ("tiny", "<", math.inf, 1),
            ("nan", "!=", math.nan, 1),
            ("nan", "=", math.nan, 0),
            ("tiny", "!=", math.nan, 1),
            ("tiny", "<", math.nan, 0),
            ("unknown", "!=", math.nan, 0),
            ("accuracy", "IS NULL", None, 4),
            ("nan", "IS NOT NULL", None, 1),
        ],
    )
    def test_infinite_nan_and_missing_metrics(
        self,
        mlflow_store: MlflowStore,
        key: str,
        operator: ConditionOperator,
        value: float | None,
        found: int,
    ) -> None:
        query = RunQuery(mlflow_store.heart, (Condition("metric", key, operator, value),))
        assert len(open_store(mlflow_store.tracking).runs(query).runs) == found

    @pytest.mark.parametrize(
        "value", ['it\'s "both"', "'; DROP TABLE runs; --", "%", ":lifecycle", "\\", "a\0b"]
    )
    def test_any_text_can_be_a_name_and_a_value(self, mlflow_store: MlflowStore, value: str) -> None:
        store = open_store(mlflow_store.tracking)
        for kind in ("param", "tag"):
            for condition in (Condition(kind, value, "=", value), Condition(kind, "weights", "=", value)):
                assert len(store.runs(RunQuery(mlflow_store.heart, (condition,))).runs) == 0

    def test_text_cannot_be_ordered(self, mlflow_store: MlflowStore) -> None:
        query = RunQuery(mlflow_store.heart, (Condition("param", "weights", "<", "x"),))
        with pytest.raises(StoreRefused):
            open_store(mlflow_store.tracking).runs(query)

    @pytest.mark.parametrize("experiment_id", ["", "heart", "-1", "9" * 40, "1 OR 1 = 1", "²"])
    def test_an_impossible_experiment_id_has_no_runs(
        self, mlflow_store: MlflowStore, experiment_id: str
    ) -> None:
        page = open_store(mlflow_store.tracking).runs(RunQuery(experiment_id))
        assert (len(page.runs), page.next_token, page.total) == (0, None, 0)


def test_columns_that_few_runs_have_are_mappings(mlflow_store_copy: MlflowStore) -> None:
    empty = mlflow_store_copy.experiments["empty"]
    add_runs(mlflow_store_copy.path, empty, 60, 1_770_000_000_000)
    with closing(sqlite3.connect(mlflow_store_copy.path)) as connection:
        connection.executemany(
            "INSERT INTO params (run_uuid, key, value) VALUES (?, ?, 'x')",
            [(f"{run:032x}", f"p{run}-{number}") for run in range(60) for number in range(50)]
            + [(f"{run:032x}", f"common{number}") for run in range(60) for number in range(300)],
        )
        connection.commit()
    block = open_store(mlflow_store_copy.tracking).runs(RunQuery(empty)).runs
    params = block.columns["param"]
    assert len(params) == 2 + 60 * 50 + 300
    assert all(isinstance(params[f"p{run}-7"], dict) for run in range(60))
    assert all(isinstance(params[f"common{number}"], list) for number in range(300))
    assert all(len(run.params) == 2 + 50 + 300 for run in block)
    assert set(block[59].params) >= {"a", "b", "p0-0", "p0-49", "common299"}
