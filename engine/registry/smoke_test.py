"""A smoke test in this process: does a model version load, and can it predict its input example?"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from engine.errors import NotFound, StoreRefused, StoreUnreadable
from engine.stores.records import find_version
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from engine.stores.base import Store

MAX_PREDICTIONS = 20

_FILE_ERRORS = (NotFound, StoreRefused, StoreUnreadable)
"""Errors of a reachable store that lacks the model's files or cannot read their location."""


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


class _Failure(Exception):
    """What is wrong with the model, as a readable message."""


def smoke_test_version(uri: TrackingUri, store: Store, model: str, version: int) -> SmokeTestResult:
    """Load `models:/MODEL/VERSION` and predict its input example.

    A model that fails to load or predict is a result, not an error. Raises `NotFound` for a missing version,
    and `StoreError` if the store does not respond.
    """
    find_version(store.model_versions(model), model, version)

    from engine.stores.mlflow.client import open_client

    client = open_client(uri.raw)
    import mlflow.pyfunc  # imported before the clock starts

    started = time.perf_counter()
    loaded = predicted = 0.0
    try:
        with _model_files(client, uri, model, version) as folder:
            with _model_errors("The model does not load"):
                pyfunc = mlflow.pyfunc.load_model(str(folder))
            loaded = time.perf_counter() - started
            example, params = _example(pyfunc, folder)
            started = time.perf_counter()
            with _model_errors("The model cannot predict its input example"):
                outputs = pyfunc.predict(example, params=params)
            predicted = time.perf_counter() - started
            predictions = _prediction_texts(outputs)
    except _Failure as failure:
        seconds = loaded or time.perf_counter() - started
        return SmokeTestResult(model, version, ok=False, load_seconds=seconds, detail=str(failure))
    return SmokeTestResult(model, version, True, _row_count(example), predictions, loaded, predicted)


@contextmanager
def _model_errors(what: str) -> Iterator[None]:
    """Report any error raised by the model's code as a failure of the model."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise _Failure(f"{what}: {type(error).__name__}: {error}") from error


@contextmanager
def _model_files(client: MlflowClient, uri: TrackingUri, model: str, version: int) -> Iterator[Path]:
    """The folder of the model's files: in place if it is local, otherwise a temporary copy.

    Downloading from the location in the registry leaves MLflow's global tracking URI alone; a `models:/` URI
    would need it set.
    """
    from mlflow.artifacts import download_artifacts

    from engine.stores.mlflow.client import translate

    with tempfile.TemporaryDirectory(prefix="mlflow-console-") as scratch:
        try:
            location = client.get_model_version_download_uri(model, str(version))
            folder = _local(location) or Path(
                download_artifacts(artifact_uri=location, dst_path=scratch, tracking_uri=uri.raw)
            )
        except Exception as error:
            known = translate(error)
            if isinstance(known, _FILE_ERRORS):
                raise _Failure(f"The model files cannot be downloaded: {known}") from error
            raise known from error
        if not (folder / "MLmodel").is_file():
            raise _Failure(f"No model found in {location}")
        yield folder


def _local(location: str) -> Path | None:
    parts = urlsplit(location)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(location) if parts.scheme == "" else None


def _example(pyfunc: Any, folder: Path) -> tuple[Any, Any]:
    with _model_errors("The input example cannot be read"):
        example = pyfunc.metadata.load_input_example(str(folder))
        params = pyfunc.metadata.load_input_example_params(str(folder)) if example is not None else None
    if example is None:
        raise _Failure("The model loads, but was logged without an input example to predict.")
    return example, params


def _row_count(example: Any) -> int:
    if hasattr(example, "shape"):
        return int(example.shape[0]) if example.shape else 1
    return len(example) if isinstance(example, list) else 1


def _prediction_texts(outputs: Any) -> tuple[str, ...]:
    """The first predictions as text, one per row, from an array, data frame, series, list or scalar."""
    if hasattr(outputs, "to_dict") and hasattr(outputs, "columns"):
        records = outputs.head(MAX_PREDICTIONS).to_dict("records")
        return tuple(", ".join(f"{key}={value}" for key, value in record.items()) for record in records)
    values = outputs.tolist() if hasattr(outputs, "tolist") else outputs
    if not isinstance(values, (list, tuple)):
        values = [values]
    return tuple(str(value) for value in values[:MAX_PREDICTIONS])
