"""Reads the table a sweep trains on, and works out the task, the features and remarks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from engine.errors import DatasetError
from engine.formats import counted, listed
from engine.suggestions import closest, did_you_mean
from engine.text import quoted, safe
from engine.training.data.columns import Column, from_series, from_text, numbers
from engine.training.data.profile import MAX_SHOWN, ColumnProfile, DataProfile, Label, Role
from engine.training.data.tables import (
    MAX_MAGNITUDE,
    MISSING,
    UNKNOWN,
    CsvTable,
    check_file,
    check_memory,
    check_names,
    file_sha256,
    open_csv,
    unreadable,
)
from engine.training.spec import COLUMN_TYPES, ColumnType, DataSpec, SplitSpec, Task

if TYPE_CHECKING:
    import pandas as pd

    from engine.entities import DatasetInput

MIN_ROWS = 10
MAX_CLASSES = 50
FEW_NUMBERS = 20
"""Up to this many distinct whole numbers in the target are classes."""
RARE = 0.1
"""The rarest class is remarked below this share of the rows."""

HEART_SHA256 = "d235cad39b7bcc1d63c7b672146fb3b6108b861201d2e29e288ec7fe03e35082"
HEART_MEANINGS: Mapping[Label, str] = {0: "disease", 1: "no disease"}
"""The meanings of the labels in the embedded file. UCI's own labels have the opposite meaning."""

_BLOCK = 1 << 22
_CELL_BYTES = 8


@dataclass(frozen=True)
class Dataset:
    """A checked table. `frame` holds the features, rows × columns in file order: int64 or float64 numbers,
    categories, dates as float64 days since 1970-01-01; missing values are NaN. `labels` are the target's
    values in file order, a list of classes or a float64 array. `classes` are the distinct labels, sorted;
    none for regression. `group` and `order` belong to a split by group or time."""

    name: str
    source: str
    sha256: str
    target: str
    task: Task
    frame: pd.DataFrame = field(repr=False)
    labels: Any = field(repr=False)
    classes: tuple[Label, ...]
    group: Any = field(repr=False)
    order: Any = field(repr=False)
    profile: DataProfile = field(repr=False)

    @property
    def rows(self) -> int:
        return len(self.labels)

    @property
    def meanings(self) -> Mapping[Label, str]:
        """The meaning of each label, known for the embedded data only."""
        return HEART_MEANINGS if (self.sha256, self.target) == (HEART_SHA256, "target") else {}


@dataclass(slots=True)
class _Table:
    """The columns of a file, without rows whose target is missing. `target` is a chunked Arrow array of text,
    or an array of numbers. `unusable` columns hold nested values."""

    header: list[str]
    columns: dict[str, Column]
    target: Any
    declared_text: bool
    sha256: str
    dropped: int
    unusable: list[str] = field(default_factory=list)
    delimiter: str = ""
    decimal: str = ""
    encoding: str = ""


def read_dataset(spec: DataSpec, *, split: SplitSpec = SplitSpec()) -> Dataset:  # noqa: B008  frozen
    """Read and check a dataset.

    Raises `DatasetError` if the file cannot be read as CSV or Parquet, is too large for the memory, a column
    that the settings name does not exist, a column mixes numbers with a little text, the target does not fit
    the task, or nothing is left to train on.
    """
    if spec.run_id and spec.path is None:
        raise DatasetError(
            "The dataset of the run has not been looked up", f"Run {safe(spec.run_id)}", "Name its file."
        )
    path = spec.file
    check_file(path)
    table = _parquet(path, spec, split) if _is_parquet(path) else _csv(path, spec, split)
    if len(table.target) < MIN_ROWS:
        detail = f"{counted(len(table.target), 'row')}; a sweep needs at least {MIN_ROWS} to train and test."
        raise DatasetError(f"{path.name} has too few rows", detail, "Use a file with more rows.")
    task, labels, classes = _target(path, spec, split, table)
    roles = {name: _role(spec, split, table, name) for name in table.header}
    features = [name for name, (role, _) in roles.items() if role == "feature"]
    if not features:
        reasons = [f"{name} ({remark or role})" for name, (role, remark) in roles.items() if role != "target"]
        raise DatasetError(
            f"{path.name} has no columns besides the target to train on",
            f"Other columns: {listed(reasons, 10)}",
            "Name the columns to use, or use a file with one column per feature.",
        )
    import pandas as pd

    frame = pd.DataFrame({name: table.columns[name].values for name in features}, copy=False)
    profile = _profile(spec, table, task, labels, roles)
    group, order = _split_column(path, split, table)
    return Dataset(
        path.name, str(path), table.sha256, spec.target, task, frame, labels, classes, group, order, profile
    )


def source_of(dataset: DatasetInput, *, target: str = "") -> DataSpec:
    """The settings that read the dataset an earlier run recorded. Raises `DatasetError` unless it was a file
    on this machine that still exists; `check_unchanged` compares its contents."""
    name = safe(dataset.name, 80)
    path = _local_path(dataset.source)
    if path is None:
        raise DatasetError(
            f"Dataset {name} is not a file on this machine",
            f"Its source: {safe(dataset.source, 200) or 'not recorded'}",
            "Download it and name the file.",
        )
    if not path.is_file():
        raise DatasetError(f"Dataset {name} is gone", str(path), "Restore the file, or name another one.")
    return DataSpec(path=str(path), target=target or DataSpec().target)


def check_unchanged(dataset: Dataset, sha256: str) -> None:
    """Raises `DatasetError` if the file is not the one a run recorded, by its SHA-256 in hexadecimal."""
    if dataset.sha256 != sha256.lower():
        raise DatasetError(
            f"{dataset.name} has changed since the run",
            f"SHA-256 {dataset.sha256[:16]}…; the run recorded {safe(sha256[:16])}…: {dataset.source}",
            "Restore the file, or name it to train on what it holds now.",
        )


def _local_path(source: str) -> Path | None:
    """The path in the source of an MLflow dataset: plain, a file URI, or JSON with either."""
    try:
        found = json.loads(source)
    except ValueError:
        found = source
    if isinstance(found, Mapping):
        found = found.get("uri") or found.get("url") or found.get("path")
    if not isinstance(found, str) or not found or "\0" in found:
        return None
    if found.startswith("file:"):
        try:
            parts = urlsplit(found)
        except ValueError:
            return None
        found = unquote(parts.path) if parts.netloc in ("", "localhost") else ""
    path = Path(found)
    return path if path.is_absolute() else None


def _is_parquet(path: Path) -> bool:
    if path.suffix.lower() in (".parquet", ".pq"):
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PAR1"
    except OSError:
        return False


def _csv(path: Path, spec: DataSpec, split: SplitSpec) -> _Table:
    csv = open_csv(path, None, spec.delimiter, spec.decimal)
    check_memory(path, csv.lines * csv.width * _CELL_BYTES)
    _check_columns(path, csv.header, spec, split)
    gone = UNKNOWN if spec.types.get(spec.target) == "number" else MISSING
    held = [name for name in csv.header if name not in spec.leave_out or name in (spec.target, split.column)]
    chunks, dropped = _chunks(csv, held, spec.target, gone)
    at = csv.header.index(spec.target)

    def line_of(positions: Sequence[int]) -> list[int]:
        kept = (line for line, fields in csv.records() if fields[at] not in gone)
        rows, wanted = enumerate(kept), set(positions)
        return [line for row, line in islice(rows, max(wanted) + 1) if row in wanted]

    import pyarrow as pa

    target = pa.chunked_array(chunks.pop(spec.target), pa.string())
    columns: dict[str, Column] = {}
    for name in list(chunks) if len(target) else ():
        cells = pa.chunked_array(chunks.pop(name), pa.string())
        columns[name] = from_text(path.name, name, cells, line_of, csv.decimal, spec.types.get(name))
    return _Table(
        csv.header,
        columns,
        target,
        False,
        csv.sha256,
        dropped,
        delimiter=csv.delimiter,
        decimal=csv.decimal,
        encoding=csv.encoding,
    )


def _chunks(
    csv: CsvTable, held: Iterable[str], target: str, gone: Collection[str]
) -> tuple[dict[str, list[Any]], int]:
    """The cells of the `held` columns, in Arrow arrays of text, and how many rows were dropped because their
    target is one of `gone`. Text takes less room there than the file, and ten times more in Python."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    chunks: dict[str, list[Any]] = {name: [] for name in held}
    names = [*csv.header, *("" for _ in range(csv.width - len(csv.header)))]
    numbered = [str(number) for number in range(csv.width)]
    before, dropped = csv.before, 0
    try:
        with pa.OSFile(str(csv.path)) as file:
            batches = arrow.open_csv(
                file,
                arrow.ReadOptions(
                    use_threads=False,
                    block_size=_BLOCK,
                    column_names=numbered,
                    skip_rows=csv.skipped,
                    encoding=csv.codec if csv.codec == "utf-16" else "utf8",
                ),
                arrow.ParseOptions(delimiter=csv.delimiter, newlines_in_values=True),
                arrow.ConvertOptions(
                    column_types=dict.fromkeys(numbered, pa.string()), strings_can_be_null=False
                ),
            )
            for read in batches:
                batch = read.slice(before)
                before -= len(read) - len(batch)
                batch, missing = _without_odd_rows(batch, names, target, gone)
                dropped += missing
                for name, cells in zip(names, batch.columns, strict=True):
                    if name in chunks:
                        chunks[name].append(cells)
                    elif not name and any(text for text in cells.unique().to_pylist()):
                        raise csv.no_name()
    except pa.ArrowInvalid as error:
        for _ in csv.records():  # says in which line
            pass
        raise DatasetError(
            f"{csv.path.name} is not a CSV file", safe(error, 200), "Save it again."
        ) from error
    except OSError as error:
        raise unreadable(csv.path, error) from error
    return chunks, dropped


def _without_odd_rows(
    batch: Any, names: Sequence[str], target: str, gone: Collection[str]
) -> tuple[Any, int]:
    """The rows without empty ones, repeated headers and those whose target is `gone`, and how many of the
    last were left out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    labels = pc.utf8_trim_whitespace(batch.column(names.index(target)))
    missing = pc.is_in(labels, pa.array(sorted(gone), pa.string()))
    odd = pc.or_(missing, pc.equal(labels, target))
    if not pc.any(odd).as_py():
        return batch, 0
    rows = batch.filter(odd)
    empty = header = pa.scalar(True)
    for name, cells in zip(names, map(pc.utf8_trim_whitespace, rows.columns), strict=True):
        empty = pc.and_(empty, pc.equal(cells, ""))
        header = pc.and_(header, pc.equal(cells, name))
    left_out = pc.or_(missing.filter(odd), header)
    kept = pc.replace_with_mask(pc.invert(odd), odd, pc.invert(left_out))
    return batch.filter(kept), pc.sum(missing).as_py() - (pc.sum(empty).as_py() or 0)


def _parquet(path: Path, spec: DataSpec, split: SplitSpec) -> _Table:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            meta = file.metadata
            held = sum(meta.row_group(index).total_byte_size for index in range(meta.num_row_groups))
            header = [str(name) for name in file.schema_arrow.names]
            check_memory(path, max(held, meta.num_rows * len(header) * _CELL_BYTES))
            check_names(path, header)
            _check_columns(path, header, spec, split)
            data = file.read().to_pandas(ignore_metadata=True)
    except DatasetError:
        raise
    except Exception as error:  # Arrow raises many types for a damaged file
        raise DatasetError(
            f"{path.name} is not a Parquet file", f"{safe(error, 200)}: {path}", "Write the file again."
        ) from error
    known = data[spec.target].notna()
    dropped = int((~known).sum())
    if dropped:
        data = data[known]
    if data.empty:
        return _Table(header, {}, [], False, "", dropped)  # refused for too few rows
    labels = data[spec.target]
    is_number = labels.dtype.kind in "iuf"
    if is_number:
        target: Any = labels.to_numpy(dtype=np.float64 if labels.dtype.kind == "f" else np.int64)
    else:
        target = pa.chunked_array([[str(value) for value in labels.tolist()]], pa.string())
    columns: dict[str, Column] = {}
    unusable: list[str] = []
    for name in header:
        if name == spec.target or (name in spec.leave_out and name != split.column):
            continue
        column = from_series(path.name, data[name], spec.types.get(name))
        if column is None:
            unusable.append(name)
        else:
            columns[name] = column
    return _Table(header, columns, target, not is_number, file_sha256(path), dropped, unusable)


def _check_columns(path: Path, header: Sequence[str], spec: DataSpec, split: SplitSpec) -> None:
    """Raises `DatasetError` if a setting names a column that does not exist, or the target as a feature."""
    named: list[tuple[str, Iterable[str]]] = [
        ("as the target", [spec.target]),
        ("to use", spec.use),
        ("to leave out", spec.leave_out),
        ("with a type", spec.types),
        ("to split by", [split.column] if split.method in ("time", "group") else []),
    ]
    known = set(header)
    for what, names in named:
        for name in names:
            if name not in known:
                close = closest(name, header)
                raise DatasetError(
                    f"Unknown column {name!r} in {path.name}",
                    f"The column {what}. Columns: {listed(header, 20)}",
                    did_you_mean(close) if close else "Use one of them.",
                )
    for name in (*spec.use, *spec.leave_out):
        if name == spec.target:
            raise DatasetError(
                f"Column {name!r} is the target", "It is also named as a feature.", "Remove one of the two."
            )
    for name, type_ in spec.types.items():
        if type_ not in COLUMN_TYPES:
            raise DatasetError(
                f"Unknown type {quoted(str(type_))} of column {name!r}", "", f"Use {', '.join(COLUMN_TYPES)}."
            )


def _role(spec: DataSpec, split: SplitSpec, table: _Table, name: str) -> tuple[Role, str]:
    """What a column is for, and the remark on it."""
    if name == spec.target:
        return "target", ""
    if name in table.unusable:
        return "left out", "nested values; left out"
    if split.method in ("time", "group") and name == split.column and name not in spec.use:
        return ("time" if split.method == "time" else "group"), ""
    if name in spec.leave_out or (spec.use and name not in spec.use):
        return "left out", ""
    drawback = table.columns[name].drawback
    if drawback and name not in spec.use:
        return "left out", f"{drawback}; left out"
    return "feature", drawback


def _target(
    path: Path, spec: DataSpec, split: SplitSpec, table: _Table
) -> tuple[Task, Any, tuple[Label, ...]]:
    """The task, the labels, and the distinct ones of classes."""
    import numpy as np
    import pyarrow as pa

    where = f"Target {spec.target!r} of {path.name}"
    forced: ColumnType | None = spec.types.get(spec.target)
    if forced == "date":
        raise DatasetError(f"{where} cannot be a date", "", "Use number or category as its type.")
    is_text = table.declared_text or forced == "category"
    values, texts, bad = _labels(table, is_text)
    if len(bad) and (forced == "number" or spec.task == "regression" or _few(bad, values)):
        raise DatasetError(
            f"{where} contains text",
            f"{counted(len(bad), 'row')} of {len(texts):,}, such as {quoted(texts[bad[0]].as_py(), 40)}.",
            "Remove those rows, or train a classifier with category as its type.",
        )
    whole = bool(((np.abs(values) < 1e15) & (values == np.floor(values))).all()) and not len(bad)
    distinct = np.unique(values)
    few = len(distinct) <= min(FEW_NUMBERS, len(values) // 2)
    task: Task = spec.task or ("classification" if len(bad) or (whole and few) else "regression")
    if task == "regression":
        labels = values.astype(np.float64)
        if not np.isfinite(labels).all() or bool((np.abs(labels) > MAX_MAGNITUDE).any()):
            raise DatasetError(
                f"{where} has a number that is too large", "", "Remove those rows or rescale the column."
            )
        if len(distinct) == 1:
            raise DatasetError(
                f"{where} is constant", f"All rows are {distinct[0]:g}.", "Choose another column to predict."
            )
        return task, labels, ()
    if not len(bad) and not whole:
        raise DatasetError(
            f"{where} is continuous, not a class label",
            "It contains fractions or very large numbers.",
            "Train a regression, or use a column with a few distinct labels.",
        )
    if len(bad):
        encoded = texts.cast(pa.large_string()).combine_chunks().dictionary_encode()
        levels = encoded.dictionary.to_pylist()
        classes: list[Label] = [levels[code] for code in encoded.indices.to_pylist()]
    else:
        classes = values.astype(np.int64).tolist()
    return task, classes, _classes(path, spec.target, split, classes)


def _labels(table: _Table, is_text: bool) -> tuple[Any, Any, Any]:
    """The target as numbers, NaN where it is text; as text; and the positions of text."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(table.target, np.ndarray):
        if not is_text:
            return table.target, table.target, np.empty(0, dtype=np.int64)
        table.target = pa.chunked_array([[str(number) for number in table.target.tolist()]], pa.string())
    texts = pc.utf8_trim_whitespace(table.target)
    if is_text:
        return np.full(len(texts), np.nan), texts, np.arange(len(texts))
    values, bad, _ = numbers(texts, (), table.decimal or ".")
    return values, texts, bad


def _few(bad: Any, numbers: Any) -> bool:
    """Whether a target with some text is meant to be numeric: little text, and more than a few numbers."""
    import numpy as np

    return len(bad) <= len(numbers) * 0.1 and len(np.unique(numbers[~np.isnan(numbers)])) >= FEW_NUMBERS


def _classes(path: Path, target: str, split: SplitSpec, labels: Sequence[Label]) -> tuple[Label, ...]:
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
    alone = [label for label in classes if counts[label] == 1]
    if alone and split.method == "stratified":
        raise DatasetError(
            f"{path.name} has a class with one row",
            f"{target} = {listed(alone)}: it cannot be in the training and the test part.",
            "Remove those rows, or split at random.",
        )
    return classes


def _split_column(path: Path, split: SplitSpec, table: _Table) -> tuple[Any, Any]:
    """The group and the order of the rows; None where the split does not need them."""
    import numpy as np

    if split.method not in ("time", "group"):
        return None, None
    column = table.columns.get(split.column)
    if column is None:
        raise DatasetError(
            f"Column {split.column!r} of {path.name} cannot split the rows",
            "It is the target or holds nested values.",
            "Use another column.",
        )
    if column.missing:
        raise DatasetError(
            f"Column {split.column!r} of {path.name} has missing values",
            f"{counted(column.missing, 'row')} cannot be split by {split.method}.",
            "Remove those rows or fill in the values.",
        )
    if split.method == "group":
        return np.asarray(column.values), None
    if column.type == "category":
        raise DatasetError(
            f"Column {split.column!r} of {path.name} is text, not a time",
            f"Such as {listed(column.example)}",
            "Use a column of dates or numbers.",
        )
    return None, np.asarray(column.values, dtype=np.float64)


def _profile(
    spec: DataSpec, table: _Table, task: Task, labels: Any, roles: Mapping[str, tuple[Role, str]]
) -> DataProfile:
    classes = dict(sorted(Counter(labels).items(), key=lambda item: str(item[0]))) if task[0] == "c" else {}
    remarks: list[str] = []
    if table.dropped:
        remarks.append(f"{counted(table.dropped, 'row')} dropped: {spec.target} is missing")
    out = [f"{name}: {remark}" for name, (_, remark) in roles.items() if remark]
    remarks += out[:20]
    if len(out) > 20:
        remarks.append(f"{counted(len(out) - 20, 'more remark')} on columns")
    if classes:
        rarest = min(classes, key=lambda label: classes[label])
        share = classes[rarest] / len(labels)
        if share < min(RARE, 0.5 / len(classes)) or classes[rarest] == 1:
            rows = counted(classes[rarest], "row")
            remarks.append(f"Imbalanced classes: {safe(rarest, 40)} has {rows} ({share:.1%})")
    hidden = max(0, len(table.header) - MAX_SHOWN)
    if hidden:
        remarks.append(f"{MAX_SHOWN} of {len(table.header):,} columns shown")
    columns = tuple(_column(table, name, *roles[name], labels, task) for name in table.header[:MAX_SHOWN])
    return DataProfile(
        len(labels),
        columns,
        task,
        classes,
        tuple(remarks),
        table.delimiter,
        table.decimal,
        table.encoding,
        hidden,
    )


def _column(table: _Table, name: str, role: Role, remark: str, labels: Any, task: Task) -> ColumnProfile:
    import numpy as np

    column = table.columns.get(name)
    if column is None and role == "target":
        type_: ColumnType = "number" if task == "regression" else "category"
        example = tuple(str(label) for label in list(dict.fromkeys(labels[:1000]))[:3])
        levels = len(set(labels))
        if task == "classification":
            return ColumnProfile(name, type_, role, table.dropped, levels, example)
        low, high, mean = float(labels.min()), float(labels.max()), float(labels.mean())
        return ColumnProfile(name, type_, role, table.dropped, levels, example, low, high, mean)
    if column is None:
        return ColumnProfile(name, "category", role, 0, 0, (), remark=remark or "not read")
    low_, high_, mean_ = None, None, None
    if column.type != "category" and column.missing < len(column.values):
        values = column.values
        low_, high_, mean_ = (float(f(values)) for f in (np.nanmin, np.nanmax, np.nanmean))
    return ColumnProfile(
        name,
        column.type,
        role,
        column.missing,
        column.levels,
        column.example,
        low_,
        high_,
        mean_,
        remark,
    )
