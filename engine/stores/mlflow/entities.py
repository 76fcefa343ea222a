"""Converts the entities of MLflow's client to the console's records."""

from __future__ import annotations

from typing import Any

from engine.entities import (
    Artifact,
    DatasetInput,
    Experiment,
    LoggedModel,
    ModelVersion,
    RegisteredModel,
    Run,
)
from engine.stores import records


def artifact(info: Any, prefix: str = "") -> Artifact:
    return Artifact(f"{prefix}/{info.path}" if prefix else info.path, info.is_dir, info.file_size)


def experiment(found: Any) -> Experiment:
    return Experiment(
        experiment_id=found.experiment_id,
        name=found.name,
        artifact_location=found.artifact_location or "",
        lifecycle_stage=records.lifecycle(found.lifecycle_stage),
        creation_time=found.creation_time,
        last_update_time=found.last_update_time,
        tags=dict(found.tags),
    )


def run(found: Any) -> Run:
    info, data = found.info, found.data
    return Run(
        run_id=info.run_id,
        run_name=info.run_name or data.tags.get(records.RUN_NAME_TAG, ""),
        experiment_id=info.experiment_id,
        status=records.status(info.status),
        start_time=info.start_time,
        end_time=info.end_time,
        user_id=info.user_id or "",
        lifecycle_stage=records.lifecycle(info.lifecycle_stage),
        artifact_uri=info.artifact_uri or "",
        params=dict(data.params),
        metrics={key: records.metric_value(value) for key, value in data.metrics.items()},
        tags=dict(data.tags),
        datasets=records.dataset_refs(datasets(found)),
    )


def datasets(run: Any) -> tuple[DatasetInput, ...]:
    given = run.inputs.dataset_inputs if run.inputs else ()
    return tuple(sorted(map(_dataset, given), key=records.dataset_order))


def _dataset(given: Any) -> DatasetInput:
    context = next((tag.value for tag in given.tags if tag.key == records.CONTEXT_TAG), "")
    return DatasetInput(given.dataset.name, given.dataset.digest, context, given.dataset.source)


def logged_model(found: Any) -> LoggedModel:
    return LoggedModel(
        found.model_id,
        found.name,
        str(found.status),
        found.artifact_location,
        found.source_run_id or "",
        str(found.experiment_id),
    )


def logged_points(found: Any) -> list[records.LoggedPoint]:
    """The points of all metrics of a logged model."""
    return [
        records.LoggedPoint(found.model_id, metric.key, metric.step, metric.timestamp, metric.value)
        for metric in found.metrics or ()
    ]


def registered_model(found: Any) -> RegisteredModel:
    return RegisteredModel(
        name=found.name,
        description=found.description or "",
        creation_time=found.creation_timestamp,
        last_updated_time=found.last_updated_timestamp,
        aliases={alias: int(version) for alias, version in found.aliases.items()},
        tags=dict(found.tags),
    )


def model_version(found: Any, model: RegisteredModel) -> ModelVersion:
    version = int(found.version)
    return ModelVersion(
        name=found.name,
        version=version,
        stage=records.stage(found.current_stage),
        description=found.description or "",
        run_id=found.run_id or "",
        source=found.source or "",
        status=str(found.status),
        user_id=found.user_id or "",
        creation_time=found.creation_timestamp,
        last_updated_time=found.last_updated_timestamp,
        aliases=records.aliases_of(version, model.aliases),
        tags=dict(found.tags),
    )
