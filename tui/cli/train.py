"""`mlflow-console train`."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import click

from engine.errors import EngineError
from engine.formats import duration, number
from engine.jobs import CancelToken
from engine.text import Shown, safe
from tui.cli.json_output import write_json
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Output
from tui.cli.progress import Meter, StopSignals, stop_signals

if TYPE_CHECKING:
    from engine.api import Engine, Recipe, SweepEvent, SweepResult, SweepSpec

METRIC = "accuracy"


@click.command()
@click.option(
    "-e",
    "--experiment",
    metavar="NAME",
    help="Log to this experiment; created if missing.  "
    "[default: heart-disease-sweeps, or the CSV file's name]",
)
@click.option(
    "--data",
    type=click.Path(),
    metavar="CSV",
    help="CSV file with a header.  [default: the bundled heart.csv]",
)
@click.option("--target", default="target", show_default=True, metavar="COLUMN", help="Column to predict.")
@click.option(
    "--grid",
    metavar="GRID",
    help='Parameter grid, e.g. "n_neighbors=3,5 weights=uniform".  [default: 60 combinations]',
)
@click.option(
    "--recipe",
    type=click.Choice(["leak-free", "published"]),
    default="leak-free",
    show_default=True,
    help="Fit the scaler on the training set only, or on all rows as in the published study.",
)
@click.option("--name", default="", metavar="NAME", help="Name of the parent run.")
@json_option
@pass_invocation
def train(
    invocation: Invocation,
    experiment: str | None,
    data: str | None,
    target: str,
    grid: str | None,
    recipe: Recipe,
    name: str,
    as_json: bool,
) -> int:
    """Train k-nearest-neighbours classifiers, one run per combination of the grid.

    Trials are child runs of one parent run. ctrl+c stops the sweep: finished runs are kept,
    unfinished runs are marked KILLED, and the exit status is 130. The exit status is 1 if any run
    fails.

    \b
    Examples:
      mlflow-console train
      mlflow-console train --data churn.csv --target churned --grid "n_neighbors=3,5,7 weights=uniform"
    """
    from engine.api import DEFAULT_GRID, DatasetSpec, SweepSpec, experiment_for, parse_grid

    invocation.check_writable("Training")
    dataset = DatasetSpec(data, target)
    spec = SweepSpec(
        experiment=experiment or experiment_for(data),
        dataset=dataset,
        grid=parse_grid(grid) if grid is not None else DEFAULT_GRID,
        recipe=recipe,
        run_name=name,
    )
    progress = SweepProgress()
    result, stopped = _train(invocation, spec, progress)
    if as_json:
        write_json(_payload(spec, result, progress))
    else:
        _show(Output(), spec, result, progress)
    if stopped.number is not None:
        return stopped.exit_status
    return 0 if result.finished and not (result.failed or result.killed or result.cancelled) else 1


def _train(
    invocation: Invocation, spec: SweepSpec, progress: SweepProgress
) -> tuple[SweepResult, StopSignals]:
    token = CancelToken()
    meter = Meter(safe(spec.experiment))
    with invocation.engine() as engine, stop_signals(token) as stopped, meter:
        _warn_of_abandoned(engine)
        progress.meter = meter
        return engine.training.train(spec, on_event=progress.handle, cancel=token), stopped


def _warn_of_abandoned(engine: Engine) -> None:
    """Report the runs that an earlier sweep left RUNNING."""
    with suppress(EngineError):  # a new store; whatever else is wrong, the sweep reports
        for sweep in engine.training.abandoned():
            output = Output(err=True)
            output.text(safe(f"An interrupted sweep: {sweep.entry.target}: {sweep.summary}."), "yellow")
            output.text("Run `mlflow-console journal --mark-killed` to mark its runs as KILLED.")


@dataclass
class SweepProgress:
    """Collects the trials of a sweep from its events, and moves the meter."""

    meter: Meter | None = None
    total: int = 0
    trials: list[dict[str, Any]] = field(default_factory=list)
    best: float | None = None

    def handle(self, event: SweepEvent) -> None:
        from engine.api import SweepPreparing, SweepStarted, TrialFailed, TrialFinished, TrialKilled

        if isinstance(event, SweepPreparing):
            self._update_meter(safe(event.note))
        elif isinstance(event, SweepStarted):
            self.total = event.total
            self._update_meter(Shown(""), line=False)
        elif isinstance(event, TrialFinished):
            self._add_trial(
                event.index, event.run_id, "FINISHED", dict(event.params), dict(event.metrics), event.seconds
            )
            score = event.metrics.get(METRIC)
            if score is not None and (self.best is None or score > self.best):
                self.best = score
            self._update_meter(safe(f"{METRIC} {number(score)}  best {number(self.best)}"))
        elif isinstance(event, TrialFailed):
            self._add_trial(event.index, event.run_id, "FAILED", dict(event.params), message=event.message)
            self._update_meter(safe(f"failed: {event.message}"))
        elif isinstance(event, TrialKilled):
            self._add_trial(event.index, event.run_id, "KILLED")
            self._update_meter(Shown("killed"))

    def _add_trial(
        self,
        index: int,
        run_id: str,
        status: str,
        params: dict[str, Any] | None = None,
        metrics: dict[str, float] | None = None,
        seconds: float | None = None,
        message: str = "",
    ) -> None:
        trial = {"index": index, "run_id": run_id, "status": status, "params": params or {}}
        self.trials.append({**trial, "metrics": metrics or {}, "seconds": seconds, "message": message})

    def _update_meter(self, note: Shown, *, line: bool = True) -> None:
        if self.meter is not None:
            self.meter.update(len(self.trials), self.total or None, note, line=line)


def _show(output: Output, spec: SweepSpec, result: SweepResult, progress: SweepProgress) -> None:
    took = duration(result.seconds)
    if result.cancelled:
        output.line(Cell(Shown("⊘ stopped  "), "yellow"), f"{result.summary}; finished runs are kept")
    else:
        succeeded = not result.failed
        output.line(
            Cell(Shown("✓ " if succeeded else "✗ "), "green" if succeeded else "red"),
            f"{result.summary} in {took}",
        )
    best = next((trial for trial in progress.trials if trial["run_id"] == result.best_run_id), None)
    if best is not None:
        params = " ".join(f"{name}={value}" for name, value in best["params"].items())
        score = number(best["metrics"].get(METRIC))
        output.line(Cell(Shown("best  "), "bold"), safe(f"{METRIC} {score}  run {best['run_id']}"))
        output.line(safe(f"      {params}"))
    failed = next((trial for trial in progress.trials if trial["message"]), None)
    if failed is not None:
        output.line(Cell(Shown("first failure  "), "red"), safe(failed["message"]))
    output.line(Cell(safe(f"mlflow-console runs {shlex.quote(spec.experiment)} --sort {METRIC}:desc"), "dim"))


def _payload(spec: SweepSpec, result: SweepResult, progress: SweepProgress) -> dict[str, Any]:
    trials = sorted(progress.trials, key=lambda trial: int(trial["index"]))
    return {"experiment": spec.experiment, **asdict(result), "trials": trials}
