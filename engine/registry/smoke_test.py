"""A smoke test: does a model version load, and can it predict its input example?

The model is loaded in a separate process. A model that can run arbitrary code needs permission first.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import ModelFailure
from engine.evidence.version_tests import VersionTest, keep_test
from engine.formats import counted
from engine.journal import server_name, user_name
from engine.model_files.process import ModelProcess
from engine.model_files.trust import trusted_files
from engine.stores.records import find_version
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.stores.base import Store


@dataclass(frozen=True, slots=True)
class SmokeTestResult:
    """The outcome. `rows` is the number of rows in the input example; `predictions` are the first 20
    predictions as raw text. `load_seconds` includes downloading the files but not importing MLflow; it is the
    time until the failure if not `ok`, and `detail` then says what is wrong with the model."""

    model: str
    version: int
    ok: bool
    rows: int = 0
    predictions: tuple[str, ...] = ()
    load_seconds: float = 0.0
    predict_seconds: float = 0.0
    detail: str = ""


def smoke_test_version(
    uri: TrackingUri, store: Store, model: str, version: int, *, allow_code: bool = False
) -> SmokeTestResult:
    """Load `models:/MODEL/VERSION` in another process and predict its input example.

    A model that fails to load or predict is a result, not an error. Raises `UntrustedModel` if loading it can
    run arbitrary code, unless `allow_code`; `NotFound` for a missing version; and `StoreError` if the store
    does not respond. The outcome is kept for promotions.
    """
    result = _tested(uri, store, model, version, allow_code)
    found = find_version(store.model_versions(model), model, version)
    keep_test(
        VersionTest(
            server=server_name(uri),
            model=model,
            version=version,
            created=found.creation_time or 0,
            kind="smoke",
            passed=result.ok,
            text=result.detail or f"It loads and predicts its {counted(result.rows, 'row')}.",
            time=time.time_ns() // 1_000_000,
            user=user_name(),
        )
    )
    return result


def _tested(uri: TrackingUri, store: Store, model: str, version: int, allow_code: bool) -> SmokeTestResult:
    started = time.perf_counter()
    try:
        with trusted_files(uri, store, model, version, allow_code=allow_code) as files:
            downloaded = time.perf_counter() - started
            with ModelProcess(files.folder, allow_code=allow_code) as process:
                loaded = downloaded + process.load()
                answer = process.example()
    except ModelFailure as failure:
        seconds = time.perf_counter() - started
        return SmokeTestResult(model, version, ok=False, load_seconds=seconds, detail=str(failure))
    return SmokeTestResult(
        model, version, True, answer["rows"], tuple(answer["predictions"]), loaded, answer["seconds"]
    )
