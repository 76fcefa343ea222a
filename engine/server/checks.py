"""What can be checked before a server is started, so that its error is one clear message at once."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from engine.errors import StoreNotFound, StoreRefused, UsageError
from engine.formats import size
from engine.server import accounts
from engine.server.options import ServerPlan
from engine.stores import open_database
from engine.stores.errors import disk_full, package_missing
from engine.stores.mlflow.revision import check_schema
from engine.text import safe
from engine.uri import TrackingUri

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


def check_start(plan: ServerPlan) -> None:
    """Raises `UsageError` or `StoreError` for a server that could not start, or not write."""
    if plan.options.auth:
        accounts.check_installed()
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
            check_schema(tables, revision, database.location, uri.shown)
    finally:
        database.close()


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
