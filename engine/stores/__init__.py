"""The stores that experiments, runs and models are read from; `engine.stores.base` has their interface."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.stores.base import Store
    from engine.stores.sql.database import Database
    from engine.text import Shown
    from engine.uri import TrackingUri


def open_store(
    uri: TrackingUri,
    on_wait: Callable[[Shown], object] = lambda _: None,
    seconds: float | None = None,
) -> Store:
    """The store of a URI. Nothing is opened yet: the first read connects, and raises if that fails.
    `on_wait` is called, in any thread, with a message when a read waits because a server asks it to.
    `seconds` limits each request to a tracking server: see `Transport`."""
    if uri.kind == "sql":
        from engine.stores.sql.store import SqlStore

        return SqlStore(uri, open_database(uri))
    if uri.kind == "rest" and not needs_mlflow_auth():
        from engine.stores.rest.store import RestStore

        return RestStore(uri, on_wait, seconds)
    from engine.stores.mlflow.client import ClientStore

    return ClientStore(uri)


def open_database(uri: TrackingUri) -> Database:
    """The database of a SQL store, not yet opened."""
    path = uri.sqlite_path
    if path is not None:
        from engine.stores.sql.sqlite import SqliteDatabase

        return SqliteDatabase(path)
    from engine.stores.sql.servers import DatabaseServer

    return DatabaseServer(uri)


def needs_mlflow_auth() -> bool:
    """Whether only MLflow can authenticate requests: with a plug-in or AWS signatures."""
    from engine.stores.rest.login import is_true

    return bool(os.environ.get("MLFLOW_TRACKING_AUTH")) or is_true("MLFLOW_TRACKING_AWS_SIGV4")
