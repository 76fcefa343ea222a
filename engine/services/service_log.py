"""The log of a service: what its supervisor and its workers wrote, in files of bounded size."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from engine.errors import ServiceError
from engine.files import append_line, check_link, lines_from_end, private_descriptor, rotate, rotated
from engine.jobs import CancelToken
from engine.secrets import mask

MAX_FILE_BYTES = 8 * 1024 * 1024
"""The size at which a new file is started."""
KEPT_FILES = 2
"""Older files kept beside the current one."""
POLL_SECONDS = 0.2


class ServiceLog:
    """Written by the supervisor. Secrets are masked. A log that cannot be written (a full disk) loses lines,
    and says how many once it can be written again."""

    def __init__(self, path: Path, max_bytes: int = MAX_FILE_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._descriptor: int | None = None
        self._size = 0
        self._lost = 0
        self._reason = ""

    def note(self, text: str) -> None:
        """A line of the supervisor's own, with the time."""
        self.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} supervisor: {text}".encode())

    def write(self, lines: bytes) -> str:
        """Write a line or several, without the last newline; returns them as text, without their secrets."""
        text = mask(lines.decode(errors="backslashreplace"))
        data = text.encode(errors="backslashreplace") + b"\n"
        try:
            descriptor = self._open()
            if self._lost:
                message = f"supervisor: {self._lost} lines of the log were lost: {self._reason}\n".encode()
                append_line(descriptor, message, sync=False)
                self._size += len(message)
                self._lost = 0
            append_line(descriptor, data, sync=False)
            self._size += len(data)
        except OSError as error:
            self._lost += data.count(b"\n")
            self._reason = error.strerror or str(error)
        return text

    def _open(self) -> int:
        """The descriptor of a file that is not full."""
        if self._descriptor is not None and self._size >= self._max_bytes:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)
            rotate(self._path, KEPT_FILES)
        if self._descriptor is None:
            self._descriptor = private_descriptor(self._path)
            self._size = os.fstat(self._descriptor).st_size
        return self._descriptor


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log, oldest first; none if there is no log. Raises `ServiceError`."""
    with _errors(path):
        files = (path, *(rotated(path, number) for number in range(1, KEPT_FILES + 1)))
        found = chain.from_iterable(_lines_backwards(file) for file in files)
        return [line.decode(errors="backslashreplace") for line in islice(found, lines)][::-1]


def _lines_backwards(file: Path) -> Iterator[bytes]:
    with suppress(FileNotFoundError):
        found = lines_from_end(file)
        first = next(found, b"")
        if first:  # not the empty rest after the last newline
            yield first
        yield from found


def follow(path: Path, cancel: CancelToken) -> Iterator[str]:
    """The lines that are written after this call, as they come, until cancelled; a log that is not there yet
    is waited for. Raises `ServiceError`, also while iterating."""
    with _errors(path):
        file = _opened(path)
        file.seek(0, os.SEEK_END)
    return _follow(path, file, cancel)


def _follow(path: Path, file: BinaryIO, cancel: CancelToken) -> Iterator[str]:
    rest = b""
    with _errors(path), ExitStack() as stack:
        stack.enter_context(file)
        while True:
            is_current = _is_current(file, path)
            data = file.read()  # after that check: also the last lines of a file that was just renamed
            *lines, rest = (rest + data).split(b"\n")
            yield from (line.decode(errors="backslashreplace") for line in lines)
            if not is_current:
                stack.close()
                file = stack.enter_context(_opened(path))
            elif not data and cancel.wait(POLL_SECONDS):
                return


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ServiceError("The log cannot be read", f"{path}: {error.strerror or error}") from error


def _opened(path: Path) -> BinaryIO:
    try:
        check_link(path)
        return path.open("rb")
    except FileNotFoundError:
        return open(os.devnull, "rb")


def _is_current(file: BinaryIO, path: Path) -> bool:
    """Whether an open file is still the one at `path`, or none is there."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return True
