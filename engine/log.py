"""The console's log file. It is the only place where a traceback goes, and no secret goes there."""

from __future__ import annotations

import logging
import os

from engine.paths import log_file
from engine.secrets import mask

log = logging.getLogger("mlflow-console")


class _Masked(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


class _OwnFile(logging.FileHandler):
    """Made when it is first written to, readable by its owner only."""

    def __init__(self) -> None:
        super().__init__(log_file(), encoding="utf-8", errors="backslashreplace", delay=True)

    def _open(self):  # type: ignore[no-untyped-def]
        path = log_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:
        """A log that cannot be written (a full disk, a read-only home) stops nothing."""


def start_log() -> None:
    """Log to the console's own file, never to the terminal."""
    handler = _OwnFile()
    handler.setFormatter(_Masked("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
