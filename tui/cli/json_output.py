"""JSON output. Strings are raw, except that secrets in MLflow's addresses are masked. Times are
milliseconds since the epoch, missing values are null.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.columns import ColumnKey
from engine.entities import Experiment, ModelVersion, RegisteredModel, Run
from engine.secrets import mask
from engine.uri import redact

if TYPE_CHECKING:
    from engine.api import Target

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
        "tags": {name: _tag(name, value) for name, value in run.tags.items()},
    }


def _tag(name: str, value: str) -> str:
    return mask(value) if ColumnKey("tag", name).is_address else value


def experiment_payload(experiment: Experiment) -> Payload:
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "artifact_location": mask(experiment.artifact_location),
        "lifecycle_stage": experiment.lifecycle_stage,
        "creation_time": experiment.creation_time,
        "last_update_time": experiment.last_update_time,
        "last_run_time": experiment.last_run_time,
        "run_count": experiment.run_count,
        "tags": dict(experiment.tags),
    }


def version_payload(version: ModelVersion, metrics: Mapping[str, float] | None = None) -> Payload:
    """`metrics` are those of the source run; null where it is gone or was not read."""
    return {
        "name": version.name,
        "version": version.version,
        "stage": version.stage,
        "aliases": list(version.aliases),
        "description": version.description,
        "status": version.status,
        "run_id": version.run_id,
        "source": mask(version.source),
        "user_id": version.user_id,
        "creation_time": version.creation_time,
        "last_updated_time": version.last_updated_time,
        "tags": dict(version.tags),
        "metrics": None if metrics is None else dict(metrics),
    }


def model_payload(model: RegisteredModel, versions: list[Payload] | None) -> Payload:
    """`versions` is null where the store could not read them."""
    return {
        "name": model.name,
        "description": model.description,
        "creation_time": model.creation_time,
        "last_updated_time": model.last_updated_time,
        "aliases": dict(model.aliases),
        "tags": dict(model.tags),
        "versions": versions,
    }


def target_payload(target: Target) -> Payload:
    return {**asdict(target), "url": redact(target.url)}


def write_json(payload: Mapping[str, Any]) -> None:
    """Write one JSON object to stdout, in ASCII so that no control character reaches the terminal.
    NaN and infinities become the strings "NaN", "Infinity" and "-Infinity", as in MLflow. A value that is an
    iterator becomes a list; outside a terminal it is written element by element."""
    if sys.stdout.isatty():
        lists = {name: _list(value) for name, value in payload.items()}
        sys.stdout.write(_encoded(lists, indent=2))
    else:
        for position, (name, value) in enumerate(payload.items()):
            sys.stdout.write(f"{', ' if position else '{'}{_encoded(name)}: ")
            _write_value(value)
        sys.stdout.write("}" if payload else "{}")
    sys.stdout.write("\n")
    sys.stdout.flush()


def _list(value: Any) -> Any:
    return list(value) if isinstance(value, Iterator) else value


def _write_value(value: Any) -> None:
    if not isinstance(value, Iterator):
        sys.stdout.write(_encoded(value))
        return
    sys.stdout.write("[")
    for position, element in enumerate(value):
        sys.stdout.write(", " * (position > 0) + _encoded(element))
    sys.stdout.write("]")


def _encoded(value: Any, indent: int | None = None) -> str:
    try:
        text = json.dumps(value, allow_nan=False, indent=indent)
    except ValueError:
        text = json.dumps(_finite(value), allow_nan=False, indent=indent)
    return text.replace("\x7f", "\\u007f")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
