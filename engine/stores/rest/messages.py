"""What the messages of MLflow's REST API mean: its JSON objects as our records."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from sys import intern
from typing import Any

from engine.columns import KINDS, ColumnKind, Value
from engine.entities import (
    Artifact,
    DatasetInput,
    Experiment,
    LoggedModel,
    MetricPoint,
    ModelVersion,
    RegisteredModel,
    Run,
)
from engine.stores import records
from engine.stores.block import ATTRIBUTE_COLUMNS, RARE, Block, RunBlock, dataset_texts

Json = Mapping[str, Any]

_MOST = sys.float_info.max


def _text(found: Json, field: str) -> str:
    """Servers leave out what is empty."""
    return str(found.get(field) or "")


def _pairs(found: Json, field: str) -> dict[str, str]:
    return {pair["key"]: pair.get("value", "") for pair in found.get(field, ())}


def experiment(found: Json) -> Experiment:
    return Experiment(
        experiment_id=found["experiment_id"],
        name=found["name"],
        artifact_location=_text(found, "artifact_location"),
        lifecycle_stage=records.lifecycle(found.get("lifecycle_stage")),
        creation_time=records.moment(found.get("creation_time")),
        last_update_time=records.moment(found.get("last_update_time")),
        tags=_pairs(found, "tags"),
    )


def run(found: Json) -> Run:
    columns = RunColumns()
    columns.add(found)
    return columns.block()[0]


class RunColumns:
    """The runs of a page, gathered by column as they are read."""

    def __init__(self) -> None:
        self._count = 0
        self._attributes: dict[str, list[Value]] = {name: [] for name in ATTRIBUTE_COLUMNS}
        self._values: dict[ColumnKind, dict[str, dict[int, Value]]] = {
            kind: {} for kind in KINDS if kind != "attribute"
        }

    def add(self, found: Json) -> None:
        """Take one run. What it raises for an object that is none spoils the page."""
        data = found.get("data", {})
        self._add_texts("param", data.get("params", ()))
        self._add_texts("tag", data.get("tags", ()))
        self._add_metrics(data.get("metrics", ()))
        self._add_datasets(found)
        self._add_attributes(found["info"])
        self._count += 1

    def block(self) -> RunBlock:
        columns: dict[ColumnKind, dict[str, Block]] = {"attribute": {**self._attributes}}
        for kind, named in self._values.items():
            columns[kind] = {name: self._column(held) for name, held in named.items()}
        return RunBlock(self._count, columns)

    def _column(self, held: dict[int, Value]) -> Block:
        """A list; the mapping itself where few runs have a value."""
        if len(held) == self._count:
            return list(held.values())
        return held if len(held) * RARE < self._count else [held.get(row) for row in range(self._count)]

    def _add_texts(self, kind: ColumnKind, pairs: Iterable[Json]) -> None:
        columns, row = self._values[kind], self._count
        for pair in pairs:
            name, value = pair["key"], intern(pair.get("value", ""))
            if name in columns:
                columns[name][row] = value
            else:
                columns[intern(name)] = {row: value}

    def _add_metrics(self, metrics: Iterable[Json]) -> None:
        columns, row = self._values["metric"], self._count
        for metric in metrics:
            name, value = metric["key"], metric["value"]
            if type(value) is not float or not -_MOST < value < _MOST:  # text, or as good as infinite
                value = records.metric_value(value)
            if name in columns:
                columns[name][row] = value
            else:
                columns[intern(name)] = {row: value}

    def _add_datasets(self, found: Json) -> None:
        for name, texts in dataset_texts(records.dataset_refs(datasets(found))).items():
            self._values["dataset"].setdefault(name, {})[self._count] = texts

    def _add_attributes(self, info: Json) -> None:
        name_tags = self._values["tag"].get(records.RUN_NAME_TAG, {})
        about: dict[str, Value] = {
            "run_id": str(info["run_id"]),
            "run_name": intern(_text(info, "run_name")) or name_tags.get(self._count) or None,
            "status": intern(records.status(info.get("status"))),
            "start_time": records.moment(info.get("start_time")),
            "end_time": records.moment(info.get("end_time")),
            "user_id": intern(_text(info, "user_id")) or None,
            "experiment_id": intern(info["experiment_id"]),
            "lifecycle_stage": records.lifecycle(info.get("lifecycle_stage")),
            "artifact_uri": _text(info, "artifact_uri") or None,
        }
        for name, column in self._attributes.items():
            column.append(about[name])


def metric_point(found: Json) -> MetricPoint:
    value = records.metric_value(found["value"])
    return MetricPoint(int(found.get("step", 0)), int(found["timestamp"]), value)


def datasets(run: Json) -> tuple[DatasetInput, ...]:
    given = run.get("inputs", {}).get("dataset_inputs", ())
    return tuple(sorted(map(_dataset, given), key=records.dataset_order))


def _dataset(given: Json) -> DatasetInput:
    context = _pairs(given, "tags").get(records.CONTEXT_TAG, "")
    dataset = given["dataset"]
    return DatasetInput(dataset["name"], dataset["digest"], context, _text(dataset, "source"))


def logged_model(found: Json) -> LoggedModel:
    info = found["info"]
    status = _text(info, "status").removeprefix("LOGGED_MODEL_").removeprefix("UPLOAD_")
    return LoggedModel(info["model_id"], info["name"], status, _text(info, "artifact_uri"))


def artifact(found: Json, prefix: str = "") -> Artifact:
    path = f"{prefix}/{found['path']}" if prefix else found["path"]
    is_dir = bool(found.get("is_dir"))
    return Artifact(path, is_dir, None if is_dir else records.moment(found.get("file_size")))


def registered_model(found: Json) -> RegisteredModel:
    return RegisteredModel(
        name=found["name"],
        description=_text(found, "description"),
        creation_time=records.moment(found.get("creation_timestamp")),
        last_updated_time=records.moment(found.get("last_updated_timestamp")),
        aliases={given["alias"]: int(given["version"]) for given in found.get("aliases", ())},
        tags=_pairs(found, "tags"),
    )


def model_version(found: Json, model: RegisteredModel) -> ModelVersion:
    version = int(found["version"])
    return ModelVersion(
        name=found["name"],
        version=version,
        stage=records.stage(found.get("current_stage")),
        description=_text(found, "description"),
        run_id=_text(found, "run_id"),
        source=_text(found, "source"),
        status=_text(found, "status") or "READY",
        user_id=_text(found, "user_id"),
        creation_time=records.moment(found.get("creation_timestamp")),
        last_updated_time=records.moment(found.get("last_updated_timestamp")),
        aliases=records.aliases_of(version, model.aliases),
        tags=_pairs(found, "tags"),
    )
