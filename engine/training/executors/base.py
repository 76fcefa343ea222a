"""Where trials are trained: what the coordinator needs of a pool of processes or a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from engine.training.evaluation.evaluate import Evaluation
    from engine.training.spec import Trial


ExecutorName = Literal["pool", "dask"]
EXECUTORS: tuple[ExecutorName, ...] = ("pool", "dask")


@dataclass(frozen=True, slots=True)
class Execution:
    """Where a sweep runs, which does not change what it trains.

    `workers` is the number of processes of a pool, None for one per processor. A Dask cluster is reached at
    `scheduler`, such as `tcp://host:8786`, or as `scheduler_file` says; its trials are recorded by the
    `recorder` "workers", or by the "client", this machine, where they cannot reach the tracking server.
    """

    executor: ExecutorName = "pool"
    workers: int | None = None
    scheduler: str = ""
    scheduler_file: str = ""
    recorder: Literal["client", "workers"] = "client"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Execution:
        return cls(**fields)


HERE = Execution()
"""A pool of as many processes as there are processors."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a submitted trial.

    Either its `evaluation`; or `error`, the traceback of what it raised; or `lost`, why its process is gone,
    in which case the trial may be submitted again. `run_id` is the run where whoever trained the trial has
    recorded it already, empty where the coordinator records it; then the evaluation may lack its model.
    `seconds` since it was submitted.
    """

    trial: Trial
    evaluation: Evaluation | None = None
    error: str = ""
    lost: str = ""
    run_id: str = ""
    seconds: float = 0.0


class Executor(Protocol):
    """Trains trials elsewhere. Used by one thread."""

    @property
    def attempts(self) -> int:
        """How often a trial is submitted whose process is lost."""

    @property
    def records(self) -> bool:
        """Whether whoever trains a trial records it too, if it is not lost."""

    @property
    def workers(self) -> int:
        """How many trials can be trained at once, now."""

    @property
    def free(self) -> int:
        """How many more trials may be submitted now."""

    def submit(self, trial: Trial) -> None:
        """Begin a trial. Raises `TrainingError` if no process can start."""

    def wait(self, timeout: float) -> Sequence[Outcome]:
        """The outcomes that are new, after `timeout` seconds at most. Raises `EngineError` if there will be
        no more."""

    def end(self, trial: Trial, reason: str) -> None:
        """Kill the process that trains a trial. Its outcome follows, `lost` for this reason."""

    def close(self) -> None:
        """End all trials, in whatever they are doing. Safe to call again."""
