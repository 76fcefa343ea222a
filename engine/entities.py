"""MLflow's entities as frozen records.

Strings are raw, because API calls and exports need them unchanged; pass them through `engine.text.safe()`
before showing them. Times are milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]
VersionStatus = Literal["READY", "PENDING_REGISTRATION", "FAILED_REGISTRATION"]
Lifecycle = Literal["active", "deleted"]
Stage = Literal["None", "Staging", "Production", "Archived"]

NOTE_TAG = "mlflow.note.content"
"""The tag in which MLflow keeps the descriptions of runs and experiments."""
SPLIT_TAG = "console.split"
"""Runs with the same value of this tag were tested on the same rows and cross-validated on the same folds."""
POLICY_TAG = "mlflow_console.policy"
"""The tag of a registered model with what must hold before one of its versions is promoted."""

STAGES: tuple[Stage, ...] = ("None", "Staging", "Production", "Archived")


@dataclass(frozen=True, slots=True)
class Experiment:
    """`run_count` and `last_run_time` (start of the newest run) are None if reading them is expensive: the
    REST API has no such call."""

    experiment_id: str
    name: str
    artifact_location: str = ""
    lifecycle_stage: Lifecycle = "active"
    creation_time: int | None = None
    last_update_time: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    run_count: int | None = None
    last_run_time: int | None = None


@dataclass(frozen=True, slots=True)
class DatasetRef:
    """A dataset that a run read, with the fields that filters can name."""

    name: str
    digest: str
    context: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One run with the last value of each metric. NaN and ±inf are floats."""

    run_id: str
    run_name: str
    experiment_id: str
    status: Status
    start_time: int | None
    end_time: int | None
    user_id: str = ""
    lifecycle_stage: Lifecycle = "active"
    artifact_uri: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[DatasetRef, ...] = ()

    @property
    def duration(self) -> float | None:
        """Seconds from start to end; None while the run is unfinished."""
        if self.start_time is None or self.end_time is None:
            return None
        return (self.end_time - self.start_time) / 1000

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended, in whatever way."""
        return self.status in ("FINISHED", "FAILED", "KILLED")

    @property
    def parent_run_id(self) -> str | None:
        return self.tags.get("mlflow.parentRunId")


@dataclass(frozen=True, slots=True)
class MetricPoint:
    step: int
    timestamp: int
    value: float


@dataclass(frozen=True, slots=True)
class MetricHistory:
    """The points of one metric of one run, by step, then time; possibly down-sampled.

    `steps` and `times` (milliseconds since the epoch) are 64-bit integers, `values` doubles with NaN and
    ±inf. `count` is the number of points logged, in the range of steps that was asked for; None if the store
    does not report it. `nans` is how many of them are NaN; of the points at hand if `count` is None.
    """

    run_id: str
    key: str
    steps: array[int]
    times: array[int]
    values: array[float]
    count: int | None
    nans: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether no point was left out."""
        return self.count == len(self.values)


@dataclass(frozen=True, slots=True)
class MetricExtremes:
    """The lowest and the highest finite value in the history of one metric of one run. `is_sampled`: a server
    chose the points, so that a short peak may be missing."""

    run_id: str
    key: str
    low: float
    high: float
    is_sampled: bool = False


@dataclass(frozen=True, slots=True)
class DatasetInput:
    name: str
    digest: str
    context: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model that a run logged: `models:/<model_id>`. `run_id` is that run's, empty if none is recorded."""

    model_id: str
    name: str
    status: str = ""
    artifact_location: str = ""
    run_id: str = ""
    experiment_id: str = ""


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run with its datasets and its logged models."""

    run: Run
    datasets: tuple[DatasetInput, ...] = ()
    models: tuple[LoggedModel, ...] = ()


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file or folder of a run; `path` is relative to the run's artifact root, `size` in bytes. `leads_out`
    marks a link to a place outside the root, which is not opened."""

    path: str
    is_dir: bool
    size: int | None = None
    leads_out: bool = False


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """`aliases` maps each alias to its version number. `version_count` is None if the store does not report
    it."""

    name: str
    description: str = ""
    creation_time: int | None = None
    last_updated_time: int | None = None
    aliases: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    version_count: int | None = None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    name: str
    version: int
    stage: Stage = "None"
    description: str = ""
    run_id: str = ""
    source: str = ""
    status: str = "READY"
    user_id: str = ""
    creation_time: int | None = None
    last_updated_time: int | None = None
    aliases: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
