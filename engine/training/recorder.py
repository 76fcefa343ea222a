"""Writes a sweep to the tracking store: the parent run, its trials and their models."""

from __future__ import annotations

import math
import os
import socket
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.entities import NOTE_TAG, SPLIT_TAG, Status
from engine.errors import (
    ServerFault,
    ServerTimeout,
    ServerUnreachable,
    StoreLocked,
    StoreRefused,
    TrainingError,
)
from engine.formats import duration
from engine.stores.errors import translated_errors
from engine.stores.mlflow.private import artifact_repository, context_tags
from engine.text import shortened
from engine.training import payloads
from engine.training.estimators.catalogue import estimator
from engine.training.facts import DatasetFacts
from engine.training.model_folder import ModelFolders
from engine.training.search.text import grid_text
from engine.training.spec import SweepSpec, Trial, Value, fingerprint, split_fingerprint
from engine.training.sweep_file import sweep_text

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from engine.training.evaluation.data_split import DataSplit
    from engine.training.evaluation.evaluate import Evaluation, Steps
    from engine.training.search.base import Dropped

SWEEP_TAG = "console.sweep"
"""Tag of the parent run and its trials: the sweep they belong to."""
FINGERPRINT_TAG = "console.fingerprint"
"""Tag of the parent run and its trials: what they train, see `spec.fingerprint`."""
WORKER_TAG = "console.worker"
"""Tag of the parent run: `host:pid` of the process that trains it or last trained it."""
PARENT_TAG = "mlflow.parentRunId"
CODE_TAG = "console.version"
"""Tag of the parent run and its trials: the version of mlflow-console that trained them."""

ESTIMATOR_TAG = "estimator_name"
"""Tag of a trial: the class of its estimator, as `mlflow.sklearn.autolog` has it."""
BASELINES = ("DummyClassifier", "DummyRegressor")

MODEL_NAME = "model"
TEXT_LIMIT = 5000
SWEEP_FILE = "sweep.yaml"
"""Artifact of the parent run: the sweep, as `train` reads it."""
SPEC_FILE = "sweep.json"
"""Artifact of the parent run: the sweep with all its settings, for resuming it."""
ERROR_FILE = "error.txt"
"""Artifact of a failed trial: the traceback."""

PATIENCE_SECONDS = 180.0
"""How long a write is tried again while the store does not answer."""
FIRST_WAIT_SECONDS = 1.0
MOST_WAIT_SECONDS = 10.0
_TEMPORARY = (ServerUnreachable, ServerTimeout, ServerFault, StoreLocked)

Result = TypeVar("Result")

_RECIPES = {
    "leak-free": "Recipe leak-free: columns are prepared with what the training part alone says.",
    "published": (
        "Recipe published: the scaler is fitted on all rows before the split, so test data leaks into it and "
        "the metrics are too optimistic. The logged models include the scaler and take raw rows."
    ),
}


@dataclass(frozen=True, slots=True)
class FinishedTrial:
    """A trial that an earlier process finished: the parameters of its run, and its score, NaN without one."""

    params: Mapping[str, str]
    score: float


class Recorder:
    """Writes one sweep through an MlflowClient. Thread-safe once opened.

    A store that does not answer is tried again for `PATIENCE_SECONDS`, which `on_wait` reports; what a lost
    answer may have created already is looked up first. Every method raises other failures of the store, and
    those that last, as `EngineError`. `metric` ranks the trials; `context` are the tags that say who trains
    them and from which source, those of this process if None.
    """

    def __init__(
        self,
        client: MlflowClient,
        spec: SweepSpec,
        facts: DatasetFacts,
        split: DataSplit,
        sweep_id: str,
        *,
        metric: str,
        lower: bool = False,
        context: Mapping[str, str] | None = None,
        on_wait: Callable[[str], None] = lambda _: None,
        give_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self._client = client
        self.spec = spec
        self._facts = facts
        self.sweep_id = sweep_id
        self.metric, self.lower = metric, lower
        self._on_wait, self._give_up = on_wait, give_up
        self._split = split
        self._lock = threading.Lock()
        self._trouble = ""
        self._artifact_uris: dict[str, str] = {}
        self.experiment_id = ""
        self.parent_run_id = ""
        with translated_errors(), warnings.catch_warnings():
            # MLflow hints that integer columns cannot hold missing values.
            warnings.filterwarnings("ignore", message="Hint: Inferred schema", category=UserWarning)
            self._input = payloads.dataset_input(facts, split)
            self._signature, self._example = payloads.signature(split)
            self.context = context_tags() if context is None else dict(context)
            self._tags = {**self.context, **payloads.machine_tags(), **self._sweep_tags()}

    def warm_up(self) -> None:
        """Prepare what all models of the sweep share, so that MLflow's one-time imports (two seconds) do not
        count towards the first trial."""
        _ = self._folders

    @cached_property
    def _folders(self) -> ModelFolders:
        return ModelFolders(self._signature, self._example)

    # ── the sweep ────────────────────────────────────────────────────────────

    def open(self, resume_run_id: str = "") -> Mapping[str, FinishedTrial]:
        """Create the parent run, and the experiment if missing; or resume a parent run. Returns the trials
        that an earlier process finished, by their fingerprints."""
        self.experiment_id = self._patiently(self._experiment)
        if resume_run_id:
            self._check_same(resume_run_id)
            self.parent_run_id = resume_run_id
            self._patiently(lambda: self._client.set_tag(resume_run_id, WORKER_TAG, worker_name()))
            self._patiently(lambda: self._client.update_run(resume_run_id, status="RUNNING"))
            return self._finished()
        tags = {
            **self._tags,
            FINGERPRINT_TAG: fingerprint(self.spec, self._facts.sha256),
            WORKER_TAG: worker_name(),
            NOTE_TAG: self._note(),
        }
        with translated_errors():
            run = self._client.create_run(self.experiment_id, tags=tags, run_name=self.spec.parent_name)
        self.parent_run_id = run.info.run_id
        with translated_errors():
            self._client.log_batch(self.parent_run_id, params=payloads.params(self._parent_params()))
            self._client.log_inputs(self.parent_run_id, [self._input])
            self._client.log_text(self.parent_run_id, sweep_text(self.spec), SWEEP_FILE)
            self._client.log_dict(self.parent_run_id, self.spec.to_json(), SPEC_FILE)
        return {}

    def join(self, experiment_id: str, parent_run_id: str) -> None:
        """Record trials of a sweep that another process has opened."""
        self.experiment_id, self.parent_run_id = experiment_id, parent_run_id

    def close(self, status: Status) -> str | None:
        """Log the totals on the parent run and end it. Their names differ from the trials' metrics, so the
        parent never competes with a trial. Returns the run id of the best trial, see `SweepResult`."""
        runs = self._patiently(self._children)
        best = self._best_of(runs)
        metrics = payloads.metrics(self._totals(runs, best))
        if "validation" in self.spec.curves and status == "FINISHED":
            metrics += self._validation_curves(runs)
        self._patiently(lambda: self._client.log_batch(self.parent_run_id, metrics=metrics))
        self._patiently(lambda: self._client.set_terminated(self.parent_run_id, status))
        return None if best is None else str(best.info.run_id)

    def log_figures(self, run_id: str, evaluation: Evaluation) -> None:
        """Draw the figures of a finished trial, the best one, and log them with its run."""
        from engine.training.evaluation.figures import figure_files

        assert evaluation.predicted is not None
        self._log_files(run_id, figure_files(self._split, evaluation.predicted))

    def _check_same(self, run_id: str) -> None:
        """Raises `TrainingError` if the sweep with this parent run trained something else."""
        tags = self._patiently(lambda: self._client.get_run(run_id)).data.tags
        if tags.get(FINGERPRINT_TAG) != fingerprint(self.spec, self._facts.sha256):
            detail = f"{self._facts.name} is not the file that the sweep began with."
            raise TrainingError("The data has changed", detail, "Restore the file, or start a new sweep.")

    def _children(self) -> list[Any]:
        return _search(self._client, self.experiment_id, f"tags.`{PARENT_TAG}` = '{self.parent_run_id}'")

    def _finished(self) -> dict[str, FinishedTrial]:
        return {
            run.data.tags[FINGERPRINT_TAG]: FinishedTrial(
                run.data.params, run.data.metrics.get(self._score_metric, math.nan)
            )
            for run in self._patiently(self._children)
            if run.info.status == "FINISHED" and FINGERPRINT_TAG in run.data.tags
        }

    def _best_of(self, runs: Sequence[Any]) -> Any:
        """The trial with the best score, the earliest of equal ones; None without one. Looked up in the
        store: a resumed sweep has trials that another process ran."""
        name = self._score_metric
        scored = [
            run
            for run in sorted(runs, key=lambda run: run.info.start_time)
            if run.info.status == "FINISHED"
            and run.data.tags.get(ESTIMATOR_TAG) not in BASELINES
            and math.isfinite(run.data.metrics.get(name, math.nan))
        ]
        return (min if self.lower else max)(scored, key=lambda run: run.data.metrics[name], default=None)

    def _totals(self, runs: Sequence[Any], best: Any) -> dict[str, float]:
        totals = {
            f"trials_{status.lower()}": float(sum(run.info.status == status for run in runs))
            for status in ("FINISHED", "FAILED")
        }
        name = self._score_metric
        return totals if best is None else {**totals, f"best_{name}": best.data.metrics[name]}

    def _validation_curves(self, runs: Sequence[Any]) -> list[Any]:
        """Log the validation curves of all trials as files of the parent run. Returns them as its metrics."""
        from engine.training.evaluation.curves import validation_curves, validation_file
        from engine.training.evaluation.figures import validation_figures
        from engine.training.evaluation.scores import OWN_METRIC

        models, own = self.spec.models, OWN_METRIC[self._facts.task]
        finished = [run.data for run in runs if run.info.status == "FINISHED"]
        curves = validation_curves(
            [
                (data.params.get("estimator", models[0].estimator), data.params, data.metrics)
                for data in finished
            ]
        )
        if not curves:
            return []
        self._log_files(self.parent_run_id, validation_file(curves, own) | validation_figures(curves, own))
        steps: dict[str, tuple[tuple[int, float], ...]] = {}
        for curve in curves:
            prefix = f"{curve.estimator.rpartition('.')[2]}." if len(models) > 1 else ""
            steps |= curve.steps(prefix, own)
        return list(payloads.step_metrics(steps))

    @property
    def _score_metric(self) -> str:
        """The metric of a run that is its score: the cross-validated mean of the one that ranks the sweep."""
        from engine.training.evaluation.scores import OWN_METRIC

        own = self.metric == OWN_METRIC[self._facts.task]
        return "cv_mean" if own else f"{self.metric}_cv_mean"

    # ── a trial ──────────────────────────────────────────────────────────────

    def fingerprint(self, trial: Trial) -> str:
        return fingerprint(self.spec, self._facts.sha256, trial, resolved=self.params(trial))

    def start(self, trial: Trial) -> str:
        """Create the trial's run, RUNNING, with its dataset. Returns the run id. Its parameters follow with
        its metrics, in one request, or by `log_params`."""
        mark = self.fingerprint(trial)
        tags = {**self._tags, PARENT_TAG: self.parent_run_id, FINGERPRINT_TAG: mark}
        tags[ESTIMATOR_TAG] = estimator(trial.estimator).class_name(self._facts.task)

        def create() -> str:
            run = self._client.create_run(self.experiment_id, tags=tags, run_name=trial.name).info
            self._artifact_uris[run.run_id] = run.artifact_uri
            run_id: str = run.run_id
            return run_id

        run_id = self._patiently(create, lambda: next(iter(self.running(trial)), None))
        self._patiently(lambda: self._client.log_inputs(run_id, [self._input]))
        return run_id

    def log_params(self, trial: Trial, run_id: str) -> None:
        """Log the parameters of a trial that takes long; it is harmless that `finish` repeats them."""
        self._patiently(lambda: self._client.log_batch(run_id, params=self._logged_params(trial)))

    def _logged_params(self, trial: Trial) -> list[Any]:
        return payloads.params(self.params(trial))

    def finished(self, trial: Trial) -> tuple[str, Evaluation] | None:
        """The run of a trial that a process finished which was lost then, and its metrics."""
        from engine.training.evaluation.evaluate import Evaluation

        for run in self._patiently(lambda: self._runs_of(self.fingerprint(trial))):
            if run.info.status == "FINISHED":
                metrics = dict(run.data.metrics)
                score = metrics.get(self._score_metric, math.nan)
                return run.info.run_id, Evaluation(None, metrics, score=score)
        return None

    def running(self, trial: Trial) -> tuple[str, ...]:
        """The runs of a trial that were begun and not ended."""
        found = self._patiently(lambda: self._runs_of(self.fingerprint(trial)))
        return tuple(run.info.run_id for run in found if run.info.status == "RUNNING")

    def is_running(self, run_id: str) -> bool:
        """Whether nobody has ended this run."""
        status: str = self._patiently(lambda: self._client.get_run(run_id)).info.status
        return status == "RUNNING"

    def _runs_of(self, mark: str) -> list[Any]:
        """The runs of trials of this sweep with a fingerprint."""
        condition = f"tags.`{PARENT_TAG}` = '{self.parent_run_id}' and tags.`{FINGERPRINT_TAG}` = '{mark}'"
        return _search(self._client, self.experiment_id, condition)

    def params(self, trial: Trial) -> dict[str, Value]:
        """The parameters recorded with a trial, including defaults; which estimator, if the sweep has
        several."""
        resolved = estimator(trial.estimator).resolved(trial.params)
        several = len(self.spec.models) > 1 or trial.estimator != self.spec.models[0].estimator
        return {"estimator": trial.estimator, **resolved} if several else resolved

    def finish(self, trial: Trial, run_id: str, evaluation: Evaluation) -> None:
        """Log the model, parameters, all metrics and files, and end the run. Raises `TrainingError` if the
        model cannot be saved."""
        model = self._log_model(trial, run_id, evaluation)
        from mlflow.entities import LoggedModelOutput

        self._patiently(lambda: self._client.finalize_logged_model(model.model_id, "READY"))
        self._patiently(lambda: self._client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)]))
        data = self._input.dataset
        links = {"model_id": model.model_id, "dataset_name": data.name, "dataset_digest": data.digest}
        metrics = payloads.metrics(evaluation.metrics, run_id=run_id, **links)
        metrics += payloads.step_metrics(evaluation.steps)
        params = self._logged_params(trial)
        self._patiently(lambda: self._client.log_batch(run_id, metrics=metrics, params=params))
        self._log_files(run_id, evaluation.files)
        self._patiently(lambda: self._client.set_terminated(run_id, "FINISHED"))

    def drop(self, dropped: Dropped) -> tuple[str, dict[str, float]]:
        """Record a trial that the search gave up: FINISHED, without a model. Returns the run id and the last
        score."""
        run_id = self.start(dropped.trial)
        metrics = payloads.step_metrics(self.halving_steps(dropped.scores))
        note = f"Dropped by halving after rung {len(dropped.scores)}: others had better scores."
        from mlflow.entities import RunTag

        batch = {"params": self._logged_params(dropped.trial), "tags": [RunTag(NOTE_TAG, note)]}
        self._patiently(lambda: self._client.log_batch(run_id, metrics=metrics, **batch))
        self._patiently(lambda: self._client.set_terminated(run_id, "FINISHED"))
        return run_id, {f"halving_{self.metric}": dropped.scores[-1][1]}

    def halving_steps(self, scores: tuple[tuple[int, float], ...]) -> Steps:
        """The scores at the rungs of halving as a metric, by the number of rows."""
        return {f"halving_{self.metric}": scores}

    def fail(self, trial: Trial, run_id: str, message: str, error: str) -> None:
        """End a trial's run as FAILED, with the reason in its description and its tag `error`, and the whole
        of it as an artifact."""
        from mlflow.entities import RunTag

        reason = shortened(message, TEXT_LIMIT)
        tags = [RunTag("error", reason), RunTag(NOTE_TAG, reason)]
        params = self._logged_params(trial)
        self._patiently(lambda: self._client.log_batch(run_id, tags=tags, params=params))
        self._log_files(run_id, {ERROR_FILE: error.encode()})
        self._patiently(lambda: self._client.set_terminated(run_id, "FAILED"))

    def kill(self, run_id: str) -> None:
        self._patiently(lambda: _kill(self._client, self.experiment_id, run_id))

    def _log_model(self, trial: Trial, run_id: str, evaluation: Evaluation) -> Any:
        params = {name: str(value) for name, value in self.params(trial).items()}

        def create() -> Any:
            return self._client.create_logged_model(
                self.experiment_id, MODEL_NAME, run_id, self.context, params
            )

        def created() -> Any:
            found = self._client.search_logged_models([self.experiment_id], f"source_run_id = '{run_id}'")
            return next(iter(found), None)

        model = self._patiently(create, created)
        assert evaluation.model is not None
        with tempfile.TemporaryDirectory(prefix="mlflow-console-") as scratch:
            folder = Path(scratch) / MODEL_NAME
            ids = {"run_id": run_id, "model_uuid": model.model_id, "model_id": model.model_id}
            try:
                self._folders.write(folder, evaluation.model, artifact_path=model.artifact_location, **ids)
            except OSError as error:
                self._patiently(lambda: self._client.finalize_logged_model(model.model_id, "FAILED"))
                raise TrainingError("The model cannot be saved", f"{error.strerror}: {scratch}") from error
            self._log_folder(model.artifact_location, folder)
        return model

    def _log_folder(self, artifact_uri: str, folder: Path) -> None:
        """Log a folder. The client's own methods would first read the run or model, to learn this URI."""
        with translated_errors():
            artifacts = artifact_repository(artifact_uri, self._client.tracking_uri)
        self._patiently(lambda: artifacts.log_artifacts(str(folder)))

    def _log_files(self, run_id: str, files: Mapping[str, bytes]) -> None:
        if not files:
            return
        with tempfile.TemporaryDirectory(prefix="mlflow-console-") as folder:
            for name, data in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            if (artifact_uri := self._artifact_uris.get(run_id)) is not None:
                self._log_folder(artifact_uri, Path(folder))
            else:  # of another process
                self._patiently(lambda: self._client.log_artifacts(run_id, folder))

    def _patiently(
        self, write: Callable[[], Result], written: Callable[[], Result | None] | None = None
    ) -> Result:
        """Make a write, again and again while the store does not answer. `written` looks whether an attempt
        whose answer was lost has succeeded; without it, repeating the write is harmless."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        seconds = FIRST_WAIT_SECONDS
        repeated = False
        while True:
            try:
                with translated_errors():
                    result = written() if repeated and written is not None else None
                    if result is None:
                        result = write()
                self._report("")
                return result
            except _TEMPORARY as error:
                if time.monotonic() > deadline or self._give_up():
                    raise
                self._report(f"{error.title}; trying again for {duration(PATIENCE_SECONDS)}")
            repeated = True
            time.sleep(seconds)
            seconds = min(2 * seconds, MOST_WAIT_SECONDS)

    def _report(self, trouble: str) -> None:
        """Say once that the store does not answer, and once that it does again."""
        with self._lock:
            before, self._trouble = self._trouble, trouble
        if bool(before) != bool(trouble):
            self._on_wait(trouble or "The tracking store answers again")

    # ── details ──────────────────────────────────────────────────────────────

    def _experiment(self) -> str:
        name = self.spec.experiment
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

    def _sweep_tags(self) -> dict[str, str]:
        spec, facts = self.spec, self._facts
        tags = {SWEEP_TAG: self.sweep_id, "recipe": spec.recipe, "seed": str(spec.split.seed)}
        tags[CODE_TAG] = version("mlflow-console")
        tags[SPLIT_TAG] = split_fingerprint(spec, facts.sha256)
        if len(self._split.classes) == 2:
            tags["positive_class"] = str(self._split.classes[1])
        tags |= {f"class_{label}": meaning for label, meaning in facts.meanings.items()}
        return tags

    def _parent_params(self) -> dict[str, Value]:
        spec, facts = self.spec, self._facts
        return {
            "estimators": shortened(", ".join(model.estimator for model in spec.models), TEXT_LIMIT),
            "grid": shortened(_grids(spec), TEXT_LIMIT),
            "task": facts.task,
            "search": spec.search.method,
            "ranked_by": self.metric,
            "recipe": spec.recipe,
            "dataset": facts.name,
            "dataset_sha256": facts.sha256,
            "target": facts.target,
            "split": spec.split.method,
            "test_size": spec.split.test,
            "random_state": spec.split.seed,
            "cv_folds": spec.split.folds,
        }

    def _about_data(self) -> str:
        data = self._facts
        text = (
            f"Sweeps on {data.name}: {data.rows} rows, {len(data.features)} features, target {data.target!r}."
        )
        if data.meanings:
            meanings = ", ".join(
                f"{data.target} = {label} means {text}" for label, text in data.meanings.items()
            )
            text += (
                f" In this file, {meanings}; class 1, the positive class in every count, is the healthy one."
            )
        return " ".join([text, *data.remarks])

    def _note(self) -> str:
        return f"{_RECIPES[self.spec.recipe]} {self._about_data()}"


def _grids(spec: SweepSpec) -> str:
    """What is tried of each model: `n_neighbors=3,5 weights=uniform`, after the model's name if there are
    several."""
    texts = [(model.estimator, grid_text(model.params)) for model in spec.models]
    return texts[0][1] if len(texts) == 1 else "; ".join(f"{name}: {text}" for name, text in texts)


def kill_unfinished_runs(client: MlflowClient, experiment: str, sweep_id: str) -> tuple[str, ...]:
    """End the RUNNING runs of a sweep as KILLED and their pending models as FAILED. Returns the run ids."""
    with translated_errors():
        found = client.get_experiment_by_name(experiment)
        if found is None:
            return ()
        filter_string = f"tags.`{SWEEP_TAG}` = '{sweep_id}' and attributes.status = 'RUNNING'"
        runs = [run.info.run_id for run in _search(client, found.experiment_id, filter_string)]
        for run_id in runs:
            _kill(client, found.experiment_id, run_id)
        return tuple(runs)


def _kill(client: MlflowClient, experiment_id: str, run_id: str) -> None:
    for model in client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'"):
        if str(model.status) == "PENDING":
            client.finalize_logged_model(model.model_id, "FAILED")
    client.set_terminated(run_id, "KILLED")


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
