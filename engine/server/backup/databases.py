"""What a SQLite database at rest holds, whether it is sound, and what an upgrade changed in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.errors import Cancelled, EngineError
from engine.formats import counted, listed
from engine.jobs import CancelToken
from engine.stores.errors import store_locked
from engine.text import Shown, safe

_STEPS = 200_000
"""Instructions of SQLite between two looks at whether the operator has cancelled."""

SAMPLE_ROWS = 200
"""Rows of each table that are compared, evenly spread."""
VERSION_TABLE, AUTH_VERSION_TABLE = "alembic_version", "alembic_version_auth"

_TOKENS = ("input_tokens", "output_tokens", "total_tokens", "cache_read_input_tokens")
_CACHED = ("cache_creation_input_tokens", "cache_creation_input_tokens_above_1hr")
MOVED = {
    "trace_tags": ("mlflow.traceName",),
    "trace_request_metadata": ("mlflow.trace.session", "mlflow.trace.tokenUsage", "mlflow.trace.cost"),
    "trace_metrics": (*_TOKENS, *_CACHED),
    "span_metrics": ("input_cost", "output_cost", "total_cost"),
}
"""The keys whose rows MLflow 3.17 moves into columns of the traces and spans, and then deletes. They are not
compared."""

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """A sound database: the revision of its schema (empty if it has none) and the rows of its tables."""

    revision: str
    rows: Mapping[str, int]

    @property
    def row_count(self) -> int:
        return sum(self.rows.values())


def connect(path: Path, mode: str = "ro") -> sqlite3.Connection:
    """A connection to a database that exists. Texts that are not UTF-8 are kept, as in paths. Raises
    `sqlite3.Error`."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True)
    connection.text_factory = lambda text: text.decode(errors="surrogateescape")
    return connection


def check_database(path: Path, cancel: CancelToken) -> DatabaseFacts:
    """Check a database at rest with SQLite's integrity check, and count its rows. Raises `EngineError` for a
    damaged one."""
    try:
        with closing(connect(path)) as connection:
            connection.set_progress_handler(lambda: cancel.cancelled, _STEPS)
            problems = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
            if problems != ["ok"]:
                raise _unsound(path, "; ".join(problems))
            return facts(connection)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
            raise Cancelled("The check of the database") from error
        raise _translated(path, error) from error


def facts(connection: sqlite3.Connection) -> DatabaseFacts:
    """The revision and the rows of a database. Raises `sqlite3.Error`."""
    rows = {
        table: connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()[0]
        for table in _tables(connection)
    }
    for table in (VERSION_TABLE, AUTH_VERSION_TABLE):
        if table in rows:
            found = connection.execute(f"SELECT max(version_num) FROM {table}").fetchone()[0]
            return DatabaseFacts(found or "", rows)
    return DatabaseFacts("", rows)


def quoted(name: str) -> str:
    """The name of a table or column, for a statement."""
    return '"' + name.replace('"', '""') + '"'


def _translated(path: Path, error: sqlite3.Error) -> EngineError:
    if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return store_locked(str(safe(path)))
    return _unsound(path, str(error))


def _unsound(path: Path, why: str) -> EngineError:
    hint = "Restore the store from an earlier backup, or recover it with `sqlite3 FILE .recover`."
    return EngineError("The database is damaged", f"{safe(path, 200)}: {safe(why, 400)}", hint)


@dataclass(frozen=True, slots=True)
class TableSample:
    """`rows` is the number of a table's rows that an upgrade keeps, `movable` that of those that MLflow may
    move (`MOVED`), `sample` some of the first, `key` the columns of the primary key."""

    rows: int
    movable: int
    key: tuple[str, ...]
    sample: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class TableChange:
    """What an upgrade did to a table that was there before. `after` is None if the table is gone, `lost` is
    the number of sampled rows that are gone, `moved` that of rows that MLflow moved into columns elsewhere,
    `changed` the columns in which other values were found, `dropped` the columns that are gone."""

    table: str
    before: int
    after: int | None
    sampled: int
    lost: int = 0
    moved: int = 0
    changed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def problem(self) -> Shown | None:
        """In a sentence what was lost or changed; None if nothing."""
        name = safe(self.table, 80)
        if self.after is None:
            return Shown(f"{name} is gone, with {counted(self.before, 'row')}") if self.before else None
        if self.after < self.before:
            return Shown(f"{name} has {counted(self.after, 'row')} of {self.before:,}")
        if self.lost:
            return Shown(f"{name}: {self.lost} of {counted(self.sampled, 'sampled row')} are gone")
        if self.changed:
            return Shown(f"{name}: other values in {listed(self.changed)}")
        return None


def read_samples(path: Path) -> dict[str, TableSample]:
    """Samples of all tables but the one with the revision. Raises `EngineError` for a damaged database."""
    with _reading(path) as connection:
        tables = [table for table in _tables(connection) if table != VERSION_TABLE]
        return {table: _read_sample(connection, table) for table in tables}


def compare(before: Mapping[str, TableSample], path: Path) -> tuple[TableChange, ...]:
    """Look up samples in a database that was upgraded since. Raises `EngineError` for a damaged one."""
    with _reading(path) as connection:
        present = set(_tables(connection))
        return tuple(
            _compare(connection, table, sample)
            if table in present
            else TableChange(table, sample.rows, None, len(sample.sample))
            for table, sample in before.items()
        )


def _compare(connection: sqlite3.Connection, table: str, before: TableSample) -> TableChange:
    after, movable = _counts(connection, table)
    columns = {row["name"] for row in connection.execute(f"PRAGMA table_info({quoted(table)})")}
    known = [name for row in before.sample[:1] for name in row]
    common = [name for name in known if name in columns]
    key = [name for name in before.key if name in columns] or common
    lost, changed = 0, set[str]()
    for row in before.sample if common else ():
        found = list(_find(connection, table, key, row))
        differences = [{name for name in common if other[name] != row[name]} for other in found]
        if not differences:
            lost += 1
        else:
            changed |= min(differences, key=len)
    return TableChange(
        table,
        before.rows,
        after,
        len(before.sample),
        lost,
        max(0, before.movable - movable),
        tuple(sorted(changed)),
        tuple(name for name in known if name not in columns),
    )


def _find(connection: sqlite3.Connection, table: str, key: Sequence[str], row: Row) -> Iterator[sqlite3.Row]:
    where = " AND ".join(f"{quoted(name)} IS ?" for name in key)
    yield from connection.execute(
        f"SELECT * FROM {quoted(table)} WHERE {where} LIMIT 50", [row[name] for name in key]
    )


def _read_sample(connection: sqlite3.Connection, table: str) -> TableSample:
    info = connection.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
    key = tuple(row["name"] for row in sorted(info, key=lambda row: row["pk"]) if row["pk"])
    kept, rows = _kept(table), dict[int, Row]()
    low, high = connection.execute(f"SELECT min(rowid), max(rowid) FROM {quoted(table)}").fetchone()
    for number in range(SAMPLE_ROWS if low is not None else 0):
        found = connection.execute(
            f"SELECT rowid AS sampled_rowid, * FROM {quoted(table)} WHERE {kept} AND rowid >= ?"
            " ORDER BY rowid LIMIT 1",
            (low + (high - low) * number // (SAMPLE_ROWS - 1),),
        ).fetchone()
        if found is not None:
            values = dict(found)
            rows[values.pop("sampled_rowid")] = values
    return TableSample(*_counts(connection, table), key, tuple(rows.values()))


def _counts(connection: sqlite3.Connection, table: str) -> tuple[int, int]:
    """The number of rows that an upgrade keeps, and of those that it may move."""
    kept = _kept(table)
    found = connection.execute(
        f"SELECT count(*), count(*) FILTER (WHERE {kept}) FROM {quoted(table)}"
    ).fetchone()
    return found[1], found[0] - found[1]


def _kept(table: str) -> str:
    """The condition on rows that an upgrade keeps."""
    keys = ", ".join(f"'{key}'" for key in MOVED.get(table, ()))
    return f"key NOT IN ({keys})" if keys else "1 = 1"


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite#_%' ESCAPE '#'"
    return [row[0] for row in connection.execute(f"{query} ORDER BY name")]


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(connect(path)) as connection:
            connection.row_factory = sqlite3.Row
            yield connection
    except sqlite3.Error as error:
        raise _translated(path, error) from error
