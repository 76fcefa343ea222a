"""`mlflow-console report`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.errors import NotFound, UsageError
from engine.formats import counted, size
from engine.jobs import CancelToken, Progress
from engine.text import Shown, safe
from tui.cli.json_output import write_json
from tui.cli.options import (
    Invocation,
    chosen_direction,
    filter_option,
    json_option,
    metric_options,
    pass_invocation,
    where_option,
)
from tui.cli.output import Cell, Output, confirm
from tui.cli.progress import Meter, load_frame, spinner, stop_signals
from tui.cli.selection import filter_of, hint_for, usual_metric

if TYPE_CHECKING:
    from engine.api import Direction, Engine, Report

NEW = "new"
DOCUMENTS = ("report.md", "report.html")


@click.command()
@click.argument("experiment", required=False)
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the report into this folder, which is created if missing.",
)
@metric_options("Rank runs by")
@where_option
@filter_option
@click.option(
    "--log-to",
    metavar="RUN|new",
    help="Also keep the report as an artifact of this run, or of a new run in an experiment of its own.",
)
@click.option(
    "--model",
    "version",
    nargs=2,
    type=(str, click.IntRange(min=1)),
    metavar="NAME VERSION",
    help="Write the model card of a registered version (model-card.md) instead.",
)
@click.option("--force", is_flag=True, help="Replace existing files without asking.")
@json_option
@pass_invocation
def report(
    invocation: Invocation,
    experiment: str | None,
    folder: Path | None,
    metric: str | None,
    higher: bool,
    lower: bool,
    where: str,
    filter_text: str,
    log_to: str | None,
    version: tuple[str, int] | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write a report on EXPERIMENT (name or id): what a colleague needs to know about its runs.

    A Markdown document, a self-contained HTML file, and the charts as PNG and SVG: the best run with its
    metrics per class, which parameters matter, precision against recall, the registered versions, next
    steps, and all runs. Numbers come with their n and 95 % interval. Only comparable finished runs count,
    as for `best`; of these, only runs that meet --where are ranked. Two reports from the same store differ
    only in the time at their end. --model writes the model card of a version in the format of skops,
    without loading the model.

    \b
    Examples:
      mlflow-console report heart-disease -o report
      mlflow-console report heart-disease --metric cv_mean --filter "n_neighbors > 3" -o report
      mlflow-console report heart-disease --where "class_1_recall >= 0.9" -o report
      mlflow-console report heart-disease --log-to new
      mlflow-console report --model heart_disease_classifier 2 -o card
    """
    direction = chosen_direction(higher, lower)
    output = Output(err=as_json)
    if version is not None:
        if experiment is not None or folder is None or log_to is not None:
            hint = "Use `mlflow-console report --model NAME VERSION -o DIR`."
            raise UsageError("A model card needs a model, a version and a folder", "", hint)
        _card(invocation, output, *version, folder, force=force, as_json=as_json)
        return
    if experiment is None:
        raise UsageError("`report` needs an experiment", "", "Or use --model NAME VERSION for a model card.")
    if folder is None and log_to is None:
        raise UsageError("`report` needs a place for the report", "", "Add -o DIR, or --log-to new.")
    if log_to is not None:
        invocation.check_writable("Logging a report")
    token = CancelToken()
    with invocation.engine() as engine, stop_signals(token):
        force = _checked(engine, output, folder, log_to, force=force)
        made = _made(engine, experiment, metric, direction, where, filter_text, token)
        written = write_files(engine, output, made.files, folder, force=force) if folder is not None else ()
        run_id = engine.reports.log(made, None if log_to == NEW else log_to) if log_to is not None else None
    if as_json:
        write_json(
            {
                "experiment": made.experiment.name,
                "metric": made.metric,
                "best_run_id": made.best_run,
                "considered": made.considered,
                "files": [str(path) for path in written],
                "logged_to": run_id,
            }
        )
        return
    output.line(Cell(safe(made.title), "bold"))
    if folder is not None:
        output.line(safe(f"{counted(len(written), 'file')}, {size(made.size)} written to {folder}"))
        output.line(safe(f"Open {folder / 'report.html'}, or send it: it needs no other file."))
    if run_id is not None:
        output.line(safe(f"Logged to run {run_id}; `mlflow-console artifacts {run_id}` lists it."))


def _checked(engine: Engine, output: Output, folder: Path | None, log_to: str | None, *, force: bool) -> bool:
    """Check the places of a report before it is made; whether existing files may be replaced."""
    if log_to is not None and log_to != NEW:
        engine.runs.detail(log_to)
    return force or (folder is not None and _may_replace(engine, output, DOCUMENTS, folder))


def _made(
    engine: Engine,
    experiment: str,
    metric: str | None,
    direction: Direction | None,
    where: str,
    filter_text: str,
    token: CancelToken,
) -> Report:
    """The report on the runs of an experiment that match a filter."""
    found = engine.runs.experiment(experiment)
    frame = load_frame(engine, found)
    rows = filter_of(filter_text, frame).rows(frame) if filter_text.strip() else None
    if rows is not None and not len(rows):
        raise NotFound("No matching runs", filter_text, hint_for(filter_text, frame))
    query = f"runs that match {filter_text.strip()}" if rows is not None else "all runs of the experiment"
    with Meter(Shown("Making the report")) as meter:

        def show(progress: Progress) -> None:
            meter.update(progress.done, progress.total, safe(progress.note), line=False)

        constraint = filter_of(where, frame) if where.strip() else None
        make = partial(engine.reports.make, query=query, where=constraint, on_progress=show, cancel=token)
        return make(found, frame, metric or usual_metric(frame), direction, rows)


def _card(
    invocation: Invocation,
    output: Output,
    model: str,
    version: int,
    folder: Path,
    *,
    force: bool,
    as_json: bool,
) -> None:
    with invocation.engine() as engine:
        with spinner("Making the model card"):
            card = engine.reports.model_card(model, version)
        written = write_files(engine, output, card, folder, force=force)
    if as_json:
        write_json({"model": model, "version": version, "files": [str(path) for path in written]})
    else:
        output.line(safe(f"Model card of {model} version {version} written to {written[0]}"))


def write_files(
    engine: Engine, output: Output, files: Mapping[str, bytes], folder: Path, *, force: bool
) -> tuple[Path, ...]:
    force = force or _may_replace(engine, output, files, folder)
    return engine.reports.write(files, folder, replace=force)


def _may_replace(engine: Engine, output: Output, files: Iterable[str], folder: Path) -> bool:
    """Ask before replacing files; False if there are none."""
    existing = engine.reports.existing_files(files, folder)
    for path in existing:
        output.text(safe(f"{path} exists and will be replaced."), "yellow")
    if existing:
        confirm(output, hint="Add --force, or choose another folder.")
    return bool(existing)
