"""The files of a model version: where they are, how to get them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from engine.entities import ModelVersion, RunDetail
from engine.errors import ModelFailure, NotFound, StoreRefused, StoreUnreadable
from engine.uri import TrackingUri

MLMODEL = "MLmodel"
"""The file that describes a model."""

_FILE_ERRORS = (NotFound, StoreRefused, StoreUnreadable)
"""Errors of a reachable store that lacks the model's files or cannot read their location."""


@dataclass
class ModelFiles:
    """The files of a model version: in place if they are local, otherwise downloaded when they are needed.

    Downloading from `location`, the one in the registry, leaves MLflow's global tracking URI unchanged; a
    `models:/` URI would require setting it.
    """

    location: str
    tracking_uri: str
    scratch: Path
    """The folder for downloads."""
    _complete: Path | None = None

    def __post_init__(self) -> None:
        self._complete = _local(self.location)

    def description(self) -> Path:
        """A folder with at least the `MLmodel` file."""
        return self.file(MLMODEL).parent

    def file(self, name: str) -> Path:
        """One of the files. Raises `ModelFailure` if it is missing."""
        if self._complete is not None:
            found = self.folder() / name
            if not found.is_file():
                raise ModelFailure(f"No file {name} in {self.location}")
            return found
        from mlflow.utils.uri import append_to_uri_path

        return self._downloaded(append_to_uri_path(self.location, name), name)

    def folder(self) -> Path:
        """The folder with all files. Raises `ModelFailure` if there is no model."""
        if self._complete is None:
            self._complete = self._downloaded(self.location, "model")
        if not (self._complete / MLMODEL).is_file():
            raise ModelFailure(f"No model found in {self.location}")
        return self._complete

    def _downloaded(self, location: str, name: str) -> Path:
        from mlflow.artifacts import download_artifacts

        (folder := self.scratch / f"of {name}").mkdir(exist_ok=True)
        with _file_errors():
            return Path(
                download_artifacts(
                    artifact_uri=location, dst_path=str(folder), tracking_uri=self.tracking_uri
                )
            )


@contextmanager
def model_files(uri: TrackingUri, version: ModelVersion, run: RunDetail | None) -> Iterator[ModelFiles]:
    """The files of a model version; `run` is its source run, if it is still there. Downloads are removed at
    the end. MLflow, which takes seconds to import, is needed only for files that are not on this machine."""
    with tempfile.TemporaryDirectory(prefix="mlflow-console-") as scratch:
        folder = local_folder(version, run)
        is_here = folder is not None and (folder / MLMODEL).is_file()
        location = str(folder) if is_here else _location(uri, version)
        yield ModelFiles(location, uri.for_client, Path(scratch))


def local_folder(version: ModelVersion, run: RunDetail | None) -> Path | None:
    """The folder of a version's model, if the store says that it is a local one."""
    location = version.source
    if run is not None and location.startswith("models:/"):
        model_id = location.removeprefix("models:/")
        location = next((m.artifact_location for m in run.models if m.model_id == model_id), "")
    elif run is not None and location.startswith(f"runs:/{version.run_id}/"):
        path = location.removeprefix(f"runs:/{version.run_id}/")
        location = f"{run.run.artifact_uri.rstrip('/')}/{path}"
    return _local(location) if location.startswith(("/", "file:")) else None


def _location(uri: TrackingUri, version: ModelVersion) -> str:
    from engine.stores.mlflow.client import open_client

    with _file_errors():
        client = open_client(uri.raw)
        return str(client.get_model_version_download_uri(version.name, str(version.version)))


@contextmanager
def _file_errors() -> Iterator[None]:
    """Report an error in the files as a failure of the model, and any other as one of the store."""
    from engine.stores.mlflow.client import translate

    try:
        yield
    except Exception as error:
        known = translate(error)
        if isinstance(known, _FILE_ERRORS):
            raise ModelFailure(f"The model files cannot be downloaded: {known}") from error
        raise known from error


def _local(location: str) -> Path | None:
    parts = urlsplit(location)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(location) if parts.scheme == "" else None
