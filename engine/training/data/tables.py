"""Opens CSV files: size, encoding, delimiter, decimal mark, and rows of equal length.

Needs neither pandas nor numpy, so a bad file is rejected at once in any process.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from engine.errors import DatasetError
from engine.formats import listed, size
from engine.text import quoted

MAX_MAGNITUDE = 1e150
"""The square of a larger number overflows, and with it every distance between rows."""
MEMORY_SHARE = 0.25
"""The largest file that is read, as a share of the available memory: text and numbers are held at once."""
MISSING = frozenset(
    ("", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None")
)
UNKNOWN = MISSING | {"?"}

_DELIMITERS = (",", ";", "\t", "|")
_SNIFFED = 50
_CHUNK = 1 << 22
_ENCODINGS = {"utf-8-sig": "UTF-8 with BOM", "utf-8": "UTF-8", "utf-16": "UTF-16"}
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_USE_A_FILE = "Use a CSV or Parquet file."
_SAVE_AS_CSV = "Save it as CSV in UTF-8."
_CSV_FORMAT = "A CSV file needs a header line with column names, then one line per row."


@dataclass(slots=True)
class CsvTable:
    """An open CSV table: how it is written and its header. `records()` reads its rows once."""

    path: Path
    text: str = field(repr=False)
    encoding: str
    delimiter: str
    decimal: str
    header: list[str] = field(default_factory=list)

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """The line where each row ends, and its fields, stripped. Raises `DatasetError` for a row of another
        length than the header, or broken quotes."""
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=self.delimiter)
        width = 0
        try:
            for fields in reader:
                if not any(fields):
                    continue
                if not width:
                    width = len(fields)
                    continue
                if len(fields) != width:
                    raise DatasetError(
                        f"{self.path.name} has rows of different lengths",
                        f"Line {reader.line_num} has {len(fields)} fields, but the header has {width}.",
                        "Fix that line: quote any field that contains the delimiter.",
                    )
                yield reader.line_num, list(map(str.strip, fields))
        except csv.Error as error:
            detail = f"line {reader.line_num} of {self.path}: {error}"
            raise DatasetError(
                f"{self.path.name} is not a CSV file", detail, "Look for an unclosed quote."
            ) from error


def check_file(path: Path) -> None:
    """Raises `DatasetError` if the file is missing, no regular file, or too large for the memory."""
    import psutil

    try:
        if path.is_dir():
            raise DatasetError(f"{path.name} is a directory", str(path), _USE_A_FILE)
        if path.exists() and not path.is_file():
            raise DatasetError(f"{path.name} is not a regular file", str(path), _USE_A_FILE)
        bytes_ = path.stat().st_size
    except FileNotFoundError as error:
        hint = "Check the path: it is relative to the folder where the console was started."
        raise DatasetError(f"File {path.name} not found", str(path), hint) from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    check_memory(path, bytes_, psutil.virtual_memory().available)


def check_memory(path: Path, needed: int, available: int) -> None:
    """Raises `DatasetError` if `needed` bytes are more than `MEMORY_SHARE` of the `available` ones."""
    if needed > available * MEMORY_SHARE:
        raise DatasetError(
            f"{path.name} is too large for this machine",
            f"{size(needed)}; {size(available)} of memory is available, and a dataset may use "
            f"{MEMORY_SHARE:.0%} of it.",
            "Use a sample of its rows, or a machine with more memory.",
        )


def file_bytes(path: Path) -> bytes:
    """The bytes of a file that `check_file` accepts. Raises `DatasetError`."""
    check_file(path)
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal, read in pieces. Raises `DatasetError`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def open_csv(path: Path, raw: bytes, delimiter: str = "", decimal: str = "") -> CsvTable:
    """A CSV table, its settings detected where they are empty. Raises `DatasetError` if it is no text, has
    no rows, or a column without a name or with the name of another."""
    if delimiter and (len(delimiter) != 1 or delimiter in '\r\n"'):
        raise DatasetError(f"Invalid delimiter {quoted(delimiter)}", "", "Use a single character, such as ;")
    if decimal not in ("", ".", ","):
        raise DatasetError(f"Invalid decimal mark {quoted(decimal)}", "", "Use . or ,")
    text, encoding = _decoded(path, raw)
    delimiter = delimiter or _delimiter(text)
    table = CsvTable(path, text, encoding, delimiter, decimal or ".")
    table.header = _header(table)
    head = [fields for _, fields in islice(table.records(), 1000)]
    if not head:
        raise DatasetError(f"{path.name} has a header but no rows", str(path), _CSV_FORMAT)
    if not decimal and delimiter != ",":
        cells = [value for fields in head for value in fields]
        commas = sum(_DECIMAL_COMMA.fullmatch(value) is not None for value in cells)
        points = sum(_DECIMAL_POINT.fullmatch(value) is not None for value in cells)
        table.decimal = "," if commas > points else "."
    return table


def with_point(text: str) -> str:
    """A number with a decimal comma as one with a point; other text unchanged."""
    return text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text


def read_table(path: Path, raw: bytes | None = None) -> tuple[list[str], list[list[str]], list[int]]:
    """The header, the rows, and the line number where each row ends, of any CSV file, numbers with a decimal
    point; `raw` are its bytes if they have been read. Raises `DatasetError` as `open_csv` does."""
    table = open_csv(path, file_bytes(path) if raw is None else raw)
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, fields in table.records():
        rows.append([with_point(value) for value in fields] if table.decimal == "," else fields)
        lines.append(line)
    return table.header, rows, lines


def _unreadable(path: Path, error: Exception) -> DatasetError:
    reason = getattr(error, "strerror", None) or str(error)
    return DatasetError(f"{path.name} cannot be read", f"{reason}: {path}", "Check its permissions.")


def _decoded(path: Path, raw: bytes) -> tuple[str, str]:
    """The text and the name of its encoding."""
    codec = "utf-8"
    if raw.startswith(codecs.BOM_UTF8):
        codec = "utf-8-sig"
    elif raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        codec = "utf-16"
    elif b"\0" in raw:
        raise DatasetError(f"{path.name} is not a CSV file", f"It contains binary data: {path}", _SAVE_AS_CSV)
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DatasetError(
            f"{path.name} is not {_ENCODINGS[codec][:6].rstrip()} text",
            f"line {line} of {path}",
            _SAVE_AS_CSV,
        ) from error
    if "\0" in text:
        raise DatasetError(f"{path.name} is not a CSV file", f"It contains binary data: {path}", _SAVE_AS_CSV)
    if not text.strip():
        raise DatasetError(f"{path.name} is empty", str(path), _CSV_FORMAT)
    return text, _ENCODINGS[codec]


def _delimiter(text: str) -> str:
    """The delimiter that divides the header, and after it most of the first lines equally, the most often."""

    def score(mark: str) -> tuple[float, int]:
        try:
            reader = csv.reader(io.StringIO(text[:_CHUNK], newline=""), delimiter=mark)
            widths = [len(fields) for fields in islice(filter(any, reader), _SNIFFED)]
        except csv.Error:
            return 0, 0
        if not widths or widths[0] < 2:
            return 0, 0
        return sum(width == widths[0] for width in widths) / len(widths), widths[0]

    best = max(_DELIMITERS, key=score)
    return best if score(best)[1] else ","


def _header(table: CsvTable) -> list[str]:
    reader = csv.reader(io.StringIO(table.text, newline=""), delimiter=table.delimiter)
    try:
        header = [name.strip() for name in next(filter(any, reader), [])]
    except csv.Error as error:
        raise DatasetError(
            f"{table.path.name} is not a CSV file", str(error), "Look for an unclosed quote."
        ) from error
    check_names(table.path, header)
    return header


def check_names(path: Path, header: Sequence[str]) -> None:
    """Raises `DatasetError` for a column without a name, or with the name of another."""
    shown = listed([name or "(no name)" for name in header], 20)
    if not header:
        raise DatasetError(f"{path.name} has no columns", str(path), _CSV_FORMAT)
    if "" in header:
        raise DatasetError(
            f"Column {list(header).index('') + 1} of {path.name} has no name",
            f"Header: {shown}",
            "If it is an index column, save the file without it; otherwise name it.",
        )
    duplicates = [name for name, count in Counter(header).items() if count > 1]
    if duplicates:
        raise DatasetError(
            f"{path.name} has duplicate column names",
            f"Duplicates: {listed(duplicates, 20)}",
            "Give each column in the header a unique name.",
        )
