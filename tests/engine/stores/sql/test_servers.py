"""Database servers: nothing is ever written, and errors hide passwords."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from engine.errors import (
    Cancelled,
    EngineError,
    NotFound,
    ServerDenied,
    ServerTimeout,
    ServerUnreachable,
    StoreNotFound,
    StoreOutdated,
    StoreRefused,
    StoreUnreadable,
    UriError,
)
from engine.stores import open_store
from engine.stores.base import RunQuery
from engine.stores.sql import servers
from engine.stores.sql.database import MYSQL
from engine.stores.sql.servers import DatabaseServer
from engine.uri import TrackingUri
from tests.support.database import PASSWORD
from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres

if TYPE_CHECKING:
    from tests.conftest import MlflowStore


@dataclass(frozen=True)
class Running:
    """A running database server, the name of its main database, and a store on it."""

    server: Postgres | MariaDb
    store: MlflowStore
    main: str


@pytest.fixture(params=["postgresql", "mysql"])
def running(request: pytest.FixtureRequest) -> Running:
    name: str = request.param
    store: MlflowStore = request.getfixturevalue(f"{name}_store")
    if name == "postgresql":
        return Running(request.getfixturevalue("postgres"), store, "postgres")
    return Running(request.getfixturevalue("mariadb"), store, "mysql")


@pytest.fixture
def empty(running: Running) -> Iterator[str]:
    """The name of an empty database, dropped after the test."""
    running.server.execute(running.main, "CREATE DATABASE nothing")
    yield "nothing"
    force = " WITH (FORCE)" if isinstance(running.server, Postgres) else ""
    running.server.execute(running.main, f"DROP DATABASE nothing{force}")


def tracking(raw: str) -> TrackingUri:
    return TrackingUri(raw)


def read_error(raw: str, kind: type[EngineError]) -> EngineError:
    """The error of reading a store, which must have all three parts and no password."""
    with pytest.raises(kind) as caught:
        open_store(tracking(raw)).experiments()
    error = caught.value
    assert type(error) is kind
    assert all((error.title, error.detail, error.hint))
    assert PASSWORD not in str(error)
    assert "s3cret" not in str(error)
    return error


class TestReadOnly:
    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO experiments (name, lifecycle_stage) VALUES ('mine', 'active')",
            "UPDATE runs SET name = 'x'",
            "DELETE FROM params",
            "CREATE TABLE mine (a integer)",
            "DROP TABLE params",
        ],
    )
    def test_the_connection_cannot_write(self, running: Running, statement: str) -> None:
        with (
            pytest.raises(StoreRefused) as caught,
            DatabaseServer(running.store.tracking).snapshot() as found,
        ):
            list(found.stream(statement))
        assert "never writes" in caught.value.title
        store = open_store(running.store.tracking)
        special = store.run(running.store.runs["special"]).run
        assert (special.run_name, len(special.params), len(store.experiments())) == ("special", 2, 3)

    def test_a_snapshot_sees_one_state_of_the_database(self, running: Running) -> None:
        with DatabaseServer(running.store.tracking).snapshot() as found:
            before = list(found.stream("SELECT count(*) FROM experiment_tags"))
            added = f"INSERT INTO experiment_tags VALUES ('new', 'x', {running.store.heart})"
            running.server.execute("mlflow", added)
            try:
                assert list(found.stream("SELECT count(*) FROM experiment_tags")) == before
            finally:
                running.server.execute("mlflow", "DELETE FROM experiment_tags WHERE value = 'x'")

    def test_names_are_case_sensitive(self, running: Running) -> None:
        store = open_store(running.store.tracking)
        assert store.metric_history(running.store.runs["special"], "LOSS") == ()
        with pytest.raises(EngineError, match="Registered model 'CLASSIFIER' not found"):
            store.model_versions("CLASSIFIER")

    def test_mysql_finds_the_points_of_a_history_by_their_run(
        self, mysql_store: MlflowStore, mariadb: MariaDb
    ) -> None:
        """MariaDB's own choice is the primary key, which leads to the points of all runs."""
        of_one = f"run_uuid = '{mysql_store.runs['special']}' AND `key` = 'loss'"
        (plan,) = mariadb.execute(
            "mlflow", f"EXPLAIN SELECT max(value) FROM {MYSQL.histories} WHERE {of_one}"
        )
        assert "index_metrics_run_uuid" in plan
        assert "const,const" in plan


class TestErrors:
    def test_a_closed_port_is_unreachable(self, closed_port: int) -> None:
        for scheme in ("postgresql+psycopg2", "mysql+pymysql"):
            raw = f"{scheme}://ada:s3cret%2Fof%40ada@127.0.0.1:{closed_port}/mlflow"
            error = read_error(raw, ServerUnreachable)
            assert f"127.0.0.1:{closed_port}" in error.title

    @pytest.mark.parametrize("scheme", ["postgresql+psycopg2", "mysql+pymysql"])
    def test_a_silent_server_times_out(
        self, silent_port: int, scheme: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(servers, "CONNECT_SECONDS", 1)
        query = "?connect_timeout=2" if scheme.startswith("postgresql") else ""
        read_error(f"{scheme}://ada:s3cret@127.0.0.1:{silent_port}/mlflow{query}", ServerTimeout)

    def test_mysql_statements_may_take_longer_than_connecting(
        self, mysql_store: MlflowStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(servers, "CONNECT_SECONDS", 1)
        with DatabaseServer(mysql_store.tracking).snapshot() as found:
            assert list(found.stream("SELECT sleep(2)")) == [(0,)]

    def test_a_wrong_password_is_denied(self, running: Running) -> None:
        read_error(running.server.uri("mlflow", password="s3cret-too"), ServerDenied)

    def test_an_unknown_user_is_denied(self, running: Running) -> None:
        read_error(running.server.uri("mlflow", user="eve", password="s3cret-too"), ServerDenied)

    def test_a_missing_database_is_not_found(self, running: Running) -> None:
        error = read_error(running.server.uri("elsewhere"), StoreNotFound)
        assert "elsewhere" in error.title

    def test_an_empty_database_is_not_a_store(self, running: Running, empty: str) -> None:
        error = read_error(running.server.uri(empty), StoreNotFound)
        assert "empty" in error.detail

    def test_another_programs_database_is_not_a_store(self, running: Running, empty: str) -> None:
        running.server.execute(empty, "CREATE TABLE users (id integer)")
        error = read_error(running.server.uri(empty), StoreUnreadable)
        assert "users" in error.detail

    def test_an_unknown_schema_is_reported_and_left_alone(self, running: Running, empty: str) -> None:
        running.server.execute(
            empty,
            "CREATE TABLE experiments (experiment_id integer)",
            "CREATE TABLE runs (run_uuid varchar(32))",
            "CREATE TABLE alembic_version (version_num varchar(32))",
            "INSERT INTO alembic_version VALUES ('f00ba4')",
        )
        error = read_error(running.server.uri(empty), StoreOutdated)
        assert "runs.name" in error.detail
        assert "mlflow db upgrade" in error.hint
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema IN ('public', 'nothing')"
        assert running.server.execute(empty, tables)[0][0] == 3

    def test_a_user_without_select_is_denied(self, running: Running) -> None:
        if isinstance(running.server, Postgres):
            create = ["CREATE ROLE guest LOGIN PASSWORD 'guest'"]
            drop = ["DROP ROLE guest"]
        else:
            create = ["CREATE USER guest IDENTIFIED BY 'guest'", "GRANT INSERT ON mlflow.* TO guest"]
            drop = ["DROP USER guest"]
        running.server.execute("mlflow", *create)
        try:
            raw = running.server.uri("mlflow", user="guest", password="guest")
            error = read_error(raw, ServerDenied)
            assert "SELECT" in error.hint
        finally:
            running.server.execute("mlflow", *drop)

    def test_a_statement_that_takes_too_long_times_out(self, postgresql_store: MlflowStore) -> None:
        def read() -> None:
            with DatabaseServer(postgresql_store.tracking).snapshot() as found:
                found.stream("SET LOCAL statement_timeout = 50")
                found.stream("SELECT pg_sleep(20)")

        with pytest.raises(ServerTimeout):
            read()

    @pytest.mark.parametrize(
        "name", ['it\'s "both"', "'; DROP TABLE runs; --", "%s %", ":name", "\\", "a\0b", "\ud800"]
    )
    def test_any_text_can_be_looked_up_as_a_name(self, running: Running, name: str) -> None:
        store = open_store(running.store.tracking)
        with pytest.raises((NotFound, StoreRefused, StoreUnreadable)) as caught:
            store.model_versions(name)
        assert "SELECT" not in str(caught.value)
        assert store.model_versions("classifier")

    @pytest.mark.parametrize("scheme", ["postgresql", "mysql+pymysql"])
    def test_a_malformed_address_is_an_error(self, scheme: str) -> None:
        read_error(f"{scheme}://ada:s3cret@h:port/db", UriError)

    @pytest.mark.parametrize(
        ("raw", "driver"),
        [
            ("postgresql://ada:s3cret@h/db", "pip install 'psycopg2-binary'"),
            ("postgresql+psycopg2://ada:s3cret@h/db", "pip install 'psycopg2-binary'"),
            ("postgresql+psycopg://ada:s3cret@h/db", "pip install 'psycopg[binary]'"),
            ("mysql://ada:s3cret@h/db", "pip install 'PyMySQL'"),
        ],
    )
    def test_a_missing_driver_is_named_with_its_package(
        self, raw: str, driver: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(servers, "find_spec", lambda name: None)
        error = read_error(raw, StoreUnreadable)
        assert driver in error.hint


class TestConnections:
    def test_a_lost_connection_is_replaced(self, running: Running) -> None:
        store = open_store(running.store.tracking)
        assert len(store.experiments()) == 3
        if isinstance(running.server, Postgres):
            running.server.execute(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND backend_type = 'client backend'",
            )
        else:
            (number,) = running.server.execute(
                "mysql", "SELECT id FROM information_schema.processlist WHERE user = 'ada' ORDER BY id DESC"
            )[0]
            running.server.execute("mysql", f"KILL {number}")
        assert len(store.experiments()) == 3

    def test_closing_cancels_a_running_read(self, postgresql_store: MlflowStore) -> None:
        database = DatabaseServer(postgresql_store.tracking)
        caught: list[BaseException] = []
        begun = threading.Event()

        def read() -> None:
            try:
                with database.snapshot() as found:
                    begun.set()
                    list(found.stream("SELECT pg_sleep(20)"))
            except EngineError as error:
                caught.append(error)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        assert begun.wait(10)
        for _ in range(1000):  # a cancel between two statements has no effect
            database.close()
            thread.join(0.01)
            if not thread.is_alive():
                break
        assert not thread.is_alive()
        assert isinstance(caught[0], Cancelled)

    def test_a_url_without_a_driver_uses_the_installed_one(self, running: Running) -> None:
        store = open_store(tracking(running.server.uri("mlflow", driver="")))
        assert store.kind == "sql"
        assert len(store.runs(RunQuery(running.store.heart)).runs) == 27

    def test_a_server_has_no_stamp(self, running: Running) -> None:
        assert open_store(running.store.tracking).stamp() is None
