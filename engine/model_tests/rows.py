"""The rows that a model is tested with: the test part that its run recorded, or a CSV file; and what else the
run and the model recorded of the data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.entities import ModelVersion, Run, RunDetail
from engine.errors import DatasetError, EngineError
from engine.evidence.predictions import PredictionFiles, parse_rows
from engine.formats import as_number, counted, listed, size
from engine.model_files.files import model_files
from engine.model_tests.requests import RequestTemplate, inferred, read_template
from engine.stores.records import find_version
from engine.stores.references import source_run
from engine.text import Shown, safe
from engine.training.data.tables import read_table
from engine.uri import TrackingUri, local_root

if TYPE_CHECKING:
    from engine.stores.base import Store

MAX_ROWS = 100_000
MAX_TRAINING_BYTES = 64 * 2**20
"""The largest file of training data that is read for a test."""
TARGET_PARAM = "target"
DIGEST_PARAM = "dataset_sha256"
"""The parameters of a sweep with the column to predict and the SHA-256 of the file that it read."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to send to a model. `source` says where they come from; `names` what a person calls each
    (`line 3`, `row 179`). `labels` are the true labels as text, empty if there are none; `logged` what the
    model predicted when its run tested it, empty if unknown."""

    source: Shown
    names: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...] = field(repr=False)
    target: str = ""
    labels: tuple[str, ...] = field(default=(), repr=False)
    logged: tuple[str, ...] = field(default=(), repr=False)

    def column(self, name: str) -> tuple[Any, ...]:
        at = self.columns.index(name)
        return tuple(row[at] for row in self.values)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The dataset that a run read, by column, with the labels as text; the rows with a position in
    `test_rows` were held back for its test."""

    name: Shown
    columns: Mapping[str, tuple[Any, ...]] = field(repr=False)
    labels: tuple[str, ...] = field(repr=False)
    test_rows: frozenset[int] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a version, its model and its source run recorded. `predictions` are (row, true label, prediction)
    of the test part. `problem` says why the training data cannot be read; empty if `training` has it."""

    version: ModelVersion
    run: Run | None
    template: RequestTemplate
    target: str = ""
    predictions: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    training: TrainingData | None = None
    problem: str = ""

    @property
    def meanings(self) -> Mapping[str, str]:
        """The labels by what they mean, where the run says it: `{"disease": "0"}`."""
        tags = {} if self.run is None else self.run.tags
        return {
            value: name.removeprefix("class_") for name, value in tags.items() if name.startswith("class_")
        }

    @property
    def types(self) -> Mapping[str, str]:
        """The columns that the model takes, with MLflow's names of their types."""
        return {found.name: found.type for found in self.template.fields}

    def test_part(self) -> Rows:
        """The rows that the run held back for its test. Raises `DatasetError` if it recorded none, or its
        data cannot be read, or is not the same any more."""
        name = f"{safe(self.version.name, 80)} {self.version.version}"
        hint = "Give a CSV file with a column of labels instead."
        if not self.predictions:
            raise DatasetError(f"The run of {name} recorded no test part", self.problem, hint)
        training = self.training
        if training is None:
            raise DatasetError(f"The test part of {name} cannot be read", self.problem, hint)
        picked = [int(row) if row.isdecimal() else -1 for row, _, _ in self.predictions]
        actual = tuple(label for _, label, _ in self.predictions)
        count = len(training.labels)
        if any(not 0 <= at < count for at in picked) or actual != tuple(training.labels[at] for at in picked):
            detail = "The labels of its test rows are not those that the run recorded."
            raise DatasetError(f"{training.name} has changed since {name} was trained", detail, hint)
        order = sorted(range(len(picked)), key=picked.__getitem__)
        columns = tuple(training.columns)
        values = tuple(tuple(training.columns[name][picked[at]] for name in columns) for at in order)
        return Rows(
            Shown(f"the test part of its run ({counted(len(order), 'row')} of {training.name})"),
            tuple(f"row {picked[at]}" for at in order),
            columns,
            values,
            self.target,
            tuple(actual[at] for at in order),
            tuple(self.predictions[at][2] for at in order),
        )

    def rows_of(self, path: Path, target: str = "", *, needs_labels: bool = True) -> Rows:
        """The rows of a CSV file, as the model's columns need them. Without `target`, the labels are in the
        column that the training predicted, or in the only one that is no input. Raises `DatasetError`."""
        header, rows, lines = read_table(path)
        if len(rows) > MAX_ROWS:
            raise DatasetError(
                f"{path.name} has more than {MAX_ROWS:,} rows", "", "Use a sample of its rows."
            )
        inputs = self.types
        target = self._target(path, header, inputs, target)
        if needs_labels and not target:
            detail = f"Columns: {listed(header, 20)}"
            hint = "Name the column of labels: --target COLUMN."
            raise DatasetError(f"{path.name} has no column of labels", detail, hint)
        check_columns(path, [name for name in header if name != target], inputs)
        columns = tuple(name for name in header if name != target)
        at = [header.index(name) for name in columns]
        labels = () if not target else tuple(label_text(row[header.index(target)]) for row in rows)
        if "" in labels:
            detail = f"line {lines[labels.index('')]} of {path}"
            raise DatasetError(f"{path.name} has rows without a label", detail, "Remove or complete them.")
        return Rows(
            safe(path.name, 80),
            tuple(f"line {line}" for line in lines),
            columns,
            tuple(tuple(typed(inputs.get(header[i], ""), row[i]) for i in at) for row in rows),
            target,
            labels,
        )

    def _target(self, path: Path, header: Sequence[str], inputs: Mapping[str, str], given: str) -> str:
        if given:
            if given not in header:
                detail = f"Columns: {listed(header, 20)}"
                raise DatasetError(f"{path.name} has no column {safe(given, 80)!r}", detail)
            return given
        if self.target in header:
            return self.target
        others = [name for name in header if name not in inputs]
        return others[0] if inputs and len(others) == 1 else ""


def read_recorded(uri: TrackingUri, store: Store, model: str, version: int) -> Recorded:
    """Raises `NotFound` for a missing version, `ModelFailure` if its files cannot be read, `StoreError`."""
    found = find_version(store.model_versions(model), model, version)
    detail = source_run(store, found.run_id)
    with model_files(uri, found, detail) as files:
        template = read_template(files)
    if detail is None:
        return Recorded(found, None, template, problem="Its source run is gone.")
    run = detail.run
    data = PredictionFiles(store).data(run.run_id, run.artifact_uri)
    lines = parse_rows(data) if data is not None else []
    predictions = tuple((row, label_text(label), label_text(guess)) for row, label, guess in lines)
    target = _recorded_param(store, run, TARGET_PARAM)
    digest = _recorded_param(store, run, DIGEST_PARAM)
    test_rows = frozenset(int(row) for row, _, _ in predictions if row.isdecimal())
    try:
        training = _training(detail, target, digest, [field.name for field in template.fields], test_rows)
    except EngineError as error:
        return Recorded(found, run, template, target, predictions, problem=str(error))
    return Recorded(found, run, template, training[0], predictions, training[1])


def _training(
    detail: RunDetail, target: str, digest: str, inputs: Sequence[str], test_rows: frozenset[int]
) -> tuple[str, TrainingData]:
    """The target and the data that a run was trained on. Raises `DatasetError`, also if the file has another
    SHA-256 than a recorded one."""
    dataset = next((data for data in detail.datasets if data.context in ("training", "train", "")), None)
    if dataset is None:
        raise DatasetError("The run recorded no training data")
    path = _local_path(dataset.source)
    if path is None:
        raise DatasetError(f"{safe(dataset.name, 80)} is not a file on this machine")
    if path.is_file() and path.stat().st_size > MAX_TRAINING_BYTES:
        raise DatasetError(f"{safe(path.name, 80)} is too large to compare with", size(path.stat().st_size))
    header, rows, _ = read_table(path)
    if digest and hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise DatasetError(f"{safe(path.name, 80)} has changed since the training")
    others = [name for name in header if name not in inputs]
    target = target or (others[0] if len(others) == 1 else "")
    if target not in header:
        raise DatasetError(f"It is not known which column of {safe(path.name, 80)} the model predicts")
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    labels = tuple(map(label_text, columns.pop(target)))
    values = {name: tuple(map(inferred, column)) for name, column in columns.items()}
    return target, TrainingData(safe(path.name, 80), values, labels, test_rows)


def _local_path(source: str) -> Path | None:
    try:
        found = json.loads(source)["uri"]
        return None if not isinstance(found, str) else local_root(found)
    except (ValueError, KeyError, TypeError):
        return None


def _recorded_param(store: Store, run: Run, name: str) -> str:
    """A parameter of the run, or of its parent; empty if neither has it."""
    if name in run.params:
        return run.params[name]
    parent = source_run(store, run.parent_run_id or "")
    return "" if parent is None else parent.run.params.get(name, "")


def check_columns(path: Path, columns: Sequence[str], inputs: Mapping[str, str]) -> None:
    """Raises `DatasetError` if columns that the model needs are missing."""
    missing = [name for name, kind in inputs.items() if name not in columns and not kind.endswith("optional")]
    if not missing:
        return
    near = {name: get_close_matches(name, columns, 1) for name in missing}
    like = [f"{safe(found[0])} is there" for found in near.values() if found]
    raise DatasetError(
        f"{safe(path.name, 80)} lacks {counted(len(missing), 'column')} of the model: {listed(missing, 20)}",
        f"Its columns: {listed(columns, 20)}",
        f"Name them as in the training data ({', '.join(like)})." if like else "",
    )


def typed(kind: str, text: str) -> Any:
    """A cell as a model with this type of column takes it; as text where it does not fit, so that the model
    says so."""
    if kind.removesuffix(" optional") == "string":
        return text
    value = inferred(text)
    if kind.startswith("boolean") and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    if isinstance(value, float) and value.is_integer() and kind.startswith(("long", "integer")):
        return int(value)
    return value


def translated(
    labels: Sequence[str], others: Collection[str], meanings: Mapping[str, str]
) -> tuple[str, ...] | None:
    """Labels in the words of others, where the run says what they mean; None if they have none in common."""
    if not labels or set(labels) & set(others):
        return tuple(labels)
    words = {**{code: meaning for meaning, code in meanings.items()}, **meanings}
    found = tuple(words.get(label, label) for label in labels)
    return found if set(found) & set(others) else None


def label_text(value: Any) -> str:
    """A label or a prediction as text, the same for `1`, `1.0` and `"1"`; of a row of one column, that."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        return label_text(value[0])
    if isinstance(value, Mapping) and len(value) == 1:
        return label_text(*value.values())
    if isinstance(value, bool):
        return str(value)
    text = str(value).strip()
    number = as_number(text)
    whole = number is not None and abs(number) < 1e15 and number == int(number)
    return str(int(number)) if whole and number is not None else text
