"""`mlflow-console train`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from engine.errors import EngineError, UsageError
from engine.formats import NumberFormat, count, counted, duration, listed, number
from engine.text import Shown, safe
from tui.cli.json_output import write_json
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Head, Output
from tui.cli.progress import Meter, StopSignals, spinner, stop_signals

if TYPE_CHECKING:
    from engine.api import (
        DataProfile,
        Engine,
        Execution,
        SweepControl,
        SweepEvent,
        SweepResult,
        SweepSpec,
        TrialFinished,
    )
    from tui.training.settings import Settings

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

OF_EXECUTION = ("workers", "executor", "scheduler", "scheduler_file", "record_in")
"""The options that say where a sweep runs, not what it trains."""


DATA_OPTIONS = (
    click.option(
        "-e",
        "--experiment",
        metavar="NAME",
        help="Log to this experiment; created if missing.  "
        "[default: heart-disease-sweeps, or the data file's name]",
    ),
    click.option(
        "--data",
        metavar="FILE",
        help="CSV or Parquet file, or run:RUN_ID for the dataset of a run.  [default: the bundled heart.csv]",
    ),
    click.option("--target", metavar="COLUMN", help="Column to predict.  [default: target]"),
    click.option(
        "--task",
        type=click.Choice(["classification", "regression"]),
        help="[default: as the target's values suggest]",
    ),
    click.option("--use", multiple=True, metavar="COLUMN", help="Use only these columns; repeatable."),
    click.option("--leave-out", multiple=True, metavar="COLUMN", help="Leave out a column; repeatable."),
    click.option(
        "--type",
        "types",
        multiple=True,
        metavar="COLUMN=TYPE",
        help="number, category or date; repeatable.  [default: as the values suggest]",
    ),
    click.option("--positive", metavar="LABEL", help="The positive one of two classes."),
    click.option(
        "--split",
        metavar="METHOD",
        help="random, stratified, time:COLUMN or group:COLUMN.  [default: random]",
    ),
    click.option("--test", type=float, metavar="SHARE", help="Share of test rows.  [default: 0.2]"),
    click.option("--folds", type=int, metavar="N", help="Folds of cross-validation.  [default: 5]"),
    click.option("--seed", type=int, metavar="N", help="Seed of the split and the search.  [default: 42]"),
)


SEARCH_OPTIONS = (
    click.option(
        "--estimator",
        "estimators",
        multiple=True,
        metavar="NAME",
        help="Estimator, or the full name of any in scikit-learn; repeatable.  [default: knn]",
    ),
    click.option(
        "--grid",
        metavar="GRID",
        help='Values to try, e.g. "n_neighbors=3,5 weights=uniform"; with several estimators '
        '"knn.n_neighbors=3,5 ridge.alpha=1,10". A range is C=0.01..100:log.  '
        "[default: usual values]",
    ),
    click.option(
        "--search",
        type=click.Choice(["grid", "random", "halving", "optuna"]),
        help="How combinations are chosen.  [default: grid, which tries all]",
    ),
    click.option("--sampler", metavar="NAME", help="Sampler of Optuna.  [default: tpe]"),
    click.option("--trials", type=int, metavar="N", help="Number of trials."),
    click.option(
        "-m",
        "--metric",
        metavar="METRIC",
        help="Rank trials by its cross-validated mean.  [default: accuracy, or r2_score]",
    ),
    click.option(
        "--curves",
        metavar="CURVES",
        help="Also log curves: learning, validation, or both with a comma.",
    ),
    click.option("--no-baseline", is_flag=True, help="Train no dummy for comparison."),
    click.option(
        "--recipe",
        type=click.Choice(["leak-free", "published"]),
        help="Prepare columns on training rows only, or as in the published study.  [default: leak-free]",
    ),
    click.option("--trial-timeout", metavar="TIME", help="End a trial that takes longer, e.g. 60s."),
    click.option("--time-limit", metavar="TIME", help="End the sweep after this time, e.g. 1h."),
    click.option(
        "--no-improvement",
        type=int,
        metavar="K",
        help="End the sweep after K trials that did not improve on the best beyond noise.",
    ),
    click.option("--name", "run_name", metavar="NAME", help="Name of the parent run."),
)


EXECUTION_OPTIONS = (
    click.option(
        "--workers",
        type=click.IntRange(1, 1024),
        metavar="N",
        help="Processes.  [default: one per CPU]",
    ),
    click.option(
        "--executor",
        type=click.Choice(["pool", "dask"]),
        default="pool",
        show_default=True,
        help="Train on this machine, or on a Dask cluster.",
    ),
    click.option("--scheduler", default="", metavar="ADDRESS", help="Dask scheduler, tcp://HOST:PORT."),
    click.option(
        "--scheduler-file", default="", metavar="FILE", help="File that a Dask scheduler has written."
    ),
    click.option(
        "--record-in",
        type=click.Choice(["client", "workers"]),
        default="client",
        show_default=True,
        help="Who logs the trials of a Dask cluster: this machine, or its workers.",
    ),
)


def _all_options(command: Decorated) -> Decorated:
    for option in reversed((*DATA_OPTIONS, *SEARCH_OPTIONS, *EXECUTION_OPTIONS)):
        command = option(command)
    return command


@click.command()
@click.argument("file", required=False, metavar="[SWEEP.yaml]")
@_all_options
@click.option("--resume", metavar="SWEEP", help="Train the missing trials of the sweep with this run id.")
@click.option("--check", is_flag=True, help="Show the columns and the number of trials, and train nothing.")
@click.option(
    "--write-file",
    metavar="SWEEP.yaml",
    help="Write the sweep to a file that train reads, and train nothing.",
)
@json_option
@pass_invocation
def train(invocation: Invocation, /, file: str | None, as_json: bool, **options: Any) -> int:
    """Train a sweep: one run per combination of parameters, with cross-validation.

    A sweep is described by options, by a YAML file, or by both: options override the file. Trials are
    child runs of one parent run; a dummy baseline is one of them. ctrl+c stops the sweep: finished runs
    are kept, unfinished runs are marked KILLED, and the exit status is 130; --resume trains the rest.
    The exit status is 1 if any run fails.

    \b
    Estimators: knn, logistic_regression, random_forest, hist_gradient_boosting, svc, svr,
      decision_tree, naive_bayes, ridge, lasso, elastic_net, or a full name such as
      sklearn.neural_network.MLPClassifier

    \b
    Examples:
      mlflow-console train
      mlflow-console train --data wine.csv --target class --check
      mlflow-console train --data wine.csv --target class --estimator knn --estimator random_forest
      mlflow-console train sweep.yaml --trials 50 --workers 4
      mlflow-console train --resume 3f2a91c0
    """
    execution = _execution(options)
    resume, check, write_to = options.pop("resume"), options.pop("check"), options.pop("write_file")
    settings = _settings(options)
    if resume is not None:
        if file or settings or check or write_to:
            raise UsageError(
                "--resume continues a sweep as it was", hint="Leave out the file and its settings."
            )
        invocation.check_writable("Training")
        return _run(invocation, partial(_resume, resume, execution), as_json)
    spec = sweep_of(file, settings)
    if write_to is not None:
        _write_file(spec, Path(write_to), as_json)
    if check:
        _check(invocation, spec, as_json)
    if check or write_to is not None:
        return 0
    invocation.check_writable("Training")
    return _run(invocation, partial(_train, spec, execution), as_json)


# ── what is trained ──────────────────────────────────────────────────────────


def _settings(options: Mapping[str, Any]) -> Settings:
    """The settings that were given as options."""
    given = {name: value for name, value in options.items() if value is not None and value not in ((), False)}
    if given.pop("no_baseline", False):
        given["baseline"] = False
    if "curves" in given:
        given["curves"] = [name.strip() for name in given["curves"].split(",") if name.strip()]
    return cast("Settings", given)


def sweep_of(file: str | None, settings: Settings) -> SweepSpec:
    """The sweep of a file, or the default one, with `settings` in place of its own. Raises `UsageError`, and
    `GridError` for what no data could make right."""
    from engine.api import read_sweep_file
    from tui.training.field_errors import known_trials
    from tui.training.settings import new_sweep, with_settings

    spec = new_sweep(settings.get("data", "")) if file is None else read_sweep_file(Path(file))
    spec = with_settings(spec, settings)
    if not spec.experiment:
        raise UsageError("The sweep needs an experiment", hint="Name it with --experiment.")
    known_trials(spec, None)
    return spec


def _execution(options: dict[str, Any]) -> Execution:
    """Where the sweep runs; takes these options out of `options`. Raises `UsageError`."""
    from engine.api import Execution

    workers, executor, scheduler, scheduler_file, recorder = (options.pop(name) for name in OF_EXECUTION)
    if executor == "dask" and bool(scheduler) == bool(scheduler_file):
        raise UsageError(
            "--executor dask needs one of --scheduler and --scheduler-file",
            hint="Example: --executor dask --scheduler tcp://127.0.0.1:8786",
        )
    if executor == "pool" and (scheduler or scheduler_file):
        raise UsageError("A scheduler is for --executor dask", hint="Add --executor dask.")
    return Execution(executor, workers, scheduler, scheduler_file, recorder)


def _write_file(spec: SweepSpec, path: Path, as_json: bool) -> None:
    from engine.api import sweep_text
    from engine.files import replacing

    try:
        with replacing(path) as file:
            file.write(sweep_text(spec).encode())
    except OSError as error:
        raise UsageError(f"Cannot write {path}", str(error.strerror or error)) from error
    if not as_json:
        Output().line(safe(f"Wrote {path}. Train it: mlflow-console train {shlex.quote(str(path))}"))


# ── the preview ──────────────────────────────────────────────────────────────


def _check(invocation: Invocation, spec: SweepSpec, as_json: bool) -> None:
    with invocation.engine() as engine, spinner("Reading the data"):
        trials, profile = engine.training.check(spec)
    if as_json:
        write_json({"experiment": spec.experiment, "trials": trials, "profile": profile.to_json()})
    else:
        _show_check(Output(), spec, trials, profile)


def _show_check(output: Output, spec: SweepSpec, trials: int, profile: DataProfile) -> None:
    from tui.training.columns import profile_lines, profile_table
    from tui.training.settings import data_name

    output.line(Cell(safe(data_name(spec.data)), "bold"), Shown("  "), profile_lines(profile)[0])
    heads, rows = profile_table(profile)
    output.table([Head(label, right=right, min_width=12) for label, right in heads], rows)
    for line in profile_lines(profile)[1:]:
        output.text(line, "yellow")
    models = listed([model.estimator for model in spec.models])
    output.line(
        Cell(counted(trials, "trial"), "bold"), f" of {models}, into experiment {safe(spec.experiment)}"
    )


# ── training ─────────────────────────────────────────────────────────────────


Work = Callable[["Engine", Callable[["SweepEvent"], None], "SweepControl"], "SweepResult"]


def _train(
    spec: SweepSpec,
    execution: Execution,
    engine: Engine,
    on_event: Callable[[SweepEvent], None],
    control: SweepControl,
) -> SweepResult:
    _report_interrupted(engine)
    return engine.training.train(spec, on_event=on_event, control=control, execution=execution)


def _resume(
    run_id: str,
    execution: Execution,
    engine: Engine,
    on_event: Callable[[SweepEvent], None],
    control: SweepControl,
) -> SweepResult:
    return engine.training.resume(run_id, on_event=on_event, control=control, execution=execution)


def _run(invocation: Invocation, work: Work, as_json: bool) -> int:
    from engine.api import SweepControl

    control = SweepControl()
    progress = SweepProgress()
    with invocation.engine() as engine:
        with stop_signals(control.cancel) as stopped, Meter(Shown("sweep")) as meter:
            progress.meter = meter
            result = work(engine, progress.handle, control)
        experiment = _experiment_name(engine, result.experiment_id)
    if as_json:
        write_json(_payload(experiment, result, progress))
    else:
        _show(Output(), experiment, result, progress)
    return _exit_status(result, stopped)


def _exit_status(result: SweepResult, stopped: StopSignals) -> int:
    if stopped.number is not None:
        return stopped.exit_status
    return 0 if result.finished and not (result.failed or result.killed or result.cancelled) else 1


def _experiment_name(engine: Engine, experiment_id: str) -> str:
    """The name of an experiment; its id if it cannot be read now."""
    with suppress(EngineError):
        return engine.runs.experiment(experiment_id).name
    return experiment_id


def _report_interrupted(engine: Engine) -> None:
    """Report the runs that an earlier sweep left RUNNING."""
    with suppress(EngineError):  # a new store; whatever else is wrong, the sweep reports
        for sweep in engine.training.abandoned():
            output = Output(err=True)
            output.text(safe(f"An interrupted sweep: {sweep.entry.target}: {sweep.summary}."), "yellow")
            parent = next((run.run_id for run in sweep.runs if not run.parent_run_id), "")
            resume = f"`mlflow-console train --resume {parent[:8]}` trains the rest; " if parent else ""
            output.text(safe(f"{resume}`mlflow-console journal --mark-killed` marks its runs as KILLED."))


@dataclass
class SweepProgress:
    """Collects the trials of a sweep from its events, and moves the meter."""

    meter: Meter | None = None
    trials: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        from tui.training.leaderboard import Leaderboard

        self.board = Leaderboard()

    def handle(self, event: SweepEvent) -> None:
        from engine.api import (
            SweepNote,
            SweepPreparing,
            SweepStarted,
            TrialFailed,
            TrialFinished,
            TrialKilled,
        )

        self.board.add(event)
        if isinstance(event, TrialFinished) and event.earlier:
            return
        if isinstance(event, SweepPreparing):
            self._update_meter(safe(event.note))
        elif isinstance(event, SweepNote):
            self.notes.append(event.text)
            if self.meter is not None:
                self.meter.report(event.text)
        elif isinstance(event, SweepStarted):
            resumed = f"{count(event.finished)} trials finished earlier" if event.finished else ""
            self._update_meter(Shown(resumed), line=bool(resumed))
        elif isinstance(event, TrialFinished):
            self._add_trial(
                event, "FINISHED", metrics=dict(event.metrics), score=event.score, seconds=event.seconds
            )
            self._update_meter(self._note(event))
        elif isinstance(event, TrialFailed):
            self._add_trial(event, "FAILED", message=event.message)
            self._update_meter(safe(f"{event.name} failed: {event.message}"))
        elif isinstance(event, TrialKilled):
            self.trials.append(_trial(event.index, event.run_id, "KILLED"))
            self._update_meter(Shown("killed"))

    def _note(self, trial: TrialFinished) -> Shown:
        best, rate = self.board.best, self.board.throughput.rate
        parts = [f"{self.board.metric} {number(trial.score)}"]
        parts += [f"best {number(best.score)}"] if best is not None else []
        parts += [f"{rate:.1f}/s"] if rate else []
        return safe("  ".join(parts))

    def _add_trial(self, event: Any, status: str, **more: Any) -> None:
        found = _trial(event.index, event.run_id, status)
        self.trials.append(
            {**found, "name": event.name, "estimator": event.estimator, "params": dict(event.params), **more}
        )

    def _update_meter(self, note: Shown, *, line: bool = True) -> None:
        if self.meter is not None:
            self.meter.update(self.board.done, self.board.total or None, note, line=line)


def _trial(index: int, run_id: str, status: str) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "name": "",
        "estimator": "",
        "params": {},
        "metrics": {},
        "score": None,
        "seconds": None,
        "message": "",
    }
    return {"index": index, "run_id": run_id, "status": status, **empty}


# ── the result ───────────────────────────────────────────────────────────────


def _show(output: Output, experiment: str, result: SweepResult, progress: SweepProgress) -> None:
    board = progress.board
    took = duration(result.seconds)
    if not result.parent_run_id:
        output.line(Cell(Shown("⊘ stopped  "), "yellow"), "nothing was written")
        return
    if result.cancelled:
        output.line(Cell(Shown("⊘ stopped  "), "yellow"), f"{safe(result.summary)}; finished runs are kept")
    else:
        succeeded = not result.failed
        output.line(
            Cell(Shown("✓ " if succeeded else "✗ "), "green" if succeeded else "red"),
            f"{safe(result.summary)} in {took}",
        )
    if board.resumed:
        output.line(
            f"      {counted(board.resumed, 'trial')} of them finished before the sweep was interrupted"
        )
    if board.best is not None:
        _show_best(output, board.best, progress)
    failed = next((trial for trial in progress.trials if trial["message"]), None)
    if failed is not None:
        output.line(Cell(Shown("first failure  "), "red"), safe(failed["message"]))
    for command in _next_commands(experiment, result):
        output.line(Cell(safe(command), "dim"))


def _show_best(output: Output, best: TrialFinished, progress: SweepProgress) -> None:
    from tui.training.leaderboard import fold_spread

    board = progress.board
    spread = fold_spread(best, board.metric)
    score = f"{board.metric} {number(best.score)}" + (f" ± {spread:.3f}" if spread is not None else "")
    output.line(Cell(Shown("best  "), "bold"), safe(f"{score}  {best.name}  run {best.run_id}"))
    params = " ".join(f"{name}={value}" for name, value in best.params.items())
    output.line(safe(f"      {params}"))
    test = best.metrics.get(board.metric)
    if test is not None:
        output.line(safe(f"      {NumberFormat()(test)} on the test rows"))
    if board.baseline is not None:
        output.line(Cell(Shown("baseline  "), "bold"), safe(f"{board.metric} {number(board.baseline.score)}"))


def _next_commands(experiment: str, result: SweepResult) -> list[str]:
    left = result.total - result.finished - result.failed
    resume = [f"mlflow-console train --resume {result.parent_run_id[:8]}"] if left > 0 else []
    return [*resume, f"mlflow-console best {shlex.quote(experiment)}"]


def _payload(experiment: str, result: SweepResult, progress: SweepProgress) -> dict[str, Any]:
    trials = sorted(progress.trials, key=lambda trial: int(trial["index"]))
    baseline = progress.board.baseline
    return {
        "experiment": experiment,
        **asdict(result),
        "metric": progress.board.metric,
        "resumed": progress.board.resumed,
        "baseline_run_id": None if baseline is None else baseline.run_id,
        "notes": progress.notes,
        "trials": trials,
    }
