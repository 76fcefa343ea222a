"""Databases that are not what they should be, and proof that nothing is ever written."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.errors import Cancelled, EngineError, StoreLocked, StoreNotFound, StoreOutdated, StoreUnreadable
from engine.stores import open_store
from engine.stores.base import RunQuery
from engine.stores.sql import SqlStore
from engine.stores.sqlite import SqliteDatabase
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from tests.conftest import MlflowStore

LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""
BROKEN_WRITE = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
run = connection.execute("SELECT run_uuid FROM runs").fetchone()[0]
for n in range(2000):
    connection.execute("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", (str(n), "v" * 500, run))
os.kill(os.getpid(), signal.SIGKILL)
"""


def uri(path: Path) -> TrackingUri:
    return TrackingUri(f"sqlite:///{path}", "--tracking-uri")


def store_at(path: Path) -> SqlStore:
    return SqlStore(uri(path), SqliteDatabase(path, busy_seconds=0.2))


def explained(error: EngineError) -> bool:
    return all((error.title, error.detail, error.hint))


def fingerprint(path: Path) -> tuple[str, int, list[str]]:
    """The file's contents and time, and what lies beside it."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return digest, path.stat().st_mtime_ns, sorted(entry.name for entry in path.parent.iterdir())


def read_everything(store: SqlStore, found: MlflowStore) -> None:
    store.experiments()
    store.newest_run()
    store.runs(RunQuery(found.heart))
    store.run(found.runs["special"])
    store.metric_history(found.runs["special"], "loss")
    store.artifacts(found.runs["special"])
    store.registered_models()
    store.model_versions("classifier")


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


class TestNothingThere:
    @pytest.mark.parametrize("place", ["mlflow.db", "no/such/folder/mlflow.db"])
    def test_a_missing_file_is_not_made(self, tmp_path: Path, place: str) -> None:
        with pytest.raises(StoreNotFound) as caught:
            open_store(uri(tmp_path / place)).experiments()
        assert explained(caught.value)
        assert str(tmp_path / place) in caught.value.detail
        assert list(tmp_path.iterdir()) == []

    def test_an_empty_file_is_no_store_yet(self, tmp_path: Path) -> None:
        (tmp_path / "mlflow.db").touch()
        with pytest.raises(StoreNotFound) as caught:
            open_store(uri(tmp_path / "mlflow.db")).experiments()
        assert explained(caught.value)
        assert (tmp_path / "mlflow.db").stat().st_size == 0

    def test_a_path_through_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreNotFound):
            open_store(uri(tmp_path / "file" / "mlflow.db")).experiments()


class TestNotAStore:
    def expect(self, path: Path, kind: type[EngineError], words: str) -> None:
        with pytest.raises(kind) as caught:
            store_at(path).experiments()
        assert explained(caught.value)
        assert words in f"{caught.value.title} {caught.value.detail}"

    def test_a_folder(self, tmp_path: Path) -> None:
        self.expect(tmp_path, StoreUnreadable, "folder")

    def test_a_pipe(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        self.expect(tmp_path / "pipe", StoreUnreadable, "special file")

    def test_a_text_file(self, tmp_path: Path) -> None:
        path = tmp_path / "mlflow.db"
        path.write_text("k,accuracy\n3,0.9\n" * 500)
        self.expect(path, StoreUnreadable, "not a SQLite file")

    def test_another_programs_database(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        change(path, "CREATE TABLE users (id INTEGER, name TEXT)", "CREATE TABLE runs (id INTEGER)")
        before = fingerprint(path)
        self.expect(path, StoreUnreadable, "runs, users")
        assert fingerprint(path) == before

    def test_half_a_database(self, mlflow_store: MlflowStore, tmp_path: Path) -> None:
        path = tmp_path / "half.db"
        whole = mlflow_store.path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(StoreUnreadable) as caught:
            read_everything(store_at(path), mlflow_store)
        assert "damaged" in caught.value.title

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_file_without_permission(self, mlflow_store_copy: MlflowStore) -> None:
        mlflow_store_copy.path.chmod(0)
        self.expect(mlflow_store_copy.path, StoreUnreadable, "cannot be read")


class TestSchemas:
    @pytest.mark.parametrize(
        ("statement", "missing"),
        [
            ("DROP TABLE registered_model_aliases", "registered_model_aliases"),
            ("DROP TABLE logged_models", "logged_models"),
            ("ALTER TABLE latest_metrics RENAME COLUMN is_nan TO not_a_number", "latest_metrics.is_nan"),
        ],
    )
    def test_an_old_schema(self, mlflow_store_copy: MlflowStore, statement: str, missing: str) -> None:
        change(mlflow_store_copy.path, "PRAGMA foreign_keys = OFF", statement)
        before = fingerprint(mlflow_store_copy.path)
        with pytest.raises(StoreOutdated) as caught:
            store_at(mlflow_store_copy.path).experiments()
        assert missing in caught.value.detail
        assert f"mlflow db upgrade sqlite:///{mlflow_store_copy.path}" in caught.value.hint
        assert fingerprint(mlflow_store_copy.path) == before

    def test_a_newer_schema_that_has_what_is_read(self, mlflow_store_copy: MlflowStore) -> None:
        change(
            mlflow_store_copy.path,
            "ALTER TABLE runs ADD COLUMN colour TEXT",
            "CREATE TABLE planets (name TEXT)",
            "UPDATE alembic_version SET version_num = 'f00ba4'",
        )
        assert store_at(mlflow_store_copy.path).runs(RunQuery(mlflow_store_copy.heart)).total == 27

    def test_a_schema_before_workspaces(self, mlflow_store_copy: MlflowStore, tmp_path: Path) -> None:
        """MLflow 3.8 and earlier: no `workspace` column anywhere."""
        old = tmp_path / "old.db"
        with (
            closing(sqlite3.connect(mlflow_store_copy.path)) as source,
            closing(sqlite3.connect(old)) as target,
        ):
            tables = source.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                columns = [row[1] for row in source.execute(f'PRAGMA table_info("{table}")')]
                kept = ", ".join(f'"{column}"' for column in columns if column != "workspace")
                rows = source.execute(f'SELECT {kept} FROM "{table}"').fetchall()
                target.execute(f'CREATE TABLE "{table}" ({kept})')
                marks = ", ".join("?" * (kept.count(",") + 1))
                target.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)
            target.commit()
        ours, theirs = store_at(old), store_at(mlflow_store_copy.path)
        assert ours.experiments() == theirs.experiments()
        assert ours.registered_models() == theirs.registered_models()
        assert ours.model_versions("classifier") == theirs.model_versions("classifier")

    def test_other_workspaces_are_left_out(
        self, mlflow_store_copy: MlflowStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        change(
            mlflow_store_copy.path,
            "UPDATE experiments SET workspace = 'team-b' WHERE name = 'heart'",
            "UPDATE registered_models SET workspace = 'team-b' WHERE name = 'unused'",
        )
        store = store_at(mlflow_store_copy.path)
        assert {experiment.name for experiment in store.experiments()} == {"Default", "empty"}
        assert store.newest_run() is None
        monkeypatch.setenv("MLFLOW_WORKSPACE", "team-b")
        assert {experiment.name for experiment in store.experiments()} == {"heart"}
        assert [model.name for model in store.registered_models()] == ["unused"]


@contextmanager
def locked_by_another_process(path: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", LOCK, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        yield
        assert process.stdin is not None
        process.stdin.close()


class TestOtherProcesses:
    def test_a_lock(self, mlflow_store_copy: MlflowStore) -> None:
        store = store_at(mlflow_store_copy.path)
        with locked_by_another_process(mlflow_store_copy.path):
            with pytest.raises(StoreLocked) as caught:
                store.experiments()
            assert explained(caught.value)
        assert store.experiments()

    def test_a_write_that_was_broken_off(self, mlflow_store_copy: MlflowStore) -> None:
        path = mlflow_store_copy.path
        killed = subprocess.run([sys.executable, "-c", BROKEN_WRITE, str(path)], check=False)
        assert killed.returncode == -signal.SIGKILL
        before = fingerprint(path)
        assert f"{path.name}-journal" in before[2]
        with pytest.raises(StoreUnreadable) as caught:
            store_at(path).experiments()
        assert "broken off" in caught.value.title
        assert fingerprint(path) == before

    def test_a_replaced_file_is_seen_at_once(self, mlflow_store_copy: MlflowStore, tmp_path: Path) -> None:
        store = store_at(mlflow_store_copy.path)
        assert len(store.experiments()) == 3
        other = tmp_path / "other.db"
        shutil.copyfile(mlflow_store_copy.path, other)
        change(other, "UPDATE experiments SET lifecycle_stage = 'deleted' WHERE name = 'empty'")
        other.replace(mlflow_store_copy.path)
        assert len(store.experiments()) == 2


class TestReadOnly:
    def test_reading_leaves_no_trace(self, mlflow_store_copy: MlflowStore) -> None:
        before = fingerprint(mlflow_store_copy.path)
        store = store_at(mlflow_store_copy.path)
        read_everything(store, mlflow_store_copy)
        store.close()
        assert fingerprint(mlflow_store_copy.path) == before

    def test_nor_in_a_write_ahead_log_at_rest(self, mlflow_store_copy: MlflowStore) -> None:
        change(mlflow_store_copy.path, "PRAGMA journal_mode = WAL")
        before = fingerprint(mlflow_store_copy.path)
        read_everything(store_at(mlflow_store_copy.path), mlflow_store_copy)
        assert fingerprint(mlflow_store_copy.path) == before

    def test_a_write_ahead_log_in_use_is_read_up_to_its_last_write(
        self, mlflow_store_copy: MlflowStore
    ) -> None:
        path = mlflow_store_copy.path
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute("PRAGMA journal_mode = WAL")
            writer.execute("UPDATE runs SET name = 'renamed' WHERE name = 'special'")
            names = {run.run_name for run in store_at(path).runs(RunQuery(mlflow_store_copy.heart)).runs}
        assert "renamed" in names
        assert "special" not in names

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE runs SET name = 'x'",
            "DELETE FROM params",
            "CREATE TABLE mine (a)",
            "PRAGMA user_version = 7",
            "ATTACH DATABASE 'made.db' AS made",
        ],
    )
    def test_our_connection_cannot_write(
        self, mlflow_store_copy: MlflowStore, statement: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = mlflow_store_copy.path
        monkeypatch.chdir(path.parent)
        before = fingerprint(path)
        with suppress(StoreUnreadable), SqliteDatabase(path).snapshot() as snapshot:
            snapshot.rows(statement)
            assert statement.startswith("PRAGMA"), "only a pragma may be ignored instead of refused"
        assert fingerprint(path) == before

    def test_a_file_that_nobody_may_write(self, mlflow_store_copy: MlflowStore) -> None:
        path = mlflow_store_copy.path
        path.chmod(0o444)
        path.parent.chmod(0o555)
        try:
            read_everything(store_at(path), mlflow_store_copy)
        finally:
            path.parent.chmod(0o755)


class TestClosing:
    ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    def test_a_query_that_runs_is_interrupted(self, mlflow_store: MlflowStore) -> None:
        database = SqliteDatabase(mlflow_store.path)
        caught: list[BaseException] = []
        begun = threading.Event()

        def read() -> None:
            try:
                with database.snapshot() as snapshot:
                    begun.set()
                    snapshot.rows(self.ENDLESS)
            except EngineError as error:
                caught.append(error)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        assert begun.wait(10)
        for _ in range(1000):  # an interrupt between two statements has nothing to stop
            database.close()
            thread.join(0.01)
            if not thread.is_alive():
                break
        assert not thread.is_alive()
        assert isinstance(caught[0], Cancelled)

    def test_no_descriptor_is_left_open_by_reading(self, mlflow_store_copy: MlflowStore) -> None:
        store = store_at(mlflow_store_copy.path)
        read_everything(store, mlflow_store_copy)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            read_everything(store, mlflow_store_copy)
        assert len(os.listdir("/proc/self/fd")) == before


def test_text_that_is_not_unicode_is_read_and_asking_for_it_is_one_clear_error(
    mlflow_store_copy: MlflowStore,
) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as db:
        db.execute("UPDATE registered_models SET name = CAST(x'61eda080' AS TEXT) WHERE name = 'unused'")
        db.execute("UPDATE runs SET name = CAST(x'62ff' AS TEXT) WHERE name = 'trial-00'")
    store = open_store(mlflow_store_copy.tracking)
    assert "a\ud800" in {model.name for model in store.registered_models()}
    assert "b\ufffd" in {run.run_name for run in store.runs(RunQuery(mlflow_store_copy.heart)).runs}
    with pytest.raises(StoreUnreadable) as told:
        store.model_versions("a\ud800")
    assert told.value.hint
