"""What the messages of MLflow's REST API mean: its JSON objects as our records."""

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
    runs = RunMessages()
    runs.add(found)
    return runs.block()[0]


class RunMessages:
    """Gathers the runs of a page one by one, as they are decoded."""

    def __init__(self) -> None:
        self._builder = BlockBuilder()
        self._count = 0

    def add(self, found: Json) -> None:
        """Add one run. Whatever this raises for an object that is not a run invalidates the page."""
        place, builder = self._count, self._builder
        data = found.get("data", {})
        for columns, pairs in (
            (builder.params, data.get("params", ())),
            (builder.tags, data.get("tags", ())),
        ):
            for pair in pairs:
                columns[pair["key"]][place] = intern(pair.get("value", ""))
        metrics = builder.metrics
        for metric in data.get("metrics", ()):
            value = metric["value"]
            if type(value) is not float or not -_MOST < value < _MOST:  # text, or as good as infinite
                value = records.metric_value(value)
            metrics[metric["key"]][place] = value
        if inputs := datasets(found):
            builder.add_datasets(place, records.dataset_refs(inputs))
        self._add_attributes(found["info"])
        self._count += 1

    def block(self) -> RunBlock:
        """All runs added. Raises as `add` does."""
        return self._builder.build()

    def _add_attributes(self, info: Json) -> None:
        about = {
            "run_id": str(info["run_id"]),
            "run_name": _text(info, "run_name"),
            "status": info.get("status"),
            "start_time": records.moment(info.get("start_time")),
            "end_time": records.moment(info.get("end_time")),
            "user_id": _text(info, "user_id"),
            "experiment_id": intern(info["experiment_id"]),
            "lifecycle_stage": info.get("lifecycle_stage"),
            "artifact_uri": _text(info, "artifact_uri"),
        }
        for name, values in self._builder.attributes.items():
            values.append(about[name])


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
