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
from typing import BinaryIO

from engine.errors import DatasetError
from engine.formats import listed, size
from engine.text import quoted

MAX_MAGNITUDE = 1e150
"""The square of a larger number overflows, and with it every distance between rows."""
MEMORY_SHARE = 0.1
"""The largest table that is read, as a share of the available memory. Reading one takes three times its size
if it holds numbers, and up to ten times if it holds text no two of which are the same."""
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
_EXCEL_DELIMITER = re.compile(r"sep=([^\r\n])\r?\n", re.IGNORECASE)
_USE_A_FILE = "Use a CSV or Parquet file."
_SAVE_AS_CSV = "Save it as CSV in UTF-8."
_CSV_FORMAT = "A CSV file needs a header line with column names, then one line per row."


@dataclass(slots=True)
class CsvTable:
    """A CSV table: how it is written, its header and the SHA-256 of its bytes in hexadecimal. `raw` are its
    bytes if they have been read; otherwise the file is read as rows are asked for. `before` counts the
    records up to and with the header, `skipped` lines above them, and `lines` all lines of the file. `width`
    is the number of fields in a row, more than the header has if rows end in delimiters."""

    path: Path
    raw: bytes | None = field(repr=False)
    codec: str
    sha256: str
    lines: int
    delimiter: str = ""
    decimal: str = "."
    header: list[str] = field(default_factory=list)
    width: int = 0
    before: int = 0
    skipped: int = 0

    @property
    def encoding(self) -> str:
        return _ENCODINGS[self.codec]

    def open(self) -> io.TextIOWrapper:
        """Its text from the start. Raises `DatasetError`."""
        stream = io.TextIOWrapper(_stream(self.path, self.raw), encoding=self.codec, newline="")
        for _ in range(self.skipped):
            stream.readline()
        return stream

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """The line where each row ends, and its fields, stripped. Raises `DatasetError` for a row of another
        length than the header, or broken quotes."""
        with self.open() as stream:
            reader = csv.reader(stream, delimiter=self.delimiter)
            try:
                header = next(filter(any, reader), [])
                for fields in filter(any, reader):
                    if len(fields) != self.width:
                        raise self.wrong_length(reader.line_num + self.skipped, len(fields))
                    if any(fields[len(self.header) :]):
                        raise self.no_name()
                    if fields != header:  # repeated where files were joined
                        named = fields[: len(self.header)]
                        yield reader.line_num + self.skipped, list(map(str.strip, named))
            except csv.Error as error:
                raise _no_csv(
                    self.path, f"line {reader.line_num + self.skipped} of {self.path}: {error}"
                ) from error

    def no_name(self) -> DatasetError:
        return _no_name(self.path, len(self.header) + 1, self.header)

    def wrong_length(self, line: int, fields: int) -> DatasetError:
        if len(self.header) == 1:
            return DatasetError(
                f"{self.path.name} does not begin with a header",
                f"Its first line has 1 field ({quoted(self.header[0], 40)}), line {line} has {fields}.",
                "Remove the lines above the one with the column names.",
            )
        return DatasetError(
            f"{self.path.name} has rows of different lengths",
            f"Line {line} has {fields} fields, but the header has {self.width}.",
            "Fix that line: quote any field that contains the delimiter.",
        )


def check_file(path: Path) -> None:
    """Raises `DatasetError` if the file is missing, no regular file, or too large for the memory."""
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
        raise unreadable(path, error) from error
    check_memory(path, bytes_)


def check_memory(path: Path, needed: int, available: int | None = None) -> None:
    """Raises `DatasetError` if `needed` bytes are more than `MEMORY_SHARE` of the `available` ones, those of
    this machine unless given."""
    import psutil

    if available is None:
        available = psutil.virtual_memory().available
    if needed > available * MEMORY_SHARE:
        raise DatasetError(
            f"{path.name} is too large for this machine",
            f"{size(needed)}; {size(available)} of memory is available, and a dataset may use "
            f"{MEMORY_SHARE:.0%} of it.",
            "Use a sample of its rows, or a machine with more memory.",
        )


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal, read in pieces. Raises `DatasetError`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def open_csv(path: Path, raw: bytes | None = None, delimiter: str = "", decimal: str = "") -> CsvTable:
    """A CSV table, its settings detected where they are empty. Raises `DatasetError` if it is no text, has
    no rows, an unclosed quote, or a column without a name or with the name of another."""
    if delimiter and (len(delimiter) != 1 or delimiter in '\r\n"'):
        raise DatasetError(f"Invalid delimiter {quoted(delimiter)}", "", "Use a single character, such as ;")
    if decimal not in ("", ".", ","):
        raise DatasetError(f"Invalid decimal mark {quoted(decimal)}", "", "Use . or ,")
    table, quotes = _scanned(path, raw)
    with table.open() as stream:
        text = stream.read(_CHUNK)
    if found := _EXCEL_DELIMITER.match(text):
        table.skipped = 1
        text = text[found.end() :]
        delimiter = delimiter or found[1]
    table.delimiter = delimiter or _delimiter(text)
    _read_header(table, text)
    if quotes % 2:
        _check_quotes(table)
    head = [fields for _, fields in islice(table.records(), 1000)]
    if not head:
        raise DatasetError(f"{path.name} has a header but no rows", str(path), _CSV_FORMAT)
    if not decimal and table.delimiter != ",":
        cells = [value for fields in head for value in fields]
        commas = sum(_DECIMAL_COMMA.fullmatch(value) is not None for value in cells)
        points = sum(_DECIMAL_POINT.fullmatch(value) is not None for value in cells)
        decimal = "," if commas > points else "."
    table.decimal = decimal or "."
    return table


def with_point(text: str) -> str:
    """A number with a decimal comma as one with a point; other text unchanged."""
    return text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text


def read_table(path: Path, raw: bytes | None = None) -> tuple[list[str], list[list[str]], list[int]]:
    """The header, the rows, and the line number where each row ends, of any CSV file, numbers with a decimal
    point; `raw` are its bytes if they have been read. Raises `DatasetError` as `open_csv` does."""
    if raw is None:
        check_file(path)
    table = open_csv(path, raw)
    rows: list[list[str]] = []
    lines: list[int] = []
    for line, fields in table.records():
        rows.append([with_point(value) for value in fields] if table.decimal == "," else fields)
        lines.append(line)
    return table.header, rows, lines


def unreadable(path: Path, error: Exception) -> DatasetError:
    reason = getattr(error, "strerror", None) or str(error)
    return DatasetError(f"{path.name} cannot be read", f"{reason}: {path}", "Check its permissions.")


def _no_csv(path: Path, detail: str, hint: str = "Look for an unclosed quote.") -> DatasetError:
    return DatasetError(f"{path.name} is not a CSV file", detail, hint)


def _stream(path: Path, raw: bytes | None) -> BinaryIO:
    try:
        return path.open("rb") if raw is None else io.BytesIO(raw)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def _scanned(path: Path, raw: bytes | None) -> tuple[CsvTable, int]:
    """The table, its delimiter and header not known yet, and the number of quotes in the file."""
    digest = hashlib.sha256()
    lines = quotes = 0
    empty = True
    with _stream(path, raw) as stream:
        codec = _codec(stream.read(4))
        stream.seek(0)
        decoder = codecs.getincrementaldecoder(codec)()
        while True:
            try:
                data = stream.read(_CHUNK)
            except OSError as error:
                raise unreadable(path, error) from error
            digest.update(data)
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                line = lines + error.object.count(b"\n", 0, error.start) + 1
                if b"\0" in data:
                    raise _no_csv(path, f"It contains binary data: {path}", _SAVE_AS_CSV) from error
                raise DatasetError(
                    f"{path.name} is not {_ENCODINGS[codec][:6].rstrip()} text",
                    f"line {line} of {path}",
                    _SAVE_AS_CSV,
                ) from error
            if "\0" in text:
                raise _no_csv(path, f"It contains binary data: {path}", _SAVE_AS_CSV)
            if not data:
                break
            lines += text.count("\n") or text.count("\r")
            quotes += text.count('"')
            empty = empty and not text.strip()
    if empty:
        raise DatasetError(f"{path.name} is empty", str(path), _CSV_FORMAT)
    return CsvTable(path, raw, codec, digest.hexdigest(), lines), quotes


def _codec(start: bytes) -> str:
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"


def _check_quotes(table: CsvTable) -> None:
    """Raises `DatasetError` if a quote is never closed: the rest of the file would be one field."""
    line = 0
    with table.open() as stream:
        reader = csv.reader(stream, delimiter=table.delimiter, strict=True)
        try:
            for _ in reader:
                line = reader.line_num
        except csv.Error as error:
            if "end of data" in str(error):
                detail = f"The quote after line {line + table.skipped} of {table.path} is never closed."
                raise _no_csv(table.path, detail, "Close the quote, or remove it.") from error


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


def _read_header(table: CsvTable, text: str) -> None:
    """Columns without a name at the end, as spreadsheets write them, are no part of the header."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=table.delimiter)
    header: list[str] = []
    try:
        for fields in reader:
            table.before += bool(fields)
            if any(fields):
                header = [name.strip() for name in fields]
                break
    except csv.Error as error:
        raise _no_csv(table.path, str(error)) from error
    table.width = len(header)
    while header and not header[-1]:
        del header[-1]
    check_names(table.path, header)
    table.header = header


def check_names(path: Path, header: Sequence[str]) -> None:
    """Raises `DatasetError` for a column without a name, or with the name of another."""
    if not header:
        raise DatasetError(f"{path.name} has no columns", str(path), _CSV_FORMAT)
    if "" in header:
        raise _no_name(path, list(header).index("") + 1, header)
    duplicates = [name for name, count in Counter(header).items() if count > 1]
    if duplicates:
        raise DatasetError(
            f"{path.name} has duplicate column names",
            f"Duplicates: {listed(duplicates, 20)}",
            "Give each column in the header a unique name.",
        )


def _no_name(path: Path, number: int, header: Sequence[str]) -> DatasetError:
    return DatasetError(
        f"Column {number} of {path.name} has no name",
        f"Header: {listed([name or '(no name)' for name in header], 20)}",
        "If it is an index column, save the file without it; otherwise name it.",
    )
