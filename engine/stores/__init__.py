"""The stores that experiments, runs and models are read from; `engine.stores.base` has their interface."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.stores.base import Store
    from engine.text import Shown
    from engine.uri import TrackingUri


def open_store(uri: TrackingUri, on_wait: Callable[[Shown], object] = lambda _: None) -> Store:
    """The store of a URI. Nothing is opened yet: the first read connects, and raises if that fails.
    `on_wait` is called, in any thread, with a message when a read waits because a server asks it to."""
    path = uri.sqlite_path
    if uri.kind == "sql" and path is not None:
        from engine.stores.sql.sqlite import SqliteDatabase
        from engine.stores.sql.store import SqlStore

        return SqlStore(uri, SqliteDatabase(path))
    if uri.kind == "sql":
        from engine.stores.sql.servers import DatabaseServer
        from engine.stores.sql.store import SqlStore

        return SqlStore(uri, DatabaseServer(uri))
    if uri.kind == "rest" and not _needs_mlflow_auth():
        from engine.stores.rest.store import RestStore

        return RestStore(uri, on_wait)
    from engine.stores.mlflow.client import ClientStore

    return ClientStore(uri)


def _needs_mlflow_auth() -> bool:
    """Whether only MLflow can authenticate requests: with a plug-in or AWS signatures."""
    from engine.stores.rest.login import is_true

    return bool(os.environ.get("MLFLOW_TRACKING_AUTH")) or is_true("MLFLOW_TRACKING_AWS_SIGV4")
