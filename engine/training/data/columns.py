"""Types the columns of a table: numbers, categories and dates, out of text or a Parquet file's own types."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.errors import DatasetError
from engine.formats import counted, listed, size
from engine.text import quoted, shortened
from engine.training.data.tables import MAX_MAGNITUDE, UNKNOWN
from engine.training.spec import ColumnType

MAX_TEXT_SHARE = 0.1
"""A column is numeric with some text in it up to this share of text, and text above it."""
MANY_LEVELS = 1000
FEW_LEVELS = 20
"""Text with up to this many levels is text, whatever it looks like."""
_DATE_FORMATS = (
    *("%Y/%m/%d", "%d.%m.%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y"),
    *("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S"),
)
_DAY = 86400.0
_NUMBER_BYTES = 8
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(?i:inf|infinity|nan)$"
_LIKE_NUMBER = r"^[^\w\s.+-]?\s?[+-]?[.,]?\d[\d.,' ]*\s?[^\W\d_/]{0,4}[^\w\s]?$"
_LIKE_DATE = r"^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}([ T]\d{1,2}:\d\d.*)?$"
_TOTALS = frozenset(("total", "totals", "grand total", "sum", "summe", "gesamt", "average", "mean"))
_WITH_COMMA = r"^([+-]?\d+),(\d+(?:[eE][+-]?\d+)?)$"

MOST_ENCODED = 50
"""A text column becomes up to this many columns of numbers for a model; rare levels share one."""
PREPARED_SHARE = 0.2
"""The largest table of prepared columns, as a share of the available memory. Preparing one takes twice its
size for a while, and each training process prepares most of it again for each fold."""

LineOf = Callable[[Sequence[int]], list[int]]
"""The lines of a file where rows end, given their positions in the table, ascending."""


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
    def prepared_width(self) -> int:
        """How many columns of numbers it becomes for a model: one for each level, at most."""
        gaps = int(self.missing > 0)
        return min(self.levels + gaps, MOST_ENCODED) if self.type == "category" else 1 + gaps

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
    where: str, name: str, cells: Any, line_of: LineOf, decimal: str, forced: ColumnType | None
) -> Column:
    """A column out of the cells of a file, a chunked Arrow array of text; `where` is the file's name. Raises
    `DatasetError` for text in a column that is otherwise numeric, or a number too large to compute with."""
    if forced == "category":
        return _category(name, cells)
    if forced == "date":
        days, bad = _dates(cells, everything=True)
        if len(bad):
            raise _mixed(where, name, "is not a date in every row", bad, cells, line_of, forced)
        return _measured(name, "date", days)
    values, bad, missing = numbers(cells, UNKNOWN, decimal)
    if len(bad) and forced is None:
        if len(bad) > (len(values) - missing) * MAX_TEXT_SHARE:
            days, bad = _dates(cells, everything=False)  # text that is no date
            if not len(bad):
                return _measured(name, "date", days)
            column = _category(name, cells)
            _check_meant(where, column, cells, line_of)
            return column
        raise _mixed(where, name, "contains text", bad, cells, line_of, forced)
    _check_size(where, name, values, cells, line_of)
    return _measured(name, "number", values)


def from_series(where: str, series: Any, forced: ColumnType | None) -> Column | None:
    """A column of a Parquet file, a pandas Series; None for lists and other nested values."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    kinds, name = pd.api.types, str(series.name)
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
        _check_size(where, name, values, None, _rows)
        return _measured(name, "number", values)
    present = series.notna().to_numpy()
    cells = series.astype(object).to_numpy()
    if any(isinstance(cell, (list, dict, tuple, bytes, np.ndarray)) for cell in cells):
        return None
    texts = [str(cell).strip() if held else "" for cell, held in zip(cells, present, strict=True)]
    declared: ColumnType | None = "category" if _is_declared_text(series, cells, present) else None
    return from_text(where, name, pa.chunked_array([texts], pa.string()), _rows, ".", forced or declared)


def _is_declared_text(series: Any, cells: Any, present: Any) -> bool:
    import pandas as pd

    kinds = pd.api.types
    if isinstance(series.dtype, pd.CategoricalDtype) or kinds.is_bool_dtype(series):
        return True
    return all(isinstance(cell, (str, bool)) for cell, held in zip(cells, present, strict=True) if held)


def _rows(positions: Sequence[int]) -> list[int]:
    return [int(position) + 1 for position in positions]


def numbers(cells: Any, missing: Collection[str], decimal: str = ".") -> tuple[Any, Any, int]:
    """The numbers in a chunked Arrow array of text, NaN where missing or text: an int64 array if all are
    whole and none is missing, otherwise float64. The positions of text, and how many cells are missing."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    bad = np.empty(0, dtype=np.int64)
    gaps = 0
    try:
        found = pc.cast(cells, pa.float64())  # most columns hold numbers in every row
    except pa.ArrowInvalid:
        cells = pc.utf8_trim_whitespace(cells)
        if decimal == ",":
            cells = pc.replace_substring_regex(cells, _WITH_COMMA, r"\1.\2")
        gone = pc.is_in(cells, pa.array(sorted(missing), pa.string()))
        text = pc.and_not(pc.invert(pc.match_substring_regex(cells, _NUMBER)), gone)
        bad = np.flatnonzero(text.to_numpy())
        gaps = pc.sum(gone).as_py() or 0
        cells = pc.if_else(pc.or_(gone, text), None, cells)
        found = pc.cast(cells, pa.float64())
    values = found.to_numpy()
    if found.null_count == 0 and bool((values == np.floor(values)).all()):
        try:
            return pc.cast(cells, pa.int64()).to_numpy(), bad, gaps
        except pa.ArrowInvalid:  # as 1.0, or beyond 64 bits
            return values, bad, gaps
    return values, bad, gaps or int(np.isnan(values).sum()) - len(bad)


def coded(cells: Any) -> tuple[Any, Any]:
    """The distinct texts of a chunked Arrow array, an Arrow array in ascending order, and the index of each
    cell among them, -1 if it is missing."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = pc.utf8_trim_whitespace(cells)
    # "?" counts as missing here too: files use it in columns of text as in those of numbers.
    gone = pc.is_in(cells, pa.array(sorted(UNKNOWN), pa.string()))
    cells = pc.if_else(gone, None, cells).cast(pa.large_string()).combine_chunks()
    encoded = pc.dictionary_encode(cells)
    del cells
    levels = encoded.dictionary
    order = pc.sort_indices(levels)
    places = np.full(len(levels) + 1, -1, dtype=np.int32)
    places[order.to_numpy()] = np.arange(len(levels), dtype=np.int32)
    return levels.take(order), places[encoded.indices.fill_null(-1).to_numpy()]


def _dates(cells: Any, *, everything: bool) -> tuple[Any, Any]:
    """Days since 1970-01-01, NaN where missing, and the positions of cells that are no date; the first alone
    unless `everything` is wanted."""
    import numpy as np

    levels, codes = coded(cells)
    days = np.full(len(levels) + 1, math.nan)
    bad: list[int] = []
    for number, level in enumerate(levels):
        day = _days(level.as_py())
        if day is not None:
            days[number] = day
        else:
            bad.append(number)
            if not everything:
                break
    return days[codes], np.flatnonzero(np.isin(codes, bad))


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


def _category(name: str, cells: Any) -> Column:
    import pandas as pd

    levels, codes = coded(cells)
    values = pd.Categorical.from_codes(codes, categories=pd.Index(levels.to_pandas(), dtype="str"))
    example = tuple(shortened(level.as_py(), 40) for level in levels[:3])
    return Column(name, "category", values, int((codes < 0).sum()), len(levels), example)


def check_prepared_size(where: str, columns: Sequence[Column], available: int | None = None) -> None:
    """Raises `DatasetError` if the numbers that these columns become for a model are more than
    `PREPARED_SHARE` of the `available` bytes, those of this machine unless given."""
    import psutil

    if available is None:
        available = psutil.virtual_memory().available
    width = sum(column.prepared_width for column in columns)
    needed = len(columns[0].values) * width * _NUMBER_BYTES
    widest = sorted(
        (column for column in columns if column.type == "category"), key=lambda column: -column.prepared_width
    )
    if widest and needed > available * PREPARED_SHARE:
        texts = listed([f"{shortened(column.name, 40)} ({column.prepared_width})" for column in widest], 5)
        raise DatasetError(
            f"{where} is too large for this machine once its text is encoded",
            f"{len(columns[0].values):,} rows × {width:,} columns, one for each level of text: {texts}. "
            f"{size(needed)}; {size(available)} of memory is available, and they may use "
            f"{PREPARED_SHARE:.0%} of it.",
            "Leave out text columns with many levels, make them numbers, or use a sample of the rows.",
            setting="data.leave_out",
        )


def check_no_total(where: str, name: str, cells: Any) -> None:
    """Raises `DatasetError` if the last row says in this column that it holds totals."""
    import pyarrow.compute as pc

    last = cells[-1].as_py()
    if last.strip().lower() in _TOTALS and pc.sum(pc.equal(cells, last)).as_py() == 1:
        raise DatasetError(
            f"{where} ends with a row of totals",
            f"Column {name!r} of the last row is {quoted(last)}.",
            "Remove that row.",
        )


def _check_meant(where: str, column: Column, cells: Any, line_of: LineOf) -> None:
    """Raises `DatasetError` for text of many levels most of which look like numbers or dates."""
    import pyarrow.compute as pc

    if column.levels <= FEW_LEVELS:
        return
    cells = pc.utf8_trim_whitespace(cells)
    present = len(cells) - column.missing
    for pattern, what, hint in (
        (_LIKE_DATE, "looks like dates, but not all can be read", "Write dates as 2024-01-31"),
        (_LIKE_NUMBER, "looks like numbers, but has text in it", "Remove units, separators and dashes"),
    ):
        if pc.sum(pc.match_substring_regex(cells, pattern)).as_py() > present / 2:
            bad = numbers(cells, UNKNOWN)[1] if pattern == _LIKE_NUMBER else _dates(cells, everything=True)[1]
            error = _mixed(where, column.name, what, bad, cells, line_of, None)
            error.hint = f"{hint}, set the column's type, or leave the column out."
            raise error


def _check_size(where: str, name: str, values: Any, cells: Any, line_of: LineOf) -> None:
    import numpy as np

    huge = np.flatnonzero(np.abs(values) > MAX_MAGNITUDE)
    if len(huge):
        first = int(huge[0])
        cell = str(values[first]) if cells is None else cells[first].as_py()
        detail = f"Line {line_of([first])[0]}: {quoted(cell)}; the maximum is ±{MAX_MAGNITUDE:g}."
        raise DatasetError(
            f"Column {name!r} of {where} has a number that is too large",
            detail,
            "Remove those rows or rescale the column.",
            setting="data.types",
        )


def _mixed(
    where: str, name: str, what: str, bad: Any, cells: Any, line_of: LineOf, forced: ColumnType | None
) -> DatasetError:
    some = [int(position) for position in bad[:3]]
    first = "; ".join(
        f"line {line}: {quoted(cells[position].as_py())}"
        for position, line in zip(some, line_of(some), strict=True)
    )
    return DatasetError(
        f"Column {name!r} of {where} {what}",
        f"{counted(len(bad), 'row')} of {len(cells):,}: {first}{'; …' if len(bad) > 3 else ''}",
        "Fix those rows, or set the column's type to category."
        if forced
        else "Set the column's type: number treats those cells as missing, category makes all values text.",
        setting="data.types",
    )
