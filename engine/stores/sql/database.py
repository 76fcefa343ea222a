"""What a database must be able to do so that MLflow's schema can be read from it, and how the three
that MLflow is used with differ.

Statements are plain SQL with parameters as `:name`. `"key"` is quoted in all of them: it is a word
of MySQL's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from engine.errors import EngineError
from engine.stores.base import Stamp

ROWS_AT_ONCE = 500
"""Rows that are fetched together: few enough that the rows of a long answer never are many objects,
which would wake the garbage collector again and again, and that no other thread waits for them."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one database says what all of them can do. `{column}` and `{name}` stand for a column and for
    the parameter that it is compared with."""

    equal: str
    """Equality of texts, letter by letter."""
    like: str
    """Likeness that tells upper from lower case …"""
    ilike: str
    """… and likeness that does not."""
    among: str
    """Membership in a list of texts that is bound as one parameter."""
    exact_order: str
    """A text's place in the order of its code points."""
    of_runs: str
    """`{columns}` of a `{table}`, called `found`, for the run ids in the list `:ids`, preceded by the
    id's place in the list; with `is_numbered` false by the id itself. `{run}` is the table's column
    of run ids, `{joins}` are other tables."""
    is_numbered: bool
    columns: str
    """The statement for (table, column) of all tables that can be meant without naming a schema."""


SQLITE = Dialect(
    equal="{column} = :{name}",
    like="{column} LIKE :{name}",  # with PRAGMA case_sensitive_like
    ilike="lower({column}) LIKE lower(:{name})",
    among="{column} IN (SELECT value FROM json_each(:{name}))",
    exact_order="{column}",
    of_runs="SELECT page.key, {columns} FROM json_each(:ids) AS page"
    " CROSS JOIN {table} AS found ON found.{run} = page.value {joins}",
    is_numbered=True,
    columns="SELECT tables.name, columns.name FROM sqlite_master AS tables"
    " JOIN pragma_table_info(tables.name) AS columns WHERE tables.type IN ('table', 'view')",
)
POSTGRESQL = Dialect(
    equal="{column} = :{name}",
    like="{column} LIKE :{name}",
    ilike="{column} ILIKE :{name}",
    among="{column} = ANY(CAST(:{name} AS text[]))",
    exact_order='{column} COLLATE "C"',
    of_runs="SELECT found.{run}, {columns} FROM {table} AS found {joins}"
    " WHERE found.{run} = ANY(CAST(:ids AS text[]))",  # a join with the list is planned worse
    is_numbered=False,
    columns="SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
    " JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = ANY(current_schemas(false))"
    " AND relkind IN ('r', 'p', 'v', 'm') AND attnum > 0 AND NOT attisdropped",
)
MYSQL = Dialect(
    equal="({column} = :{name} AND CAST({column} AS BINARY) = :{name})",  # the first uses an index
    like="({column} LIKE :{name} AND CAST({column} AS BINARY) LIKE :{name})",
    ilike="lower({column}) LIKE lower(:{name})",
    among="CAST({column} AS BINARY) IN :{name}",
    exact_order="CAST({column} AS BINARY)",
    of_runs="SELECT found.{run}, {columns} FROM {table} AS found {joins} WHERE found.{run} IN :ids",
    is_numbered=False,
    columns="SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = database()",
)


class Snapshot(Protocol):
    """One consistent view of a database. Nothing can be written through it."""

    @property
    def dialect(self) -> Dialect: ...

    @property
    def columns(self) -> Mapping[str, set[str]]:
        """The columns of each table."""

    def each(self, statement: str, **parameters: object) -> Iterable[Row]:
        """The rows of a statement, to be gone through once. A list of texts is bound as it is."""


class Database(Protocol):
    """A database that may or may not be there. Thread-safe."""

    @property
    def place(self) -> str:
        """Where it is, in words for people."""

    @property
    def page_size(self) -> int:
        """See `engine.stores.base.Store.page_size`."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Raises `EngineError`s, `Cancelled` once closed."""

    def stamp(self) -> Stamp | None:
        """See `engine.stores.base.Store.stamp`."""

    def nothing_here(self, detail: str) -> EngineError:
        """What to raise where the database is empty."""

    def close(self) -> None:
        """Stop the reads that are under way, and refuse new ones."""


def numbered(rows: Iterable[Row], ids: Sequence[str]) -> Iterator[Row]:
    """Rows that begin with a run's id, beginning with its place among `ids`."""
    places = {run_id: place for place, run_id in enumerate(ids)}
    return ((places[row[0]], *row[1:]) for row in rows)
