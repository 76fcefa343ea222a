"""What stays of a test: its outcome, for promotions; and with `log_test` a run of its own.

A test is never logged into the experiment of the training: its metrics would compete with those of the runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.entities import ModelVersion
from engine.errors import NotFound, UsageError
from engine.evidence.predictions import PATH, predictions_text
from engine.evidence.statistics import Rate
from engine.evidence.version_tests import TestKind, VersionTest, keep_test
from engine.journal import recorded, server_name, user_name
from engine.model_tests.answers import Target
from engine.model_tests.labelled import LabelledTest
from engine.model_tests.load import LoadTest
from engine.model_tests.shadow import ShadowTest
from engine.report.writing import experiment_named, location_beside
from engine.stores.errors import translated_errors
from engine.stores.mlflow.client import open_client
from engine.stores.mlflow.private import context_tags
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from engine.stores.base import Store

Test = LabelledTest | ShadowTest

MODEL_TAG = "mlflow_console.tested_model"
VERSION_TAG = "mlflow_console.tested_version"
RUN_TAG = "mlflow_console.tested_run"
OUTCOME_TAG = "mlflow_console.outcome"


def experiment_of(model: str) -> str:
    """The name of the experiment with the tests of a model."""
    return f"{model}-tests"


def target_of(test: Test | LoadTest) -> Target:
    """What was tested: of two, the first."""
    return test.first if isinstance(test, ShadowTest) else test.target


def keep(
    uri: TrackingUri, version: ModelVersion, test: Test | LoadTest, *, second: bool = False
) -> VersionTest:
    """Keep the outcome on this machine: for the tested version, or for the `second` of two."""
    kind: TestKind
    right: Rate | None = None
    target, against = target_of(test), ""
    match test:
        case LabelledTest():
            kind, passed, text = "labelled", not test.is_skewed, f"{test.verdict} Rows: {test.source}."
            right = None if test.is_regression else test.unseen
        case ShadowTest():
            kind, text = "shadow", f"{test.verdict} Rows: {test.source}."
            passed, right, against = not test.is_worse, test.first_right, test.second.name
            if second:
                target, passed, right = test.second, not test.is_better, test.second_right
                against = test.first.name
        case LoadTest():
            kind, passed, text = "load", test.passed, test.verdict
    kept = VersionTest(
        server=server_name(uri),
        model=version.name,
        version=version.version,
        created=version.creation_time or 0,
        kind=kind,
        passed=passed,
        text=text,
        time=test.time,
        user=user_name(),
        against=against,
        deployment=target.deployment,
        right=right.successes if right else 0,
        rows=right.n if right else 0,
    )
    keep_test(kept)
    return kept


def log_test(uri: TrackingUri, store: Store, test: Test) -> str:
    """Log a test as a run in an experiment of its own, tagged with the version; returns the run id. Raises
    `UsageError` if the version is unknown, `WriteError`, `StoreError`."""
    target = target_of(test)
    if not target.version:
        raise UsageError("Only tests of registered versions can be logged", hint="Name the version.")
    name = experiment_of(target.model)
    client = open_client(uri.raw)
    with recorded(
        uri, "test", f"{target.name} → {name}", model=target.model, version=target.version
    ) as write:
        with translated_errors():
            experiment_id = experiment_named(client, name, _location(uri, store, test))
            run_id = _log(client, experiment_id, target, test)
        write.detail = f"run {run_id}"
    return run_id


def _location(uri: TrackingUri, store: Store, test: Test) -> str | None:
    """Where the artifacts of tests go, if that is not left to the store."""
    if not test.run_id:
        return None
    try:
        trained = store.run(test.run_id).run.experiment_id
    except NotFound:
        return None
    found = next((found for found in store.experiments() if found.experiment_id == trained), None)
    return None if found is None else location_beside(uri, found, "-tests")


def _log(client: MlflowClient, experiment_id: str, target: Target, test: Test) -> str:
    from mlflow.entities import Metric, Param, RunTag

    what = "test" if isinstance(test, LabelledTest) else "shadow test"
    tags = {
        **context_tags(),
        MODEL_TAG: target.model,
        VERSION_TAG: str(target.version),
        OUTCOME_TAG: test.verdict,
    }
    if test.run_id:
        tags[RUN_TAG] = test.run_id
    params = {"rows": test.source, "target": target.name}
    if isinstance(test, ShadowTest):
        params["against"] = test.second.name
    run = client.create_run(experiment_id, run_name=f"{what} of {target.name}", tags=tags)
    run_id: str = run.info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric(key, value, test.time, 0) for key, value in _metrics(test).items()],
        params=[Param(key, value) for key, value in params.items()],
        tags=[RunTag(f"mlflow_console.cause_{at}", c.text) for at, c in enumerate(_causes(test), 1)],
    )
    if isinstance(test, LabelledTest):
        rows = test.rows
        text = predictions_text(
            [row.name for row in rows], [row.actual for row in rows], [row.predicted for row in rows]
        )
        client.log_text(run_id, text, PATH)
    client.set_terminated(run_id, "FINISHED")
    return run_id


def _causes(test: Test) -> tuple[Any, ...]:
    return test.causes if isinstance(test, LabelledTest) else ()


def _metrics(test: Test) -> dict[str, float]:
    if isinstance(test, LabelledTest):
        found = {metric.name: metric.value for metric in test.metrics}
        if test.corrected is not None:
            found["accuracy_corrected"] = test.corrected.value
        return found
    found = {"rows": float(len(test.values)), "disagreements": float(len(test.disagreements))}
    if test.first_right is not None and test.second_right is not None and test.p_value is not None:
        found["accuracy"] = test.first_right.value
        found["accuracy_against"] = test.second_right.value
        found["mcnemar_p"] = test.p_value
    return found
