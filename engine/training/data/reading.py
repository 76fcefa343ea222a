"""Reads the dataset of a sweep, and works out the task, the features and remarks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import DatasetError
from engine.formats import counted, listed
from engine.suggestions import closest, did_you_mean
from engine.text import quoted, safe
from engine.training.data.columns import check_prepared_size, numbers
from engine.training.data.profile import MAX_SHOWN, ColumnProfile, DataProfile, Label, Role
from engine.training.data.tables import MAX_MAGNITUDE
from engine.training.data.typed_table import TypedTable, read_table_file
from engine.training.spec import COLUMN_TYPES, ColumnType, DataSpec, SplitSpec, Task

if TYPE_CHECKING:
    import pandas as pd

MIN_ROWS = 10
MAX_CLASSES = 50
FEW_NUMBERS = 20
"""Up to this many distinct whole numbers in the target are classes."""
RARE = 0.1
"""The rarest class is remarked below this share of the rows."""

HEART_SHA256 = "d235cad39b7bcc1d63c7b672146fb3b6108b861201d2e29e288ec7fe03e35082"
HEART_MEANINGS: Mapping[Label, str] = {0: "disease", 1: "no disease"}
"""The meanings of the labels in the embedded file. UCI's own labels have the opposite meaning."""


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


def read_dataset(spec: DataSpec, *, split: SplitSpec = SplitSpec()) -> Dataset:  # noqa: B008  frozen
    """Read and check a dataset.

    Raises `DatasetError` if the file cannot be read as CSV or Parquet, is too large for the memory as it is
    or once its text is encoded, a column that the settings name does not exist, a column mixes numbers with a
    little text, the target does not fit the task, or nothing is left to train on.
    """
    if spec.run_id and spec.path is None:
        raise DatasetError(
            "The dataset of the run has not been looked up", f"Run {safe(spec.run_id)}", "Name its file."
        )
    path = spec.file
    table = read_table_file(path, spec, split, partial(_check_columns, path, spec, split))
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
            setting="data.use",
        )
    check_prepared_size(path.name, [table.columns[name] for name in features])
    import pandas as pd

    frame = pd.DataFrame({name: table.columns[name].values for name in features}, copy=False)
    profile = _profile(spec, table, task, labels, roles)
    group, order = _split_column(path, split, table)
    return Dataset(
        path.name, str(path), table.sha256, spec.target, task, frame, labels, classes, group, order, profile
    )


def _check_columns(path: Path, spec: DataSpec, split: SplitSpec, header: Sequence[str]) -> None:
    """Raises `DatasetError` if a setting names a column that does not exist, or the target as a feature."""
    named: list[tuple[str, str, Iterable[str]]] = [
        ("data.target", "as the target", [spec.target]),
        ("data.use", "to use", spec.use),
        ("data.leave_out", "to leave out", spec.leave_out),
        ("data.types", "with a type", spec.types),
        ("split.column", "to split by", [split.column] if split.method in ("time", "group") else []),
    ]
    known = set(header)
    for setting, what, names in named:
        for name in names:
            if name not in known:
                close = closest(name, header)
                raise DatasetError(
                    f"Unknown column {name!r} in {path.name}",
                    f"The column {what}. Columns: {listed(header, 20)}",
                    did_you_mean(close)
                    if close
                    else "Use one of them; a file needs a header, and its columns a known delimiter.",
                    setting=setting,
                )
    for name in (*spec.use, *spec.leave_out):
        if name == spec.target:
            raise DatasetError(
                f"Column {name!r} is the target",
                "It is also named as a feature.",
                "Remove one of the two.",
                setting="data.target",
            )
    for name, type_ in spec.types.items():
        if type_ not in COLUMN_TYPES:
            raise DatasetError(
                f"Unknown type {quoted(str(type_))} of column {name!r}",
                "",
                f"Use {', '.join(COLUMN_TYPES)}.",
                setting="data.types",
            )


def _role(spec: DataSpec, split: SplitSpec, table: TypedTable, name: str) -> tuple[Role, str]:
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
    path: Path, spec: DataSpec, split: SplitSpec, table: TypedTable
) -> tuple[Task, Any, tuple[Label, ...]]:
    """The task, the labels, and the distinct ones of classes."""
    import numpy as np
    import pyarrow as pa

    where = f"Target {spec.target!r} of {path.name}"
    forced: ColumnType | None = spec.types.get(spec.target)
    if forced == "date":
        raise DatasetError(
            f"{where} cannot be a date", "", "Use number or category as its type.", setting="data.target"
        )
    is_text = table.declared_text or forced == "category"
    values, texts, bad = _labels(table, is_text)
    if len(bad) and (forced == "number" or spec.task == "regression" or _few(bad, values)):
        raise DatasetError(
            f"{where} contains text",
            f"{counted(len(bad), 'row')} of {len(texts):,}, such as {quoted(texts[bad[0]].as_py(), 40)}.",
            "Remove those rows, or train a classifier with category as its type.",
            setting="data.target",
        )
    whole = bool(((np.abs(values) < 1e15) & (values == np.floor(values))).all()) and not len(bad)
    distinct = np.unique(values)
    few = len(distinct) <= min(FEW_NUMBERS, len(values) // 2)
    task: Task = spec.task or ("classification" if len(bad) or (whole and few) else "regression")
    if task == "regression":
        labels = values.astype(np.float64)
        if not np.isfinite(labels).all() or bool((np.abs(labels) > MAX_MAGNITUDE).any()):
            raise DatasetError(
                f"{where} has a number that is too large",
                "",
                "Remove those rows or rescale the column.",
                setting="data.target",
            )
        if len(distinct) == 1:
            raise DatasetError(
                f"{where} is constant",
                f"All rows are {distinct[0]:g}.",
                "Choose another column to predict.",
                setting="data.target",
            )
        return task, labels, ()
    if not len(bad) and not whole:
        raise DatasetError(
            f"{where} is continuous, not a class label",
            "It contains fractions or very large numbers.",
            "Train a regression, or use a column with a few distinct labels.",
            setting="data.target",
        )
    if len(bad):
        encoded = texts.cast(pa.large_string()).combine_chunks().dictionary_encode()
        levels = encoded.dictionary.to_pylist()
        classes: list[Label] = [levels[code] for code in encoded.indices.to_pylist()]
    else:
        classes = values.astype(np.int64).tolist()
    return task, classes, _classes(path, spec.target, split, classes)


def _labels(table: TypedTable, is_text: bool) -> tuple[Any, Any, Any]:
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
        raise DatasetError(
            f"{path.name} has only one class",
            detail,
            "A classifier needs at least two.",
            setting="data.target",
        )
    limit = min(MAX_CLASSES, len(labels) // 2)
    if len(classes) > limit:
        raise DatasetError(
            f"Target {target!r} of {path.name} has too many classes",
            f"{len(classes)} distinct labels in {len(labels)} rows; the maximum is {limit}.",
            "Use a column with a few distinct labels.",
            setting="data.target",
        )
    alone = [label for label in classes if counts[label] == 1]
    if alone and split.method == "stratified":
        raise DatasetError(
            f"{path.name} has a class with one row",
            f"{target} = {listed(alone)}: it cannot be in the training and the test part.",
            "Remove those rows, or split at random.",
            setting="data.target",
        )
    return classes


def _split_column(path: Path, split: SplitSpec, table: TypedTable) -> tuple[Any, Any]:
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
            setting="split.column",
        )
    if column.missing:
        raise DatasetError(
            f"Column {split.column!r} of {path.name} has missing values",
            f"{counted(column.missing, 'row')} cannot be split by {split.method}.",
            "Remove those rows or fill in the values.",
            setting="split.column",
        )
    if split.method == "group":
        return np.asarray(column.values), None
    if column.type == "category":
        raise DatasetError(
            f"Column {split.column!r} of {path.name} is text, not a time",
            f"Such as {listed(column.example)}",
            "Use a column of dates or numbers.",
            setting="split.column",
        )
    return None, np.asarray(column.values, dtype=np.float64)


def _profile(
    spec: DataSpec, table: TypedTable, task: Task, labels: Any, roles: Mapping[str, tuple[Role, str]]
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


def _column(table: TypedTable, name: str, role: Role, remark: str, labels: Any, task: Task) -> ColumnProfile:
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
