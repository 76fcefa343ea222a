"""`mlflow-console experiment`: create, delete and restore experiments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from engine.formats import counted
from engine.text import Shown, safe
from tui.cli.edit import tags_of
from tui.cli.group import CommandGroup
from tui.cli.json_output import write_json
from tui.cli.options import Invocation, json_option, pass_invocation, yes_option
from tui.cli.output import Cell, Output, confirm
from tui.cli.progress import spinner

if TYPE_CHECKING:
    from engine.api import Engine, ExperimentPlan

COMMANDS: dict[str, tuple[str, str]] = {
    "create": ("tui.cli.experiment:create", "Create an experiment."),
    "delete": ("tui.cli.experiment:delete", "Delete an experiment with its runs."),
    "restore": ("tui.cli.experiment:restore", "Restore a deleted experiment."),
}

EPILOG = """
\b
Examples:
  mlflow-console experiment create heart-disease-2026 --description "UCI Cleveland"
  mlflow-console experiment restore heart-disease --yes --json

Run `mlflow-console experiment COMMAND --help` for the options of a command.
"""
reason_option = click.option("--reason", default="", metavar="TEXT", help="Reason, recorded in the journal.")


@click.group(cls=CommandGroup, table=COMMANDS, epilog=EPILOG)
def experiment() -> None:
    """Create, delete and restore experiments; `undo ENTRY_ID` takes it back."""


@click.command()
@click.argument("name")
@click.option("-d", "--description", default="", metavar="TEXT", help="The description of the experiment.")
@click.option(
    "-t", "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Set this tag; repeat for more."
)
@click.option(
    "--artifact-location",
    default="",
    metavar="URI",
    help="Where its runs keep artifacts.  [default: MLflow's]",
)
@reason_option
@yes_option
@json_option
@pass_invocation
def create(
    invocation: Invocation,
    name: str,
    description: str,
    tags: Sequence[str],
    artifact_location: str,
    reason: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Create the experiment NAME.

    \b
    Examples:
      mlflow-console experiment create heart-disease-2026 --tag team=cardiology
    """
    invocation.check_writable("Creating an experiment")
    with invocation.engine() as engine:
        plan = engine.experiments.plan_create(
            name, description=description, tags=tags_of(tags), artifact_location=artifact_location
        )
        confirm_and_apply(engine, plan, reason, yes=yes, as_json=as_json)


@click.command()
@click.argument("name", metavar="EXPERIMENT")
@reason_option
@yes_option
@json_option
@pass_invocation
def delete(invocation: Invocation, name: str, reason: str, yes: bool, as_json: bool) -> None:
    """Delete EXPERIMENT (name or id) with its runs.

    `experiment restore` brings it back until `mlflow gc` removes it permanently. Registered versions
    of its runs stay.

    \b
    Examples:
      mlflow-console experiment delete heart-disease-2025
    """
    invocation.check_writable("Deleting an experiment")
    with invocation.engine() as engine:
        plan = engine.experiments.plan_delete(engine.runs.experiment(name))
        confirm_and_apply(engine, plan, reason, yes=yes, as_json=as_json)


@click.command()
@click.argument("name", metavar="EXPERIMENT")
@reason_option
@yes_option
@json_option
@pass_invocation
def restore(invocation: Invocation, name: str, reason: str, yes: bool, as_json: bool) -> None:
    """Restore the deleted EXPERIMENT (name or id) with the runs that were deleted with it.

    MLflow restores all its runs, also those that had been deleted one by one before. If the journal of
    this account has the deletion of the experiment, the command deletes those again.

    \b
    Examples:
      mlflow-console experiment restore heart-disease-2025
    """
    invocation.check_writable("Restoring an experiment")
    with invocation.engine() as engine:
        plan = engine.experiments.plan_restore(engine.runs.experiment(name, allow_deleted=True))
        confirm_and_apply(engine, plan, reason, yes=yes, as_json=as_json)


def confirm_and_apply(engine: Engine, plan: ExperimentPlan, reason: str, *, yes: bool, as_json: bool) -> None:
    """Show and confirm the plan, apply it, show the result; with `as_json`, text goes to stderr."""
    output = Output(err=as_json)
    if not (as_json and yes):
        _show_plan(output, plan)
    if not yes:
        confirm(output)
    with spinner("Applying and verifying"):
        result = engine.experiments.apply(plan, reason=reason)
    if as_json:
        write_json(
            {
                "action": plan.action,
                "server": plan.server,
                "experiment": {**asdict(result.experiment), "tags": dict(result.experiment.tags)},
                "runs": plan.runs,
                "left_deleted": list(plan.apart),
                "warnings": list(plan.warnings),
                "entry_id": result.entry_id,
            }
        )
        return
    done = (
        f"{result.experiment.name} ({result.experiment.experiment_id}) is {result.experiment.lifecycle_stage}"
    )
    output.line(Cell(Shown("✓ "), "green"), safe(f"{done}, as read back from the store"))
    if not plan.undoes:
        output.line(safe(f"Run `mlflow-console undo {result.entry_id}` to undo."))


def _show_plan(output: Output, plan: ExperimentPlan) -> None:
    label = f" ({plan.experiment.experiment_id})" if plan.experiment is not None else ""
    output.line(
        Cell(safe(f"{plan.action.capitalize()} experiment {plan.name}{label}"), "bold"),
        Cell(Shown("  on "), "dim"),
        Cell(plan.server),
    )
    if plan.action == "delete":
        output.line(safe(f"change: {counted(plan.runs, 'run')} deleted with it"))
        if plan.apart:
            output.line(safe(f"{counted(len(plan.apart), 'run')} deleted before"))
    if plan.action == "restore":
        output.line(safe(f"change: {counted(plan.runs, 'run')} restored with it"))
        if plan.apart:
            output.line(safe(f"{counted(len(plan.apart), 'run')} deleted before it stay deleted"))
    for warning in plan.warnings:
        output.line(Cell(Shown("! "), "yellow"), Cell(safe(warning)))
