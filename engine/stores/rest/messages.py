"""Converts the JSON objects of MLflow's REST API to the console's records.

A null counts as a missing field. Without a field that MLflow always sends, `KeyError` names it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from sys import intern
from typing import Any

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
from engine.stores.block import BlockBuilder, RunBlock

Json = Mapping[str, Any]

_LARGEST = sys.float_info.max


def _text(found: Json, field: str) -> str:
    """A string field; servers omit empty ones."""
    return str(found.get(field) or "")


def required(found: Json, field: str) -> Any:
    """Raises `KeyError`."""
    value = found.get(field)
    if value is None:
        raise KeyError(field)
    return value


def _object(found: Json, field: str) -> Json:
    value = found.get(field)
    return {} if value is None else value


def _pairs(found: Json, field: str) -> dict[str, str]:
    return {required(pair, "key"): _text(pair, "value") for pair in found.get(field) or ()}


def experiment(found: Json) -> Experiment:
    return Experiment(
        experiment_id=required(found, "experiment_id"),
        name=required(found, "name"),
        artifact_location=_text(found, "artifact_location"),
        lifecycle_stage=records.lifecycle(found.get("lifecycle_stage")),
        creation_time=records.epoch_ms(found.get("creation_time")),
        last_update_time=records.epoch_ms(found.get("last_update_time")),
        tags=_pairs(found, "tags"),
    )


def run(found: Json) -> Run:
    runs = RunMessages()
    runs.add(found)
    return runs.block()[0]


class RunMessages:
    """Collects the runs of a page one by one, as they are decoded."""

    def __init__(self) -> None:
        self._builder = BlockBuilder()
        self._count = 0

    def add(self, found: Json) -> None:
        """Add one run. Any exception, raised for an object that is not a run, invalidates the page."""
        index, builder = self._count, self._builder
        data = _object(found, "data")
        for columns, pairs in ((builder.params, data.get("params")), (builder.tags, data.get("tags"))):
            for pair in pairs or ():
                columns[required(pair, "key")][index] = intern(pair.get("value") or "")
        metrics = builder.metrics
        for metric in data.get("metrics") or ():
            value = required(metric, "value")
            if type(value) is not float or not -_LARGEST < value < _LARGEST:  # a string, or an infinity
                value = records.metric_value(value)
            metrics[required(metric, "key")][index] = value
        if inputs := datasets(found):
            builder.add_datasets(index, records.dataset_refs(inputs))
        self._add_attributes(required(found, "info"))
        self._count += 1

    def block(self) -> RunBlock:
        """The runs added so far. Raises the same errors as `add`."""
        return self._builder.build()

    def _add_attributes(self, info: Json) -> None:
        attributes = {
            "run_id": str(required(info, "run_id")),
            "run_name": _text(info, "run_name"),
            "status": info.get("status"),
            "start_time": records.epoch_ms(info.get("start_time")),
            "end_time": records.epoch_ms(info.get("end_time")),
            "user_id": _text(info, "user_id"),
            "experiment_id": intern(required(info, "experiment_id")),
            "lifecycle_stage": info.get("lifecycle_stage"),
            "artifact_uri": _text(info, "artifact_uri"),
        }
        for name, values in self._builder.attributes.items():
            values.append(attributes[name])


def stepped_metrics(run: Json) -> set[str]:
    """The metrics of a run whose last step is not 0."""
    metrics = _object(run, "data").get("metrics") or ()
    return {required(metric, "key") for metric in metrics if int(metric.get("step") or 0)}


def metric_point(found: Json) -> MetricPoint:
    value = records.metric_value(required(found, "value"))
    return MetricPoint(int(found.get("step") or 0), int(required(found, "timestamp")), value)


def datasets(run: Json) -> tuple[DatasetInput, ...]:
    inputs = _object(run, "inputs").get("dataset_inputs") or ()
    return tuple(sorted(map(_dataset, inputs), key=records.dataset_order))


def _dataset(item: Json) -> DatasetInput:
    context = _pairs(item, "tags").get(records.CONTEXT_TAG, "")
    dataset = required(item, "dataset")
    return DatasetInput(
        required(dataset, "name"), required(dataset, "digest"), context, _text(dataset, "source")
    )


def logged_model(found: Json) -> LoggedModel:
    info = required(found, "info")
    status = _text(info, "status").removeprefix("LOGGED_MODEL_").removeprefix("UPLOAD_")
    return LoggedModel(
        required(info, "model_id"),
        _text(info, "name"),
        status,
        _text(info, "artifact_uri"),
        _text(info, "source_run_id"),
        _text(info, "experiment_id"),
    )


def logged_points(found: Json) -> list[records.LoggedPoint]:
    """The points of all metrics of a logged model."""
    model_id = required(required(found, "info"), "model_id")
    return [
        records.LoggedPoint(
            model_id,
            required(metric, "key"),
            int(metric.get("step") or 0),
            int(metric.get("timestamp") or 0),
            required(metric, "value"),
        )
        for metric in (found.get("data") or {}).get("metrics") or ()
    ]


def artifact(found: Json, prefix: str = "") -> Artifact:
    path = required(found, "path")
    if prefix:
        path = f"{prefix}/{path}"
    is_dir = bool(found.get("is_dir"))
    return Artifact(path, is_dir, None if is_dir else records.epoch_ms(found.get("file_size")))


def registered_model(found: Json) -> RegisteredModel:
    return RegisteredModel(
        name=required(found, "name"),
        description=_text(found, "description"),
        creation_time=records.epoch_ms(found.get("creation_timestamp")),
        last_updated_time=records.epoch_ms(found.get("last_updated_timestamp")),
        aliases={
            required(item, "alias"): int(required(item, "version")) for item in found.get("aliases") or ()
        },
        tags=_pairs(found, "tags"),
    )


def model_version(found: Json, model: RegisteredModel) -> ModelVersion:
    version = int(required(found, "version"))
    return ModelVersion(
        name=required(found, "name"),
        version=version,
        stage=records.stage(found.get("current_stage")),
        description=_text(found, "description"),
        run_id=_text(found, "run_id"),
        source=_text(found, "source"),
        status=_text(found, "status") or "READY",
        user_id=_text(found, "user_id"),
        creation_time=records.epoch_ms(found.get("creation_timestamp")),
        last_updated_time=records.epoch_ms(found.get("last_updated_timestamp")),
        aliases=records.aliases_of(version, model.aliases),
        tags=_pairs(found, "tags"),
    )
