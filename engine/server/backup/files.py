"""The files of a backup: copied while their writers may be at work, with checksums, and as one tar file."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sqlite3
import stat
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from engine.errors import EngineError, NotFound
from engine.formats import size
from engine.jobs import CancelToken, OnProgress, Progress
from engine.stores.artifacts import is_upload
from engine.text import safe

CHUNK_BYTES = 2**20
ATTEMPTS = 3
"""How often a file that changes while it is copied is tried."""
RETRY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Source:
    """A file to copy, and its path in the backup."""

    path: Path
    target: str
    size: int


def sources(place: Path, target: str, above: tuple[Path, ...] = ()) -> Iterator[Source]:
    """The files below a folder or link, in order; nothing if it does not exist. Links are followed: the
    backup holds what they point at. `above` are the folders it is in."""
    with _reading(place):
        if not place.exists() and not place.is_symlink():
            return
        found, real = _followed(place), place.resolve()
        entries = sorted(os.listdir(place)) if stat.S_ISDIR(found.st_mode) else []
    if stat.S_ISREG(found.st_mode):
        yield Source(place, target, found.st_size)
    elif not stat.S_ISDIR(found.st_mode):
        hint = "Remove it: artifacts are files and folders."
        raise EngineError("An artifact is a pipe or a device", safe(place, 300), hint)
    if real in above:
        raise EngineError("A link leads back to a folder above it", safe(place, 300), "Remove the link.")
    for name in entries:
        if not is_upload(name):
            yield from sources(place / name, f"{target}/{name}", (*above, real))


def _followed(path: Path) -> os.stat_result:
    """What a path or link leads to. Raises `OSError`, and `EngineError` for a broken link."""
    try:
        return path.stat()
    except FileNotFoundError:
        if not path.is_symlink():
            raise
        where = f"{safe(path, 300)} → {safe(os.readlink(path), 200)}"
        raise EngineError("An artifact is a broken link", where, "Repair or remove the link.") from None


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        hint = "Try again: it was deleted while the backup was made."
        raise NotFound("An artifact is gone", safe(path, 300), hint) from error
    except OSError as error:
        hint = "Run the backup as the account that the server runs as."
        raise EngineError(
            "Cannot read an artifact", f"{safe(path, 300)}: {error.strerror or error}", hint
        ) from error


def check_room(folder: Path, needed: int) -> None:
    """Raises `EngineError` if the disk of a folder has less than this free."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise _no_room(folder, f"{size(needed)} are needed and {size(free)} are free")


def _no_room(folder: Path, why: str) -> EngineError:
    hint = "Choose a folder on another disk, or free some space. Nothing was left behind."
    while ".mlflow-console-" in str(folder):  # a hidden folder, which is gone when this is read
        folder = folder.parent
    return EngineError("The disk has too little free space", f"{safe(folder, 200)}: {why}", hint)


def copy_unchanged(
    source: Source, target: Path, on_bytes: Callable[[int], object], cancel: CancelToken
) -> tuple[int, str]:
    """Copy a file to a new one, which only its owner can read; its size and SHA-256. `on_bytes` is called
    with the length copied so far. Tries again if something writes to the file meanwhile. Raises `OSError` for
    the copy, `EngineError` for the file."""
    for _ in range(ATTEMPTS):
        copied = _copy(source.path, target, on_bytes, cancel)
        if copied is not None:
            return copied
        target.unlink()
        cancel.wait(RETRY_SECONDS)
    raise EngineError(
        "An artifact changed while it was copied",
        f"{safe(source.path, 300)}, {ATTEMPTS} times",
        "Try again when its run has finished.",
    )


def _copy(
    path: Path, target: Path, on_bytes: Callable[[int], object], cancel: CancelToken
) -> tuple[int, str] | None:
    """None if the file changed."""
    digest = hashlib.sha256()
    length = 0
    with _reading(path):
        file = open_regular(path)
    with file, private_file(target) as copy:
        before = os.fstat(file.fileno())
        while length <= before.st_size:  # a file can grow faster than it is read
            cancel.check("The backup")
            with _reading(path):
                piece = file.read(CHUNK_BYTES)
            if not piece:
                break
            copy.write(piece)
            digest.update(piece)
            length += len(piece)
            on_bytes(length)
        after = os.fstat(file.fileno())
        copy.flush()
        os.utime(copy.fileno(), ns=(after.st_mtime_ns, after.st_mtime_ns))
    unchanged = (before.st_size, before.st_mtime_ns) == (length, after.st_mtime_ns)
    return (length, digest.hexdigest()) if unchanged else None


def checksum(file: BinaryIO, cancel: CancelToken) -> tuple[int, str]:
    """The size and the SHA-256 of the rest of a file. Raises `OSError`."""
    digest = hashlib.sha256()
    length = 0
    while piece := file.read(CHUNK_BYTES):
        cancel.check("The check of the files")
        digest.update(piece)
        length += len(piece)
    return length, digest.hexdigest()


def open_regular(path: Path) -> BinaryIO:
    """A file, open for reading. Raises `OSError`, also for what is not a file: a pipe would block."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "it is not a file", str(path))
    return os.fdopen(descriptor, "rb")


def private_file(path: Path) -> BinaryIO:
    """A new file, open for writing, readable only by its owner. Raises `OSError`."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")


@contextmanager
def writing(what: str, target: Path) -> Iterator[None]:
    """Translates the errors of writing `target`. `what` begins the title: "The backup"."""
    try:
        yield
    except FileExistsError as error:
        raise EngineError(f"{what} never replaces anything", f"{safe(target, 200)} exists") from error
    except (OSError, ValueError, sqlite3.Error) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise _no_room(target.parent, "it is full") from error
        why = getattr(error, "strerror", None) or str(error)
        hint = "Check that the folder is writable, or choose another one. Nothing was left behind."
        raise EngineError(f"{what} cannot be written", f"{safe(target, 200)}: {why}", hint) from error


SUFFIXES = (".tar", ".tar.gz", ".tgz")


def is_archive(path: Path) -> bool:
    """Whether a backup with this name is a tar file."""
    return path.name.endswith(SUFFIXES)


def pack(
    folder: Path,
    archive: Path,
    name: str,
    files: Sequence[tuple[str, int]],
    *,
    on_progress: OnProgress,
    cancel: CancelToken,
) -> None:
    """Write a backup's folder to the new file `archive`. `name` is the file's later name: its suffix says
    whether to compress, the rest is the folder inside. `files` are paths with their sizes. Raises
    `OSError`."""
    suffix = next(suffix for suffix in SUFFIXES if name.endswith(suffix))
    total = sum(length for _, length in files)
    check_room(archive.parent, total)
    done = 0
    with private_file(archive) as output:
        with _new_tar(output, compress=suffix != ".tar") as tar:
            for path, length in files:
                cancel.check("The backup")
                on_progress(Progress(done, total, f"Writing {safe(name)}"))
                tar.add(folder / path, f"{name.removesuffix(suffix)}/{path}", recursive=False)
                done += length
        output.flush()
        os.fsync(output.fileno())


def _new_tar(output: BinaryIO, *, compress: bool) -> tarfile.TarFile:
    if compress:
        return tarfile.open(fileobj=output, mode="w:gz", compresslevel=6)
    return tarfile.open(fileobj=output, mode="w")


def unpack(archive: Path, folder: Path, *, on_progress: OnProgress, cancel: CancelToken) -> None:
    """Write the files of a tar file below `folder`, which exists; only regular files, none outside. Raises
    `EngineError` for what is not a backup, and `OSError`."""
    total = archive.stat().st_size
    with archive.open("rb") as packed:
        try:
            with tarfile.open(fileobj=packed, mode="r:*") as tar:
                for member in tar:
                    cancel.check("The restore")
                    on_progress(Progress(min(packed.tell(), total), total, f"Unpacking {safe(archive.name)}"))
                    inside = PurePosixPath(*PurePosixPath(member.name).parts[1:])
                    if member.isdir():
                        continue
                    if not member.isreg() or inside.is_absolute() or ".." in inside.parts or not inside.name:
                        raise tarfile.TarError(f"unexpected entry {member.name}")
                    check_room(folder, member.size)
                    _unpack_file(tar, member, folder / inside, cancel)
        except (tarfile.TarError, EOFError, ValueError) as error:
            hint = "Use another backup; nothing was written."
            raise EngineError(
                "The backup is damaged", f"{safe(archive, 200)}: {safe(error, 200)}", hint
            ) from error


def _unpack_file(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, cancel: CancelToken) -> None:
    content = tar.extractfile(member)
    assert content is not None
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with private_file(target) as file:
        while piece := content.read(CHUNK_BYTES):
            cancel.check("The restore")
            file.write(piece)
    os.utime(target, (member.mtime, member.mtime))
