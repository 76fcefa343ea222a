"""The stores that one suite reads, all with the same data: a database created by MLflow, a server on it, and
copies on database servers, with other ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from engine.stores import open_store
from engine.stores.base import Store
from engine.stores.mlflow.client import ClientStore

if TYPE_CHECKING:
    from tests.conftest import MlflowServer, MlflowStore

DATABASES = ("postgresql", "mysql")
Open = Callable[[str], Store]


@pytest.fixture
def opened(mlflow_store: MlflowStore, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens a store of a kind; the stores are closed after the test."""
    stores: list[Store] = []

    def open_kind(kind: str) -> Store:
        if kind == "rest":
            server: MlflowServer = request.getfixturevalue("mlflow_server")
            stores.append(open_store(server.tracking))
        elif kind in DATABASES:
            database: MlflowStore = request.getfixturevalue(f"{kind}_store")
            stores.append(open_store(database.tracking))
        else:
            stores.append(
                ClientStore(mlflow_store.tracking) if kind == "client" else open_store(mlflow_store.tracking)
            )
        return stores[-1]

    yield open_kind
    for store in stores:
        store.close()


@pytest.fixture(params=["sql", "rest", "client", *DATABASES])
def kind(request: pytest.FixtureRequest) -> str:
    """A test that uses this fixture, or one of the next two, runs with every kind of store."""
    found: str = request.param
    return found


@pytest.fixture
def store(opened: Open, kind: str) -> Store:
    return opened(kind)


@pytest.fixture
def held(kind: str, request: pytest.FixtureRequest) -> MlflowStore:
    """The contents of `store`."""
    found: MlflowStore = request.getfixturevalue(f"{kind}_store" if kind in DATABASES else "mlflow_store")
    return found
