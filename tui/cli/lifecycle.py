"""`mlflow-console delete` and `mlflow-console restore`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from engine.entities import Lifecycle, Run
from engine.errors import EngineError, NotFound
from engine.formats import MISSING, count, counted, moment
from engine.jobs import CancelToken, Progress
from engine.text import Shown, safe
from tui.cli.options import Invocation, json_option, pass_invocation, yes_option
from tui.cli.output import Cell, Head, Output, write_json
from tui.cli.payloads import Payload
from tui.cli.progress import Meter, stop_signals
from tui.cli.question import ask

if TYPE_CHECKING:
    from engine.api import Engine, LifecyclePlan, LifecycleResult

LISTED = 20
"""Runs that are listed before the question; how many more there are is said."""

Command = Callable[..., Any]


def run_arguments(command: Command) -> Command:
    """Which runs are meant, and why."""
    options = (
        click.argument("run_ids", nargs=-1, required=True, metavar="RUN_ID..."),
        click.option(
            "-e",
            "--experiment",
            metavar="NAME",
            help="Look there; the first 8 characters of an id are then enough.",
        ),
        click.option("--reason", default="", metavar="TEXT", help="Why; kept in the journal."),
        yes_option,
        json_option,
        pass_invocation,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@run_arguments
def delete(
    invocation: Invocation,
    run_ids: Sequence[str],
    experiment: str | None,
    reason: str,
    yes: bool,
    as_json: bool,
) -> int:
    """Delete runs. `mlflow-console restore` brings them back until `mlflow gc` removes them for good.

    Shows which runs are meant, warns of those that are still running, that a registered model
    version comes from or that have children, and asks. Children are not deleted with their parent.
    MLflow keeps no assessments of a deleted run. The exit status is 1 if any of the runs was not
    deleted.

    \b
    Example:
      mlflow-console delete 5f0e4b7c9d3a41f2a6b8c1d2e3f40516
      mlflow-console delete 5f0e4b7c 81aa90de --experiment heart-disease --yes --json
    """
    return _change(invocation, run_ids, "deleted", experiment, reason, yes=yes, as_json=as_json)


@click.command()
@run_arguments
def restore(
    invocation: Invocation,
    run_ids: Sequence[str],
    experiment: str | None,
    reason: str,
    yes: bool,
    as_json: bool,
) -> int:
    """Restore deleted runs, each by itself: its children and its experiment stay as they are.

    \b
    Example:
      mlflow-console restore 5f0e4b7c9d3a41f2a6b8c1d2e3f40516
      mlflow-console restore 5f0e4b7c 81aa90de --experiment heart-disease --yes --json
    """
    return _change(invocation, run_ids, "active", experiment, reason, yes=yes, as_json=as_json)


def _change(
    invocation: Invocation,
    run_ids: Sequence[str],
    target: Lifecycle,
    experiment: str | None,
    reason: str,
    *,
    yes: bool,
    as_json: bool,
) -> int:
    """Show the plan, ask, apply, say what was read back. With `as_json` people read stderr."""
    invocation.check_writable("Deleting runs" if target == "deleted" else "Restoring runs")
    output = Output(err=as_json)
    with invocation.engine() as engine:
        if experiment is not None:
            run_ids = engine.runs.resolve_run_ids(engine.runs.experiment(experiment).experiment_id, run_ids)
        plan = _found(engine.runs.plan_lifecycle(run_ids, target))
        if not (as_json and yes):
            _show_plan(output, plan)
        if not (yes or plan.is_noop):
            ask(output)
        result = _apply(engine, plan, reason)
    if as_json:
        write_json(_payload(result))
    elif not plan.is_noop:
        _show_result(output, result)
    if result.stopped is not None:
        return result.stopped.exit_status
    return 0 if result.complete and not plan.missing else 1


def _found(plan: LifecyclePlan) -> LifecyclePlan:
    """The plan, if any of its runs is there. Raises `NotFound`."""
    if plan.due or plan.already:
        return plan
    raise NotFound(
        f"There is no run {safe(', '.join(plan.missing), 200)}",
        "",
        "Run ids have 32 characters; with --experiment NAME the first 8 are enough.",
    )


def _apply(engine: Engine, plan: LifecyclePlan, reason: str) -> LifecycleResult:
    token = CancelToken()
    meter = Meter(Shown("deleting" if plan.target == "deleted" else "restoring"))
    with stop_signals(token) as stopped, meter:

        def hear(progress: Progress) -> None:
            meter.update(progress.done, progress.total, safe(progress.note), line=False)

        result = engine.runs.change_lifecycle(plan, reason=reason, on_progress=hear, cancel=token)
    if result.stopped is not None and stopped.number is not None:
        result.stopped.exit_status = stopped.exit_status
    return result


def _show_plan(output: Output, plan: LifecyclePlan) -> None:
    if plan.due:
        total = counted(len(plan.due), "run")
        output.line(
            Cell(Shown(f"{plan.action.capitalize()} {total}"), "bold"),
            Cell(Shown("  on "), "dim"),
            Cell(plan.server),
        )
        heads = [
            Head(Shown("name"), keep=True, least=16),
            Head(Shown("status"), keep=True),
            Head(Shown("started")),
            Head(Shown("run_id"), keep=True),
        ]
        output.table(heads, [_row(run) for run in plan.due[:LISTED]])
        if len(plan.due) > LISTED:
            output.line(Cell(Shown(f"and {count(len(plan.due) - LISTED)} more"), "dim"))
    for run in plan.already:
        output.line(Cell(Shown(f"{_state(plan)} already: "), "dim"), safe(f"{run.run_name} {run.run_id}"))
    for run_id in plan.missing:
        output.line(Cell(Shown("! "), "yellow"), safe(f"There is no run {run_id}"))
    for warning in plan.warnings:
        output.line(Cell(Shown("! "), "yellow"), Cell(safe(warning)))
    if plan.is_noop:
        output.line("Nothing to change.")


def _state(plan: LifecyclePlan) -> str:
    return "deleted" if plan.target == "deleted" else "active"


def _row(run: Run) -> list[Cell | Shown]:
    return [
        safe(run.run_name) or MISSING,
        safe(run.status),
        moment(run.start_time),
        safe(run.run_id),
    ]


def _show_result(output: Output, result: LifecycleResult) -> None:
    good = result.complete
    read_back = "read back from the store" if result.verified else "not read back"
    output.line(
        Cell(Shown("✓ " if good else "✗ "), "green" if good else "red"),
        safe(f"{result.summary}, {read_back}"),
    )
    told = [f"{run_id}: {error}" for run_id, error in result.failed.items()]
    told += [f"not tried: {run_id}" for run_id in result.left]
    if len(told) > LISTED:
        told[LISTED:] = [f"and {count(len(told) - LISTED)} more"]
    if result.stopped is not None and result.stopped not in result.failed.values():
        told.append(str(result.stopped))
    for line in (*told, *result.notes):
        output.line(Cell(Shown("! "), "yellow"), Cell(safe(line)))
    if result.undo_command:
        output.line(safe(f"`{result.undo_command}` takes it back."))


def _payload(result: LifecycleResult) -> Payload:
    """`applied` is false when there was nothing to change."""
    plan = result.plan
    return {
        "target": plan.target,
        "server": plan.server,
        "due": [_run_payload(run) for run in plan.due],
        "already": [run.run_id for run in plan.already],
        "missing": list(plan.missing),
        "warnings": list(plan.warnings),
        "applied": bool(result.entry_id),
        "verified": result.verified,
        "changed": list(result.changed),
        "failed": {run_id: _error_payload(error) for run_id, error in result.failed.items()},
        "left": list(result.left),
        "overtaken": list(result.overtaken),
        "stopped": _error_payload(result.stopped) if result.stopped else None,
        "notes": list(result.notes),
        "entry_id": result.entry_id,
    }


def _run_payload(run: Run) -> Payload:
    """The run as it was before."""
    return {
        "run_id": run.run_id,
        "run_name": run.run_name,
        "experiment_id": run.experiment_id,
        "status": run.status,
        "lifecycle_stage": run.lifecycle_stage,
    }


def _error_payload(error: EngineError) -> Payload:
    return {"title": error.title, "detail": error.detail, "hint": error.hint}
