"""Writes sheets as CSV, JSON, Markdown or Parquet, by the suffix of the file."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, cast

from engine import formats
from engine.columns import Value
from engine.errors import EngineError, UsageError
from engine.export.sheet import Sheet, SheetColumn
from engine.files import replacing
from engine.secrets import mask

_NEEDS_QUOTES = re.compile(r'[",\r\n]')
_FORMULA = re.compile(r"'*(?:[\t\r\n]|[\s\u200b\ufeff]*[=+\-@＝＋－＠])")
_INNER_FORMULA = re.compile(r"(?<=[;\t\r\n])(?='*[^\S\t\r\n]*[\u200b\ufeff]*[=+\-@＝＋－＠])")
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MARKDOWN = re.compile(r"[\\`*<>\[\]|~]|(?<!\w)_|_(?!\w)")


def write_sheet(sheet: Sheet, path: Path, suffix: str = "") -> int:
    """Write a sheet in the format of the file's suffix, or of another `suffix`; returns the number of rows.
    An existing file is replaced atomically, pipes and devices are written to. Raises `UsageError` for an
    unknown suffix, and `EngineError`.

    In every format a missing value, an empty text, NaN and ±inf stay distinct, and secrets in addresses are
    masked:

    - `.csv`: as `DataFrame.to_csv(index=False)` writes it, but for NaN (`NaN`), an empty text (`""`), and
      text that a spreadsheet would run as a formula, which is disarmed (`_text`);
    - `.json`: a list of objects; NaN and ±inf are the strings `NaN`, `Infinity` and `-Infinity`, as in
      MLflow, missing values are null;
    - `.md`: a table for people to read: numbers are rounded as on screen, missing values are `–`;
    - `.parquet`: typed columns; times are timestamps in UTC.
    """
    path = Path(path)
    write = FORMATS[suffix] if suffix else check_format(path)
    _write(path, partial(write, sheet))
    return len(sheet)


def write_text(text: str, path: Path) -> None:
    """Write a text, as `write_sheet` does. Raises `EngineError`."""
    _write(path, lambda file: _write_lines(file, text.removesuffix("\n").split("\n")))


def _write(path: Path, write: Callable[[BinaryIO], None]) -> None:
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:  # a folder raises
                write(file)
        else:
            with replacing(path) as file:
                write(file)
    except (OSError, ValueError) as error:  # ValueError: an invalid path
        why = getattr(error, "strerror", None) or str(error)
        hint = "Check that the folder exists, is writable and has free space, or choose another file."
        raise EngineError("The file cannot be written", f"{path}: {why}", hint) from error


def check_format(path: Path) -> Callable[[Sheet, BinaryIO], None]:
    """The function that writes the format of a file. Raises `UsageError` for an unknown suffix."""
    write = FORMATS.get(path.suffix.lower())
    if write is None:
        known = f"{', '.join(list(FORMATS)[:-1])} or {list(FORMATS)[-1]}"
        suffix = f"Its name ends in {path.suffix}." if path.suffix else "Its name has no suffix."
        raise UsageError(f"Tables are written to {known} files", suffix, f"Use {path.stem or 'table'}.csv.")
    return write


# ── CSV ──────────────────────────────────────────────────────────────────────


def _write_csv(sheet: Sheet, file: BinaryIO) -> None:
    header = ",".join(_text(column.name) for column in sheet.columns)
    lines = map(",".join, zip(*map(_csv_cells, sheet.columns), strict=True))
    _write_lines(file, chain((header,), lines))


def _csv_cells(column: SheetColumn) -> Iterable[str]:
    values = column.values
    if column.kind == "number":
        return ["" if value is None else _number(cast(float, value)) for value in values]
    if column.kind == "time":
        return ["" if text is None else text for text in _times(values)]
    if column.kind == "any":
        return ["" if v is None else _text(v) if isinstance(v, str) else _number(v) for v in _plain(values)]
    text = cache(_text)
    if column.kind == "address":
        return ["" if value is None else text(_masked(value)) for value in values]
    return ["" if value is None else text(cast(str, value)) for value in values]


def _number(value: float) -> str:
    return "NaN" if value != value else repr(value)


def _text(text: str) -> str:
    """A cell of text. One that begins with = + - @ (in any width, also after space), a tab or a line break,
    and is not a number, gets a `'` in front, also after any `'`. So do = + - @ after a `;`, a tab or a line
    break in the text: many spreadsheets split there, also within quotes that they do not take for such. Drop
    one `'` before these characters to get the text back."""
    if _FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text):
        text = "'" + text
    text = _INNER_FORMULA.sub("'", text)
    if not text or _NEEDS_QUOTES.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _times(values: Sequence[Value]) -> list[str | None]:
    """Times as pandas writes them: with milliseconds only if any time in the column has them."""
    whole_seconds = all(cast(int, value) % 1000 == 0 for value in values if value is not None)
    spec = "seconds" if whole_seconds else "milliseconds"
    return [None if value is None else _time(cast(int, value), spec) for value in values]


def _time(value: int, spec: str) -> str:
    try:
        return (_EPOCH + timedelta(milliseconds=value)).isoformat(" ", spec)
    except OverflowError:
        return str(value)


def _masked(value: Value) -> str:
    return mask(cast(str, value))


def _plain(values: Iterable[Value]) -> Iterator[str | float | int | None]:
    """Tuples, which datasets have, as one text."""
    return (", ".join(value) if isinstance(value, tuple) else value for value in values)


def _write_lines(file: BinaryIO, lines: Iterable[str]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    text.writelines(line + "\n" for line in lines)
    text.flush()
    text.detach()  # keeps the file open for syncing


# ── JSON ─────────────────────────────────────────────────────────────────────


def _write_json(sheet: Sheet, file: BinaryIO) -> None:
    names = [column.name for column in sheet.columns]
    rows = zip(*map(_json_values, sheet.columns), strict=True)
    objects = (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in rows)
    first = next(objects, None)
    if first is None:
        _write_lines(file, ["[]"])
        return
    _write_lines(file, chain((f"[{first}",), (f",{other}" for other in objects), ("]",)))


def _json_values(column: SheetColumn) -> Iterable[str | float | int | None]:
    if column.kind == "time":
        return _times(column.values)
    if column.kind == "address":
        return [None if value is None else _masked(value) for value in column.values]
    return [_finite(value) for value in _plain(column.values)]


def _finite(value: str | float | int | None) -> str | float | int | None:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


# ── Markdown ─────────────────────────────────────────────────────────────────


def _write_markdown(sheet: Sheet, file: BinaryIO) -> None:
    names = [_markdown(column.name) for column in sheet.columns]
    rules = ["---:" if column.kind in ("number", "time") else "---" for column in sheet.columns]
    rows = zip(*map(_markdown_cells, sheet.columns), strict=True)
    _write_lines(file, (f"| {' | '.join(cells)} |" for cells in chain((names, rules), rows)))


def _markdown_cells(column: SheetColumn) -> Iterable[str]:
    if column.kind == "time":
        return [formats.MISSING if text is None else text for text in _times(column.values)]
    if column.kind == "number":
        numbers = cast("Sequence[float | None]", column.values)
        return [str(text) for text in map(formats.format_for(numbers), numbers)]
    shown = (_masked(v) if column.kind == "address" and v is not None else v for v in _plain(column.values))
    return [
        formats.MISSING if v is None else _markdown(v) if isinstance(v, str) else formats.number(v)
        for v in shown
    ]


def _markdown(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    lines = [_MARKDOWN.sub(r"\\\g<0>", line) for line in text.splitlines()]
    return "<br>".join(lines).replace("\t", " ")


# ── Parquet ──────────────────────────────────────────────────────────────────


def _write_parquet(sheet: Sheet, file: BinaryIO) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    def array(column: SheetColumn) -> Any:
        if column.kind == "number":
            return pa.array(column.values, pa.float64(), from_pandas=False)
        if column.kind == "time":
            return pa.array(column.values, pa.timestamp("ms", tz="UTC"))
        texts = _masked_texts(column)
        return pa.array([None if text is None else _unicode(text) for text in texts], pa.string())

    names = _distinct([_unicode(column.name) for column in sheet.columns])
    parquet.write_table(pa.table(list(map(array, sheet.columns)), names=names), file)


def _masked_texts(column: SheetColumn) -> Iterable[str | None]:
    for value in _plain(column.values):
        if value is None or isinstance(value, str):
            yield _masked(value) if column.kind == "address" and value is not None else value
        else:
            yield _number(value)


def _unicode(text: str) -> str:
    """`text` with lone surrogates escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def _distinct(names: Sequence[str]) -> list[str]:
    """Names that occur several times get a number: a file has each name once."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = number = seen.get(name, 0) + 1
        found.append(name if number == 1 else f"{name} {number}")
    return found


FORMATS: Mapping[str, Callable[[Sheet, BinaryIO], None]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".md": _write_markdown,
    ".parquet": _write_parquet,
}
