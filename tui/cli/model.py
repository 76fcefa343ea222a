"""`mlflow-console model`: copy a version, delete a version or a model."""

from __future__ import annotations

import click

from engine.entities import ModelVersion
from engine.formats import MISSING, counted, listed
from engine.text import Shown, safe
from tui.cli.group import CommandGroup
from tui.cli.json_output import version_payload, write_json
from tui.cli.options import Invocation, json_option, pass_invocation, version_arguments, yes_option
from tui.cli.output import Cell, Output, check_typed_name, confirm
from tui.cli.progress import spinner

COMMANDS: dict[str, tuple[str, str]] = {
    "copy": ("tui.cli.model:copy", "Copy a version to another model."),
    "delete": ("tui.cli.model:delete", "Delete a version of a model, or a model."),
}
MAX_LISTED = 20
"""Losses listed in a plan; the rest are counted."""

EPILOG = """
\b
Examples:
  mlflow-console model copy heart_disease_staging 3 heart_disease_classifier
  mlflow-console model delete heart_disease_classifier 2 --json

Run `mlflow-console model COMMAND --help` for the options of a command.
"""
reason_option = click.option("--reason", default="", metavar="TEXT", help="Reason, recorded in the journal.")


@click.group(cls=CommandGroup, table=COMMANDS, epilog=EPILOG)
def model() -> None:
    """Copy or delete a version of a registered model, or delete a model."""


@click.command()
@version_arguments
@click.argument("to", metavar="OTHER_MODEL")
@reason_option
@yes_option
@json_option
@pass_invocation
def copy(
    invocation: Invocation, model: str, version: int, to: str, reason: str, yes: bool, as_json: bool
) -> None:
    """Copy VERSION of MODEL to OTHER_MODEL, which is created if it does not exist.

    The copy has the description and tags of the version, but not its stage, aliases, requests and
    approvals. Both point to the same artifacts. `undo ENTRY_ID` removes the copy again while it has no
    stage and no alias.

    \b
    Examples:
      mlflow-console model copy heart_disease_staging 3 heart_disease_classifier
    """
    invocation.check_writable("Copying a version")
    output = Output(err=as_json)
    with invocation.engine() as engine:
        plan = engine.models.plan_copy(model, version, to)
        if not (as_json and yes):
            new = ", a new model" if plan.is_new else ""
            title = f"Copy {model} version {version} → {plan.model} version {plan.next_version}{new}"
            output.line(Cell(safe(title), "bold"), Cell(Shown("  on "), "dim"), Cell(plan.server))
            tags = ", ".join(f"{key}={value}" for key, value in plan.tags.items()) or MISSING
            for name, text in (("description", plan.source.description or MISSING), ("tags", tags)):
                output.line(Cell(Shown(f"{name}: "), "dim"), safe(text))
        if not yes:
            confirm(output)
        with spinner("Copying"):
            copied = engine.models.copy(plan, reason=reason)
    if as_json:
        write_json(version_payload(copied))
        return
    done = f"{copied.name} version {copied.version} is {copied.status}, as read back from the registry"
    output.line(Cell(Shown("✓ "), "green"), safe(done))


@click.command()
@click.argument("model")
@click.argument("version", type=click.IntRange(min=1), required=False)
@click.option("--confirm", "confirmed", metavar="NAME", help="The name to type: MODEL, or MODEL/VERSION.")
@reason_option
@json_option
@pass_invocation
def delete(
    invocation: Invocation,
    model: str,
    version: int | None,
    confirmed: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Delete VERSION of MODEL or, without a version, MODEL with all its versions.

    MLflow cannot restore either, so the name has to be typed, here or with --confirm. What is lost is
    listed: stages, aliases, and the deployments of this account that serve a version. The run and its
    artifacts stay, and can be registered again.

    \b
    Examples:
      mlflow-console model delete heart_disease_classifier 2
      mlflow-console model delete heart_disease_classifier --confirm heart_disease_classifier --json
    """
    invocation.check_writable("Deleting a version" if version is not None else "Deleting a model")
    output = Output(err=as_json)
    with invocation.engine() as engine:
        plan = engine.models.plan_removal(model, version)
        what = f"{model} version {version}" if version is not None else f"model {model}"
        output.line(Cell(safe(f"Delete {what}"), "bold"), Cell(Shown("  on "), "dim"), Cell(plan.server))
        for loss in plan.lost[:MAX_LISTED]:
            output.line(Cell(Shown("lost: "), "yellow"), safe(loss))
        if len(plan.lost) > MAX_LISTED:
            output.line(Shown(f"and {counted(len(plan.lost) - MAX_LISTED, 'more line')}"))
        output.line("It cannot be undone.")
        check_typed_name(output, plan.name, confirmed)
        with spinner("Deleting and verifying"):
            result = engine.models.remove(plan, reason=reason)
    if as_json:
        write_json(
            {
                "model": model,
                "deleted": [each.version for each in plan.versions],
                "left": [each.version for each in result.versions],
                "lost": list(plan.lost),
                "deployments": list(plan.deployments),
                "server": plan.server,
                "notes": list(result.notes),
                "entry_id": result.entry_id,
            }
        )
        return
    output.line(Cell(Shown("✓ "), "green"), safe(f"Deleted {what}; {_left(result.versions, version)}"))
    for note in result.notes:
        output.line(Cell(Shown("! "), "yellow"), safe(note))


def _left(versions: tuple[ModelVersion, ...], version: int | None) -> str:
    if version is None:
        return "it is not in the registry any more"
    left = listed([each.version for each in versions])
    return f"versions left: {left}" if versions else "the model has no versions left"
