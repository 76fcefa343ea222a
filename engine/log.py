"""The console's log file. It is the only place where a traceback goes, and no secret goes there."""

from __future__ import annotations

import logging
import os
from typing import TextIO

from engine.paths import log_file
from engine.secrets import mask

log = logging.getLogger("mlflow-console")


class _Masked(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


class _OwnFile(logging.StreamHandler[TextIO]):
    """Opened when it is first written to. A log that cannot be written (a full disk, a read-only
    home) stops nothing."""

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
    """A descriptor at the end of the log file, which only its owner can read; of nowhere when it
    cannot be written. The caller closes it."""
    path = log_file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def start_log() -> None:
    """Log to the console's own file, never to the terminal."""
    handler = _OwnFile()
    handler.setFormatter(_Masked("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
