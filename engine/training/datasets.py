"""Tables that a classifier can be trained on: read, checked, and fingerprinted.

Reading needs neither pandas nor numpy, so that a wrong file is refused at once, in any process.
"""

from __future__ import annotations

import csv
import hashlib
import io
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from engine.errors import DatasetError
from engine.formats import listed
from engine.paths import heart_csv

if TYPE_CHECKING:
    import pandas as pd

Label = int | str
Column: TypeAlias = "array[int] | array[float]"

MIN_ROWS = 10
MAX_CLASSES = 50
MAX_BYTES = 512 * 1024 * 1024
LARGEST = 1e150
"""Squares of larger numbers are no longer finite, so no distance between rows is."""

HEART_SHA256 = "d235cad39b7bcc1d63c7b672146fb3b6108b861201d2e29e288ec7fe03e35082"
HEART_MEANINGS: Mapping[Label, str] = {0: "disease", 1: "no disease"}
"""What the labels of the embedded file say: UCI's own labels are the other way round."""

_NAME_A_FILE = "Name a CSV file."
_SAVE_AS_CSV = "Save it as CSV, separated by commas, with the encoding UTF-8."
_WHAT_IS_READ = "A CSV file needs a line with the columns' names, then a line for each row."

_MISSING = frozenset(
    ("", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None")
)
_UNKNOWN = _MISSING | {"?"}


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """A CSV file with a header, and the column to predict. `path` None is the embedded heart.csv."""

    path: str | None = None
    target: str = "target"

    @property
    def file(self) -> Path:
        return heart_csv() if self.path is None else Path(self.path).expanduser().absolute()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A checked table: `columns[i]` are the finite values of the feature `names[i]`, whole numbers
    where the file has only such, `labels` the target's, all in the order of the file's rows.
    `classes` are the distinct labels in order."""

    path: Path
    target: str
    names: tuple[str, ...]
    columns: tuple[Column, ...] = field(repr=False)
    labels: tuple[Label, ...] = field(repr=False)
    classes: tuple[Label, ...]
    sha256: str

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def rows(self) -> int:
        return len(self.labels)

    @property
    def meanings(self) -> Mapping[Label, str]:
        """What each label says, where that is known: for the embedded data only."""
        return HEART_MEANINGS if (self.sha256, self.target) == (HEART_SHA256, "target") else {}

    def features(self) -> pd.DataFrame:
        """The features as a data frame, rows × `names`, of int64 and float64 as pandas itself would
        read the file: a model takes the types that it was shown."""
        import pandas as pd

        return pd.DataFrame(dict(zip(self.names, self.columns, strict=True)))


def read_dataset(spec: DatasetSpec) -> Dataset:
    """Read and check a data set.

    Raises `DatasetError` when there is no such file, it is not a CSV in UTF-8, it has no such
    target, a feature is not a finite number in every row, or the target is not a class label.
    """
    path = spec.file
    raw = _bytes(path)
    header, rows, lines = _table(path, _text(path, raw))
    if spec.target not in header:
        raise DatasetError(
            f"{path.name} has no column {spec.target!r}",
            f"Its columns: {listed([name or '(no name)' for name in header], 20)}",
            _semicolons(header) or "Name one of them as the target.",
        )
    if len(header) < 2:
        hint = _semicolons(header) or "Add a column of numbers for each feature, separated by commas."
        raise DatasetError(f"{path.name} has no column beside the target", f"Column: {header[0]}", hint)
    _check_present(path, header, rows, lines, spec.target)
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    labels = _labels(path, spec.target, columns.pop(spec.target))
    return Dataset(
        path=path,
        target=spec.target,
        names=tuple(columns),
        columns=tuple(_numbers(path, name, values, lines) for name, values in columns.items()),
        labels=labels,
        classes=_classes(path, spec.target, labels),
        sha256=hashlib.sha256(raw).hexdigest(),
    )


def _bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise DatasetError(f"{path.name} is a folder", str(path), _NAME_A_FILE)
        if path.exists() and not path.is_file():
            raise DatasetError(f"{path.name} is not a regular file", str(path), _NAME_A_FILE)
        if path.stat().st_size > MAX_BYTES:
            detail = f"More than {MAX_BYTES >> 20} MB: {path}"
            raise DatasetError(f"{path.name} is too large", detail, "Train on a sample of its rows.")
        return path.read_bytes()
    except FileNotFoundError as error:
        hint = "Check the path: one that is not absolute starts where the console was started."
        raise DatasetError(f"There is no file {path.name}", str(path), hint) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DatasetError(
            f"{path.name} cannot be read", f"{reason}: {path}", "Check its permissions."
        ) from error


def _text(path: Path, raw: bytes) -> str:
    if not raw.strip():
        raise DatasetError(f"{path.name} is empty", str(path), _WHAT_IS_READ)
    if b"\0" in raw:
        raise DatasetError(f"{path.name} is not a CSV file", f"It holds binary data: {path}", _SAVE_AS_CSV)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DatasetError(
            f"{path.name} is not UTF-8 text", f"line {line} of {path}", _SAVE_AS_CSV
        ) from error


def _table(path: Path, text: str) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, rows, and the line that each row ends on; fields without surrounding blanks."""
    reader = csv.reader(io.StringIO(text, newline=""))
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for fields in reader:
            if not any(fields):
                continue
            stripped = [value.strip() for value in fields]
            if not header:
                header = _checked_header(path, stripped)
                continue
            if len(stripped) != len(header):
                detail = f"Line {reader.line_num} has {len(stripped)} fields, the header {len(header)}."
                hint = "Mend that line: a comma inside a field needs quotes around the field."
                raise DatasetError(f"{path.name} is not a table", detail, hint)
            rows.append(stripped)
            lines.append(reader.line_num)
    except csv.Error as error:
        detail = f"line {reader.line_num} of {path}: {error}"
        raise DatasetError(
            f"{path.name} is not a CSV file", detail, "Look for a quote that is never closed."
        ) from error
    if not rows:
        raise DatasetError(f"{path.name} has a header and no rows", str(path), _WHAT_IS_READ)
    if len(rows) < MIN_ROWS:
        detail = f"{len(rows)}; a sweep needs at least {MIN_ROWS} to train and test on."
        raise DatasetError(f"{path.name} has too few rows", detail, "Name a file with more rows.")
    return header, rows, lines


def _checked_header(path: Path, header: list[str]) -> list[str]:
    if "" in header:
        raise DatasetError(
            f"Column {header.index('') + 1} of {path.name} has no name",
            f"Header: {listed([name or '(no name)' for name in header], 20)}",
            "An index column? Write the file without it, or give the column a name.",
        )
    twice = [name for name, times in Counter(header).items() if times > 1]
    if twice:
        hint = "Give each column in the first line a name of its own."
        raise DatasetError(
            f"{path.name} has two columns of the same name",
            f"Twice: {listed([name or '(no name)' for name in twice], 20)}",
            hint,
        )
    return header


def _check_present(
    path: Path, header: list[str], rows: list[list[str]], lines: list[int], target: str
) -> None:
    place = header.index(target)
    incomplete = 0
    gaps: Counter[str] = Counter()
    first = 0
    for row, line in zip(rows, lines, strict=True):
        holes = [
            name
            for index, (name, value) in enumerate(zip(header, row, strict=True))
            if value in (_MISSING if index == place else _UNKNOWN)
        ]
        if holes:
            incomplete += 1
            first = first or line
            gaps.update(holes)
    if incomplete:
        where = ", ".join(f"{name} ({times})" for name, times in gaps.most_common(5))
        raise DatasetError(
            f"{path.name} has missing values",
            f"{incomplete} of {len(rows)} rows, the first on line {first}; columns: {where}",
            "Leave those rows out, or fill them in: nothing is made up here.",
        )


def _numbers(path: Path, name: str, values: Sequence[str], lines: list[int]) -> Column:
    numbers = array("d")
    for value, line in zip(values, lines, strict=True):
        number = _number(value)
        if number is None:
            raise DatasetError(
                f"Column {name!r} of {path.name} holds text",
                f"Line {line}: {value[:80]!r}",
                "Write it as numbers, or leave the column out.",
            )
        if not abs(number) <= LARGEST:
            detail = f"Line {line}: {value[:80]!r}; at most ±{LARGEST:g} can be compared."
            hint = "Leave those rows out, or write a number of ordinary size."
            raise DatasetError(f"Column {name!r} of {path.name} holds too large a number", detail, hint)
        numbers.append(number)
    if all(len(value) < 17 and value.lstrip("+-").isdecimal() for value in values):
        return array("q", map(int, values))
    return numbers


def _number(text: str) -> float | None:
    """`1_000` is text, whatever Python says."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _labels(path: Path, target: str, values: tuple[str, ...]) -> tuple[Label, ...]:
    """Whole numbers where all of them are, else the text as it stands."""
    numbers = [_number(value) for value in values]
    if None in numbers:
        return values
    labels: list[int] = []
    for value, number in zip(values, numbers, strict=True):
        if number is None or not abs(number) < 1e15 or number != int(number):
            raise DatasetError(
                f"The target {target!r} of {path.name} is a quantity, not a class",
                f"It holds fractions or very large numbers, such as {value[:40]!r}.",
                "Sweeps train classifiers: name a column with a few distinct labels.",
            )
        labels.append(int(number))
    return tuple(labels)


def _classes(path: Path, target: str, labels: tuple[Label, ...]) -> tuple[Label, ...]:
    counts = Counter(labels)
    classes = tuple(sorted(counts, key=lambda label: (isinstance(label, str), label)))
    if len(classes) == 1:
        detail = f"All {len(labels)} rows have {target} = {classes[0]!r}."
        raise DatasetError(f"{path.name} has one class only", detail, "There is nothing to tell apart.")
    if len(classes) > min(MAX_CLASSES, len(labels) // 2):
        raise DatasetError(
            f"The target {target!r} of {path.name} has too many classes",
            f"{len(classes)} distinct labels in {len(labels)} rows; at most {MAX_CLASSES} are trained on.",
            "Name a column with a few distinct labels.",
        )
    return classes


def _semicolons(header: Sequence[str]) -> str:
    """The hint for a file of one column that seems to be several."""
    if len(header) > 1 or ";" not in header[0]:
        return ""
    return "The file seems to be separated by semicolons: save it with commas."


def _listed(names: Sequence[str]) -> str:
    return listed([name or "(no name)" for name in names], 20)
