"""Reads and checks the tables that classifiers are trained on.

Reading needs neither pandas nor numpy, so a bad file is rejected at once in any process.
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
from engine.formats import counted, listed
from engine.paths import heart_csv
from engine.text import quoted

if TYPE_CHECKING:
    import pandas as pd

Label = int | str
Column: TypeAlias = "array[int] | array[float]"

MIN_ROWS = 10
MAX_CLASSES = 50
MAX_BYTES = 512 * 1024 * 1024
MAX_MAGNITUDE = 1e150
"""The square of a larger number overflows, and with it every distance between rows."""

HEART_SHA256 = "d235cad39b7bcc1d63c7b672146fb3b6108b861201d2e29e288ec7fe03e35082"
HEART_MEANINGS: Mapping[Label, str] = {0: "disease", 1: "no disease"}
"""The meanings of the labels in the embedded file. UCI's own labels have the opposite meaning."""

_USE_A_FILE = "Use a CSV file."
_SAVE_AS_CSV = "Save it as comma-separated CSV in UTF-8."
_CSV_FORMAT = "A CSV file needs a header line with column names, then one line per row."

_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}

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
    """A checked table: `columns[i]` are the finite values of the feature `names[i]`, integers if the file has
    nothing else; `labels` are the target's values; both in file order. `classes` are the distinct labels,
    sorted."""

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
        """The meaning of each label, known for the embedded data only."""
        return HEART_MEANINGS if (self.sha256, self.target) == (HEART_SHA256, "target") else {}

    def features(self) -> pd.DataFrame:
        """The features as a data frame, rows × `names`, with the int64 and float64 columns that pandas would
        read from the file: a model expects the types it was trained on."""
        import pandas as pd

        return pd.DataFrame(dict(zip(self.names, self.columns, strict=True)))


def read_dataset(spec: DatasetSpec) -> Dataset:
    """Read and check a dataset.

    Raises `DatasetError` if the file does not exist or is not CSV in UTF-8, the target column is missing, a
    feature is not a finite number in every row, or the target is not a class label.
    """
    path = spec.file
    raw = _bytes(path)
    header, rows, lines = _table(path, _text(path, raw))
    if len(rows) < MIN_ROWS:
        detail = f"{counted(len(rows), 'row')}; a sweep needs at least {MIN_ROWS} to train and test."
        raise DatasetError(f"{path.name} has too few rows", detail, "Use a file with more rows.")
    if spec.target not in header:
        raise DatasetError(
            f"Unknown column {spec.target!r} in {path.name}",
            f"Columns: {_listed(header)}",
            "Use one of them as the target.",
        )
    if len(header) < 2:
        hint = "Add one numeric column per feature, separated by commas."
        raise DatasetError(f"{path.name} has no columns besides the target", f"Column: {header[0]}", hint)
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


def read_table(path: Path, raw: bytes | None = None) -> tuple[list[str], list[list[str]], list[int]]:
    """The header, the rows, and the line number where each row ends, of any CSV file; `raw` are its bytes if
    they have been read. Raises `DatasetError` if it is no CSV file in UTF-8, has no rows, or a column without
    a name or twice."""
    return _table(path, _text(path, _bytes(path) if raw is None else raw))


def _bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise DatasetError(f"{path.name} is a directory", str(path), _USE_A_FILE)
        if path.exists() and not path.is_file():
            raise DatasetError(f"{path.name} is not a regular file", str(path), _USE_A_FILE)
        if path.stat().st_size > MAX_BYTES:
            detail = f"More than {MAX_BYTES >> 20} MB: {path}"
            raise DatasetError(f"{path.name} is too large", detail, "Use a sample of its rows.")
        return path.read_bytes()
    except FileNotFoundError as error:
        hint = "Check the path: it is relative to the folder where the console was started."
        raise DatasetError(f"File {path.name} not found", str(path), hint) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DatasetError(
            f"{path.name} cannot be read", f"{reason}: {path}", "Check its permissions."
        ) from error


def _text(path: Path, raw: bytes) -> str:
    if not raw.strip():
        raise DatasetError(f"{path.name} is empty", str(path), _CSV_FORMAT)
    if b"\0" in raw:
        raise DatasetError(f"{path.name} is not a CSV file", f"It contains binary data: {path}", _SAVE_AS_CSV)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DatasetError(
            f"{path.name} is not UTF-8 text", f"line {line} of {path}", _SAVE_AS_CSV
        ) from error


def _table(path: Path, text: str) -> tuple[list[str], list[list[str]], list[int]]:
    """The header, the rows, and the line number where each row ends; fields are stripped."""
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
                detail = (
                    f"Line {reader.line_num} has {len(stripped)} fields, but the header has {len(header)}."
                )
                hint = "Fix that line: quote any field that contains a comma."
                raise DatasetError(f"{path.name} has rows of different lengths", detail, hint)
            rows.append(stripped)
            lines.append(reader.line_num)
    except csv.Error as error:
        detail = f"line {reader.line_num} of {path}: {error}"
        raise DatasetError(f"{path.name} is not a CSV file", detail, "Look for an unclosed quote.") from error
    if not rows:
        raise DatasetError(f"{path.name} has a header but no rows", str(path), _CSV_FORMAT)
    return header, rows, lines


def _checked_header(path: Path, header: list[str]) -> list[str]:
    for mark, name in _OTHER_DELIMITERS.items():
        if mark in header[0] and len(header) == 1:
            hint = "Save it with commas between the fields, and points in decimal numbers."
            raise DatasetError(f"{path.name} is separated by {name}", f"Header: {_listed(header)}", hint)
    if "" in header:
        raise DatasetError(
            f"Column {header.index('') + 1} of {path.name} has no name",
            f"Header: {_listed(header)}",
            "If it is an index column, save the file without it; otherwise name it.",
        )
    duplicates = [name for name, count in Counter(header).items() if count > 1]
    if duplicates:
        hint = "Give each column in the header a unique name."
        raise DatasetError(
            f"{path.name} has duplicate column names",
            f"Duplicates: {_listed(duplicates)}",
            hint,
        )
    return header


def _check_present(
    path: Path, header: list[str], rows: list[list[str]], lines: list[int], target: str
) -> None:
    target_index = header.index(target)
    incomplete = 0
    gaps: Counter[str] = Counter()
    first = 0
    for row, line in zip(rows, lines, strict=True):
        gaps_in_row = [
            name
            for index, (name, value) in enumerate(zip(header, row, strict=True))
            if value in (_MISSING if index == target_index else _UNKNOWN)
        ]
        if gaps_in_row:
            incomplete += 1
            first = first or line
            gaps.update(gaps_in_row)
    if incomplete:
        where = ", ".join(f"{name} ({count})" for name, count in gaps.most_common(5))
        raise DatasetError(
            f"{path.name} has missing values",
            f"{incomplete} of {len(rows)} rows, the first on line {first}; columns: {where}",
            "Remove those rows or fill in the values: missing values are not imputed.",
        )


def _numbers(path: Path, name: str, values: Sequence[str], lines: list[int]) -> Column:
    numbers = array("d")
    for value, line in zip(values, lines, strict=True):
        number = _number(value)
        if number is None:
            raise DatasetError(
                f"Column {name!r} of {path.name} contains text",
                f"Line {line}: {quoted(value)}",
                "Encode it as numbers or remove the column.",
            )
        if not abs(number) <= MAX_MAGNITUDE:
            detail = f"Line {line}: {quoted(value)}; the maximum is ±{MAX_MAGNITUDE:g}."
            hint = "Remove those rows or rescale the column."
            raise DatasetError(f"Column {name!r} of {path.name} has a number that is too large", detail, hint)
        numbers.append(number)
    if all(len(value) < 17 and value.lstrip("+-").isdecimal() for value in values):
        return array("q", map(int, values))
    return numbers


def _number(text: str) -> float | None:
    """The number, or None for text. `1_000` is text here, unlike in Python."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _labels(path: Path, target: str, values: tuple[str, ...]) -> tuple[Label, ...]:
    """Integers if all values are whole numbers, otherwise the text unchanged."""
    numbers = [_number(value) for value in values]
    if None in numbers:
        return values
    labels: list[int] = []
    for value, number in zip(values, numbers, strict=True):
        if number is None or not abs(number) < 1e15 or number != int(number):
            raise DatasetError(
                f"Target {target!r} of {path.name} is continuous, not a class label",
                f"It contains fractions or very large numbers, such as {quoted(value, 40)}.",
                "Sweeps train classifiers: use a column with a few distinct labels.",
            )
        labels.append(int(number))
    return tuple(labels)


def _classes(path: Path, target: str, labels: tuple[Label, ...]) -> tuple[Label, ...]:
    counts = Counter(labels)
    classes = tuple(sorted(counts, key=lambda label: (isinstance(label, str), label)))
    if len(classes) == 1:
        detail = f"All {len(labels)} rows have {target} = {classes[0]!r}."
        raise DatasetError(f"{path.name} has only one class", detail, "A classifier needs at least two.")
    limit = min(MAX_CLASSES, len(labels) // 2)
    if len(classes) > limit:
        raise DatasetError(
            f"Target {target!r} of {path.name} has too many classes",
            f"{len(classes)} distinct labels in {len(labels)} rows; the maximum is {limit}.",
            "Use a column with a few distinct labels.",
        )
    return classes


def _listed(names: Sequence[str]) -> str:
    return listed([name or "(no name)" for name in names], 20)
