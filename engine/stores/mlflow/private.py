"""Every use of MLflow's undocumented API, each with its reason.

`tests/engine/stores/mlflow/test_private.py` has a test for each: it shows what an upgrade of MLflow broke.
Two more dependencies live elsewhere: the tables of its databases in `engine.stores.sql.schema`, the wording
of its errors in `engine.stores.errors`.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine

_OWN = re.compile(r"^revision\b[^=\n]*=\s*[\"'](\w+)", re.MULTILINE).search
_BEFORE = re.compile(r"^down_revision\b[^=\n]*=\s*(?:[\"'](\w+)|None)", re.MULTILINE).search
"""A migration script's revision, and the one before it."""
_GLOBAL = threading.Lock()


def artifact_repository(artifact_uri: str, tracking_uri: str) -> Any:
    """The repository of an artifact URI, which has `list_artifacts(path)`. The public functions use MLflow's
    global tracking store, not this one."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    from mlflow.utils.uri import add_databricks_profile_info_to_artifact_uri

    full = add_databricks_profile_info_to_artifact_uri(artifact_uri, tracking_uri)
    return get_artifact_repository(full, tracking_uri=tracking_uri)


def database_engine(uri: str) -> Engine:
    """SQLAlchemy's engine for a database, with MLflow's settings for pools and TLS. MLflow's public functions
    would create tables."""
    from mlflow.store.db.utils import create_sqlalchemy_engine

    engine: Engine = create_sqlalchemy_engine(uri)
    return engine


@contextmanager
def global_tracking_uri(uri: str) -> Iterator[None]:
    """Make a store MLflow's global one for a while: a client looks up `models:/m-…` there, whatever its own
    store is. Only one thread at a time may do so."""
    from mlflow.tracking._tracking_service.utils import _use_tracking_uri

    with _GLOBAL, _use_tracking_uri(uri):
        yield


@functools.cache
def schema_revisions() -> tuple[str, ...]:
    """The schema revisions that the installed MLflow knows, its own first. Only its migration scripts contain
    them; they are read as text, because running them imports MLflow."""
    return _revisions("store/db_migrations/versions")


@functools.cache
def auth_revisions() -> tuple[str, ...]:
    """The same for the database of basic-auth."""
    return _revisions("server/auth/db/migrations/versions")


@functools.cache
def installed_release() -> str:
    """The version of the installed MLflow, from its metadata: importing it takes seconds."""
    return version("mlflow")


def _revisions(folder: str) -> tuple[str, ...]:
    spec = find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    scripts = [path.read_text() for path in (Path(spec.origin).parent / folder).glob("*.py")]
    previous = {own[1]: before[1] for text in scripts if (own := _OWN(text)) and (before := _BEFORE(text))}
    revision = next(iter(previous.keys() - previous.values()), None)
    found = []
    while revision is not None:
        found.append(revision)
        revision = previous.get(revision)
    return tuple(found)


def schema_tables() -> set[str]:
    """The tables that the installed MLflow creates if they are missing."""
    from mlflow.store.db.base_sql_model import Base

    return set(Base.metadata.tables)


def context_tags() -> dict[str, str]:
    """User, source and commit of this process, as MLflow tags its runs. MLflow does so only in
    `mlflow.start_run`, which also makes the run active in the process."""
    from mlflow.tracking.context.registry import resolve_tags

    return dict(resolve_tags())
