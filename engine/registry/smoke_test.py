"""A smoke test: does a model version load, and can it predict its input example?

The model is loaded in a separate process (`engine.registry.model_worker`), without the terminal and without
the credentials of this one. A model that can run arbitrary code needs permission first.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from engine.child_process import ChildProcess, start_child
from engine.entities import ModelVersion
from engine.errors import NotFound, StoreRefused, StoreUnreadable, UntrustedModel
from engine.formats import moment
from engine.registry.trust import ModelCode, model_code
from engine.stores.records import find_version
from engine.text import safe
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from engine.stores.base import Store

MLMODEL = "MLmodel"
"""The file that describes a model."""
TIMEOUT_SECONDS = 300.0
"""How long a model may take to load and predict."""

_FILE_ERRORS = (NotFound, StoreRefused, StoreUnreadable)
"""Errors of a reachable store that lacks the model's files or cannot read their location."""
_ENVIRONMENT = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|VIRTUAL_ENV|CONDA_PREFIX"
    r"|PYTHON\w*|CUDA\w*|\w+_NUM_THREADS|MPLBACKEND|NO_COLOR"
)
"""The variables that a model may need; any other may hold a credential."""


@dataclass(frozen=True, slots=True)
class SmokeTestResult:
    """The outcome. `rows` is the number of rows in the input example; `predictions` are the first 20
    predictions as raw text. `load_seconds` includes downloading the files but not importing MLflow. `detail`
    says what is wrong with the model, empty when `ok`."""

    model: str
    version: int
    ok: bool
    rows: int = 0
    predictions: tuple[str, ...] = ()
    load_seconds: float = 0.0
    predict_seconds: float = 0.0
    detail: str = ""


class ModelFailure(Exception):
    """What is wrong with the model, as a readable message."""


def smoke_test_version(
    uri: TrackingUri, store: Store, model: str, version: int, *, allow_code: bool = False
) -> SmokeTestResult:
    """Load `models:/MODEL/VERSION` in another process and predict its input example.

    A model that fails to load or predict is a result, not an error. Raises `UntrustedModel` if loading it can
    run arbitrary code, unless `allow_code`; `NotFound` for a missing version; and `StoreError` if the store
    does not respond.
    """
    found = find_version(store.model_versions(model), model, version)

    from engine.stores.mlflow.client import open_client

    client = open_client(uri.raw)
    started = time.perf_counter()
    try:
        with model_files(client, uri, model, version) as files:
            if not allow_code:  # before anything else is downloaded, and again for what was
                for read in (files.description, files.folder):
                    if not (code := _model_code(read())).is_safe:
                        raise _untrusted(found, code)
            folder = files.folder()
            downloaded = time.perf_counter() - started
            answer = _answer(folder)
    except ModelFailure as failure:
        seconds = time.perf_counter() - started
        return SmokeTestResult(model, version, ok=False, load_seconds=seconds, detail=str(failure))
    loaded = downloaded + answer["loaded"]
    if "failure" in answer:
        return SmokeTestResult(model, version, ok=False, load_seconds=loaded, detail=answer["failure"])
    predictions = tuple(answer["predictions"])
    return SmokeTestResult(model, version, True, answer["rows"], predictions, loaded, answer["predicted"])


def _model_code(folder: Path) -> ModelCode:
    try:
        return model_code(folder)
    except Exception as error:
        raise ModelFailure(
            f"The model's MLmodel file cannot be read: {type(error).__name__}: {error}"
        ) from error


def _untrusted(version: ModelVersion, code: ModelCode) -> UntrustedModel:
    by = f" by {safe(version.user_id, 80)}" if version.user_id else ""
    run = f" from run {safe(version.run_id, 80)}" if version.run_id else ""
    return UntrustedModel(
        f"{safe(version.name, 80)} version {version.version} can run arbitrary code",
        f"Stored as {code.format}, registered {moment(version.creation_time)}{by}{run}. {code.reason}",
        "Load it only if you trust who registered it.",
    )


def _answer(folder: Path) -> dict[str, Any]:
    """Have `engine.registry.model_worker` load the model in a folder. Raises `ModelFailure` if it dies or
    takes longer than `TIMEOUT_SECONDS`."""
    environment = {name: value for name, value in os.environ.items() if _ENVIRONMENT.fullmatch(name)}
    with tempfile.TemporaryDirectory(prefix="mlflow-console-") as scratch:
        try:
            child = start_child(
                "engine.registry.model_worker", str(folder.resolve()), folder=scratch, environment=environment
            )
        except OSError as error:
            raise ModelFailure(f"The process that loads the model cannot be started: {error}") from error
        try:
            return _read_answer(child)
        finally:
            os.close(child.answers)
            _end(child.process)


def _read_answer(child: ChildProcess) -> dict[str, Any]:
    text = b""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(child.answers, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            chunk = os.read(child.answers, 65536)
            if not chunk:
                break
            text += chunk
        else:
            raise ModelFailure(f"The model did not finish within {TIMEOUT_SECONDS:.0f} s.")
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        code = child.process.wait()
        ended = f"by signal {-code}" if code < 0 else f"with exit status {code}"
        raise ModelFailure(f"The process that loaded the model ended {ended}.") from None
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    assert process.stdin is not None
    process.stdin.close()
    process.wait()


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
        if self._complete is not None:
            return self.folder()
        from mlflow.utils.uri import append_to_uri_path

        return self._downloaded(append_to_uri_path(self.location, MLMODEL), "description").parent

    def folder(self) -> Path:
        """The folder with all files. Raises `ModelFailure` if there is no model."""
        if self._complete is None:
            self._complete = self._downloaded(self.location, "model")
        if not (self._complete / MLMODEL).is_file():
            raise ModelFailure(f"No model found in {self.location}")
        return self._complete

    def _downloaded(self, location: str, name: str) -> Path:
        from mlflow.artifacts import download_artifacts

        (folder := self.scratch / name).mkdir()
        with _file_errors():
            return Path(
                download_artifacts(
                    artifact_uri=location, dst_path=str(folder), tracking_uri=self.tracking_uri
                )
            )


@contextmanager
def model_files(client: MlflowClient, uri: TrackingUri, model: str, version: int) -> Iterator[ModelFiles]:
    """The files of a model version. Downloads are removed at the end."""
    with tempfile.TemporaryDirectory(prefix="mlflow-console-") as scratch:
        with _file_errors():
            location = client.get_model_version_download_uri(model, str(version))
        yield ModelFiles(location, uri.for_client, Path(scratch))


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
