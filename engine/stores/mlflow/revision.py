"""Checks whether MLflow may open a database, and names the releases of MLflow that fit one.

MLflow's SQL store creates missing tables and runs its migrations. That would upgrade the database of an older
MLflow, whose servers could then no longer read it, or add forty tables to the database of another program. So
the database is checked first.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from engine.errors import StoreOutdated, StoreUnreadable
from engine.formats import listed
from engine.stores.errors import store_not_found, store_outdated
from engine.stores.mlflow.private import database_engine, schema_revisions, schema_tables
from engine.uri import TrackingUri, redact

if TYPE_CHECKING:
    from sqlalchemy import Connection

RELEASES = {
    "acf3f17fdcc7": "2.8 to 2.12",
    "867495a8f9d4": "2.13",
    "5b0e9adcef9c": "2.14",
    "4465047574b1": "2.15 to 2.16",
    "f5a4f2784254": "2.17",
    "0584bdc529eb": "2.18 to 2.22",
    "6953534de441": "3.0 to 3.1",
    "770bee3ae1dd": "3.2",
    "1a0cddfcaa16": "3.3",
    "71994744cf8e": "3.4",
    "bf29a5ff90ea": "3.5 to 3.7",
    "1bd49d398cd23": "3.8",
    "d3e4f5a6b7c8": "3.9",
    "1b5f0d9ad7c1": "3.10",
    "c3d6457b6d8a": "3.11",
    "7d34483879f0": "3.12",
    "da6fb0208061": "3.13",
    "b7e4c1a90f23": "3.14",
    "6f8d9c3b2a1e": "3.15",
    "b7e2c1a4d9f3": "3.16",
    "dc11669786a5": "3.17",
}
"""The releases of MLflow with this schema revision, from the migration scripts of each release."""

AUTH_RELEASES = {
    "8606fa83a998": "2.8 to 3.6",
    "0965eb92f5f0": "3.7 to 3.8",
    "a1b2c3d4e5f6": "3.9",
    "2ed73881770d": "3.10 to 3.11",
    "c3d4e5f6a7b8": "3.12",
    "f1a2b3c4d5e6": "3.13 to 3.17",
}
"""The same for the database of basic-auth."""

_SQL = re.compile(r"(sqlite|postgresql|mysql|mssql)(\+\w+)?:", re.IGNORECASE)


def check_revision(raw_uri: str) -> None:
    """Check that the URI is not a SQL database, or is one with exactly the installed MLflow's schema.

    Raises `StoreNotFound` for a missing or empty database (MLflow would create its tables), `StoreOutdated`
    for another schema, `StoreUnreadable` if it is not MLflow's or lacks tables, and SQLAlchemy's exceptions
    if it cannot be read.
    """
    if not _SQL.match(raw_uri):
        return
    path = TrackingUri(raw_uri).sqlite_path
    if path is not None and not path.exists():  # SQLite would create it
        raise store_not_found(f"File {path} not found")
    engine = database_engine(raw_uri)
    try:
        with engine.connect() as connection:
            _check(connection, str(path or redact(raw_uri)), redact(raw_uri))
    finally:
        engine.dispose()


def _check(connection: Connection, location: str, shown: str) -> None:
    from alembic.migration import MigrationContext
    from sqlalchemy import inspect

    tables = set(inspect(connection).get_table_names())
    if not tables:
        raise store_not_found(f"{location} is an empty database")
    check_schema(tables, MigrationContext.configure(connection).get_current_revision(), location, shown)
    missing = sorted(schema_tables() - tables)
    if missing:  # MLflow would create them
        raise StoreUnreadable(
            "The store lacks tables", f"{location} lacks {listed(missing)}", "Restore it from a backup."
        )


def check_schema(tables: Collection[str], revision: str | None, location: str, shown: str) -> None:
    """Check the tables of a database that is not empty, and their revision, without importing MLflow. Raises
    like `check_revision`; that tables are missing, only that notices. `shown` is the redacted URI."""
    if not {"experiments", "runs", "alembic_version"} <= set(tables):
        raise StoreUnreadable(
            "The database is not an MLflow store",
            f"{location} contains other tables: {listed(sorted(tables), 6)}",
            "Give MLflow its own database.",
        )
    known = schema_revisions()
    if revision in known[1:]:
        raise store_outdated(
            "The store's schema is older than the installed MLflow's",
            f"{location} has revision {revision}, the installed MLflow needs {known[0]}",
            shown,
        )
    if revision != known[0]:
        raise StoreOutdated(
            "The store's schema is newer than the installed MLflow's",
            f"{location} has revision {revision}, which the installed MLflow does not know",
            "Run `pip install --upgrade mlflow` in the environment of mlflow-console.",
        )
