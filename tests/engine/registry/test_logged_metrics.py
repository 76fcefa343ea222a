"""Metrics of the logged model of a version that its run does not have, in every store, with few requests."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from engine.columns import ColumnKey
from engine.registry.version_rows import logged_metrics, source_runs, version_frame
from engine.stores import open_store
from engine.stores.base import Store
from engine.stores.mlflow.client import ClientStore
from engine.uri import TrackingUri
from tests.support.front import in_front_of
from tests.support.registry import Registry
from tests.support.statements import counted_statements

COUNT = 12


def logged_version(registry: Registry, name: str, holdout: float) -> None:
    """A version of a logged model with accuracy on its run, and holdout_f1 from a later evaluation."""
    client = registry.client
    run = registry.run({"accuracy": 0.9})
    model = client.create_logged_model(registry.experiment_id, "model", source_run_id=run)
    client.finalize_logged_model(model.model_id, "READY")
    evaluation = registry.run()
    for step, value in enumerate((0.1, holdout)):
        client.log_metric(evaluation, "holdout_f1", value, step=step, model_id=model.model_id)
    client.log_metric(evaluation, "accuracy", 0.2, model_id=model.model_id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", registry.uri.raw)  # MLflow asks the default store for the model
        client.create_model_version(
            name, f"models:/{model.model_id}", run, await_creation_for=0, model_id=model.model_id
        )


def columns(store: Store, name: str) -> tuple[list[object], list[object]]:
    """The metrics holdout_f1 and accuracy, of version 1 first."""
    versions = store.model_versions(name)
    sources = source_runs(store, versions)
    frame = version_frame(versions, sources, logged_metrics(store, versions, sources))
    holdout, accuracy = (ColumnKey("metric", key) for key in ("holdout_f1", "accuracy"))
    return [*frame.column(holdout)][::-1], [*frame.column(accuracy)][::-1]


def test_a_metric_of_the_logged_model_alone_is_a_column_in_every_store(
    remote: Registry, registry: Registry
) -> None:
    name = "evaluated later"
    registry.client.create_registered_model(name)
    for number in range(COUNT):
        logged_version(registry, name, number / COUNT)
    registry.version(name, registry.run({"accuracy": 0.9}))
    logged_version(registry, name, 0.5)
    with closing(sqlite3.connect(registry.uri.raw.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE model_versions SET run_id = NULL WHERE version = ?", (COUNT + 2,))
        connection.commit()

    expected = [number / COUNT for number in range(COUNT)]
    for store in (registry.store, remote.store, ClientStore(registry.uri)):
        holdout, accuracy = columns(store, name)
        assert holdout == [*expected, None, 0.5], "the last value; a run of its own has no such metric"
        assert accuracy == [0.9] * (COUNT + 1) + [0.2], "that of the run, if there is one"

    with in_front_of(remote.uri.raw) as front:
        for kind in (open_store, ClientStore):
            store = kind(TrackingUri(front.uri))
            versions = store.model_versions(name)
            sources = source_runs(store, versions)
            front.requests.clear()
            assert len(logged_metrics(store, versions, sources)) == COUNT + 1
            assert len(front.requests) == 2, "the experiments, for the version without a run; the metrics"
            store.close()


def test_a_database_is_read_with_one_statement(registry: Registry) -> None:
    registry.client.create_registered_model("in a database")
    for value in (0.5, 0.6):
        logged_version(registry, "in a database", value)
    versions = registry.store.model_versions("in a database")
    sources = source_runs(registry.store, versions)
    with counted_statements() as seen:
        assert len(logged_metrics(registry.store, versions, sources)) == 2
    assert sum("logged_model_metrics AS" in statement for statement in seen) == 1
    assert sum(" FROM runs" in statement for statement in seen) == 0
