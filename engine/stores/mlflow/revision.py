"""Whether MLflow may open a database as it is.

MLflow's SQL store makes the tables that it misses and runs the migrations for them: on an older
MLflow's database that is an upgrade which the servers still using it cannot read, on somebody
else's it is forty tables of litter. So the database is looked at before MLflow gets it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import StoreOutdated, StoreUnreadable
from engine.formats import listed
from engine.stores.errors import store_not_found
from engine.stores.mlflow.private import database_engine, schema_revision, schema_tables
from engine.uri import TrackingUri, redact

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SQL = re.compile(r"(sqlite|postgresql|mysql|mssql)(\+\w+)?:", re.IGNORECASE)


def check_revision(raw_uri: str) -> None:
    """Nothing for what is no SQL database, or is one of exactly MLflow's current schema.

    Raises `StoreNotFound` when there is no database or an empty one (MLflow would fill it),
    `StoreOutdated` when its schema is another, `StoreUnreadable` when it is not MLflow's or not
    whole; else whatever SQLAlchemy raises when the database cannot be reached.
    """
    if not _SQL.match(raw_uri):
        return
    path = TrackingUri(raw_uri).sqlite_path
    if path is not None and not path.exists():  # SQLite makes the file that it cannot find
        raise store_not_found(f"File {path} not found")
    engine = database_engine(raw_uri)
    try:
        with engine.connect() as connection:
            _check(connection, str(path or redact(raw_uri)), redact(raw_uri))
    finally:
        engine.dispose()


def _check(connection: Connection, place: str, shown: str) -> None:
    from alembic.migration import MigrationContext
    from sqlalchemy import inspect

    tables = set(inspect(connection).get_table_names())
    if not tables:
        raise store_not_found(f"{place} is an empty database")
    if not {"experiments", "runs", "alembic_version"} <= tables:
        raise StoreUnreadable(
            "The database is not an MLflow store",
            f"{place} holds other tables: {', '.join(sorted(tables)[:6])}",
            "Give MLflow a database of its own.",
        )
    found, current = MigrationContext.configure(connection).get_current_revision(), schema_revision()
    if found != current:
        raise StoreOutdated(
            "The store's schema is not the one of the installed MLflow",
            f"{place} has revision {found}, MLflow here works with {current}",
            f"Back it up, then: mlflow db upgrade {shown}. Servers of another version stop reading it then.",
        )
    lost = sorted(schema_tables() - tables)
    if lost:  # MLflow would make them
        raise StoreUnreadable(
            "The store has lost tables", f"{place} lacks {listed(lost)}", "Restore it from a backup."
        )
