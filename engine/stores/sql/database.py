"""The database operations that reading MLflow's schema needs, and where SQLite, PostgreSQL and MySQL differ.

Statements are plain SQL with named parameters (`:name`). `"key"` is always quoted: it is a reserved word in
MySQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from engine.stores.base import Stamp

FETCH_SIZE = 500
"""Rows per fetch: small enough that a long result never holds many objects at once, which would trigger the
garbage collector repeatedly, and never blocks other threads for long."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The SQL that differs between databases. `{column}` stands for a column, `{name}` for the parameter it
    is compared with."""

    equal: str
    """Case-sensitive equality of strings."""
    like: str
    """Case-sensitive LIKE."""
    ilike: str
    """Case-insensitive LIKE."""
    in_list: str
    """Membership in a list of strings that is bound as one parameter."""
    binary_order: str
    """A sort key that orders strings by code point."""
    of_runs: str
    """Selects `{columns}` from `{table}`, aliased as `found`, for the run ids in the list `:ids`. Each row
    begins with the run's index in the list if `returns_index`, otherwise with its id. `{run}` is the table's
    run id column, `{joins}` are further joins."""
    returns_index: bool
    columns: str
    """Selects (table, column) for every table that is visible without a schema name."""
    indexed_in: str
    """Like `in_list`, but uses an index; may also match strings that differ in case."""
    quotient: str
    """`{dividend}` divided by `{divisor}`, both positive integers, rounded down."""
    is_remote: bool
    """Whether rows travel over a network."""
    histories: str = "metrics"
    """The table `metrics`, to be read run by run."""


SQLITE = Dialect(
    equal="{column} = :{name}",
    like="{column} LIKE :{name}",  # with PRAGMA case_sensitive_like
    ilike="lower({column}) LIKE lower(:{name})",
    in_list="{column} IN (SELECT value FROM json_each(:{name}))",
    binary_order="{column}",
    of_runs="SELECT page.key, {columns} FROM json_each(:ids) AS page"
    " CROSS JOIN {table} AS found ON found.{run} = page.value {joins}",
    returns_index=True,
    columns="SELECT tables.name, columns.name FROM sqlite_master AS tables"
    " JOIN pragma_table_info(tables.name) AS columns WHERE tables.type IN ('table', 'view')",
    indexed_in="{column} IN (SELECT value FROM json_each(:{name}))",
    quotient="({dividend}) / ({divisor})",
    is_remote=False,
)
POSTGRESQL = Dialect(
    equal="{column} = :{name}",
    like="{column} LIKE :{name}",
    ilike="{column} ILIKE :{name}",
    in_list="{column} = ANY(CAST(:{name} AS text[]))",
    binary_order='{column} COLLATE "C"',
    of_runs="SELECT found.{run}, {columns} FROM {table} AS found {joins}"
    " WHERE found.{run} = ANY(CAST(:ids AS text[]))",  # a join with the list gets a worse plan
    returns_index=False,
    columns="SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
    " JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = ANY(current_schemas(false))"
    " AND relkind IN ('r', 'p', 'v', 'm') AND attnum > 0 AND NOT attisdropped",
    indexed_in="{column} = ANY(CAST(:{name} AS text[]))",
    quotient="({dividend}) / ({divisor})",
    is_remote=True,
)
MYSQL = Dialect(
    equal="({column} = :{name} AND CAST({column} AS BINARY) = :{name})",  # the first comparison uses an index
    like="({column} LIKE :{name} AND CAST({column} AS BINARY) LIKE :{name})",
    ilike="lower({column}) LIKE lower(:{name})",
    in_list="CAST({column} AS BINARY) IN :{name}",
    binary_order="CAST({column} AS BINARY)",
    of_runs="SELECT found.{run}, {columns} FROM {table} AS found {joins} WHERE found.{run} IN :ids",
    returns_index=False,
    columns="SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = database()",
    indexed_in="{column} IN :{name}",
    quotient="(({dividend}) DIV ({divisor}))",
    is_remote=True,
    # The primary key begins with the metric: with it, each read would go through the points of all runs.
    histories="metrics IGNORE INDEX (PRIMARY)",
)


class Snapshot(Protocol):
    """A consistent, read-only view of a database."""

    @property
    def dialect(self) -> Dialect: ...

    @property
    def columns(self) -> Mapping[str, set[str]]:
        """The columns of each table."""

    def stream(self, statement: str, **parameters: object) -> Iterable[Row]:
        """The rows of a statement; can be iterated only once. A list of strings is bound as one parameter."""


class Database(Protocol):
    """A database, which may not exist. Thread-safe."""

    @property
    def location(self) -> str:
        """Its path or redacted URL, for messages."""

    @property
    def page_size(self) -> int:
        """See `engine.stores.base.Store.page_size`."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Raises `EngineError`s; `Cancelled` once closed."""

    def stamp(self) -> Stamp | None:
        """See `engine.stores.base.Store.stamp`."""

    def close(self) -> None:
        """Cancel running reads and refuse new ones."""


def with_index(rows: Iterable[Row], ids: Sequence[str]) -> Iterator[Row]:
    """Replace the run id at the start of each row with its index in `ids`."""
    indices = {run_id: index for index, run_id in enumerate(ids)}
    return ((indices[row[0]], *row[1:]) for row in rows)
