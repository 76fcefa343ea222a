"""Database servers: nothing is ever written, and what goes wrong is said without passwords."""

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
from engine.stores.sql.servers import DatabaseServer
from engine.uri import TrackingUri
from tests.support.database import PASSWORD
from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres

if TYPE_CHECKING:
    from tests.conftest import MlflowStore


@dataclass(frozen=True)
class Running:
    """A database server with the store `held`, and how it says to wait so many seconds."""

    server: Postgres | MariaDb
    held: MlflowStore
    main: str
    sleep: str


@pytest.fixture(params=["postgresql", "mysql"])
def running(request: pytest.FixtureRequest) -> Running:
    name: str = request.param
    held: MlflowStore = request.getfixturevalue(f"{name}_store")
    if name == "postgresql":
        return Running(request.getfixturevalue("postgres"), held, "postgres", "SELECT pg_sleep(20)")
    return Running(request.getfixturevalue("mariadb"), held, "mysql", "SELECT sleep(20)")


@pytest.fixture
def empty(running: Running) -> Iterator[str]:
    """The name of an empty database, gone after the test."""
    running.server.execute(running.main, "CREATE DATABASE nothing")
    yield "nothing"
    force = " WITH (FORCE)" if isinstance(running.server, Postgres) else ""
    running.server.execute(running.main, f"DROP DATABASE nothing{force}")


def tracking(raw: str) -> TrackingUri:
    return TrackingUri(raw)


def refusal(raw: str, kind: type[EngineError]) -> EngineError:
    """What reading a store says, which must be explained and hold no password."""
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
    def test_our_connection_cannot_write(self, running: Running, statement: str) -> None:
        with pytest.raises(StoreRefused) as caught, DatabaseServer(running.held.tracking).snapshot() as found:
            list(found.each(statement))
        assert "never writes" in caught.value.title
        store = open_store(running.held.tracking)
        special = store.run(running.held.runs["special"]).run
        assert (special.run_name, len(special.params), len(store.experiments())) == ("special", 2, 3)

    def test_a_page_is_one_state_of_the_database(self, running: Running) -> None:
        with DatabaseServer(running.held.tracking).snapshot() as found:
            before = list(found.each("SELECT count(*) FROM experiment_tags"))
            added = f"INSERT INTO experiment_tags VALUES ('new', 'x', {running.held.heart})"
            running.server.execute("mlflow", added)
            try:
                assert list(found.each("SELECT count(*) FROM experiment_tags")) == before
            finally:
                running.server.execute("mlflow", "DELETE FROM experiment_tags WHERE value = 'x'")

    def test_letters_that_differ_in_case_only_are_told_apart(self, running: Running) -> None:
        store = open_store(running.held.tracking)
        assert store.metric_history(running.held.runs["special"], "LOSS") == ()
        with pytest.raises(EngineError, match="no registered model"):
            store.model_versions("CLASSIFIER")


class TestWhatGoesWrong:
    def test_nobody_answers(self, closed_port: int) -> None:
        for scheme in ("postgresql+psycopg2", "mysql+pymysql"):
            raw = f"{scheme}://ada:s3cret%2Fof%40ada@127.0.0.1:{closed_port}/mlflow"
            error = refusal(raw, ServerUnreachable)
            assert f"127.0.0.1:{closed_port}" in error.title

    @pytest.mark.parametrize("scheme", ["postgresql+psycopg2", "mysql+pymysql"])
    def test_somebody_is_silent(self, silent_port: int, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(servers, "CONNECT_SECONDS", 1)
        query = "?connect_timeout=2" if scheme.startswith("postgresql") else ""
        refusal(f"{scheme}://ada:s3cret@127.0.0.1:{silent_port}/mlflow{query}", ServerTimeout)

    def test_mysql_is_given_time_to_answer_once_it_is_there(
        self, mysql_store: MlflowStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(servers, "CONNECT_SECONDS", 1)
        with DatabaseServer(mysql_store.tracking).snapshot() as found:
            assert list(found.each("SELECT sleep(2)")) == [(0,)]

    def test_a_wrong_password(self, running: Running) -> None:
        refusal(running.server.uri("mlflow", password="s3cret-too"), ServerDenied)

    def test_an_unknown_user(self, running: Running) -> None:
        refusal(running.server.uri("mlflow", user="eve", password="s3cret-too"), ServerDenied)

    def test_no_such_database(self, running: Running) -> None:
        error = refusal(running.server.uri("elsewhere"), StoreNotFound)
        assert "elsewhere" in error.title

    def test_an_empty_database(self, running: Running, empty: str) -> None:
        error = refusal(running.server.uri(empty), StoreNotFound)
        assert "empty" in error.detail

    def test_somebody_elses_database(self, running: Running, empty: str) -> None:
        running.server.execute(empty, "CREATE TABLE users (id integer)")
        error = refusal(running.server.uri(empty), StoreUnreadable)
        assert "users" in error.detail

    def test_a_schema_that_nobody_knows(self, running: Running, empty: str) -> None:
        """MLflow is asked what to make of it; it may not make the missing tables."""
        running.server.execute(
            empty,
            "CREATE TABLE experiments (experiment_id integer)",
            "CREATE TABLE runs (run_uuid varchar(32))",
            "CREATE TABLE alembic_version (version_num varchar(32))",
            "INSERT INTO alembic_version VALUES ('f00ba4')",
        )
        error = refusal(running.server.uri(empty), StoreOutdated)
        assert "f00ba4" in error.detail
        assert "mlflow db upgrade" in error.hint
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema IN ('public', 'nothing')"
        assert running.server.execute(empty, tables)[0][0] == 3

    def test_no_permission_to_read(self, running: Running) -> None:
        if isinstance(running.server, Postgres):
            made = ["CREATE ROLE guest LOGIN PASSWORD 'guest'"]
            gone = ["DROP ROLE guest"]
        else:
            made = ["CREATE USER guest IDENTIFIED BY 'guest'", "GRANT INSERT ON mlflow.* TO guest"]
            gone = ["DROP USER guest"]
        running.server.execute("mlflow", *made)
        try:
            raw = running.server.uri("mlflow", user="guest", password="guest")
            error = refusal(raw, ServerDenied)
            assert "SELECT" in error.hint
        finally:
            running.server.execute("mlflow", *gone)

    def test_a_statement_that_takes_too_long(self, postgresql_store: MlflowStore) -> None:
        def read() -> None:
            with DatabaseServer(postgresql_store.tracking).snapshot() as found:
                found.each("SET LOCAL statement_timeout = 50")
                found.each("SELECT pg_sleep(20)")

        with pytest.raises(ServerTimeout):
            read()

    @pytest.mark.parametrize(
        "name", ['it\'s "both"', "'; DROP TABLE runs; --", "%s %", ":name", "\\", "a\0b", "\ud800"]
    )
    def test_any_text_is_a_name_that_is_not_there(self, running: Running, name: str) -> None:
        store = open_store(running.held.tracking)
        with pytest.raises((NotFound, StoreRefused, StoreUnreadable)) as caught:
            store.model_versions(name)
        assert "SELECT" not in str(caught.value)
        assert store.model_versions("classifier")

    @pytest.mark.parametrize("scheme", ["postgresql", "mysql+pymysql"])
    def test_an_address_that_makes_no_sense(self, scheme: str) -> None:
        refusal(f"{scheme}://ada:s3cret@h:port/db", UriError)

    @pytest.mark.parametrize(
        ("raw", "driver"),
        [
            ("postgresql://ada:s3cret@h/db", "pip install 'psycopg2-binary'"),
            ("postgresql+psycopg2://ada:s3cret@h/db", "pip install 'psycopg2-binary'"),
            ("postgresql+psycopg://ada:s3cret@h/db", "pip install 'psycopg[binary]'"),
            ("mysql://ada:s3cret@h/db", "pip install 'PyMySQL'"),
        ],
    )
    def test_no_driver(self, raw: str, driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(servers, "find_spec", lambda name: None)
        error = refusal(raw, StoreUnreadable)
        assert driver in error.hint


class TestConnections:
    def test_a_server_that_restarts_is_read_again(self, running: Running) -> None:
        store = open_store(running.held.tracking)
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

    def test_closing_stops_what_is_read(self, postgresql_store: MlflowStore) -> None:
        database = DatabaseServer(postgresql_store.tracking)
        caught: list[BaseException] = []
        begun = threading.Event()

        def read() -> None:
            try:
                with database.snapshot() as found:
                    begun.set()
                    list(found.each("SELECT pg_sleep(20)"))
            except EngineError as error:
                caught.append(error)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        assert begun.wait(10)
        for _ in range(1000):  # between two statements there is nothing to stop
            database.close()
            thread.join(0.01)
            if not thread.is_alive():
                break
        assert not thread.is_alive()
        assert isinstance(caught[0], Cancelled)

    def test_a_url_that_names_no_driver_takes_the_one_that_is_there(self, running: Running) -> None:
        store = open_store(tracking(running.server.uri("mlflow", driver="")))
        assert store.kind == "sql"
        assert len(store.runs(RunQuery(running.held.heart)).runs) == 27

    def test_a_server_cannot_tell_cheaply_whether_something_changed(self, running: Running) -> None:
        assert open_store(running.held.tracking).stamp() is None
