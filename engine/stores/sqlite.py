"""A SQLite database file, opened for reading and nothing else.

Each snapshot is a connection of its own: opening one takes about a millisecond, so any thread may
read, nothing is held between reads, and a file that is replaced is seen at once.

The file is never opened with `open()`: closing such a descriptor would drop the locks that MLflow,
writing to the same file from this process, holds (POSIX locks belong to the process).
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from engine.errors import Cancelled, EngineError, StoreLocked, StoreNotFound, StoreUnreadable
from engine.stores.faults import MISSING_HINT, not_text

BUSY_SECONDS = 3.0
"""How long a read waits for another process to release the file. MLflow's own patience is 20 s."""

AMONG = "IN (SELECT value FROM json_each(:{name}))"
"""SQL for membership in a JSON array that is bound as one parameter, however many values it has."""

_SCHEMA = (
    "SELECT tables.name, columns.name FROM sqlite_master AS tables"
    " JOIN pragma_table_info(tables.name) AS columns WHERE tables.type IN ('table', 'view')"
)
_WAL_VERSION = 2
_pinned: dict[tuple[int, int], int] = {}
_pinning = threading.Lock()


class Snapshot:
    """One consistent view of the database: `columns` maps each table to its columns."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.columns: dict[str, set[str]] = {}
        for table, column in self.rows(_SCHEMA):
            self.columns.setdefault(table, set()).add(column)

    def rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if "decode to UTF-8" not in str(error):
                raise
            self._connection.text_factory = _decoded
            return self._connection.execute(statement, parameters).fetchall()
        except UnicodeEncodeError as error:
            raise not_text(error) from error


class SqliteDatabase:
    """A database file that may or may not be there. Thread-safe."""

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self._busy_seconds = busy_seconds
        self._lock = threading.Lock()
        self._live: set[sqlite3.Connection] = set()
        self._closed = False

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Raises `StoreNotFound`, `StoreUnreadable` or `StoreLocked`; `Cancelled` once closed."""
        self._check_file()
        try:
            connection = self._connect()
        except sqlite3.Error as error:
            raise self._explain(error) from error
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # attaching would make a file
            connection.execute("BEGIN")
            yield Snapshot(connection)
        except sqlite3.Error as error:
            raise self._explain(error) from error
        finally:
            with self._lock:
                self._live.discard(connection)
            connection.close()

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
                "A write to the store was broken off",
                f"{facts}. It must be rolled back, and this console does not write here",
                f"Open it once for writing, for example with: sqlite3 {self.path} 'PRAGMA quick_check'",
            )
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_FORMAT")):
            return StoreUnreadable("The store is damaged", facts, "Restore it from a backup.")
        return StoreUnreadable("The store cannot be read", facts, "Check the file and its permissions.")


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


def _pin(path: Path) -> int:
    """A descriptor of the file that is never closed (see the module's docstring): one per file."""
    found = path.stat()
    with _pinning:
        key = (found.st_dev, found.st_ino)
        if key not in _pinned:
            _pinned[key] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return _pinned[key]
