"""What `mlflow server` is asked for, and how its options become a command, an environment and folders.

Everything is made absolute, because the server runs in another folder, and everything that may hold a secret
goes through the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import UsageError
from engine.server.exposure import allowed_hosts, check_exposure
from engine.stores.errors import file_store_refused
from engine.stores.rest.login import is_true
from engine.stores.sql.servers import database_url
from engine.text import Shown, safe
from engine.uri import TrackingUri, local_root, redact, resolve

DEFAULT_NAME = "mlflow"
DEFAULT_PORT = 5000
ARTIFACTS_FOLDER, AUTH_DATABASE = "mlartifacts", "basic_auth.db"
"""MLflow's own names."""

_CLIENT_VARIABLES = (
    "MLFLOW_TRACKING_",
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_EXPERIMENT_",
    "MLFLOW_RUN_",
    "MLFLOW_WORKSPACE",
)
"""Settings of clients, by their prefix: the server must not see them."""
_OVERRIDDEN_VARIABLES = (
    "MLFLOW_BACKEND_STORE_URI",
    "MLFLOW_DEFAULT_ARTIFACT_ROOT",
    "MLFLOW_ARTIFACTS_ONLY",
    "MLFLOW_HOST",
    "MLFLOW_PORT",
    "MLFLOW_WORKERS",
    "MLFLOW_GUNICORN_OPTS",
    "MLFLOW_AUTH_ADMIN_PASSWORD",
)
"""What the options decide."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """What an operator asks for, in the terms of `mlflow server`. Empty texts mean the defaults: `mlflow.db`
    in the current folder, and the artifacts beside it."""

    name: str = DEFAULT_NAME
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """0: one that is free."""
    backend_store_uri: str = field(default="", repr=False)
    artifacts_destination: str = field(default="", repr=False)
    allowed_hosts: tuple[str, ...] = ()
    """Names besides those of this machine."""
    auth: bool = False
    insecure: bool = False
    """Listen to a network without authentication."""
    workers: int = 1
    jobs: bool = False
    """Run MLflow's jobs (scorers, prompt optimization), which take more processes."""


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """Checked options with absolute paths. `artifacts` may hold a secret; `auth_database` is None without
    accounts."""

    options: ServerOptions
    backend: TrackingUri
    artifacts: str = field(repr=False)
    allowed_hosts: tuple[str, ...]
    auth_database: TrackingUri | None

    @property
    def artifacts_folder(self) -> Path | None:
        """None if the artifacts are not on a disk of this machine."""
        return local_root(self.artifacts)

    @property
    def shown_artifacts(self) -> Shown:
        folder = self.artifacts_folder
        return redact(self.artifacts) if folder is None else safe(folder)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments of `mlflow server`, without the port and without secrets."""
        auth = ("--app-name", "basic-auth") if self.options.auth else ()
        return ("--host", self.options.host, "--workers", str(self.options.workers), *auth)

    @property
    def environment(self) -> dict[str, str]:
        """The options of `mlflow server` that may hold secrets, or exist only as variables."""
        variables = {
            "MLFLOW_BACKEND_STORE_URI": self.backend.raw,
            "MLFLOW_ARTIFACTS_DESTINATION": self.artifacts,
            "MLFLOW_SERVE_ARTIFACTS": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": str(self.options.jobs).lower(),
        }
        if self.allowed_hosts:
            variables["MLFLOW_SERVER_ALLOWED_HOSTS"] = ",".join(self.allowed_hosts)
        return variables


def plan(options: ServerOptions) -> ServerPlan:
    """Raises `UsageError` or `StoreRefused` for options that make no server."""
    check_exposure(options.host, auth=options.auth, insecure=options.insecure)
    backend = _backend(options.backend_store_uri)
    database = backend.sqlite_path
    beside = Path.cwd() if database is None else database.parent
    return ServerPlan(
        options=options,
        backend=backend,
        artifacts=_artifacts(options.artifacts_destination, beside),
        allowed_hosts=allowed_hosts(options.host, options.allowed_hosts),
        auth_database=_auth_database(backend) if options.auth else None,
    )


def _backend(given: str) -> TrackingUri:
    found = resolve(given or None, env={})
    if found.kind == "rest" or found.is_databricks:
        hint = "Use sqlite:///FILE, postgresql://… or mysql://…"
        raise UsageError("A server needs a database, not another server", str(found.shown), hint)
    path = found.sqlite_path
    if path is not None:
        scheme, _, rest = found.raw.partition(":///")
        query = rest.partition("?")[2]
        return TrackingUri(f"{scheme}:///{path}" + (f"?{query}" if query else ""))
    if found.kind == "sql":
        # MLflow takes SQLAlchemy's default driver, which may be another one than the installed
        return TrackingUri(database_url(found).render_as_string(hide_password=False))
    if found.folder is not None and not is_true("MLFLOW_ALLOW_FILE_STORE"):
        raise file_store_refused()
    return found


def _auth_database(backend: TrackingUri) -> TrackingUri:
    """Where the accounts are: beside a database file, as in MLflow; else in the same database, because a file
    in the current folder would not be found from another one."""
    path = backend.sqlite_path
    return backend if path is None else TrackingUri(f"sqlite:///{path.parent / AUTH_DATABASE}")


def _artifacts(given: str, beside: Path) -> str:
    """An absolute path, or the URI as it is."""
    if not given:
        return str(beside / ARTIFACTS_FOLDER)
    if given.startswith(("mlflow-artifacts:", "http:", "https:")):
        hint = "Use a folder, or a store such as s3://BUCKET/FOLDER."
        raise UsageError("Artifacts cannot be kept in another server", str(redact(given)), hint)
    folder = local_root(given)
    return given if folder is None else str(folder.expanduser().absolute())


def base_environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of the console without what is meant for MLflow's clients, and without what the options
    decide. Telemetry is off unless the user said otherwise."""
    dropped = (*_CLIENT_VARIABLES, *_OVERRIDDEN_VARIABLES)
    kept = {name: value for name, value in variables.items() if not name.startswith(dropped)}
    return {"MLFLOW_DISABLE_TELEMETRY": "true", **kept}
