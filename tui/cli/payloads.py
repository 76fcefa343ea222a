"""The JSON shapes. Strings are raw (JSON escapes them), times are epoch milliseconds, missing is null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.entities import Experiment, ModelVersion, RegisteredModel, Run

Payload = dict[str, Any]


def run_payload(run: Run) -> Payload:
    return {
        "run_id": run.run_id,
        "run_name": run.run_name,
        "status": run.status,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "params": dict(run.params),
        "metrics": dict(run.metrics),
        "tags": dict(run.tags),
    }


def experiment_payload(experiment: Experiment) -> Payload:
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "artifact_location": experiment.artifact_location,
        "lifecycle_stage": experiment.lifecycle_stage,
        "creation_time": experiment.creation_time,
        "last_update_time": experiment.last_update_time,
        "last_run_time": experiment.last_run_time,
        "run_count": experiment.run_count,
        "tags": dict(experiment.tags),
    }


def version_payload(version: ModelVersion, metrics: Mapping[str, float] | None = None) -> Payload:
    """`metrics` are those of the run that made it; null where that run is gone or was not read."""
    return {
        "name": version.name,
        "version": version.version,
        "stage": version.stage,
        "aliases": list(version.aliases),
        "description": version.description,
        "status": version.status,
        "run_id": version.run_id,
        "source": version.source,
        "user_id": version.user_id,
        "creation_time": version.creation_time,
        "last_updated_time": version.last_updated_time,
        "tags": dict(version.tags),
        "metrics": None if metrics is None else dict(metrics),
    }


def model_payload(model: RegisteredModel, versions: list[Payload] | None) -> Payload:
    """`versions` is null where the store could not be asked for them."""
    return {
        "name": model.name,
        "description": model.description,
        "creation_time": model.creation_time,
        "last_updated_time": model.last_updated_time,
        "aliases": dict(model.aliases),
        "tags": dict(model.tags),
        "versions": versions,
    }
