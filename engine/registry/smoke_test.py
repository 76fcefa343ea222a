"""A smoke test in this process: does a model version load, and does it predict its own input example?"""

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

SHOWN_PREDICTIONS = 20

_FILES_MISSING = (NotFound, StoreRefused, StoreUnreadable)
"""What a store says that answers, but does not have the model's files or cannot reach their place."""


@dataclass(frozen=True, slots=True)
class SmokeTestResult:
    """How it went. `rows` is the number of rows of the input example; `predictions` are its first
    20 predictions as text, raw. `load_seconds` counts fetching the files, not importing MLflow.
    `detail` says what is wrong with the model, empty when `ok`."""

    model: str
    version: int
    ok: bool
    rows: int = 0
    predictions: tuple[str, ...] = ()
    load_seconds: float = 0.0
    predict_seconds: float = 0.0
    detail: str = ""


class _Unfit(Exception):
    """What is wrong with the model, for people."""


def smoke_test_version(uri: TrackingUri, store: Store, model: str, version: int) -> SmokeTestResult:
    """Load `models:/MODEL/VERSION` and predict its input example.

    A model that cannot be loaded or does not predict is a result. Raises `NotFound` for a version
    that there is not, and `StoreError` when the store does not answer.
    """
    find_version(store.model_versions(model), model, version)

    from engine.stores.mlflow.client import open_client

    client = open_client(uri.raw)
    import mlflow.pyfunc  # here, so that the import is not taken for the model's own time

    started = time.perf_counter()
    loaded = predicted = 0.0
    try:
        with _files(client, uri, model, version) as folder:
            with _blamed("It does not load"):
                pyfunc = mlflow.pyfunc.load_model(str(folder))
            loaded = time.perf_counter() - started
            example, params = _example(pyfunc, folder)
            started = time.perf_counter()
            with _blamed("It does not predict its input example"):
                answers = pyfunc.predict(example, params=params)
            predicted = time.perf_counter() - started
            predictions = _as_texts(answers)
    except _Unfit as unfit:
        seconds = loaded or time.perf_counter() - started
        return SmokeTestResult(model, version, ok=False, load_seconds=seconds, detail=str(unfit))
    return SmokeTestResult(model, version, True, _row_count(example), predictions, loaded, predicted)


@contextmanager
def _blamed(what: str) -> Iterator[None]:
    """Whatever the model's own code raises is the model's fault."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise _Unfit(f"{what}: {type(error).__name__}: {error}") from error


@contextmanager
def _files(client: MlflowClient, uri: TrackingUri, model: str, version: int) -> Iterator[Path]:
    """The folder of the model's files: where it lies if that is here, else a copy for the while.

    Fetching from the place that the registry names leaves MLflow's global tracking URI, which
    `models:/` would need, as it is.
    """
    from mlflow.artifacts import download_artifacts

    from engine.stores.mlflow.client import translate

    with tempfile.TemporaryDirectory(prefix="mlflow-console-") as scratch:
        try:
            place = client.get_model_version_download_uri(model, str(version))
            folder = _local(place) or Path(
                download_artifacts(artifact_uri=place, dst_path=scratch, tracking_uri=uri.raw)
            )
        except Exception as error:
            known = translate(error)
            if isinstance(known, _FILES_MISSING):
                raise _Unfit(f"Its files cannot be fetched: {known}") from error
            raise known from error
        if not (folder / "MLmodel").is_file():
            raise _Unfit(f"There is no model in {place}")
        yield folder


def _local(place: str) -> Path | None:
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(place) if parts.scheme == "" else None


def _example(pyfunc: Any, folder: Path) -> tuple[Any, Any]:
    with _blamed("Its input example cannot be read"):
        example = pyfunc.metadata.load_input_example(str(folder))
        params = pyfunc.metadata.load_input_example_params(str(folder)) if example is not None else None
    if example is None:
        raise _Unfit("It loads, but it was logged without an input example, so there is nothing to predict.")
    return example, params


def _row_count(example: Any) -> int:
    if hasattr(example, "shape"):
        return int(example.shape[0]) if example.shape else 1
    return len(example) if isinstance(example, list) else 1


def _as_texts(answers: Any) -> tuple[str, ...]:
    """The first predictions, one text a row, from an array, a frame, a series, a list or one value."""
    if hasattr(answers, "to_dict") and hasattr(answers, "columns"):
        records = answers.head(SHOWN_PREDICTIONS).to_dict("records")
        return tuple(", ".join(f"{key}={value}" for key, value in record.items()) for record in records)
    values = answers.tolist() if hasattr(answers, "tolist") else answers
    if not isinstance(values, (list, tuple)):
        values = [values]
    return tuple(str(value) for value in values[:SHOWN_PREDICTIONS])
