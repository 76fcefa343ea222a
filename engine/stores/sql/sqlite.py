"""A SQLite database file, opened for reading and nothing else.

Each snapshot is a connection of its own: opening one takes about a millisecond, so any thread may
read, nothing is held between reads, and a file that is replaced is seen at once.

The file is never opened with `open()`: closing such a descriptor would drop the locks that MLflow,
writing to the same file from this process, holds (POSIX locks belong to the process).
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path

from engine.errors import Cancelled, EngineError, StoreLocked, StoreNotFound, StoreUnreadable
from engine.stores.base import Stamp
from engine.stores.errors import MISSING_HINT, not_text
from engine.stores.sql.database import ROWS_AT_ONCE, SQLITE, Row

BUSY_SECONDS = 3.0
"""How long a read waits for another process to release the file. MLflow's own patience is 20 s."""

PAGE_OF_FILE = 2000
"""Runs in a page: the columns of more outgrow the processor's cache, fewer pay more for finding them."""
FRESH_SECONDS = 0.1
"""A file that was written so lately may be written again without its time or size telling: clocks of
file systems tick some hundred times a second."""

_WAL_VERSION = 2
_HEADER_BYTES = 100
_pinned: dict[tuple[int, int], int] = {}
_pinning = threading.Lock()


class SqliteSnapshot:
    """One consistent view of a database file (`engine.stores.sql.database.Snapshot`)."""

    dialect = SQLITE

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.columns: dict[str, set[str]] = {}
        for table, column in self.each(SQLITE.columns):
            self.columns.setdefault(table, set()).add(column)

    def each(self, statement: str, **parameters: object) -> Iterator[Row]:
        bound = {name: _bindable(value) for name, value in parameters.items()}
        return chain.from_iterable(self._each_many(statement, bound))

    def _each_many(self, statement: str, bound: dict[str, object]) -> Iterator[Iterable[Row]]:
        given = 0
        try:
            cursor = self._connection.execute(statement, bound)
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                yield rows
                given += len(rows)
        except sqlite3.OperationalError as error:
            if "decode to UTF-8" not in str(error):
                raise
            self._connection.text_factory = _decoded
            yield islice(self._connection.execute(statement, bound), given, None)
        except UnicodeEncodeError as error:
            raise not_text(error) from error


class SqliteDatabase:
    """A database file that may or may not be there. Thread-safe."""

    page_size = PAGE_OF_FILE

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self.place = str(path)
        self._busy_seconds = busy_seconds
        self._lock = threading.Lock()
        self._live: set[sqlite3.Connection] = set()
        self._closed = False

    @contextmanager
    def snapshot(self) -> Iterator[SqliteSnapshot]:
        """Raises `StoreNotFound`, `StoreUnreadable` or `StoreLocked`; `Cancelled` once closed."""
        self._check_file()
        try:
            connection = self._connect()
        except sqlite3.Error as error:
            raise self._explain(error) from error
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA case_sensitive_like = ON")
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # attaching would make a file
            connection.execute("BEGIN")
            yield SqliteSnapshot(connection)
        except sqlite3.Error as error:
            raise self._explain(error) from error
        finally:
            with self._lock:
                self._live.discard(connection)
            connection.close()

    def stamp(self) -> Stamp | None:
        """What tells a write: the header, which counts them, and the facts of the file and of its
        write-ahead log. None where there is no file."""
        try:
            header = os.pread(_pin(self.path), _HEADER_BYTES, 0)
            facts = [_facts(str(self.path)), _facts(f"{self.path}-wal")]
        except OSError:
            return None
        lately = time.time_ns() - int(FRESH_SECONDS * 1e9)
        is_fresh = any(written > lately for *_, written in facts)
        file = facts[0][0]  # one that is looked at stays open (see `_pin`), so its number is nobody else's
        return Stamp(file, (header, *facts, time.monotonic_ns() if is_fresh else 0))

    def close(self) -> None:
        """Stop the reads that are under way, and refuse new ones."""
        with self._lock:
            self._closed = True
            for connection in self._live:
                with suppress(sqlite3.Error):
                    connection.interrupt()

    def _connect(self) -> sqlite3.Connection:
        mode = "?mode=ro&immutable=1" if _is_resting_wal(self.path) else "?mode=ro"
        connection = sqlite3.connect(
            self.path.as_uri() + mode,
            uri=True,
            timeout=self._busy_seconds,
            isolation_level=None,
            check_same_thread=False,  # `close` interrupts from another thread
        )
        with self._lock:
            if self._closed:
                connection.close()
                raise Cancelled("Reading the store")
            self._live.add(connection)
        return connection

    def _check_file(self) -> None:
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise self.nothing_here(f"There is no file {self.path}") from None
        except (OSError, ValueError) as error:
            raise StoreUnreadable("The store cannot be read", f"{self.path}: {error}") from error
        if not stat.S_ISREG(found.st_mode):
            raise StoreUnreadable(
                "The store is not a database file",
                f"{self.path} is a {'folder' if stat.S_ISDIR(found.st_mode) else 'special file'}",
                "Name the database in it: sqlite:///FOLDER/mlflow.db.",
            )

    def nothing_here(self, detail: str) -> StoreNotFound:
        return StoreNotFound("There is no MLflow store here yet", detail, MISSING_HINT)

    def _explain(self, error: sqlite3.Error) -> EngineError:
        name = getattr(error, "sqlite_errorname", "") or ""
        facts = f"{self.path}: {error}"
        if name == "SQLITE_INTERRUPT" or self._closed:
            return Cancelled("Reading the store")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
            return StoreLocked(
                "Another process holds the store",
                f"{self.path} stayed locked for {self._busy_seconds:g} s",
                "Try again when its write is done; for many writers run an `mlflow server`.",
            )
        if name.startswith("SQLITE_NOTADB"):
            return StoreUnreadable(
                "The store is not a database", f"{self.path} is not a SQLite file", "Check the tracking URI."
            )
        if name.startswith("SQLITE_READONLY"):
            return StoreUnreadable(
                "A write to the store was interrupted",
                f"{facts}. It must be rolled back, and this console does not write here",
                f"Open it once for writing, for example with: sqlite3 {self.path} 'PRAGMA quick_check'",
            )
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_FORMAT")):
            return StoreUnreadable("The store is damaged", facts, "Restore it from a backup.")
        return StoreUnreadable("The store cannot be read", facts, "Check the file and its permissions.")


def _bindable(value: object) -> object:
    return json.dumps(value) if isinstance(value, list) else value


def _decoded(text: bytes) -> str:
    """Text that is not valid UTF-8 (something other than MLflow wrote it), as close as it comes."""
    try:
        return text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return text.decode("utf-8", "replace")


def _is_resting_wal(path: Path) -> bool:
    """Whether this is a write-ahead-log database that nobody has open: a plain read-only connection
    would leave `-wal` and `-shm` files behind, an immutable one does not."""
    if os.path.exists(f"{path}-wal"):
        return False
    try:
        return os.pread(_pin(path), 2, 18) == bytes([_WAL_VERSION] * 2)
    except OSError:
        return False


def _facts(path: str) -> tuple[int, int, int]:
    """Which file lies there, its size and when it was written last; zeros for none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return 0, 0, 0
    return found.st_ino, found.st_size, found.st_mtime_ns


def _pin(path: Path) -> int:
    """A descriptor of the file that is never closed (see the module's docstring): one per file."""
    found = path.stat()
    with _pinning:
        key = (found.st_dev, found.st_ino)
        if key not in _pinned:
            _pinned[key] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return _pinned[key]
