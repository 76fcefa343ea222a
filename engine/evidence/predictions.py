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

from engine.uri import local_root

PATH = "evidence/predictions.csv"
MAX_ROWS = 100_000
"""Sweeps with more test rows do not log predictions: their intervals are narrow without pairing."""
MAX_BYTES = 16 * 2**20
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
    """Reads the predictions of runs whose artifacts are in local folders.

    A file that is missing, too large or not of this format counts as none. Files with the same text, as runs
    with equivalent parameters have, are parsed once, and equal test parts are one object.
    """

    def __init__(self) -> None:
        self._parsed: dict[bytes, Predictions | None] = {}
        self._parts: dict[TestPart, TestPart] = {}

    def at(self, artifact_uri: str) -> Predictions | None:
        """The predictions under a run's artifact root."""
        root = local_root(artifact_uri)
        data = None if root is None else _read(root)
        if data is None:
            return None
        if data not in self._parsed:
            found = parse(data)
            if found is not None:
                found = Predictions(self._parts.setdefault(found.part, found.part), found.right)
            self._parsed[data] = found
        return self._parsed[data]


def parse(data: bytes) -> Predictions | None:
    """The predictions in a file; None if it has another format, no rows, too many, or a row twice."""
    try:
        lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        header = next(lines, [])
        row, actual, predicted = (header.index(name) for name in _COLUMNS)
        found = sorted((fields[row], fields[actual], fields[predicted]) for fields in lines if fields)
    except (ValueError, IndexError, csv.Error):
        return None
    rows = tuple(row for row, _, _ in found)
    if not 0 < len(rows) <= MAX_ROWS or len(set(rows)) < len(rows):
        return None
    part = TestPart(rows, tuple(label for _, label, _ in found))
    return Predictions(part, _bits(label == guess for _, label, guess in found))


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


def _open_file(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe in its place must not block
