"""Exports runs to CSV."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import cast

from engine.columns import ColumnKey, Value
from engine.errors import EngineError
from engine.files import replacing
from engine.runs.frame import RunFrame
from engine.secrets import mask

# In the order of mlflow.search_runs.
_ATTRIBUTES = ("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time")
_NEEDS_QUOTES = re.compile(r'[",\r\n]')
_FORMULA = re.compile(r"'*(?:[\t\r\n]|[\s\u200b\ufeff]*[=+\-@＝＋－＠])")
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf", re.IGNORECASE)
_UNSUITABLE = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 80
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def csv_name(experiment: str) -> str:
    """A file name for the runs of an experiment: `heart-disease.csv`."""
    return f"{_UNSUITABLE.sub('_', experiment).strip('._-')[:_LONGEST_NAME] or 'runs'}.csv"


def write_csv(frame: RunFrame, path: Path, rows: Sequence[int] | None = None) -> int:
    """Write runs as `mlflow.search_runs(...).to_csv(index=False)` would. Returns their number.

    Datasets are left out, as in MLflow. Unlike in MLflow, a missing value (empty), an empty text (`""`), NaN
    (`NaN`) and ±inf (`inf`, `-inf`) stay distinct, text that a spreadsheet would run as a formula is disarmed
    (`_text`), and secrets in addresses are masked. Metrics, parameters and tags are sorted by name. The file
    is replaced atomically. Raises `EngineError`.
    """
    chosen = range(len(frame)) if rows is None else rows
    keys = [ColumnKey("attribute", name) for name in _ATTRIBUTES]
    keys += [key for key in frame.keys if key.kind not in ("attribute", "dataset")]
    header = ",".join(_text(str(key)) for key in keys)
    columns = [_cells(frame, key, chosen) for key in keys]
    lines = (",".join(cells) for cells in zip(*columns, strict=True))
    try:
        _write(Path(path), (line + "\n" for line in chain((header,), lines)))
    except (OSError, ValueError) as error:  # ValueError: an invalid path
        why = getattr(error, "strerror", None) or str(error)
        hint = "Check that the folder exists, is writable and has free space, or choose another file."
        raise EngineError("The file cannot be written", f"{path}: {why}", hint) from error
    return len(chosen)


def _cells(frame: RunFrame, key: ColumnKey, rows: Iterable[int]) -> Iterator[str]:
    value = frame.reader(key)
    written = _writer(key, [value(row) for row in rows])
    return ("" if (cell := value(row)) is None else written(cell) for row in rows)


def _writer(key: ColumnKey, values: Sequence[Value]) -> Callable[[Value], str]:
    if key.is_time:
        times = [cast(int, value) for value in values if value is not None]
        whole_seconds = all(value % 1000 == 0 for value in times)
        return lambda value: _time(cast(int, value), whole_seconds)
    if key.kind == "metric":
        return lambda value: _number(cast(float, value))
    if key.is_address:
        return lambda value: _text(mask(cast(str, value)))
    return lambda value: _text(cast(str, value))


def _time(value: int, whole_seconds: bool) -> str:
    """A time as pandas writes it: with milliseconds only if any time in the column has them."""
    try:
        moment = _EPOCH + timedelta(milliseconds=value)
    except OverflowError:
        return str(value)
    return moment.isoformat(" ", "seconds" if whole_seconds else "milliseconds")


def _number(value: float) -> str:
    return "NaN" if math.isnan(value) else repr(float(value))


def _text(text: str) -> str:
    """A cell of text. One that begins with = + - @ (in any width, also after space), a tab or a line break,
    and is not a number, gets a `'` in front, also after any `'`: drop one `'` before these characters to get
    the text back."""
    if _FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text):
        text = "'" + text
    if not text or _NEEDS_QUOTES.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _write(path: Path, lines: Iterable[str]) -> None:
    if path.exists() and not path.is_file():
        # Pipes and devices are written to, never replaced; a folder raises.
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.writelines(lines)
        return
    with replacing(path) as raw:
        file = io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", newline="")
        file.writelines(lines)
        file.flush()
        file.detach()  # keeps the file open for syncing
