"""Read-only access to a SQLite database file.

Each snapshot opens its own connection, which takes about a millisecond: any thread may read, nothing is held
between reads, and a replaced file is noticed at once.

The file is never opened with `open()`: closing that descriptor would drop the locks that MLflow holds while
it writes to the file in this process (POSIX locks belong to the process).
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import chain, islice
from pathlib import Path

from engine.errors import Cancelled, EngineError, StoreUnreadable
from engine.jobs import CancelToken, OnProgress, Progress, no_progress
from engine.stores.base import Stamp
from engine.stores.errors import disk_full, not_text, store_locked, store_not_found
from engine.stores.sql.database import FETCH_SIZE, SQLITE, Row

BUSY_SECONDS = 3.0
"""How long a read waits for another process to release the file. MLflow itself waits 20 s."""

PAGE_SIZE = 2000
"""Runs per page: with more, the columns outgrow the processor's cache; with fewer, finding the pages costs
more."""
RECENT_SECONDS = 0.1
"""A file written this recently can be written again without a change of its time or size: file system clocks
tick only a few hundred times a second."""

COPY_PAGES = 2000
"""Pages that a copy reads at a time (8 MB): between them, other processes can write."""
COPY_POLL_SECONDS = 0.002
COPY_RESTARTS = 3
"""How often writes of other processes may restart a copy. Then it is made in one piece, and they wait."""
COPY_BUSY_SECONDS = 30.0
"""How long a copy waits for another process to release the file: longer than a writer of MLflow, which gives
up after 20 s."""

_WAL_VERSION = 2
_HEADER_BYTES = 100
_descriptors: dict[tuple[int, int], int] = {}
_descriptors_lock = threading.Lock()


class SqliteSnapshot:
    """One consistent view of a database file (`engine.stores.sql.database.Snapshot`)."""

    dialect = SQLITE

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.columns: dict[str, set[str]] = {}
        for table, column in self.stream(SQLITE.columns):
            self.columns.setdefault(table, set()).add(column)

    def stream(self, statement: str, **parameters: object) -> Iterator[Row]:
        bound = {name: _bindable(value) for name, value in parameters.items()}
        return chain.from_iterable(self._stream_chunks(statement, bound))

    def _stream_chunks(self, statement: str, bound: dict[str, object]) -> Iterator[Iterable[Row]]:
        yielded = 0
        try:
            cursor = self._connection.execute(statement, bound)
            while rows := cursor.fetchmany(FETCH_SIZE):
                yield rows
                yielded += len(rows)
        except sqlite3.OperationalError as error:
            if "decode to UTF-8" not in str(error):
                raise
            self._connection.text_factory = _decode
            yield islice(self._connection.execute(statement, bound), yielded, None)
        except UnicodeEncodeError as error:
            raise not_text(error) from error


class SqliteDatabase:
    """A database file, which may not exist. Thread-safe."""

    page_size = PAGE_SIZE

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self.location = str(path)
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
            raise self._translate(error) from error
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA case_sensitive_like = ON")
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # attaching could create a file
            connection.execute("BEGIN")
            yield SqliteSnapshot(connection)
        except sqlite3.Error as error:
            raise self._translate(error) from error
        finally:
            with self._lock:
                self._live.discard(connection)
            connection.close()

    def stamp(self) -> Stamp | None:
        """The header, which counts writes, and the state of the file and of its write-ahead log; None without
        a file."""
        try:
            header = os.pread(_descriptor(self.path), _HEADER_BYTES, 0)
            states = [_file_state(str(self.path)), _file_state(f"{self.path}-wal")]
        except OSError:
            return None
        cutoff = time.time_ns() - int(RECENT_SECONDS * 1e9)
        is_recent = any(written > cutoff for *_, written in states)
        inode = states[0][0]  # not reused: `_descriptor` keeps the file open
        return Stamp(inode, (header, *states, time.monotonic_ns() if is_recent else 0))

    def copy_to(
        self, target: Path, *, on_progress: OnProgress = no_progress, cancel: CancelToken | None = None
    ) -> None:
        """Write a consistent copy to the new file `target`, while other processes may write to the database.
        Progress is in bytes. Raises like `snapshot`, and `OSError` if the copy cannot be written; an
        incomplete file may then be left."""
        self._check_file()
        watch = _CopyWatch(self.path, on_progress, cancel or CancelToken())
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with closing(sqlite3.connect(target, isolation_level=None)) as copy:
                copy.execute("PRAGMA synchronous = OFF")  # synced below
                while not self._copied(copy, watch):
                    continue
                copy.execute("PRAGMA journal_mode = DELETE")  # a copy of a write-ahead log's database has one
            os.fsync(descriptor)
        except sqlite3.Error as error:
            raise _unwritten(error, target) or self._translate(error) from error
        finally:
            os.close(descriptor)

    def _copied(self, copy: sqlite3.Connection, watch: _CopyWatch) -> bool:
        """Copy everything; False if a process has opened an idle write-ahead log's database meanwhile: the
        connection does not see its writes."""
        is_idle_wal = _is_idle_wal(self.path)
        state = _file_state(str(self.path))
        connection = self._connect()
        try:
            # Where writes follow each other, SQLite's own waiting, in steps of 0.1 s, would miss the gaps.
            connection.execute("PRAGMA busy_timeout = 0")
            connection.backup(copy, pages=COPY_PAGES, progress=watch.step, sleep=COPY_POLL_SECONDS)
        except _CopyRestarted:
            connection.backup(copy, pages=-1, progress=watch.step, sleep=COPY_POLL_SECONDS)
        finally:
            with self._lock:
                self._live.discard(connection)
            connection.close()
        return not is_idle_wal or (_is_idle_wal(self.path) and state == _file_state(str(self.path)))

    def close(self) -> None:
        """Cancel running reads and refuse new ones."""
        with self._lock:
            self._closed = True
            for connection in self._live:
                with suppress(sqlite3.Error):
                    connection.interrupt()

    def _connect(self) -> sqlite3.Connection:
        mode = "?mode=ro&immutable=1" if _is_idle_wal(self.path) else "?mode=ro"
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
            raise store_not_found(f"File {self.path} not found") from None
        except (OSError, ValueError) as error:
            raise StoreUnreadable("Cannot read the store", f"{self.path}: {error}") from error
        if not stat.S_ISREG(found.st_mode):
            raise StoreUnreadable(
                "The store is not a database file",
                f"{self.path} is a {'folder' if stat.S_ISDIR(found.st_mode) else 'special file'}",
                "Name the database file: sqlite:///FOLDER/mlflow.db.",
            )

    def _translate(self, error: sqlite3.Error) -> EngineError:
        name = getattr(error, "sqlite_errorname", "") or ""
        detail = f"{self.path}: {error}"
        if name == "SQLITE_INTERRUPT" or self._closed:
            return Cancelled("Reading the store")
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
            return store_locked(f"{self.path} stayed locked for {self._busy_seconds:g} s")
        if name.startswith("SQLITE_FULL"):  # of the disk for temporary files
            return disk_full(detail)
        if name.startswith("SQLITE_NOTADB"):
            return StoreUnreadable(
                "The store is not a database", f"{self.path} is not a SQLite file", "Check the tracking URI."
            )
        if name.startswith("SQLITE_READONLY"):
            return StoreUnreadable(
                "A write to the store was interrupted",
                f"{detail}. The write must be rolled back, and the console never writes to a database",
                f"Open the file for writing once, for example: sqlite3 {self.path} 'PRAGMA quick_check'",
            )
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_FORMAT")):
            return StoreUnreadable("The store is damaged", detail, "Restore it from a backup.")
        return StoreUnreadable("Cannot read the store", detail, "Check the file and its permissions.")


class _CopyRestarted(Exception):
    """Writes of other processes have restarted a copy too often."""


class _CopyWatch:
    """Reports how far a copy has got, and ends one that is cancelled, starved or blocked."""

    def __init__(self, path: Path, on_progress: OnProgress, cancel: CancelToken) -> None:
        self._path, self._on_progress, self._cancel = path, on_progress, cancel
        self._remaining = -1
        self._restarts = 0
        self._busy_since: float | None = None

    def step(self, status: int, remaining: int, total: int) -> None:
        """Called by SQLite after each piece, with the numbers of pages."""
        self._cancel.check("The copy")
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            self._busy_since = self._busy_since or time.monotonic()
            if time.monotonic() - self._busy_since > COPY_BUSY_SECONDS:
                raise store_locked(f"{self._path} stayed locked for {COPY_BUSY_SECONDS:g} s")
            return
        self._busy_since = None
        if 0 <= self._remaining <= remaining:
            self._restarts += 1
        self._remaining = remaining
        if self._restarts > COPY_RESTARTS:
            self._restarts, self._remaining = 0, -1
            raise _CopyRestarted
        size = self._path.stat().st_size
        self._on_progress(Progress(size * (total - remaining) // max(total, 1), size))


def _unwritten(error: sqlite3.Error, target: Path) -> OSError | None:
    """The error of writing a copy; None for one of reading the database."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_FULL"):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
    if name.startswith(("SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE")):
        return OSError(errno.EIO, str(error), str(target))
    return None


def _bindable(value: object) -> object:
    return json.dumps(value) if isinstance(value, list) else value


def _decode(text: bytes) -> str:
    """Decode text that is not valid UTF-8 (not written by MLflow) as closely as possible."""
    try:
        return text.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return text.decode("utf-8", "replace")


def _is_idle_wal(path: Path) -> bool:
    """Whether this is a write-ahead-log database that no process has open: a plain read-only connection would
    leave `-wal` and `-shm` files behind, an immutable one does not."""
    if os.path.exists(f"{path}-wal"):
        return False
    try:
        return os.pread(_descriptor(path), 2, 18) == bytes([_WAL_VERSION] * 2)
    except OSError:
        return False


def _file_state(path: str) -> tuple[int, int, int]:
    """Inode, size and modification time in nanoseconds; zeros without a file."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return 0, 0, 0
    return found.st_ino, found.st_size, found.st_mtime_ns


def _descriptor(path: Path) -> int:
    """A descriptor of the file, one per file, that is never closed (see the module docstring)."""
    found = path.stat()
    with _descriptors_lock:
        key = (found.st_dev, found.st_ino)
        if key not in _descriptors:
            _descriptors[key] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return _descriptors[key]
