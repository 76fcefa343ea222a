"""Database servers: what an account may do, and the checks that tables need."""

from __future__ import annotations

import pytest

from engine.uri import TrackingUri
from tests.conftest import MlflowStore
from tests.engine.server.doctor.support import names, report_on, skipped
from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres

BY_ANOTHER_NAME = "0x7f000001"
"""The loopback address in a form that does not look like it."""
SHARED = {"stale-runs", "version-files-missing"}
"""What is wrong with the shared stores of the tests."""


def check(store: MlflowStore, server: Postgres | MariaDb, create: list[str], drop: list[str]) -> None:
    report = report_on(store.tracking)
    assert set(names(report)) == SHARED
    assert skipped(report) == {}
    assert "27 runs in 3 experiments" in report.groups[1].facts
    server.execute("mlflow", *create)
    try:
        guest = TrackingUri(server.uri("mlflow", user="reader", password="s3cret-of-reader"))
        report = report_on(guest)
    finally:
        server.execute("mlflow", *drop)
    assert set(names(report)) == {"store-read-only", *SHARED}
    elsewhere = TrackingUri(store.uri.replace("127.0.0.1", BY_ANOTHER_NAME))
    assert set(names(report_on(elsewhere))) == {"database-in-clear", *SHARED}
    assert "s3cret" not in str(report)


def test_an_account_of_postgresql_that_only_reads_is_reported(
    postgresql_store: MlflowStore, postgres: Postgres
) -> None:
    create = ["CREATE ROLE reader LOGIN PASSWORD 's3cret-of-reader'"]
    create.append("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    check(postgresql_store, postgres, create, ["DROP OWNED BY reader", "DROP ROLE reader"])


def test_an_account_of_mysql_that_only_reads_is_reported(mysql_store: MlflowStore, mariadb: MariaDb) -> None:
    create = ["CREATE USER reader IDENTIFIED BY 's3cret-of-reader'", "GRANT SELECT ON mlflow.* TO reader"]
    check(mysql_store, mariadb, create, ["DROP USER reader"])


@pytest.mark.parametrize("scheme", ["postgresql", "mysql+pymysql"])
def test_a_database_server_that_is_not_there_is_one_error(scheme: str) -> None:
    report = report_on(f"{scheme}://ada:s3cret-of-ada@127.0.0.1:9/mlflow")
    assert names(report) == ["server-unreachable"]
    assert "s3cret" not in str(report)
