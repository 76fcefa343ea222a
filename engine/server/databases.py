"""What a SQLite database at rest holds, and whether it is sound."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from engine.errors import Cancelled, EngineError
from engine.jobs import CancelToken
from engine.text import safe

_VERSION_TABLES = ("alembic_version", "alembic_version_auth")
_STEPS = 200_000
"""Instructions of SQLite between two looks at whether the operator has cancelled."""


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """A sound database: the revision of its schema (empty if it has none) and the rows of its tables."""

    revision: str
    rows: Mapping[str, int]

    @property
    def row_count(self) -> int:
        return sum(self.rows.values())


def check_database(path: Path, cancel: CancelToken) -> DatabaseFacts:
    """Check a database at rest with SQLite's integrity check, and count its rows. Raises `EngineError` for a
    damaged one."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.set_progress_handler(lambda: cancel.cancelled, _STEPS)
            problems = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
            if problems != ["ok"]:
                raise _unsound(path, "; ".join(problems))
            return facts(connection)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
            raise Cancelled("The check of the database") from error
        raise _unsound(path, str(error)) from error


def facts(connection: sqlite3.Connection) -> DatabaseFacts:
    """The revision and the rows of a database. Raises `sqlite3.Error`."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite#_%' ESCAPE '#'"
    tables = [row[0] for row in connection.execute(f"{query} ORDER BY name")]
    rows = {
        table: connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()[0] for table in tables
    }
    for table in _VERSION_TABLES:
        if table in rows:
            found = connection.execute(f"SELECT max(version_num) FROM {table}").fetchone()[0]
            return DatabaseFacts(found or "", rows)
    return DatabaseFacts("", rows)


def quoted(name: str) -> str:
    """The name of a table or column, for a statement."""
    return '"' + name.replace('"', '""') + '"'


def _unsound(path: Path, why: str) -> EngineError:
    hint = "Restore the store from an earlier backup, or recover it with `sqlite3 FILE .recover`."
    return EngineError("The database is damaged", f"{safe(path, 200)}: {safe(why, 400)}", hint)
