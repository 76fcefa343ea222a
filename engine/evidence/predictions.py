"""Per-row predictions on the test part, as an artifact of a run: what paired tests compare.

`evidence/predictions.csv` has one line per test row. Any program may log it:

    row        identifies the row in the dataset; the console's own training counts from 0
    actual     the true label
    predicted  the predicted label
    …          other columns are ignored; the training adds a probability per class where there is one
"""

from __future__ import annotations

import csv
import io
import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import NotFound, StoreError
from engine.stores.base import Store
from engine.uri import local_root

PATH = "evidence/predictions.csv"
MAX_ROWS = 100_000
"""Sweeps with more test rows do not log predictions: their intervals are narrow without pairing."""
MAX_BYTES = 16 * 2**20
MAX_FETCHED = 60
"""Requests to a server take their time: more runs are compared without their predictions."""
_NOT_ALLOWED = re.compile(r"[^\w.-]")
_COLUMNS = ("row", "actual", "predicted")


@dataclass(frozen=True, slots=True)
class TestPart:
    """The rows of a test part with their true labels, ordered by row."""

    __test__ = False  # for pytest

    rows: tuple[str, ...]
    actual: tuple[str, ...]

    def of_class(self, name: str) -> int:
        """The positions of the rows of a class, as bits. In `name`, as in names of metrics, `_` stands for
        characters that MLflow does not allow there."""
        return _bits(_NOT_ALLOWED.sub("_", actual) == name for actual in self.actual)


@dataclass(frozen=True, slots=True)
class Predictions:
    """Which rows of a test part a model predicted right: bit `i` of `right` is the row at position `i`."""

    part: TestPart
    right: int


def predictions_text(
    rows: Iterable[object],
    actual: Iterable[object],
    predicted: Iterable[object],
    probabilities: Sequence[Sequence[float]] = (),
    classes: Sequence[str] = (),
) -> str:
    """The file's contents. `probabilities` has one value per class and row; empty for models without."""
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    write((*_COLUMNS, *(f"probability_{name}" for name in classes if len(probabilities))))
    for index, fields in enumerate(zip(rows, actual, predicted, strict=True)):
        shares = probabilities[index] if len(probabilities) else ()
        write((*fields, *(f"{share:.6g}" for share in shares)))
    return text.getvalue()


class PredictionFiles:
    """Reads the predictions of runs: from local folders, and at most `MAX_FETCHED` files from a server.

    A file that is missing, too large or not of this format counts as none. Files with the same text, as runs
    with equivalent parameters have, are parsed once, and equal test parts are one object.
    """

    def __init__(self, store: Store | None = None) -> None:
        """Without a store, or with one that is no server, only local folders are read."""
        self._server = store if store is not None and store.kind == "rest" else None
        self._fetched: dict[str, bytes | None] = {}
        self._parsed: dict[bytes, Predictions | None] = {}
        self._parts: dict[TestPart, TestPart] = {}

    def of(self, run_id: str, artifact_uri: str) -> Predictions | None:
        """The predictions of a run with this artifact root."""
        data = self.data(run_id, artifact_uri)
        if data is None:
            return None
        if data not in self._parsed:
            found = parse(data)
            if found is not None:
                found = Predictions(self._parts.setdefault(found.part, found.part), found.right)
            self._parsed[data] = found
        return self._parsed[data]

    def data(self, run_id: str, artifact_uri: str) -> bytes | None:
        """The file of a run with this artifact root; None without one."""
        root = local_root(artifact_uri)
        found = None if root is None else _read(root)
        return self._fetch(run_id) if found is None else found

    def _fetch(self, run_id: str) -> bytes | None:
        """The file from the server, which is not asked again once it fails."""
        if run_id not in self._fetched and self._server is not None and len(self._fetched) < MAX_FETCHED:
            self._fetched[run_id] = None
            try:
                with self._server.open_artifact(run_id, PATH, fetch_limit=MAX_BYTES) as content:
                    self._fetched[run_id] = _joined(content.pieces)
            except NotFound:
                pass
            except StoreError:
                self._server = None
        return self._fetched.get(run_id)


def parse(data: bytes) -> Predictions | None:
    """The predictions in a file; None if `parse_rows` finds none."""
    found = parse_rows(data)
    if not found:
        return None
    part = TestPart(tuple(row for row, _, _ in found), tuple(label for _, label, _ in found))
    return Predictions(part, _bits(label == guess for _, label, guess in found))


def parse_rows(data: bytes) -> list[tuple[str, str, str]]:
    """The row, the true and the predicted label of each line, ordered by row; empty if the file has another
    format, no rows, too many, or a row twice."""
    try:
        lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        header = next(lines, [])
        row, actual, predicted = (header.index(name) for name in _COLUMNS)
        found = sorted((fields[row], fields[actual], fields[predicted]) for fields in lines if fields)
    except (ValueError, IndexError, csv.Error):
        return []
    return found if len({row for row, _, _ in found}) == len(found) <= MAX_ROWS else []


def _bits(flags: Iterable[bool]) -> int:
    text = "".join("1" if flag else "0" for flag in flags)
    return int(text[::-1] or "0", 2)


def _read(root: Path) -> bytes | None:
    """The bytes of the file under an artifact root; None without a regular file of a bounded size there."""
    path = root / PATH
    try:
        with open(path, "rb", opener=_open_file) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
                return None
            if not path.resolve().is_relative_to(root.resolve()):
                return None
            return file.read(MAX_BYTES)
    except (OSError, ValueError, RuntimeError):
        return None


def _joined(pieces: Iterable[bytes]) -> bytes | None:
    """The pieces together; None if they are too large."""
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > MAX_BYTES:
            return None
    return bytes(data)


def _open_file(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe in its place must not block
