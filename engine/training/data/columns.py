"""Types the columns of a table: numbers, categories and dates, out of text or a Parquet file's own types."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.errors import DatasetError
from engine.formats import counted
from engine.text import quoted, shortened
from engine.training.data.tables import MAX_MAGNITUDE, UNKNOWN, with_point
from engine.training.spec import ColumnType

MAX_TEXT_SHARE = 0.1
"""A column is numeric with some text in it up to this share of text, and text above it."""
MANY_LEVELS = 1000
_DATE_FORMATS = ("%Y/%m/%d", "%d.%m.%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y")
_DAY = 86400.0


@dataclass(slots=True)
class Column:
    """A typed column. `values` is an int64 or float64 array (numbers, dates in days since 1970-01-01) or a
    pandas Categorical; missing values are NaN."""

    name: str
    type: ColumnType
    values: Any = field(repr=False)
    missing: int
    levels: int
    example: tuple[str, ...]

    @property
    def drawback(self) -> str:
        """Why a model learns nothing from this column, or nothing."""
        import numpy as np

        rows = len(self.values)
        present = rows - self.missing
        if not present:
            return "no values"
        if self.levels == 1 and not self.missing:
            return "constant"
        if self.type == "category":
            if self.levels == present and present > 10:
                return "unique text"
            if self.levels > MANY_LEVELS or (self.levels > 50 and self.levels > present / 2):
                return "too many levels"
        elif self.type == "number" and not self.missing and self.levels == rows and rows > 10:
            whole = self.values.dtype == np.int64
            if whole and bool((np.diff(self.values) == 1).all()):
                return "row numbers"
        return ""


def from_text(
    where: str, name: str, texts: Sequence[str], lines: Sequence[int], decimal: str, forced: ColumnType | None
) -> Column:
    """A column out of the cells of a CSV file; `where` is the file's name. Raises `DatasetError` for text in
    a column that is otherwise numeric, or a number too large to compute with."""
    import numpy as np

    if forced == "category":
        return _category(name, texts)
    if forced == "date":
        days, bad = _dates(texts, everything=True)
        if bad:
            raise _mixed(where, name, "is not a date in every row", bad, texts, lines, forced)
        return _measured(name, "date", np.array(days))
    if decimal == ",":
        texts = [with_point(text) for text in texts]
    numbers, bad, present = _numbers(texts)
    if bad and forced is None:
        if len(bad) > present * MAX_TEXT_SHARE:
            days, unread = _dates(texts, everything=False)
            return _category(name, texts) if unread else _measured(name, "date", np.array(days))
        raise _mixed(where, name, "contains text", bad, texts, lines, forced)
    values = np.array(numbers, dtype=np.float64)
    _check_size(where, name, values, lines, texts)
    if present == len(texts) and not bad and all(len(t) < 17 and t.lstrip("+-").isdecimal() for t in texts):
        values = np.array([int(text) for text in texts], dtype=np.int64)
    return _measured(name, "number", values)


def from_series(where: str, series: Any, forced: ColumnType | None) -> Column | None:
    """A column of a Parquet file, a pandas Series; None for lists and other nested values."""
    import numpy as np
    import pandas as pd

    kinds, name, lines = pd.api.types, str(series.name), range(1, len(series) + 1)
    if kinds.is_datetime64_any_dtype(series):
        moments = series.dt.tz_convert("UTC").dt.tz_localize(None) if series.dt.tz is not None else series
        if forced in (None, "date"):
            since = (moments - pd.Timestamp(0)) / pd.Timedelta(days=1)
            return _measured(name, "date", since.to_numpy(dtype=np.float64))
    elif kinds.is_numeric_dtype(series) and not kinds.is_bool_dtype(series) and forced in (None, "number"):
        if kinds.is_complex_dtype(series):
            return None
        if kinds.is_integer_dtype(series) and not series.hasnans and int(series.max()) < 2**63:
            return _measured(name, "number", series.to_numpy(dtype=np.int64))
        values = series.to_numpy(dtype=np.float64, na_value=math.nan)
        _check_size(where, name, values, lines, series)
        return _measured(name, "number", values)
    present = series.notna().to_numpy()
    cells = series.astype(object).to_numpy()
    if any(isinstance(cell, (list, dict, tuple, bytes, np.ndarray)) for cell in cells):
        return None
    texts = [str(cell).strip() if held else "" for cell, held in zip(cells, present, strict=True)]
    declared: ColumnType | None = "category" if _is_declared_text(series, cells, present) else None
    return from_text(where, name, texts, lines, ".", forced or declared)


def _is_declared_text(series: Any, cells: Any, present: Any) -> bool:
    import pandas as pd

    kinds = pd.api.types
    if isinstance(series.dtype, pd.CategoricalDtype) or kinds.is_bool_dtype(series):
        return True
    return all(isinstance(cell, (str, bool)) for cell, held in zip(cells, present, strict=True) if held)


def as_number(text: str) -> float | None:
    """The number, or None for text. `1_000` is text here, unlike in Python."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _numbers(texts: Sequence[str]) -> tuple[list[float], list[int], int]:
    """The numbers, NaN where missing or text; the indices of text; how many cells are not missing."""
    bad: list[int] = []
    numbers: list[float] = []
    if "_" not in ",".join(texts):
        try:  # most columns hold numbers in every row
            numbers = list(map(float, texts))
        except ValueError:
            numbers = []
        if numbers:
            return numbers, bad, len(texts) - sum(map(math.isnan, numbers))
    missing = 0
    for index, text in enumerate(texts):
        if text in UNKNOWN:
            missing += 1
            numbers.append(math.nan)
            continue
        number = as_number(text)
        if number is None:
            bad.append(index)
        numbers.append(math.nan if number is None else number)
    return numbers, bad, len(texts) - missing


def _dates(texts: Sequence[str], *, everything: bool) -> tuple[list[float], list[int]]:
    """Days since 1970-01-01, NaN where missing, and the indices of cells that are no date; the first alone
    unless `everything` is wanted."""
    known: dict[str, float | None] = {}
    days: list[float] = []
    bad: list[int] = []
    for index, text in enumerate(texts):
        if text in UNKNOWN:
            days.append(math.nan)
            continue
        if text not in known:
            known[text] = _days(text)
        day = known[text]
        if day is None:
            bad.append(index)
            if not everything:
                break
        days.append(math.nan if day is None else day)
    return days, bad


def _days(text: str) -> float | None:
    if not 8 <= len(text) <= 40 or not any(character.isdigit() for character in text):
        return None
    moment = None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        for form in _DATE_FORMATS:
            try:
                moment = datetime.strptime(text, form).replace(tzinfo=UTC)
            except ValueError:
                continue
            break
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() / _DAY


def _measured(name: str, type_: ColumnType, values: Any) -> Column:
    import numpy as np

    known = values if values.dtype == np.int64 else values[~np.isnan(values)]
    firsts = known[:3].astype("int64").astype("datetime64[D]") if type_ == "date" else known[:3]
    example = tuple(str(value) for value in firsts)
    return Column(name, type_, values, len(values) - len(known), len(np.unique(known)), example)


def _category(name: str, texts: Sequence[str]) -> Column:
    import pandas as pd

    # "?" counts as missing here too: files use it in columns of text as in those of numbers.
    values = pd.Categorical([None if text in UNKNOWN else text for text in texts])
    levels = [str(level) for level in values.categories]
    missing = int((values.codes < 0).sum())
    return Column(
        name, "category", values, missing, len(levels), tuple(shortened(level, 40) for level in levels[:3])
    )


def _check_size(where: str, name: str, values: Any, lines: Sequence[int], cells: Any) -> None:
    import numpy as np

    huge = np.flatnonzero(np.abs(values) > MAX_MAGNITUDE)
    if len(huge):
        first = int(huge[0])
        cell = cells[first] if isinstance(cells, (list, tuple)) else str(values[first])
        detail = f"Line {lines[first]}: {quoted(cell)}; the maximum is ±{MAX_MAGNITUDE:g}."
        raise DatasetError(
            f"Column {name!r} of {where} has a number that is too large",
            detail,
            "Remove those rows or rescale the column.",
        )


def _mixed(
    where: str,
    name: str,
    what: str,
    bad: Sequence[int],
    texts: Sequence[str],
    lines: Sequence[int],
    forced: ColumnType | None,
) -> DatasetError:
    first = "; ".join(f"line {lines[index]}: {quoted(texts[index])}" for index in bad[:3])
    return DatasetError(
        f"Column {name!r} of {where} {what}",
        f"{counted(len(bad), 'row')} of {len(texts):,}: {first}{'; …' if len(bad) > 3 else ''}",
        "Fix those rows, or set the column's type to category."
        if forced
        else "Set the column's type: number treats those cells as missing, category makes all values text.",
    )
