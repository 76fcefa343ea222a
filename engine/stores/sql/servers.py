"""Read-only access to a PostgreSQL or MySQL server.

SQLAlchemy, which MLflow uses too, parses the URL, loads the driver and pools the connections; it is imported
when such a store is first read. Each snapshot is one transaction, which the server itself keeps read-only, at
an isolation level that sees one consistent state.
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

from engine.errors import Cancelled, EngineError, StoreRefused, StoreUnreadable, UriError
from engine.stores.base import Stamp
from engine.stores.errors import not_text
from engine.stores.sql import errors
from engine.stores.sql.database import FETCH_SIZE, MYSQL, POSTGRESQL, Dialect, Row
from engine.text import safe
from engine.uri import TrackingUri, redact

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 30
PAGE_SIZE = 5000
"""Runs per page: each page takes seven round trips to the server, one after the other."""
POOL_SIZE = 4
"""Threads that can read at the same time; others wait."""


@dataclass(frozen=True, slots=True)
class ServerKind:
    """A kind of database server: the statements that begin a snapshot, the drivers (for a URL without one,
    the first that is installed), and their connection options."""

    dialect: Dialect
    begin: str
    drivers: Mapping[str, str]
    """The driver's name in URLs, by the package to import."""
    package: str
    """The package to install if no driver is installed."""
    options: Mapping[str, int | str]
    environment: Mapping[str, str]
    """Options that MLflow takes from environment variables: option by variable."""


SERVER_KINDS = {
    "postgresql": ServerKind(
        POSTGRESQL,
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;"
        f" SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'",
        {"psycopg2": "psycopg2", "psycopg": "psycopg"},
        "psycopg2-binary",
        {"connect_timeout": CONNECT_SECONDS},
        {},
    ),
    "mysql": ServerKind(
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


def database_url(uri: TrackingUri) -> URL:
    """The URL of a database on a server, with a driver that is installed. Raises `UriError`, or
    `StoreUnreadable` if none is."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(uri.raw)
    except (ArgumentError, ValueError) as error:
        hint = "Use KIND://USER:PASSWORD@HOST:PORT/NAME."
        raise UriError("Invalid tracking URI", uri.shown, hint) from error
    dialect, _, driver = url.drivername.lower().partition("+")
    kind = SERVER_KINDS[dialect]
    drivers = {package: name for package, name in kind.drivers.items() if driver in ("", name)}
    for package, name in drivers.items():
        if find_spec(package) is not None:
            return url.set(drivername=f"{dialect}+{name}")
    package = "psycopg[binary]" if driver == "psycopg" else kind.package
    raise StoreUnreadable(
        "The driver for this database is not installed",
        f"{uri.shown} needs {' or '.join(drivers)}",
        f"Run `pip install '{package}'` in the environment of mlflow-console.",
    )


class ServerSnapshot:
    """One consistent view of a database (`engine.stores.sql.database.Snapshot`)."""

    def __init__(self, connection: Connection, dialect: Dialect, columns: dict[str, set[str]] | None) -> None:
        """`columns` are those that an earlier snapshot found, if any."""
        self._connection = connection
        self.dialect = dialect
        self.columns = self._read_columns() if columns is None else columns

    def _read_columns(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for table, column in self.stream(self.dialect.columns):
            found.setdefault(table, set()).add(column)
        return found

    def stream(self, statement: str, **parameters: object) -> Iterable[Row]:
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
        except ValueError as error:  # psycopg2's, for NUL, which PostgreSQL cannot store
            raise StoreRefused("The database does not accept this text", safe(str(error), 200)) from error
        return _rows(found.cursor) if found.returns_rows else ()


def _rows(cursor: Any) -> Iterator[Row]:
    """The driver's own rows: SQLAlchemy would wrap each of them in an object."""
    return chain.from_iterable(_chunks(cursor))


def _chunks(cursor: Any) -> Iterator[Sequence[Row]]:
    while rows := cursor.fetchmany(FETCH_SIZE):
        yield rows


def _shorten_greeting_timeout(engine: Engine) -> None:
    """PyMySQL waits for a server's greeting as long as for a result: shorten that wait, and restore the read
    timeout once connected."""
    from sqlalchemy import event

    @event.listens_for(engine, "do_connect")
    def shorten(dialect: object, record: object, args: object, options: dict[str, Any]) -> None:
        options["read_timeout"] = CONNECT_SECONDS

    @event.listens_for(engine, "connect")
    def restore(connection: Any, record: object) -> None:
        connection._read_timeout = STATEMENT_SECONDS


class DatabaseServer:
    """A database on a server, which may not exist. Thread-safe."""

    page_size = PAGE_SIZE

    def __init__(self, uri: TrackingUri) -> None:
        self.location = redact(uri.raw)
        self._raw = uri.raw
        self._kind = SERVER_KINDS[uri.raw.split(":", 1)[0].split("+")[0].lower()]
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
            self._columns = None  # the schema may have changed
            raise
        except SQLAlchemyError as error:
            self._columns = None
            if self._closed:
                raise Cancelled("Reading the store") from error
            raise errors.translate(error, self._url) from error

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
        return database_url(TrackingUri(self._raw))

    @cached_property
    def _engine(self) -> Engine:
        from sqlalchemy import create_engine

        url = self._url
        options = {name: value for name, value in self._kind.options.items() if name not in url.query}
        options |= {
            option: value
            for variable, option in self._kind.environment.items()
            if (value := os.environ.get(variable))
        }
        engine = create_engine(
            url,
            connect_args=options,
            pool_pre_ping=True,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=STATEMENT_SECONDS,
            pool_recycle=300,
        )
        if url.drivername == "mysql+pymysql" and "read_timeout" in options:
            _shorten_greeting_timeout(engine)
        return engine

    def stamp(self) -> Stamp | None:
        """None: a server offers no cheap way to detect changes."""
        return None

    def close(self) -> None:
        """Cancel running reads, where the driver can, and refuse new ones."""
        with self._lock:
            self._closed = True
            live = list(self._live)
        for connection in live:
            cancel: Any = getattr(connection.connection.dbapi_connection, "cancel", None)
            if cancel is not None:
                with suppress(Exception):  # the read may just have finished
                    cancel()
        engine: Engine | None = self.__dict__.get("_engine")
        if engine is not None:
            engine.dispose()
