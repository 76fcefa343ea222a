"""Runs to delete, made by MLflow's own client."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.run_lifecycle.apply import LifecyclePlan, LifecycleResult, apply_lifecycle, plan_lifecycle
from engine.stores.mlflow.client import open_client
from engine.uri import TrackingUri
from tests.support.registry import Registry


def create_run(registry: Registry, name: str, *, parent: str = "", status: str = "FINISHED") -> str:
    """The id of a new run with one metric."""
    tags = {"mlflow.parentRunId": parent} if parent else {}
    run_id: str = registry.client.create_run(registry.experiment_id, run_name=name, tags=tags).info.run_id
    registry.client.log_metric(run_id, "accuracy", 0.9)
    if status != "RUNNING":
        registry.client.set_terminated(run_id, status)
    return run_id


def create_runs(registry: Registry, *names: str) -> list[str]:
    return [create_run(registry, name) for name in names]


def plan_of(registry: Registry, run_ids: Sequence[str], target: str = "deleted") -> LifecyclePlan:
    return plan_lifecycle(registry.store, registry.uri, run_ids, target)  # type: ignore[arg-type]


def apply(registry: Registry, plan: LifecyclePlan, **options: object) -> LifecycleResult:
    return apply_lifecycle(registry.store, registry.uri, plan, **options)  # type: ignore[arg-type]


def plan_and_apply(registry: Registry, run_ids: Sequence[str], target: str = "deleted") -> LifecycleResult:
    return apply(registry, plan_of(registry, run_ids, target))


def lifecycles(registry: Registry, run_ids: Sequence[str]) -> list[str]:
    """The lifecycle stages, as MLflow's client reads them."""
    return [registry.client.get_run(run_id).info.lifecycle_stage for run_id in run_ids]


def file_store(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A new file store, which only MLflow's client can read."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = TrackingUri(str(folder / "mlruns"))
    client = open_client(uri.raw)
    return Registry(uri, client, client.create_experiment("folder"))


def delete_permanently(registry: Registry, run_id: str) -> None:
    """Delete a run as `mlflow gc` does."""
    registry.client._tracking_client.store._hard_delete_run(run_id)
