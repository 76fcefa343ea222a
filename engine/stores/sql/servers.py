"""A database server, PostgreSQL or MySQL, asked for reading and nothing else.

SQLAlchemy, MLflow's own way to databases, reads the URL, loads the driver and keeps the connections;
it is imported when such a store is read. Each snapshot is one transaction that the server itself holds
to reading only, at an isolation where it sees one state.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from itertools import chain
from typing import TYPE_CHECKING, Any

from engine.errors import Cancelled, EngineError, StoreNotFound, StoreRefused, StoreUnreadable, UriError
from engine.stores.base import Stamp
from engine.stores.errors import MISSING_HINT, not_text
from engine.stores.sql import errors
from engine.stores.sql.database import MYSQL, POSTGRESQL, ROWS_AT_ONCE, Dialect, Row
from engine.text import safe
from engine.uri import TrackingUri, redact

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 30
PAGE_OF_SERVER = 5000
"""Runs in a page: each asks a distant server seven times, one after the other."""
CONNECTIONS = 4
"""As many threads may read at the same time; others wait."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the servers: how a snapshot begins, the drivers that may stand behind a URL that names none
    (the first installed one wins), and what drivers are told when they connect."""

    dialect: Dialect
    begin: str
    drivers: Mapping[str, str]
    """Name in URLs by package to import."""
    package: str
    """What to install where there is no driver."""
    options: Mapping[str, int | str]
    variables: Mapping[str, str]
    """More of these: MLflow's variables, and what they say."""


KINDS = {
    "postgresql": Kind(
        POSTGRESQL,
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;"
        f" SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'",
        {"psycopg2": "psycopg2", "psycopg": "psycopg"},
        "psycopg2-binary",
        {"connect_timeout": CONNECT_SECONDS},
        {},
    ),
    "mysql": Kind(
        MYSQL,
        "START TRANSACTION READ ONLY",
        {"MySQLdb": "mysqldb", "pymysql": "pymysql"},
        "PyMySQL",
        {
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": STATEMENT_SECONDS,
            "sql_mode": "ANSI_QUOTES",
            "init_command": "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        },
        {f"MLFLOW_MYSQL_{option.upper()}": option for option in ("ssl_ca", "ssl_cert", "ssl_key")},
    ),
}


class ServerSnapshot:
    """One consistent view of a database (`engine.stores.sql.database.Snapshot`)."""

    def __init__(self, connection: Connection, dialect: Dialect, columns: dict[str, set[str]] | None) -> None:
        """`columns` as a snapshot before has found them."""
        self._connection = connection
        self.dialect = dialect
        self.columns = self._read_columns() if columns is None else columns

    def _read_columns(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for table, column in self.each(self.dialect.columns):
            found.setdefault(table, set()).add(column)
        return found

    def each(self, statement: str, **parameters: object) -> Iterable[Row]:
        from sqlalchemy import bindparam, text

        lists = [name for name, value in parameters.items() if isinstance(value, list)]
        query = text(statement)
        if self.dialect is MYSQL and lists:
            query = query.bindparams(*(bindparam(name, expanding=True) for name in lists))
        try:
            for value in parameters.values():
                if isinstance(value, str):
                    value.encode()
            found = self._connection.execute(query, parameters)
        except UnicodeEncodeError as error:
            raise not_text(error) from error
        except ValueError as error:  # psycopg2's, for the character that PostgreSQL's texts cannot hold
            raise StoreRefused("The database cannot be asked for this", safe(str(error), 200)) from error
        return _rows(found.cursor) if found.returns_rows else ()


def _rows(cursor: Any) -> Iterator[Row]:
    """The rows as the driver makes them: SQLAlchemy would make objects of its own of each."""
    return chain.from_iterable(_many_rows(cursor))


def _many_rows(cursor: Any) -> Iterator[Sequence[Row]]:
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        yield rows


def _greet_soon(engine: Engine) -> None:
    """PyMySQL waits for a server's greeting as long as for an answer: give it less time, and the
    connection its own patience when it is there."""
    from sqlalchemy import event

    @event.listens_for(engine, "do_connect")
    def hurry(dialect: object, record: object, args: object, options: dict[str, Any]) -> None:
        options["read_timeout"] = CONNECT_SECONDS

    @event.listens_for(engine, "connect")
    def relax(connection: Any, record: object) -> None:
        connection._read_timeout = STATEMENT_SECONDS


class DatabaseServer:
    """A database on a server that may or may not be there. Thread-safe."""

    page_size = PAGE_OF_SERVER

    def __init__(self, uri: TrackingUri) -> None:
        self.place = redact(uri.raw)
        self._raw = uri.raw
        self._kind = KINDS[uri.raw.split(":", 1)[0].split("+")[0].lower()]
        self._columns: dict[str, set[str]] | None = None
        self._lock = threading.Lock()
        self._live: set[Connection] = set()
        self._closed = False

    @contextmanager
    def snapshot(self) -> Iterator[ServerSnapshot]:
        """Raises `UriError`, `StoreNotFound`, `StoreUnreadable`, `ServerUnreachable`, `ServerTimeout` or
        `ServerDenied`; `Cancelled` once closed."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._connected() as connection:
                connection.exec_driver_sql(self._kind.begin)
                found = ServerSnapshot(connection, self._kind.dialect, self._columns)
                self._columns = found.columns
                yield found
        except EngineError:
            self._columns = None  # perhaps the schema is another one by now
            raise
        except SQLAlchemyError as error:
            self._columns = None
            if self._closed:
                raise Cancelled("Reading the store") from error
            raise errors.explained(error, self._url) from error

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            with self._lock:
                if self._closed:
                    raise Cancelled("Reading the store")
                self._live.add(connection)
            try:
                yield connection
            finally:
                with self._lock:
                    self._live.discard(connection)

    @cached_property
    def _url(self) -> URL:
        """With a driver. Raises `UriError`, and `StoreUnreadable` where no driver is installed."""
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(self._raw)
        except (ArgumentError, ValueError) as error:
            raise UriError(
                "The tracking URI cannot be read",
                self.place,
                "Write it as KIND://USER:PASSWORD@HOST:PORT/NAME.",
            ) from error
        name, _, driver = url.drivername.lower().partition("+")
        names = {package: found for package, found in self._kind.drivers.items() if driver in ("", found)}
        for package, found in names.items():
            if find_spec(package) is not None:
                return url.set(drivername=f"{name}+{found}")
        package = "psycopg[binary]" if driver == "psycopg" else self._kind.package
        raise StoreUnreadable(
            "The driver for this database is not installed",
            f"{self.place} needs {' or '.join(names)}",
            f"pip install '{package}', into the environment of mlflow-console.",
        )

    @cached_property
    def _engine(self) -> Engine:
        from sqlalchemy import create_engine

        url = self._url
        options = {name: value for name, value in self._kind.options.items() if name not in url.query}
        options |= {
            option: os.environ[name] for name, option in self._kind.variables.items() if os.environ.get(name)
        }
        engine = create_engine(
            url,
            connect_args=options,
            pool_pre_ping=True,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=STATEMENT_SECONDS,
            pool_recycle=300,
        )
        if url.drivername == "mysql+pymysql" and "read_timeout" in options:
            _greet_soon(engine)
        return engine

    def stamp(self) -> Stamp | None:
        """A server does not tell."""
        return None

    def nothing_here(self, detail: str) -> StoreNotFound:
        return StoreNotFound("There is no MLflow store here yet", detail, MISSING_HINT)

    def close(self) -> None:
        """Stop the reads that are under way, where the driver can, and refuse new ones."""
        with self._lock:
            self._closed = True
            live = list(self._live)
        for connection in live:
            cancel: Any = getattr(connection.connection.dbapi_connection, "cancel", None)
            if cancel is not None:
                with suppress(Exception):  # the read may have ended by itself
                    cancel()
        engine: Engine | None = self.__dict__.get("_engine")
        if engine is not None:
            engine.dispose()
