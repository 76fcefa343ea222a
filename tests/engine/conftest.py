"""Hypothesis without deadlines, as the machine may be busy, and a store for each module that writes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from engine.stores.mlflow.client import open_client
from engine.uri import TrackingUri
from tests.conftest import MlflowStore
from tests.support.registry import Registry
from tests.support.server import Server, serving
from tests.support.warm import Warm

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="module")
def database(mlflow_store: MlflowStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of MLflow's store that one test module may change."""
    path: Path = tmp_path_factory.mktemp("writable") / "mlflow.db"
    shutil.copyfile(mlflow_store.path, path)
    return path


@pytest.fixture
def registry(database: Path) -> Iterator[Registry]:
    """That store, with an experiment for the runs that tests create."""
    uri = TrackingUri(f"sqlite:///{database}")
    client = open_client(uri.raw)
    found = client.get_experiment_by_name("writes")
    experiment = found.experiment_id if found else client.create_experiment("writes")
    registry = Registry(uri, client, experiment)
    yield registry
    registry.store.close()


@pytest.fixture(scope="module")
def server(database: Path, warm_writer: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An `mlflow server` on that store."""
    with serving(f"sqlite:///{database}", tmp_path_factory.mktemp("server"), warm=warm_writer) as server:
        yield server


@pytest.fixture
def remote(server: Server, registry: Registry) -> Iterator[Registry]:
    """The same store and experiment, through the server."""
    remote = Registry(server.uri, open_client(server.uri.raw), registry.experiment_id)
    yield remote
    remote.store.close()
