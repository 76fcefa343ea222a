"""SQLite files: missing, foreign, damaged and locked ones, and proof that nothing is ever written."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.errors import Cancelled, EngineError, StoreLocked, StoreNotFound, StoreOutdated, StoreUnreadable
from engine.stores import open_store
from engine.stores.base import RunQuery, Store
from engine.stores.sql.sqlite import SqliteDatabase
from engine.stores.sql.store import SqlStore
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
INTERRUPTED_WRITE = """
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
    return TrackingUri(f"sqlite:///{path}")


def store_at(path: Path) -> SqlStore:
    return SqlStore(uri(path), SqliteDatabase(path, busy_seconds=0.2))


def is_complete(error: EngineError) -> bool:
    return all((error.title, error.detail, error.hint))


def fingerprint(path: Path) -> tuple[str, int, list[str]]:
    """The file's hash and modification time, and the names in its folder."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return digest, path.stat().st_mtime_ns, sorted(entry.name for entry in path.parent.iterdir())


def reads(found: MlflowStore) -> list[Callable[[Store], object]]:
    """Every read method of a store."""
    special = found.runs["special"]
    return [
        lambda store: store.experiments(),
        lambda store: store.newest_run(),
        lambda store: store.runs(RunQuery(found.heart)),
        lambda store: store.run(special),
        lambda store: store.metric_history(special, "loss"),
        lambda store: store.artifacts(special),
        lambda store: store.registered_models(),
        lambda store: store.model_versions("classifier"),
    ]


def read_everything(store: SqlStore, found: MlflowStore) -> None:
    for read in reads(found):
        read(store)


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


class TestMissingStore:
    @pytest.mark.parametrize("name", ["mlflow.db", "no/such/folder/mlflow.db"])
    def test_a_missing_file_is_not_created(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(StoreNotFound) as caught:
            open_store(uri(tmp_path / name)).experiments()
        assert is_complete(caught.value)
        assert str(tmp_path / name) in caught.value.detail
        assert list(tmp_path.iterdir()) == []

    def test_an_empty_file_is_not_a_store(self, tmp_path: Path) -> None:
        (tmp_path / "mlflow.db").touch()
        with pytest.raises(StoreNotFound) as caught:
            open_store(uri(tmp_path / "mlflow.db")).experiments()
        assert is_complete(caught.value)
        assert (tmp_path / "mlflow.db").stat().st_size == 0

    def test_a_path_that_leads_through_a_file_is_not_found(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreNotFound):
            open_store(uri(tmp_path / "file" / "mlflow.db")).experiments()


class TestNotAStore:
    def expect_error(self, path: Path, kind: type[EngineError], words: str) -> None:
        with pytest.raises(kind) as caught:
            store_at(path).experiments()
        assert is_complete(caught.value)
        assert words in f"{caught.value.title} {caught.value.detail}"

    def test_a_folder_is_not_a_store(self, tmp_path: Path) -> None:
        self.expect_error(tmp_path, StoreUnreadable, "folder")

    def test_a_pipe_is_not_a_store(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        self.expect_error(tmp_path / "pipe", StoreUnreadable, "special file")

    def test_a_text_file_is_not_a_store(self, tmp_path: Path) -> None:
        path = tmp_path / "mlflow.db"
        path.write_text("k,accuracy\n3,0.9\n" * 500)
        self.expect_error(path, StoreUnreadable, "not a SQLite file")

    def test_another_programs_database_is_not_a_store(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        change(path, "CREATE TABLE users (id INTEGER, name TEXT)", "CREATE TABLE runs (id INTEGER)")
        before = fingerprint(path)
        self.expect_error(path, StoreUnreadable, "runs, users")
        assert fingerprint(path) == before

    def test_a_truncated_database_is_damaged(self, mlflow_store: MlflowStore, tmp_path: Path) -> None:
        path = tmp_path / "half.db"
        complete = mlflow_store.path.read_bytes()
        path.write_bytes(complete[: len(complete) // 2])
        with pytest.raises(StoreUnreadable) as caught:
            read_everything(store_at(path), mlflow_store)
        assert "damaged" in caught.value.title

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
    def test_a_file_without_read_permission_is_an_error(self, mlflow_store_copy: MlflowStore) -> None:
        mlflow_store_copy.path.chmod(0)
        self.expect_error(mlflow_store_copy.path, StoreUnreadable, "Cannot read the store")


class TestSchemas:
    def test_a_lost_table_is_not_recreated(self, mlflow_store_copy: MlflowStore) -> None:
        change(mlflow_store_copy.path, "PRAGMA foreign_keys = OFF", "DROP TABLE registered_model_aliases")
        before = fingerprint(mlflow_store_copy.path)
        for read in reads(mlflow_store_copy):
            with pytest.raises(StoreOutdated) as caught:
                read(store_at(mlflow_store_copy.path))
            assert "registered_model_aliases" in caught.value.detail
            assert caught.value.hint
        assert fingerprint(mlflow_store_copy.path) == before

    def test_a_newer_schema_with_all_required_columns_is_read(self, mlflow_store_copy: MlflowStore) -> None:
        change(
            mlflow_store_copy.path,
            "ALTER TABLE runs ADD COLUMN colour TEXT",
            "CREATE TABLE planets (name TEXT)",
            "UPDATE alembic_version SET version_num = 'f00ba4'",
        )
        assert store_at(mlflow_store_copy.path).runs(RunQuery(mlflow_store_copy.heart)).total == 27

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
        assert len(store.runs(RunQuery(mlflow_store_copy.heart)).runs) == 0
        monkeypatch.setenv("MLFLOW_WORKSPACE", "team-b")
        assert {experiment.name for experiment in store.experiments()} == {"heart"}
        assert len(store.runs(RunQuery(mlflow_store_copy.heart)).runs) == 27
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
    def test_a_locked_store_is_read_again_once_unlocked(self, mlflow_store_copy: MlflowStore) -> None:
        store = store_at(mlflow_store_copy.path)
        with locked_by_another_process(mlflow_store_copy.path):
            with pytest.raises(StoreLocked) as caught:
                store.experiments()
            assert is_complete(caught.value)
        assert store.experiments()

    def test_an_interrupted_write_is_reported_and_left_alone(self, mlflow_store_copy: MlflowStore) -> None:
        path = mlflow_store_copy.path
        killed = subprocess.run([sys.executable, "-c", INTERRUPTED_WRITE, str(path)], check=False)
        assert killed.returncode == -signal.SIGKILL
        before = fingerprint(path)
        assert f"{path.name}-journal" in before[2]
        with pytest.raises(StoreUnreadable) as caught:
            store_at(path).experiments()
        assert "interrupted" in caught.value.title
        assert fingerprint(path) == before

    def test_a_replaced_file_is_noticed_at_once(self, mlflow_store_copy: MlflowStore, tmp_path: Path) -> None:
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

    def test_reading_an_idle_write_ahead_log_leaves_no_trace(self, mlflow_store_copy: MlflowStore) -> None:
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
    def test_the_connection_cannot_write(
        self, mlflow_store_copy: MlflowStore, statement: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = mlflow_store_copy.path
        monkeypatch.chdir(path.parent)
        before = fingerprint(path)
        with suppress(StoreUnreadable), SqliteDatabase(path).snapshot() as snapshot:
            list(snapshot.stream(statement))
            assert statement.startswith("PRAGMA"), "only a pragma may be ignored instead of refused"
        assert fingerprint(path) == before

    def test_a_read_only_file_in_a_read_only_folder_is_read(self, mlflow_store_copy: MlflowStore) -> None:
        path = mlflow_store_copy.path
        path.chmod(0o444)
        path.parent.chmod(0o555)
        try:
            read_everything(store_at(path), mlflow_store_copy)
        finally:
            path.parent.chmod(0o755)


class TestStamp:
    def test_the_stamp_stays_the_same_while_nothing_changes(self, mlflow_store: MlflowStore) -> None:
        store = store_at(mlflow_store.path)
        read_everything(store, mlflow_store)
        assert store.stamp() is not None
        assert store.stamp() == store_at(mlflow_store.path).stamp()

    @pytest.mark.parametrize("mode", ["DELETE", "WAL"])
    def test_every_write_changes_the_stamp(self, mlflow_store_copy: MlflowStore, mode: str) -> None:
        """Writes in quick succession that keep the file size, with the log in use and idle."""
        path = mlflow_store_copy.path
        change(path, f"PRAGMA journal_mode = {mode}")
        store = store_at(path)
        seen = [store.stamp()]
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            for number in range(50):
                writer.execute("UPDATE runs SET name = ? WHERE name = 'x' OR name = ?", (f"{number}", "y"))
                writer.execute("UPDATE tags SET value = ? WHERE key = 'sweep'", (f"{number:03d}",))
                seen.append(store.stamp())
        seen.append(store.stamp())
        change(path, "UPDATE tags SET value = 'abc' WHERE key = 'sweep'")
        seen.append(store.stamp())
        assert all(before != after for before, after in pairwise(seen))

    def test_a_replaced_file_changes_the_stamp(self, mlflow_store_copy: MlflowStore, tmp_path: Path) -> None:
        path = mlflow_store_copy.path
        store = store_at(path)
        other = tmp_path / "other.db"
        shutil.copy2(path, other)
        os.utime(path, (1, 1))
        os.utime(other, (1, 1))
        before = store.stamp()
        assert store.stamp() == before
        other.replace(path)
        assert store.stamp() != before

    def test_a_missing_file_has_no_stamp(self, tmp_path: Path) -> None:
        assert store_at(tmp_path / "mlflow.db").stamp() is None


class TestClosing:
    ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    def test_closing_interrupts_a_running_query(self, mlflow_store: MlflowStore) -> None:
        database = SqliteDatabase(mlflow_store.path)
        caught: list[BaseException] = []
        begun = threading.Event()

        def read() -> None:
            try:
                with database.snapshot() as snapshot:
                    begun.set()
                    list(snapshot.stream(self.ENDLESS))
            except EngineError as error:
                caught.append(error)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        assert begun.wait(10)
        for _ in range(1000):  # an interrupt between two statements has no effect
            database.close()
            thread.join(0.01)
            if not thread.is_alive():
                break
        assert not thread.is_alive()
        assert isinstance(caught[0], Cancelled)

    def test_reading_leaves_no_descriptor_open(self, mlflow_store_copy: MlflowStore) -> None:
        store = store_at(mlflow_store_copy.path)
        read_everything(store, mlflow_store_copy)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            read_everything(store, mlflow_store_copy)
        assert len(os.listdir("/proc/self/fd")) == before


def test_invalid_unicode_is_read_and_looking_it_up_is_a_clear_error(
    mlflow_store_copy: MlflowStore,
) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as db:
        db.execute("UPDATE registered_models SET name = CAST(x'61eda080' AS TEXT) WHERE name = 'unused'")
        db.execute("UPDATE runs SET name = CAST(x'62ff' AS TEXT) WHERE name = 'trial-00'")
    store = open_store(mlflow_store_copy.tracking)
    assert "a\ud800" in {model.name for model in store.registered_models()}
    assert "b\ufffd" in {run.run_name for run in store.runs(RunQuery(mlflow_store_copy.heart)).runs}
    with pytest.raises(StoreUnreadable) as caught:
        store.model_versions("a\ud800")
    assert caught.value.hint
