"""The console's log file: the only place for tracebacks, with secrets masked."""

from __future__ import annotations

import logging
import os
from typing import TextIO

from engine.files import private_descriptor, rotate
from engine.paths import log_file
from engine.secrets import mask

log = logging.getLogger("mlflow-console")
log.addHandler(logging.NullHandler())  # without any handler, Python would write warnings to stderr

MAX_FILE_BYTES = 4 * 1024 * 1024
"""The size at which a new file is started; one older file is kept."""


class _MaskingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


class _LogFileHandler(logging.StreamHandler[TextIO]):
    """Opens the log file on the first record. Failing to write it (a full disk, a read-only home) is
    ignored."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.stream: TextIO | None = None  # type: ignore[assignment]

    def emit(self, record: logging.LogRecord) -> None:
        if self.stream is None:
            self.stream = os.fdopen(log_descriptor(), "a", encoding="utf-8", errors="backslashreplace")
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:
        pass


def log_descriptor() -> int:
    """A descriptor for appending to the log file, which is readable only by its owner; of /dev/null if it
    cannot be written. The caller closes it."""
    path = log_file()
    try:
        if path.is_file() and path.stat().st_size >= MAX_FILE_BYTES:
            rotate(path, 1)
        return private_descriptor(path)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def catch_root_log() -> None:
    """Write what libraries log without a logger of their own to the console's log file: Python would set up
    writing it to the terminal."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(_file_handler())


def _file_handler() -> logging.Handler:
    handler = _LogFileHandler()
    handler.setFormatter(_MaskingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


def start_log() -> None:
    """Log to the console's log file, never to the terminal."""
    log.handlers[:] = [_file_handler()]
    log.setLevel(logging.INFO)
    log.propagate = False
