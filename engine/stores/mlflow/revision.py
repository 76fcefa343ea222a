"""Checks whether MLflow may open a database.

MLflow's SQL store creates missing tables and runs its migrations. That would upgrade the database of an older
MLflow, whose servers could then no longer read it, or add forty tables to the database of another program. So
the database is checked first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import StoreOutdated, StoreUnreadable
from engine.formats import listed
from engine.stores.errors import store_not_found, store_outdated
from engine.stores.mlflow.private import database_engine, schema_revisions, schema_tables
from engine.uri import TrackingUri, redact

if TYPE_CHECKING:
    from sqlalchemy import Connection

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
    if not {"experiments", "runs", "alembic_version"} <= tables:
        raise StoreUnreadable(
            "The database is not an MLflow store",
            f"{location} contains other tables: {listed(sorted(tables), 6)}",
            "Give MLflow its own database.",
        )
    found, known = MigrationContext.configure(connection).get_current_revision(), schema_revisions()
    if found in known[1:]:
        raise store_outdated(
            "The store's schema is older than the installed MLflow's",
            f"{location} has revision {found}, the installed MLflow needs {known[0]}",
            shown,
        )
    if found != known[0]:
        raise StoreOutdated(
            "The store's schema is newer than the installed MLflow's",
            f"{location} has revision {found}, which the installed MLflow does not know",
            "Run `pip install --upgrade mlflow` in the environment of mlflow-console.",
        )
    missing = sorted(schema_tables() - tables)
    if missing:  # MLflow would create them
        raise StoreUnreadable(
            "The store lacks tables", f"{location} lacks {listed(missing)}", "Restore it from a backup."
        )
