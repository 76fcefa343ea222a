from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.stores.client import open_client
from engine.uri import TrackingUri
from tests.support.registry import Registry


@pytest.fixture(scope="module")
def database(mlflow_store, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    """A store made by MLflow for one test module to write to."""
    path: Path = tmp_path_factory.mktemp("registry") / "mlflow.db"
    shutil.copyfile(mlflow_store.path, path)
    return path


@pytest.fixture
def registry(database: Path) -> Iterator[Registry]:
    uri = TrackingUri(f"sqlite:///{database}", "--tracking-uri")
    client = open_client(uri.raw)
    found = client.get_experiment_by_name("promotions")
    experiment = found.experiment_id if found else client.create_experiment("promotions")
    registry = Registry(uri, client, experiment)
    yield registry
    registry.store.close()
