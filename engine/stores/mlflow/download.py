"""Downloads a file with MLflow's artifact repositories, which read a file only as a whole."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.stores.artifacts import CHUNK_BYTES, Location
from engine.stores.errors import translate, unlisted

_POLL_SECONDS = 0.2


class _Download(threading.Thread):
    """The download of one file to a folder of its own, which it removes once nothing reads it."""

    def __init__(self, repository: Any, location: Location) -> None:
        super().__init__(name="artifact-download", daemon=True)
        self._repository, self._location = repository, location
        self.folder = Path(tempfile.mkdtemp(prefix="mlflow-console-"))
        self.file: Path | None = None
        self.error: Exception | None = None
        self.finished = threading.Event()
        self._lock = threading.Lock()
        self._abandoned = False

    def run(self) -> None:
        try:
            self.file = Path(self._repository.download_artifacts(self._location.path, str(self.folder)))
        except Exception as error:
            self.error = error
        with self._lock:
            self.finished.set()
            if self._abandoned:
                self._remove()

    def leave(self) -> None:
        """Remove the folder, now or when the download has ended: MLflow cannot cancel it."""
        with self._lock:
            self._abandoned = True
            if self.finished.is_set():
                self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def downloading(repository: Any, location: Location) -> Iterator[Iterator[bytes]]:
    """The pieces of a file; empty ones until it has arrived. Reading raises `EngineError`s. The end of
    the block does not wait for an unfinished download."""
    download = _Download(repository, location)
    download.start()

    def pieces() -> Iterator[bytes]:
        while not download.finished.wait(_POLL_SECONDS):
            yield b""
        if download.error is not None or download.file is None:
            known = translate(download.error or FileNotFoundError(location.path))
            raise unlisted(known, location.root, "read") from download.error
        with download.file.open("rb") as file:
            while piece := file.read(CHUNK_BYTES):
                yield piece

    try:
        yield pieces()
    finally:
        download.leave()
