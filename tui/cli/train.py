"""`mlflow-console train`."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import click

from engine.formats import duration, number
from engine.jobs import CancelToken
from engine.text import Shown, safe
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Output, write_json
from tui.cli.progress import Meter, StopSignals, stop_signals

if TYPE_CHECKING:
    from engine.api import Recipe, SweepEvent, SweepResult, SweepSpec

KEY = "accuracy"


@click.command()
@click.option(
    "-e",
    "--experiment",
    metavar="NAME",
    help="Where the runs go; made if need be.  [default: heart-disease-sweeps, or the data file's name]",
)
@click.option(
    "--data",
    type=click.Path(),
    metavar="CSV",
    help="A CSV file with a header.  [default: the embedded heart.csv]",
)
@click.option(
    "--target", default="target", show_default=True, metavar="COLUMN", help="The column to predict."
)
@click.option(
    "--grid",
    metavar="GRID",
    help='Values to combine, e.g. "n_neighbors=3,5 weights=uniform".  [default: 60 combinations]',
)
@click.option(
    "--recipe",
    type=click.Choice(["leak-free", "published"]),
    default="leak-free",
    show_default=True,
    help="Fit the scaler on the training part, or on all rows as the published work did.",
)
@click.option("--name", default="", metavar="NAME", help="Name of the sweep's parent run.")
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
    """Train k-nearest-neighbours classifiers: one run for each combination of the grid's values.

    The runs are children of one parent run. ctrl+c stops: finished runs are kept, unfinished ones
    are marked KILLED, and the exit status is 130. With a failed run the exit status is 1.

    \b
    Example:
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
    watch = Watch()
    result, stopped = _train(invocation, spec, watch)
    if as_json:
        write_json(_payload(spec, result, watch))
    else:
        _show(Output(), spec, result, watch)
    if stopped.number is not None:
        return stopped.exit_status
    return 0 if result.finished and not (result.failed or result.killed or result.cancelled) else 1


def _train(invocation: Invocation, spec: SweepSpec, watch: Watch) -> tuple[SweepResult, StopSignals]:
    token = CancelToken()
    meter = Meter(safe(spec.experiment))
    with invocation.engine() as engine, stop_signals(token) as stopped, meter:
        watch.meter = meter
        return engine.training.train(spec, on_event=watch.hear, cancel=token), stopped


@dataclass
class Watch:
    """Hears the events of a sweep: moves the meter and remembers the trials."""

    meter: Meter | None = None
    total: int = 0
    trials: list[dict[str, Any]] = field(default_factory=list)
    best: float | None = None

    def hear(self, event: SweepEvent) -> None:
        from engine.api import SweepPreparing, SweepStarted, TrialFailed, TrialFinished, TrialKilled

        if isinstance(event, SweepPreparing):
            self._move(safe(event.note))
        elif isinstance(event, SweepStarted):
            self.total = event.total
            self._move(Shown(""), line=False)
        elif isinstance(event, TrialFinished):
            self._keep(
                event.index, event.run_id, "FINISHED", dict(event.params), dict(event.metrics), event.seconds
            )
            score = event.metrics.get(KEY)
            if score is not None and (self.best is None or score > self.best):
                self.best = score
            self._move(safe(f"{KEY} {number(score)}  best {number(self.best)}"))
        elif isinstance(event, TrialFailed):
            self._keep(event.index, event.run_id, "FAILED", dict(event.params), message=event.message)
            self._move(safe(f"failed: {event.message}"))
        elif isinstance(event, TrialKilled):
            self._keep(event.index, event.run_id, "KILLED")
            self._move(Shown("killed"))

    def _keep(
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

    def _move(self, note: Shown, *, line: bool = True) -> None:
        if self.meter is not None:
            self.meter.update(len(self.trials), self.total or None, note, line=line)


def _show(output: Output, spec: SweepSpec, result: SweepResult, watch: Watch) -> None:
    counts = f"{result.finished} finished, {result.failed} failed, {result.killed} killed"
    total = f" of {watch.total}" if watch.total else ""
    took = duration(result.seconds)
    if result.cancelled:
        output.line(Cell(Shown("⊘ stopped  "), "yellow"), f"{counts}{total}; finished runs are kept")
    else:
        good = not result.failed
        output.line(
            Cell(Shown("✓ " if good else "✗ "), "green" if good else "red"), f"{counts}{total} in {took}"
        )
    best = next((trial for trial in watch.trials if trial["run_id"] == result.best_run_id), None)
    if best is not None:
        params = " ".join(f"{name}={value}" for name, value in best["params"].items())
        score = number(best["metrics"].get(KEY))
        output.line(Cell(Shown("best  "), "bold"), safe(f"{KEY} {score}  run {best['run_id']}"))
        output.line(safe(f"      {params}"))
    failed = next((trial for trial in watch.trials if trial["message"]), None)
    if failed is not None:
        output.line(Cell(Shown("first failure  "), "red"), safe(failed["message"]))
    output.line(Cell(safe(f"mlflow-console runs {shlex.quote(spec.experiment)} --sort {KEY}:desc"), "dim"))


def _payload(spec: SweepSpec, result: SweepResult, watch: Watch) -> dict[str, Any]:
    trials = sorted(watch.trials, key=lambda trial: int(trial["index"]))
    return {"experiment": spec.experiment, **asdict(result), "total": watch.total, "trials": trials}
