"""What `mlflow server` is asked for, how its options become a command, an environment and folders, and
whether they can work.

Everything is made absolute, because the server runs in another folder, and everything that may hold a secret
goes through the environment.
"""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from engine.errors import StoreNotFound, StoreOutdated, StoreRefused, UsageError
from engine.formats import size
from engine.server.access import allowed_hosts, check_auth_installed, check_exposure
from engine.stores import open_database
from engine.stores.errors import disk_full, file_store_refused, package_missing
from engine.stores.mlflow.revision import check_schema
from engine.stores.rest.login import is_true
from engine.stores.sql.servers import database_url
from engine.text import Shown, safe
from engine.uri import TrackingUri, local_root, redact, resolve

DEFAULT_NAME = "mlflow"
DEFAULT_PORT = 5000
ARTIFACTS_FOLDER, AUTH_DATABASE = "mlartifacts", "basic_auth.db"
"""MLflow's own names."""

MIN_FREE_BYTES = 20 * 1024 * 1024
"""A new database takes 1 MB; the rest is for the log and the first runs."""

VERSION_TABLE = "alembic_version"

_PACKAGES = {
    "s3": ("boto3", "boto3"),
    "gs": ("google.cloud.storage", "google-cloud-storage"),
    "wasbs": ("azure.storage.blob", "azure-storage-blob azure-identity"),
    "abfss": ("azure.storage.filedatalake", "azure-storage-file-datalake azure-identity"),
    "hdfs": ("pyarrow", "pyarrow"),
    "r2": ("boto3", "boto3"),
    "sftp": ("pysftp", "pysftp"),
}
"""What MLflow imports for a store of artifacts, and the packages to install, by scheme."""

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
    "MLFLOW_UVICORN_OPTS",
    "MLFLOW_STATIC_PREFIX",
    "MLFLOW_AUTH_ADMIN_PASSWORD",
)
"""What the options decide, or would make the server answer elsewhere than its supervisor asks."""


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
    decide."""
    dropped = (*_CLIENT_VARIABLES, *_OVERRIDDEN_VARIABLES)
    return {name: value for name, value in variables.items() if not name.startswith(dropped)}


# ── what can be checked before it is started ─────────────────────────────────


def check_start(plan: ServerPlan) -> None:
    """Raises `UsageError` or `StoreError` for a server that could not start, or not write."""
    if plan.options.auth:
        check_auth_installed()
    path = plan.backend.sqlite_path
    if path is not None:
        _check_file(path)
    if plan.backend.kind == "sql" and (path is None or path.exists()):
        _check_database(plan.backend)
    folder = plan.artifacts_folder
    if folder is None:
        _check_package(plan.artifacts)
    else:
        _check_artifacts(folder)


def _check_file(path: Path) -> None:
    """Check that a database file can be created, or written."""
    if not path.parent.is_dir():
        hint = f"Create it (`mkdir -p {path.parent}`), or name another file with --backend-store-uri."
        raise StoreNotFound("The folder of the database does not exist", str(path.parent), hint)
    _check_space(path.parent)
    if path.is_dir():
        hint = "Name a file in it: sqlite:///…/mlflow.db."
        raise UsageError("The database is a folder", str(path), hint)
    for written in (path, path.parent):  # SQLite puts its journal beside the file
        if written.exists() and not os.access(written, os.W_OK):
            hint = "Fix its permissions, or start the server as its owner."
            raise StoreRefused("The database cannot be written", str(written), hint)


def _check_database(uri: TrackingUri) -> None:
    """Check that the database can be read, and is empty or of the installed MLflow. The server's process
    checks that again: here the answer does not take the seconds that importing MLflow does."""
    database = open_database(uri)
    try:
        with database.snapshot() as snapshot:
            tables = snapshot.columns.keys()
            if not tables:
                return
            found = (
                snapshot.stream(f"SELECT version_num FROM {VERSION_TABLE}") if VERSION_TABLE in tables else ()
            )
            revision = next((str(row[0]) for row in found), None)
            _check_schema(tables, revision, database.location, uri)
    finally:
        database.close()


def _check_schema(tables: Collection[str], revision: str | None, location: str, uri: TrackingUri) -> None:
    try:
        check_schema(tables, revision, location, uri.shown)
    except StoreOutdated as error:
        if uri.sqlite_path is not None and "mlflow db upgrade" in error.hint:
            command = f"mlflow-console --tracking-uri {shlex.quote(uri.raw)} server upgrade"
            error.hint = (
                f"`{command} --rehearse` tries the upgrade on a copy; without --rehearse, it upgrades."
            )
        raise


def _check_artifacts(folder: Path) -> None:
    """Create the folder if only it is missing, and check that it can be written."""
    hint = "Fix its permissions, or name another folder with --artifacts-destination."
    if not folder.parent.is_dir():
        raise StoreNotFound(
            "The folder for artifacts cannot be created", f"{folder.parent} does not exist", hint
        )
    try:
        folder.mkdir(exist_ok=True)
        _check_space(folder)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(str(folder)) from error
        title = "The folder for artifacts cannot be written"
        raise StoreRefused(title, f"{folder}: {error.strerror}", hint) from error


def _check_package(artifacts: str) -> None:
    scheme = artifacts.partition(":")[0].lower()
    if missing := missing_package(scheme):
        raise package_missing(f"Artifacts in {safe(scheme)}:// need a package", missing)


def missing_package(scheme: str) -> str:
    """The packages to install for artifacts in this kind of storage; empty if they are there, or unknown."""
    module, packages = _PACKAGES.get(scheme, ("", ""))
    try:
        is_there = not module or find_spec(module) is not None
    except ModuleNotFoundError:  # a parent package is missing
        is_there = False
    return "" if is_there else packages


def _check_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        raise disk_full(f"{size(free)} are free in {folder}")
