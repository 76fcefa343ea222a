"""Files that several processes write: locks, durable appends, atomic replacement."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_POLL_SECONDS = 0.02
"""Seconds between two attempts at a lock: `flock` has no timeout."""
_BLOCK_BYTES = 64 * 1024
MAX_LINE_BYTES = 4 * 1024 * 1024
"""The longest line that `lines_from_end` returns whole."""


@contextmanager
def locked(descriptor: int, seconds: float) -> Iterator[None]:
    """Hold an exclusive advisory lock on an open file; the kernel frees it when the process dies.
    Raises `TimeoutError` if another process holds it for longer than `seconds`."""
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= end:
                raise TimeoutError("locked by another process") from None
            time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def make_private_folder(folder: Path) -> None:
    """Create a folder and its missing parents, accessible only by their owner whatever the umask. Closes an
    existing folder that others can write to. Raises `OSError`."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    if found.st_uid == os.geteuid() and found.st_mode & 0o022:
        folder.chmod(0o700)


class ForeignLink(OSError):
    """Another user's symbolic link in the place of a private file."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.ELOOP, "it is a symbolic link of another user", str(path))


FOREIGN_LINK_HINT = "Remove the link, and find out who made it."


def private_descriptor(path: Path) -> int:
    """A descriptor for reading from and appending to a file; the caller closes it. Creates the file and its
    folder if missing, readable only by their owner. Raises `OSError`, also for another user's link."""
    make_private_folder(path.parent)
    check_link(path)
    is_new = not path.exists()
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode) and mode & 0o077:
            os.fchmod(descriptor, 0o600)
        if is_new:
            _sync_folder(path.parent)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def open_private(path: Path) -> Iterator[int]:
    """`private_descriptor`, closed at the end of the block."""
    descriptor = private_descriptor(path)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_private(path: Path) -> bytes:
    """The content of a file. Raises `OSError`, also for another user's link."""
    check_link(path)
    _check_regular(path)
    return path.read_bytes()


def check_link(path: Path) -> None:
    """Reject a symbolic link planted by another user; the owner's links are followed. Raises
    `ForeignLink`."""
    with suppress(FileNotFoundError):
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) and found.st_uid not in (0, os.geteuid()):
            raise ForeignLink(path)


def set_aside(path: Path) -> Path:
    """Rename a damaged file to `NAME.damaged`, so that a new one can be started; returns the new path. Raises
    `OSError`."""
    damaged = path.with_name(f"{path.name}.damaged")
    path.replace(damaged)
    return damaged


def append_line(descriptor: int, line: bytes, *, sync: bool = True) -> None:
    """Append `line`, which ends in a newline; with `sync`, wait until it is on disk. If that fails, the file
    is left unchanged. Raises `OSError`."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        line = b"\n" + line  # the last writer was interrupted within its line
    try:
        remaining = memoryview(line)
        while remaining:
            remaining = remaining[os.write(descriptor, remaining) :]
        if sync:
            os.fsync(descriptor)
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


def lines_from_end(path: Path) -> Iterator[bytes]:
    """The lines of a file, without their newlines, last first, reading only as far back as needed. Of a line
    longer than `MAX_LINE_BYTES`, only the start is returned. Raises `OSError`, also for another user's
    link."""
    check_link(path)
    _check_regular(path)
    with path.open("rb") as file:
        start = file.seek(0, os.SEEK_END)
        rest = b""
        while start:
            size = min(start, _BLOCK_BYTES)
            start -= size
            file.seek(start)
            rest, *lines = (file.read(size) + rest).split(b"\n")
            yield from reversed(lines)
            if len(rest) > MAX_LINE_BYTES:
                rest = b""
        yield rest


def last_line(path: Path, most: int) -> bytes:
    """The last line of a file that is not empty, without its newline, or the last `most` bytes of it; empty
    if there is none or the file is not a regular one. Raises `OSError`, also for another user's link."""
    check_link(path)
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        read = _BLOCK_BYTES
        while True:
            file.seek(max(0, size - read))
            _, newline, line = file.read().rstrip(b"\n").rpartition(b"\n")
            if newline or read >= min(size, 2 * most):
                return line[-most:]
            read = min(4 * read, 2 * most)


def lines_forwards(path: Path, most: int) -> Iterator[bytes]:
    """The lines of a file, without their newlines, and what follows the last newline; of long ones at least
    the last `most` bytes. Raises `OSError`, also for another user's link."""
    check_link(path)
    _check_regular(path)
    with path.open("rb") as file:
        line = b""
        while piece := file.readline(most):
            line = line[-most:] + piece
            if line.endswith(b"\n"):
                yield line[:-1]
                line = b""
        yield line


def _check_regular(path: Path) -> None:
    """Raises `OSError` for a pipe and the like: opening one would wait for its writer."""
    if not path.is_file() and path.exists():
        raise OSError(errno.EINVAL, "it is not a file", str(path))


def not_a_file(path: Path) -> str | None:
    """What is at `path`, e.g. `a folder`, if it is neither a regular file nor a device, which a link may
    point at. None also if nothing is there."""
    kinds = ((Path.is_dir, "a folder"), (Path.is_fifo, "a named pipe"), (Path.is_socket, "a socket"))
    with suppress(OSError):
        return next((kind for has_kind, kind in kinds if has_kind(path)), None)
    return None


def rotated(path: Path, number: int) -> Path:
    """The name of the file that `rotate` has renamed `number` times."""
    return path.with_name(f"{path.name}.{number}")


def rotate(path: Path, kept: int) -> None:
    """Rename a file to `NAME.1`, `NAME.1` to `NAME.2`, and so on; the file `NAME.<kept>` is dropped. Through
    a symbolic link, the file it points at is renamed. Raises `OSError`."""
    path = path.resolve()
    for number in range(kept - 1, 0, -1):
        with suppress(FileNotFoundError):
            rotated(path, number).replace(rotated(path, number + 1))
    path.replace(rotated(path, 1))


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """A new file, open for writing, that atomically replaces `path` if the block ends without an error;
    otherwise `path` stays unchanged and no temporary file remains.

    A `private` file is readable only by its owner. Otherwise an existing file keeps its permissions and a new
    one has those of the umask. Through a symbolic link, the file it points at is replaced. Raises `OSError`,
    also for another user's link to a private file.
    """
    if private:
        make_private_folder(path.parent)
        check_link(path)
    target = path.resolve()
    temporary = target.with_name(f".{target.name[:200]}.{os.getpid()}-{threading.get_native_id()}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(temporary, flags, 0o600 if private else 0o666), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not private:
                with suppress(FileNotFoundError):
                    os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def collecting(folder: Path) -> Iterator[Path]:
    """A hidden folder inside `folder`, for files that `put_in_place` moves to their places once all of them
    are complete. It is removed at the end, and so is `folder` if this created it and it is empty. Raises
    `OSError`."""
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=".mlflow-console-", dir=folder) as name:
            yield Path(name)
    finally:
        for path in created:
            with suppress(OSError):  # it holds the files
                path.rmdir()


def put_in_place(files: Sequence[tuple[Path, Path]], folder: Path, *, replace: bool) -> None:
    """Move complete files, given with their places below `folder`, to these places: all, or on an error none
    that was not there before. Links in the folder are not followed out of it. Raises `FileExistsError` unless
    `replace`, and `OSError`."""
    placed: list[Path] = []
    try:
        for source, target in files:
            is_new = not os.path.lexists(target)
            _put_in_place(source, target, folder, replace=replace)
            if is_new:
                placed.append(target)
    except OSError:
        for target in placed:
            target.unlink(missing_ok=True)
        raise


def _put_in_place(source: Path, target: Path, folder: Path, *, replace: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise OSError(errno.ELOOP, "a link leads out of the folder", str(target.parent))
    if replace:
        source.replace(target)
        return
    try:
        os.link(source, target)  # unlike a rename, never replaces a file that has just appeared
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, "it exists", str(target)) from None
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "it exists", str(target)) from None
        source.rename(target)


def _sync_folder(folder: Path) -> None:
    """Sync a folder, so that a new file's name is as durable as its contents."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
