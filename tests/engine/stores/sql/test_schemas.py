"""Schemas of other MLflow releases, created by MLflow's own migrations: read as they are, never changed."""

from __future__ import annotations

import math
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from engine.entities import DatasetInput, DatasetRef
from engine.errors import StoreOutdated
from engine.stores import open_store
from engine.stores.base import Condition, RunQuery, Store
from engine.uri import TrackingUri

pytestmark = pytest.mark.slow

RELEASES = {
    "2.9": "acf3f17fdcc7",
    "2.20": "0584bdc529eb",
    "3.0": "bda7b8c39065",
    "3.9": "d3e4f5a6b7c8",
    "the first with workspaces": "1b5f0d9ad7c1",
    "the installed one": "head",
}
"""The last migration of each release."""
BEFORE_ALIASES = "97727af70f4d"

ROWS = (
    "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time,"
    " last_update_time) VALUES (5, 'old', 'mlflow-artifacts:/5', 'active', 1, 2)",
    "INSERT INTO experiment_tags (experiment_id, key, value) VALUES (5, 'owner', 'ada')",
    "INSERT INTO runs (run_uuid, name, experiment_id, status, start_time, end_time, user_id, lifecycle_stage,"
    " artifact_uri) VALUES ('a', 'first', 5, 'FINISHED', 1000, 2500, 'ada', 'active', 'x:/a'),"
    " ('b', NULL, 5, 'RUNNING', 2000, NULL, NULL, 'active', NULL),"
    " ('c', 'gone', 5, 'FAILED', 3000, 3001, 'ada', 'deleted', 'x:/c')",
    "INSERT INTO params (run_uuid, key, value) VALUES ('a', 'k', '3')",
    "INSERT INTO tags (run_uuid, key, value) VALUES ('a', 'mlflow.runName', 'first'),"
    " ('b', 'mlflow.runName', 'second')",
    "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES"
    f" ('a', 'loss', 0, 1, 1, 1), ('a', 'up', {sys.float_info.max!r}, 1, 1, 0), ('b', 'loss', 0.5, 1, 1, 0)",
    "INSERT INTO metrics (run_uuid, key, value, timestamp, step, is_nan) VALUES ('a', 'loss', 0.1, 1, 0, 0),"
    " ('a', 'loss', 0, 2, 1, 1)",
    "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source)"
    " VALUES ('d', 5, 'heart', '1f', 'local', '{}')",
    "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id)"
    " VALUES ('i', 'DATASET', 'd', 'RUN', 'a')",
    "INSERT INTO input_tags (input_uuid, name, value) VALUES ('i', 'mlflow.data.context', 'training')",
    "INSERT INTO registered_models (name, creation_time, last_updated_time, description)"
    " VALUES ('model', 1, 2, 'Old')",
    "INSERT INTO registered_model_tags (name, key, value) VALUES ('model', 'task', 'x')",
    "INSERT INTO model_versions (name, version, creation_time, last_updated_time, current_stage, source,"
    " run_id, status) VALUES ('model', 1, 1, 2, 'Production', 'runs:/a/model', 'a', 'READY')",
    "INSERT INTO model_version_tags (name, version, key, value) VALUES ('model', 1, 'by', 'ada')",
    "INSERT INTO registered_model_aliases (name, alias, version) VALUES ('model', 'champion', 1)",
)


def database(folder: Path, revision: str) -> Path:
    """Create a database at a schema revision."""
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base
    from sqlalchemy import create_engine

    path = folder / "older.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    config = _get_alembic_config(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    return path


def store_at(path: Path) -> Store:
    return open_store(TrackingUri(f"sqlite:///{path}"))


@pytest.mark.parametrize("release", RELEASES)
def test_every_supported_schema_is_read_completely(tmp_path: Path, release: str) -> None:
    path = database(tmp_path, RELEASES[release])
    with closing(sqlite3.connect(path)) as connection:
        for statement in ROWS:
            connection.execute(statement)
        connection.commit()
    before = path.read_bytes()
    store = store_at(path)

    (experiment,) = (found for found in store.experiments() if found.experiment_id == "5")
    assert (experiment.name, experiment.tags, experiment.run_count) == ("old", {"owner": "ada"}, 2)
    assert store.newest_run() == ("5", 2000)

    second, first = store.runs(RunQuery("5")).runs
    assert (first.run_name, first.duration, first.params) == ("first", 1.5, {"k": "3"})
    assert math.isnan(first.metrics["loss"])
    assert first.metrics["up"] == math.inf
    assert first.datasets == (DatasetRef("heart", "1f", "training"),)
    assert (second.run_name, second.status, second.metrics) == ("second", "RUNNING", {"loss": 0.5})
    few = RunQuery("5", (Condition("metric", "loss", "!=", 0.5), Condition("dataset", "name", "=", "heart")))
    assert store.runs(few).runs.run_ids == ["a"]
    assert store.runs(RunQuery("5", lifecycle="deleted")).runs.run_ids == ["c"]

    detail = store.run("a")
    assert detail.datasets == (DatasetInput("heart", "1f", "training", "{}"),)
    assert detail.models == ()
    assert [point.step for point in store.metric_history("a", "loss")] == [0, 1]

    (model,) = store.registered_models()
    assert (model.name, model.aliases, model.version_count) == ("model", {"champion": 1}, 1)
    (version,) = store.model_versions("model")
    assert (version.stage, version.aliases, version.tags) == ("Production", ("champion",), {"by": "ada"})
    assert path.read_bytes() == before


def test_a_schema_that_is_too_old_is_reported_and_not_upgraded(tmp_path: Path) -> None:
    path = database(tmp_path, BEFORE_ALIASES)
    before = path.read_bytes()
    store = store_at(path)
    for read in (store.experiments, store.registered_models, lambda: store.runs(RunQuery("5"))):
        with pytest.raises(StoreOutdated) as caught:
            read()
        assert "registered_model_aliases, which MLflow has had since 2.9" in caught.value.detail
        assert f"mlflow db upgrade sqlite:///{path}" in caught.value.hint
    assert path.read_bytes() == before
