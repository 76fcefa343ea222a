"""The demo: trains, registers and promotes the published heart-disease models. Safe to run again."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.entities import POLICY_TAG, ModelVersion, Run, Stage
from engine.errors import Cancelled, NotFound, StoreNotFound, TrainingError
from engine.jobs import CancelToken, OnProgress, Progress
from engine.training.control import SweepControl
from engine.training.data.reading import HEART_SHA256
from engine.training.estimators.catalogue import estimator
from engine.training.events import SweepEvent, SweepPreparing, SweepResult, TrialFinished
from engine.training.local_process import LocalProcess
from engine.training.recorder import FINGERPRINT_TAG, PARENT_TAG, SWEEP_TAG, WORKER_TAG
from engine.training.registration import COMPLETE, STATE_TAG, RegistrationPlan, VersionPlan
from engine.training.search.grid import trials
from engine.training.spec import SweepSpec, Trial, Value, fingerprint
from engine.uri import TrackingUri

if TYPE_CHECKING:
    from engine.evidence.best import BestRun
    from engine.runs.frame import RunFrame

PUBLISHED = SweepSpec(experiment="heart-disease", recipe="published", baseline=False)
LEAK_FREE = SweepSpec(experiment="heart-disease-leak-free", recipe="leak-free", baseline=False)
MODEL = "heart_disease_classifier"
CHAMPION = "champion"
JOB = "The demo"

_MODEL_DESCRIPTION = (
    "Predicts heart disease from 13 measurements of a patient. Class 1 means NO disease, "
    "class 0 means disease. Takes raw rows: the scaler is part of the model. "
    "Registered by `mlflow-console demo`."
)
_POLICY = """\
[[policy]]
target = "Production"
conditions = [
  "accuracy >= 0.91",
  "class_1_precision >= 0.93",
  "class_1_recall >= 0.90",
  "class_1_f1 >= 0.92",
]
facts = ["run finished"]

[[policy]]
target = "Staging"
conditions = ["accuracy between 0.85 and 0.90"]
"""
"""What the publication demands of a version."""

_KEY_METRICS = (
    "accuracy",
    "cv_mean",
    "class_0_recall",
    "class_1_recall",
    "false_positives",
    "false_negatives",
)


@dataclass(frozen=True, slots=True)
class _DemoVersion:
    """A version of the model: its trial, stage and alias."""

    params: Mapping[str, Value]
    stage: Stage
    alias: str
    note: str


_VERSIONS = (
    _DemoVersion(
        {"n_neighbors": 3, "weights": "uniform", "metric": "chebyshev", "algorithm": "ball_tree"},
        "Archived",
        "",
        "the first version, replaced by version 2",
    ),
    _DemoVersion(
        {"n_neighbors": 5, "weights": "uniform", "metric": "euclidean", "algorithm": "auto"},
        "Production",
        CHAMPION,
        "in production",
    ),
)


@dataclass(frozen=True, slots=True)
class DemoReport:
    """The result: `lines` describe each experiment and version and whether it is new; `best` is the best run
    of the experiment `heart-disease`; `trained` and `registered` count the trials and versions made by this
    call."""

    lines: tuple[str, ...]
    best: BestRun
    trained: int
    registered: int


def run_demo(uri: TrackingUri, *, on_progress: OnProgress, cancel: CancelToken) -> DemoReport:
    """Train both experiments and register two versions of the model, skipping what already exists.

    Resumes an interrupted call and leaves the operator's later changes alone. Raises `Cancelled` when
    cancelled, after finishing any write in progress.
    """
    return _Demo(uri, on_progress, cancel).run()


class _Demo:
    def __init__(self, uri: TrackingUri, on_progress: OnProgress, cancel: CancelToken) -> None:
        self._uri = uri
        self._on_progress = on_progress
        self._cancel = cancel
        self._done = 0
        self._total = sum(len(_trials(spec)) for spec in (PUBLISHED, LEAK_FREE)) + len(_VERSIONS)
        self._lines: list[str] = []

    def run(self) -> DemoReport:
        from engine.evidence.best import best_run

        with closing(LocalProcess(self._uri)) as worker:
            trained = sum(self._train(worker, spec) for spec in (PUBLISHED, LEAK_FREE))
            frame = _frame(self._uri, PUBLISHED.experiment)
            if frame is None:
                raise TrainingError(f"Experiment {PUBLISHED.experiment} was deleted during the demo")
            registered = self._register(worker, _runs(frame))
        self._on_progress(Progress(self._total, self._total, "done"))
        return DemoReport(tuple(self._lines), best_run(frame, "accuracy", "higher"), trained, registered)

    # ── training ─────────────────────────────────────────────────────────────

    def _train(self, worker: LocalProcess, spec: SweepSpec) -> int:
        """Train the unfinished trials of an experiment. Returns their number."""
        self._cancel.check(JOB)
        frame = _frame(self._uri, spec.experiment)
        runs = _runs(frame) if frame is not None else ()
        finished = self._finished(spec, runs)
        missing = [trial for trial in _trials(spec) if trial.index not in finished]
        self._done += len(finished)
        self._report(f"{spec.experiment}: {len(finished)} trials already trained")
        if missing:
            result = self._sweep(worker, spec, missing, self._parent(spec, runs))
            if result.cancelled:
                raise Cancelled(JOB)
            if result.failed:
                detail = (
                    f"{result.failed} trials in {spec.experiment}; the `error` tag of each gives the reason"
                )
                raise TrainingError("Demo trials failed", detail)
        total = len(finished) + len(missing)
        summary = f"{len(missing)} trained now" if missing else "all already trained"
        self._lines.append(f"Experiment {spec.experiment}: {total} trials, {summary}")
        return len(missing)

    def _finished(self, spec: SweepSpec, runs: Sequence[Run]) -> Mapping[int, Run]:
        """The finished run of each trial, by the trial's index."""
        by_fingerprint = {
            run.tags[FINGERPRINT_TAG]: run
            for run in sorted(runs, key=lambda run: -(run.start_time or 0))
            if run.status == "FINISHED" and PARENT_TAG in run.tags and FINGERPRINT_TAG in run.tags
        }
        fingerprints = {trial.index: _fingerprint(spec, trial) for trial in _trials(spec)}
        return {
            index: by_fingerprint[trial_fingerprint]
            for index, trial_fingerprint in fingerprints.items()
            if trial_fingerprint in by_fingerprint
        }

    def _parent(self, spec: SweepSpec, runs: Sequence[Run]) -> Run | None:
        """The latest parent run of this sweep. Raises `TrainingError` while another process trains it."""
        sweep_fingerprint = fingerprint(spec, HEART_SHA256)
        for run in runs:
            if run.tags.get(FINGERPRINT_TAG) == sweep_fingerprint and PARENT_TAG not in run.tags:
                if run.status == "RUNNING" and _is_alive(run.tags.get(WORKER_TAG, "")):
                    detail = f"Process {run.tags[WORKER_TAG]} is training {spec.experiment}."
                    raise TrainingError(
                        "The demo is already running", detail, "Wait for it to finish, or stop it first."
                    )
                return run
        return None

    def _sweep(
        self, worker: LocalProcess, spec: SweepSpec, missing: Sequence[Trial], parent: Run | None
    ) -> SweepResult:
        names = {trial.index: trial.name for trial in missing}

        def on_event(event: SweepEvent) -> None:
            match event:
                case SweepPreparing(note=note):
                    self._report(note)
                case TrialFinished(index=index):
                    self._done += 1
                    self._report(f"{spec.experiment}: {names[index]}")

        return worker.sweep(
            spec,
            on_event=on_event,
            control=SweepControl(self._cancel),
            resume_run_id=parent.run_id if parent else "",
            sweep_id=parent.tags.get(SWEEP_TAG, "") if parent else "",
        )

    def _report(self, note: str) -> None:
        self._on_progress(Progress(self._done, self._total, note))

    # ── the registry ─────────────────────────────────────────────────────────

    def _register(self, worker: LocalProcess, runs: Sequence[Run]) -> int:
        """Register the missing versions. Returns their number."""
        self._cancel.check(JOB)
        existing = _versions(self._uri)
        plans = self._plans(runs, existing)
        if plans:
            self._report(f"registering {MODEL}")
            plan = RegistrationPlan(MODEL, _MODEL_DESCRIPTION, plans, {POLICY_TAG: _POLICY})
            worker.execute({"register": plan.to_json()}, self._cancel)
        registered = sum(plan.version is None for plan in plans)
        existing_numbers = {version.version for version in existing}
        now = sorted(_versions(self._uri), key=lambda version: version.version)
        self._lines += [
            _version_line(version, runs, new=version.version not in existing_numbers) for version in now
        ]
        if not plans and not any(FINGERPRINT_TAG in version.tags for version in now):
            self._lines.append(f"{MODEL} was not created by the demo: nothing was registered")
        return registered

    def _plans(self, runs: Sequence[Run], existing: Sequence[ModelVersion]) -> tuple[VersionPlan, ...]:
        """Versions to create or complete. None are created next to versions from outside the demo, nor to
        replace a deleted one: a registry in use is left alone."""
        by_fingerprint = {version.tags.get(FINGERPRINT_TAG): version for version in existing}
        newest = max((version.version for version in existing), default=0)
        finished = self._finished(PUBLISHED, runs)
        plans = []
        for number, target in enumerate(_VERSIONS, start=1):
            trial = next(t for t in _trials(PUBLISHED) if dict(t.params) == dict(target.params))
            trial_fingerprint = _fingerprint(PUBLISHED, trial)
            version = by_fingerprint.get(trial_fingerprint)
            if version is not None and version.tags.get(STATE_TAG) == COMPLETE:
                continue
            if version is None and (None in by_fingerprint or newest >= number):
                continue
            if trial.index not in finished:
                raise TrainingError(f"Trial {trial.name} not found", f"Experiment {PUBLISHED.experiment}")
            plans.append(_plan(finished[trial.index], target, trial_fingerprint, version))
        return tuple(plans)


def _trials(spec: SweepSpec) -> tuple[Trial, ...]:
    return trials(spec, "classification")


def _fingerprint(spec: SweepSpec, trial: Trial) -> str:
    resolved = estimator(trial.estimator).resolved(trial.params)
    return fingerprint(spec, HEART_SHA256, trial, resolved=resolved)


def _plan(
    run: Run, target: _DemoVersion, trial_fingerprint: str, version: ModelVersion | None
) -> VersionPlan:
    params = ", ".join(f"{name} {value}" for name, value in target.params.items())
    metrics = {name: f"{run.metrics[name]:.4g}" for name in _KEY_METRICS}
    return VersionPlan(
        run_id=run.run_id,
        stage=target.stage,
        alias=target.alias,
        description=(
            f"KNN: {params}. Accuracy {run.metrics['accuracy']:.4f} on the test rows, with the published "
            f"recipe (the scaler was fitted on the test rows too); {target.note}."
        ),
        tags={FINGERPRINT_TAG: trial_fingerprint, "recipe": PUBLISHED.recipe, **metrics},
        version=version.version if version else None,
    )


def _version_line(version: ModelVersion, runs: Sequence[Run], *, new: bool) -> str:
    run = next((run for run in runs if run.run_id == version.run_id), None)
    facts = [f"run {run.run_name}, accuracy {run.metrics['accuracy']:.4f}"] if run else []
    facts += [version.stage, *(f"alias {alias}" for alias in version.aliases)]
    facts.append("registered now" if new else "already registered")
    return f"{version.name} version {version.version}: {', '.join(facts)}"


def _frame(uri: TrackingUri, experiment: str) -> RunFrame | None:
    """All runs of an experiment; None if the experiment or the store does not exist yet."""
    from engine.runs.loading.feed import RunFeed
    from engine.stores import open_store

    store = open_store(uri)
    try:
        for found in store.experiments():
            if found.name == experiment:
                return RunFeed(store, found.experiment_id).load()
    except StoreNotFound:
        return None
    finally:
        store.close()
    return None


def _runs(frame: RunFrame) -> tuple[Run, ...]:
    """The runs of a frame, newest first."""
    return tuple(frame.run(row) for row in range(len(frame)))


def _versions(uri: TrackingUri) -> tuple[ModelVersion, ...]:
    from engine.stores import open_store

    store = open_store(uri)
    try:
        return store.model_versions(MODEL)
    except NotFound:
        return ()
    finally:
        store.close()


def _is_alive(worker: str) -> bool:
    """Whether `host:pid` is a training process on this machine. One on another machine counts as dead,
    because it cannot be checked from here."""
    host, _, pid = worker.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
        command = Path(f"/proc/{pid}/cmdline")
        return not command.exists() or b"engine.training.worker" in command.read_bytes()
    except PermissionError:
        return True
    except OSError:
        return False
