"""Where experiments, runs and models are read from. What a store answers: `engine.stores.base`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.stores.base import Store
    from engine.uri import TrackingUri


def open_store(uri: TrackingUri) -> Store:
    """The store of a URI. Nothing is opened yet: the first question does that, and finds what is wrong."""
    path = uri.sqlite_path
    if uri.kind == "sql" and path is not None:
        from engine.stores.sql.sqlite import SqliteDatabase
        from engine.stores.sql.store import SqlStore

        return SqlStore(uri, SqliteDatabase(path))
    if uri.kind == "sql":
        from engine.stores.sql.servers import DatabaseServer
        from engine.stores.sql.store import SqlStore

        return SqlStore(uri, DatabaseServer(uri))
    if uri.kind == "rest" and not _signs_in_by_plugin():
        from engine.stores.rest.store import RestStore

        return RestStore(uri)
    from engine.stores.mlflow.client import ClientStore

    return ClientStore(uri)


def _signs_in_by_plugin() -> bool:
    """Whether only MLflow knows how to sign requests: a plug-in, or Amazon's signatures."""
    from engine.stores.rest.login import is_true

    return bool(os.environ.get("MLFLOW_TRACKING_AUTH")) or is_true("MLFLOW_TRACKING_AWS_SIGV4")
