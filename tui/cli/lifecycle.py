"""`mlflow-console delete` and `mlflow-console restore`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from engine.entities import Lifecycle, Run
from engine.errors import EngineError, NotFound
from engine.formats import MISSING, count, counted, moment
from engine.text import ELLIPSIS, Shown, safe
from tui.cli.json_output import Payload, write_json
from tui.cli.options import Invocation, json_option, pass_invocation, yes_option
from tui.cli.output import Cell, Head, Output, confirm
from tui.cli.progress import metered

if TYPE_CHECKING:
    from engine.api import LifecyclePlan, LifecycleResult

MAX_LISTED = 20
"""Runs listed in the plan; the rest are counted."""

Command = Callable[..., Any]


def run_arguments(command: Command) -> Command:
    """The arguments and options of `delete` and `restore`."""
    options = (
        click.argument("run_ids", nargs=-1, required=True, metavar="RUN_ID..."),
        click.option(
            "-e",
            "--experiment",
            metavar="NAME",
            help="Look up run ids in this experiment; the first 8 characters are then enough.",
        ),
        click.option("--reason", default="", metavar="TEXT", help="Reason, recorded in the journal."),
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
    """Delete runs.

    Lists the runs and asks for confirmation, with a warning about runs that are still running, have
    child runs, or are the source of a model version. Child runs are not deleted with their parent.
    `mlflow-console restore` brings deleted runs back, without their assessments, until `mlflow gc`
    removes them permanently. The exit status is 1 if any run could not be deleted.

    \b
    Examples:
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
    """Restore deleted runs. Their child runs and experiments are not restored with them.

    \b
    Examples:
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
    """Show and confirm the plan, apply it, show the result; with `as_json`, text goes to stderr."""
    invocation.check_writable("Deleting runs" if target == "deleted" else "Restoring runs")
    output = Output(err=as_json)
    with invocation.engine() as engine:
        if experiment is not None:
            found = engine.runs.experiment(experiment, allow_deleted=True)
            run_ids = engine.runs.resolve_run_ids(found.experiment_id, run_ids)
        plan = _require_runs(engine.runs.plan_lifecycle(run_ids, target))
        if not (as_json and yes):
            _show_plan(output, plan)
        if not (yes or plan.is_noop):
            confirm(output)
        result = metered(
            "deleting" if plan.target == "deleted" else "restoring",
            lambda show, token: engine.runs.change_lifecycle(
                plan, reason=reason, on_progress=show, cancel=token
            ),
        )
    if as_json:
        write_json(_payload(result))
    elif not plan.is_noop:
        _show_result(output, result)
    if result.stopped is not None:
        return result.stopped.exit_status
    return 0 if result.complete and not plan.missing else 1


def _require_runs(plan: LifecyclePlan) -> LifecyclePlan:
    """The plan. Raises `NotFound` if the store has none of its runs."""
    if plan.due or plan.already:
        return plan
    raise NotFound(
        f"{'Run' if len(plan.missing) == 1 else 'Runs'} {safe(', '.join(plan.missing), 200)} not found",
        "",
        "Use 32-character run ids, or --experiment NAME and the first 8 characters.",
    )


def _show_plan(output: Output, plan: LifecyclePlan) -> None:
    if plan.due:
        total = counted(len(plan.due), "run")
        output.line(
            Cell(Shown(f"{plan.action.capitalize()} {total}"), "bold"),
            Cell(Shown("  on "), "dim"),
            Cell(plan.server),
        )
        heads = [
            Head(Shown("name"), keep=True, min_width=16),
            Head(Shown("status"), keep=True),
            Head(Shown("started")),
            Head(Shown("run_id"), keep=True),
        ]
        output.table(heads, [_row(run) for run in plan.due[:MAX_LISTED]])
        if len(plan.due) > MAX_LISTED:
            output.line(Cell(Shown(f"and {count(len(plan.due) - MAX_LISTED)} more"), "dim"))
    for run in plan.already:
        output.line(Cell(Shown(f"already {plan.target}: "), "dim"), safe(f"{run.run_name} {run.run_id}"))
    for run_id in plan.missing:
        output.line(Cell(Shown("! "), "yellow"), safe(f"Run {run_id} not found"))
    for warning in plan.warnings:
        output.line(Cell(Shown("! "), "yellow"), Cell(safe(warning)))
    if plan.is_noop:
        output.line("No change needed.")


def _row(run: Run) -> list[Cell | Shown]:
    return [
        safe(run.run_name) or MISSING,
        safe(run.status),
        moment(run.start_time),
        safe(run.run_id),
    ]


def _show_result(output: Output, result: LifecycleResult) -> None:
    good = result.complete
    verified = "verified in the store" if result.verified else "not verified"
    output.line(
        Cell(Shown("✓ " if good else "✗ "), "green" if good else "red"),
        safe(f"{result.summary}, {verified}"),
    )
    problems = [f"{run_id}: {error}" for run_id, error in result.failed.items()]
    problems += [f"not tried: {run_id}" for run_id in result.left]
    if len(problems) > MAX_LISTED:
        problems[MAX_LISTED:] = [f"and {count(len(problems) - MAX_LISTED)} more"]
    if result.stopped is not None and result.stopped not in result.failed.values():
        problems.append(str(result.stopped))
    for line in (*problems, *result.notes):
        output.line(Cell(Shown("! "), "yellow"), Cell(safe(line)))
    if result.undo_command:
        output.line(safe(f"Run `{result.undo_command}` to undo."))
        note_cut(output, result.undo_command)


def note_cut(output: Output, command: str) -> None:
    """Say how to reverse a change to more runs than the command names."""
    if command.endswith(ELLIPSIS):
        output.text("… stands for more ids. `u` in the activity view of the console needs none.")


def _payload(result: LifecycleResult) -> Payload:
    """`applied` is false if no change was needed."""
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
    """The run before the change."""
    return {
        "run_id": run.run_id,
        "run_name": run.run_name,
        "experiment_id": run.experiment_id,
        "status": run.status,
        "lifecycle_stage": run.lifecycle_stage,
    }


def _error_payload(error: EngineError) -> Payload:
    return {"title": error.title, "detail": error.detail, "hint": error.hint}
