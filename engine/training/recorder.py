"""Writes a sweep to the tracking store: the parent run, its trials and their models."""

from __future__ import annotations

import os
import socket
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.entities import NOTE_TAG, Status
from engine.errors import StoreRefused, TrainingError
from engine.evidence import predictions
from engine.evidence.measured import SPLIT_TAG
from engine.stores.errors import translated_errors
from engine.stores.mlflow.private import context_tags
from engine.text import shortened
from engine.training import payloads
from engine.training.datasets import Dataset
from engine.training.estimators import ParameterValue, estimator
from engine.training.sweep import SweepSpec, Trial, fingerprint, grid_text, split_fingerprint

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from engine.training.recipes import Fitted, Split

SWEEP_TAG = "console.sweep"
"""Tag of the parent run and its trials: the sweep they belong to."""
FINGERPRINT_TAG = "console.fingerprint"
"""Tag of the parent run and its trials: what they train, see `sweep.fingerprint`."""
WORKER_TAG = "console.worker"
"""Tag of the parent run: `host:pid` of the process that trains it or last trained it."""
PARENT_TAG = "mlflow.parentRunId"

MODEL_NAME = "model"
TEXT_LIMIT = 5000

_RECIPES = {
    "leak-free": "Recipe leak-free: the scaler is fitted on the training part only.",
    "published": (
        "Recipe published: the scaler is fitted on all rows before the split, so test data leaks into it and "
        "the metrics are too optimistic. The logged models include the scaler and take raw rows."
    ),
}


class Recorder:
    """Writes one sweep through an MlflowClient. Thread-safe once opened.

    Every method raises store failures as `EngineError`.
    """

    def __init__(
        self, client: MlflowClient, spec: SweepSpec, dataset: Dataset, parts: Split, sweep_id: str
    ) -> None:
        self._client = client
        self._spec = spec
        self._dataset = dataset
        self._estimator = estimator(spec.estimator)
        self._sweep_id = sweep_id
        self.experiment_id = ""
        self.parent_run_id = ""
        with translated_errors(), warnings.catch_warnings():
            # MLflow hints that integer columns cannot hold missing values: the labels have none.
            warnings.filterwarnings("ignore", message="Hint: Inferred schema", category=UserWarning)
            self._input = payloads.dataset_input(dataset)
            self._signature, self._example = payloads.signature(parts)
            self._context = context_tags()
            self._tags = {**self._context, **payloads.machine_tags(), **self._sweep_tags()}

    def warm_up(self) -> None:
        """Save and discard a dummy model, so that MLflow's one-time imports (two seconds) do not count
        towards the first trial."""
        from sklearn.dummy import DummyClassifier

        self._estimator.build({})
        model = DummyClassifier().fit(self._example, [0] * len(self._example))
        with tempfile.TemporaryDirectory(prefix="mlflow-console-") as folder:
            self._save(model, str(Path(folder) / MODEL_NAME), payloads.trusted_types(model))

    # ── the sweep ────────────────────────────────────────────────────────────

    def open(self, resume_run_id: str = "") -> None:
        """Create the parent run, and the experiment if missing; or resume a parent run."""
        with translated_errors():
            self.experiment_id = self._experiment()
            if resume_run_id:
                self.parent_run_id = resume_run_id
                self._client.set_tag(resume_run_id, WORKER_TAG, worker_name())
                self._client.update_run(resume_run_id, status="RUNNING")
                return
            tags = {
                **self._tags,
                FINGERPRINT_TAG: fingerprint(self._spec, self._dataset),
                WORKER_TAG: worker_name(),
                NOTE_TAG: self._note(),
            }
            name = self._spec.parent_name
            run = self._client.create_run(self.experiment_id, tags=tags, run_name=name)
            self.parent_run_id = run.info.run_id
            self._client.log_batch(self.parent_run_id, params=payloads.params(self._parent_params()))
            self._client.log_inputs(self.parent_run_id, [self._input])

    def close(self, status: Status) -> None:
        """Log the totals on the parent run and end it. Their names differ from the trials' metrics, so the
        parent never competes with a trial."""
        with translated_errors():
            metrics = self._totals()
            self._client.log_batch(self.parent_run_id, metrics=payloads.metrics(metrics))
            self._client.set_terminated(self.parent_run_id, status)

    def _totals(self) -> dict[str, float]:
        """Counted in the store: a resumed sweep has trials that another process ran."""
        runs = _search(self._client, self.experiment_id, f"tags.`{PARENT_TAG}` = '{self.parent_run_id}'")
        done = [run for run in runs if run.info.status == "FINISHED"]
        totals = {
            "trials_finished": float(len(done)),
            "trials_failed": float(sum(run.info.status == "FAILED" for run in runs)),
        }
        accuracies = [run.data.metrics["accuracy"] for run in done if "accuracy" in run.data.metrics]
        return {**totals, "best_accuracy": max(accuracies)} if accuracies else totals

    # ── a trial ──────────────────────────────────────────────────────────────

    def start(self, trial: Trial) -> str:
        """Create the trial's run, RUNNING, with its parameters and dataset. Returns the run id."""
        tags = {
            **self._tags,
            PARENT_TAG: self.parent_run_id,
            FINGERPRINT_TAG: fingerprint(self._spec, self._dataset, trial.params),
        }
        with translated_errors():
            run = self._client.create_run(self.experiment_id, tags=tags, run_name=trial.name)
            run_id: str = run.info.run_id
            self._client.log_batch(run_id, params=payloads.params(self.params(trial)))
            self._client.log_inputs(run_id, [self._input])
            return run_id

    def params(self, trial: Trial) -> dict[str, ParameterValue]:
        """The parameters recorded with a trial, including defaults."""
        return self._estimator.resolved(trial.params)

    def finish(self, trial: Trial, run_id: str, fitted: Fitted) -> None:
        """Log the model, all metrics and the predictions on the test part, and end the run. Raises
        `TrainingError` if the model cannot be saved."""
        trusted = payloads.trusted_types(fitted.model)
        with translated_errors():
            params = {name: str(value) for name, value in self.params(trial).items()}
            model = self._client.create_logged_model(
                self.experiment_id, MODEL_NAME, run_id, self._context, params
            )
        with tempfile.TemporaryDirectory(prefix="mlflow-console-") as folder:
            path = str(Path(folder) / MODEL_NAME)
            ids = {"run_id": run_id, "model_uuid": model.model_id, "model_id": model.model_id}
            try:
                self._save(fitted.model, path, trusted, artifact_path=model.artifact_location, **ids)
            except TrainingError:
                with translated_errors():
                    self._client.finalize_logged_model(model.model_id, "FAILED")
                raise
            with translated_errors():
                self._client.log_model_artifacts(model.model_id, path)
        with translated_errors():
            from mlflow.entities import LoggedModelOutput

            self._client.finalize_logged_model(model.model_id, "READY")
            self._client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
            data = self._input.dataset
            links = {"model_id": model.model_id, "dataset_name": data.name, "dataset_digest": data.digest}
            metrics = payloads.metrics(fitted.metrics, run_id=run_id, **links)
            self._client.log_batch(run_id, metrics=metrics + payloads.fold_scores(fitted.fold_scores))
            if fitted.predictions:
                self._client.log_text(run_id, fitted.predictions, predictions.PATH)
            self._client.set_terminated(run_id, "FINISHED")

    def fail(self, run_id: str, message: str) -> None:
        """End a trial's run as FAILED, with the reason in its description and its tag `error`."""
        with translated_errors():
            from mlflow.entities import RunTag

            reason = shortened(message, TEXT_LIMIT)
            self._client.log_batch(run_id, tags=[RunTag("error", reason), RunTag(NOTE_TAG, reason)])
            self._client.set_terminated(run_id, "FAILED")

    def kill(self, run_id: str) -> None:
        with translated_errors():
            self._client.set_terminated(run_id, "KILLED")

    # ── details ──────────────────────────────────────────────────────────────

    def _experiment(self) -> str:
        name = self._spec.experiment
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                created: str = self._client.create_experiment(name, tags={NOTE_TAG: self._about_data()})
                return created
            except Exception:
                # Another process may have created it meanwhile; if not, raise the original error.
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            number = found.experiment_id
            hint = f"Restore it (`mlflow-console experiment restore {number}`), or use another name."
            raise StoreRefused(f"Experiment {name!r} is deleted", "Its name is still in use.", hint)
        existing: str = found.experiment_id
        return existing

    def _save(self, model: Any, path: str, trusted: Sequence[str], **ids: str) -> None:
        import mlflow.sklearn
        from mlflow.models import Model

        try:
            mlflow.sklearn.save_model(
                model,
                path,
                mlflow_model=Model(**ids),
                serialization_format="skops",
                skops_trusted_types=list(trusted),
                signature=self._signature,
                input_example=self._example,
                # Given explicitly: MLflow would start a process and import everything to infer them.
                pip_requirements=mlflow.sklearn.get_default_pip_requirements(include_skops=True),
            )
        except Exception as error:
            reason = shortened(f"{type(error).__name__}: {error}", TEXT_LIMIT)
            raise TrainingError("The model cannot be saved", reason) from error

    def _sweep_tags(self) -> dict[str, str]:
        spec = self._spec
        tags = {SWEEP_TAG: self._sweep_id, "recipe": spec.recipe}
        tags[SPLIT_TAG] = split_fingerprint(spec, self._dataset)
        if len(self._dataset.classes) == 2:
            tags["positive_class"] = str(self._dataset.classes[1])
        tags |= {f"class_{label}": meaning for label, meaning in self._dataset.meanings.items()}
        return tags

    def _parent_params(self) -> dict[str, ParameterValue]:
        spec = self._spec
        return {
            "estimator": spec.estimator,
            "recipe": spec.recipe,
            "grid": shortened(grid_text(spec.grid), TEXT_LIMIT),
            "dataset": self._dataset.name,
            "dataset_sha256": self._dataset.sha256,
            "target": self._dataset.target,
            "test_size": spec.test_size,
            "random_state": spec.random_state,
            "cv_folds": spec.cv_folds,
        }

    def _about_data(self) -> str:
        data = self._dataset
        text = f"Sweeps on {data.name}: {data.rows} rows, {len(data.names)} features, target {data.target!r}."
        if data.meanings:
            meanings = ", ".join(
                f"{data.target} = {label} means {text}" for label, text in data.meanings.items()
            )
            text += (
                f" In this file, {meanings}; class 1, the positive class in every count, is the healthy one."
            )
        return text

    def _note(self) -> str:
        return f"{_RECIPES[self._spec.recipe]} {self._about_data()}"


def kill_unfinished_runs(client: MlflowClient, experiment: str, sweep_id: str) -> tuple[str, ...]:
    """End the RUNNING runs of a sweep as KILLED and their pending models as FAILED. Returns the run ids."""
    with translated_errors():
        found = client.get_experiment_by_name(experiment)
        if found is None:
            return ()
        filter_string = f"tags.`{SWEEP_TAG}` = '{sweep_id}' and attributes.status = 'RUNNING'"
        runs = [run.info.run_id for run in _search(client, found.experiment_id, filter_string)]
        for run_id in runs:
            models = client.search_logged_models([found.experiment_id], f"source_run_id = '{run_id}'")
            for model in models:
                if str(model.status) == "PENDING":
                    client.finalize_logged_model(model.model_id, "FAILED")
            client.set_terminated(run_id, "KILLED")
        return tuple(runs)


def worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _search(client: MlflowClient, experiment_id: str, filter_string: str) -> list[Any]:
    """All runs of an experiment that match an MLflow filter string."""
    runs: list[Any] = []
    token = None
    while True:
        page = client.search_runs([experiment_id], filter_string, max_results=1000, page_token=token)
        runs.extend(page)
        token = page.token
        if not token:
            return runs
