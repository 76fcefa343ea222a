"""`mlflow-console edit`: names, descriptions, tags and statuses."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from engine.entities import Status
from engine.errors import UsageError
from engine.formats import count
from engine.text import Shown, safe
from tui.cli.group import CommandGroup
from tui.cli.json_output import Payload, write_json
from tui.cli.options import (
    Invocation,
    filter_option,
    json_option,
    pass_invocation,
    version_arguments,
    yes_option,
)
from tui.cli.output import Cell, Output, confirm
from tui.cli.progress import metered
from tui.external_editor import edit_text

if TYPE_CHECKING:
    from engine.api import EditPlan, EditResult, Engine, Subject

COMMANDS: dict[str, tuple[str, str]] = {
    "runs": ("tui.cli.edit:runs", "Edit runs of an experiment, one or thousands."),
    "experiment": ("tui.cli.edit:experiment", "Edit an experiment."),
    "model": ("tui.cli.edit:model", "Edit a registered model."),
    "version": ("tui.cli.edit:version", "Edit a version of a model."),
}
MAX_LISTED = 20
"""Edits listed in a plan or a result; the rest are counted."""

EPILOG = """
\b
Examples:
  mlflow-console edit runs heart-disease --filter "accuracy < 0.8" --tag review=yes
  mlflow-console edit version heart_disease_classifier 2 --editor
  mlflow-console edit experiment heart-disease --description "UCI Cleveland" --yes --json

Run `mlflow-console edit COMMAND --help` for the options of a command.
"""

Command = Callable[..., Any]


@click.group(cls=CommandGroup, table=COMMANDS, epilog=EPILOG)
def edit() -> None:
    """Edit names, descriptions, tags and statuses; `undo ENTRY_ID` takes edits back."""


def _edits(*, name: bool = True, described: str) -> Callable[[Command], Command]:
    """The options of the new values."""
    options: list[Callable[[Command], Command]] = [
        click.option(
            "-t",
            "--tag",
            "tags",
            multiple=True,
            metavar="KEY=VALUE",
            help="Set this tag; repeat for more.",
        ),
        click.option("--untag", "untags", multiple=True, metavar="KEY", help="Remove this tag."),
        click.option("-d", "--description", metavar="TEXT", help=f"The new description of {described}."),
        click.option("--editor", is_flag=True, help="Edit the description in $EDITOR."),
        click.option("--reason", default="", metavar="TEXT", help="Reason, recorded in the journal."),
        yes_option,
        json_option,
        pass_invocation,
    ]
    if name:
        options.insert(0, click.option("--name", metavar="NAME", help=f"The new name of {described}."))

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@click.command()
@click.argument("experiment")
@click.argument("run_names", nargs=-1, metavar="[RUN]...")
@filter_option
@click.option("--all", "all_runs", is_flag=True, help="Edit all runs of the experiment.")
@click.option(
    "--status",
    type=click.Choice(["FINISHED", "FAILED", "KILLED"], case_sensitive=False),
    help="Set the status of runs that are still RUNNING or SCHEDULED.",
)
@_edits(described="the runs")
def runs(
    invocation: Invocation,
    experiment: str,
    run_names: Sequence[str],
    filter_text: str,
    all_runs: bool,
    status: Status | None,
    name: str | None,
    **options: Any,
) -> int:
    """Edit runs of EXPERIMENT: those named (or their ids), those that match --filter, or --all.

    In a new name, {name}, {n} (a number from 1), {id}, and the names of parameters, metrics and tags
    stand for what each run has: --name "knn {n_neighbors} {metric}". Shows the plan and asks for
    confirmation. The exit status is 1 if any edit failed.

    \b
    Examples:
      mlflow-console edit runs heart-disease knn-7-euclidean-uniform-auto --tag owner=ana
      mlflow-console edit runs heart-disease --filter "status = running" --status KILLED
    """
    if sum((bool(run_names), bool(filter_text), all_runs)) != 1:
        raise UsageError("Name the runs, or give either --filter or --all")
    invocation.check_writable("Editing")
    with invocation.engine() as engine:
        found = engine.runs.experiment(experiment)
        subjects = _runs(engine, found.experiment_id, run_names, filter_text)
        return _edit(engine, subjects, name=name, status=status, **options)


def _runs(engine: Engine, experiment_id: str, names: Sequence[str], filter_text: str) -> tuple[Subject, ...]:
    from engine.api import Subject
    from tui.cli.selection import filter_of

    if names:
        ids = [engine.runs.resolve_run(experiment_id, name) for name in names]
    else:
        frame = engine.runs.feed(experiment_id).load()
        ids = [frame.run_ids[row] for row in filter_of(filter_text, frame).rows(frame)]
        if not ids:
            raise UsageError("No run matches the filter")
    return tuple(Subject("run", run_id) for run_id in ids)


@click.command()
@click.argument("experiment")
@_edits(described="the experiment")
def experiment(invocation: Invocation, experiment: str, **options: Any) -> int:
    """Edit EXPERIMENT (name or id).

    \b
    Examples:
      mlflow-console edit experiment heart-disease --name heart-disease-2026
    """
    from engine.api import Subject

    invocation.check_writable("Editing")
    with invocation.engine() as engine:
        found = engine.runs.experiment(experiment)
        return _edit(engine, (Subject("experiment", found.experiment_id),), **options)


@click.command()
@click.argument("model")
@_edits(described="the model")
def model(invocation: Invocation, model: str, **options: Any) -> int:
    """Edit the registered MODEL. A model is renamed on its own.

    \b
    Examples:
      mlflow-console edit model heart_disease_classifier --tag team=cardiology
    """
    from engine.api import Subject

    invocation.check_writable("Editing")
    with invocation.engine() as engine:
        return _edit(engine, (Subject("model", model),), **options)


@click.command()
@version_arguments
@_edits(name=False, described="the version")
def version(invocation: Invocation, model: str, version: int, **options: Any) -> int:
    """Edit VERSION of MODEL.

    \b
    Examples:
      mlflow-console edit version heart_disease_classifier 2 --description "retrained in November"
    """
    from engine.api import Subject

    invocation.check_writable("Editing")
    with invocation.engine() as engine:
        return _edit(engine, (Subject("version", f"{model}/{version}"),), **options)


def _edit(
    engine: Engine,
    subjects: Sequence[Subject],
    *,
    name: str | None = None,
    status: Status | None = None,
    tags: Sequence[str],
    untags: Sequence[str],
    description: str | None,
    editor: bool,
    reason: str,
    yes: bool,
    as_json: bool,
) -> int:
    from engine.api import Wanted

    if editor:
        description = _edited(engine, subjects)
    wanted = Wanted(name, description, {**tags_of(tags), **dict.fromkeys(untags)}, status)
    if wanted == Wanted():
        raise UsageError("Nothing to edit", hint="Give --tag, --untag, --description or another option.")
    return confirm_and_apply(engine, engine.edits.plan(subjects, wanted), reason, yes=yes, as_json=as_json)


def confirm_and_apply(engine: Engine, plan: EditPlan, reason: str, *, yes: bool, as_json: bool) -> int:
    """Show and confirm the plan, apply it, show the result; returns the exit status."""
    output = Output(err=as_json)
    if not (as_json and yes):
        _show_plan(output, plan)
    if not (yes or plan.is_noop):
        confirm(output)
    result = metered(
        "editing",
        lambda show, token: engine.edits.apply(plan, reason=reason, on_progress=show, cancel=token),
    )
    if as_json:
        write_json(_payload(result))
    elif not plan.is_noop:
        _show_result(output, result)
    if result.stopped is not None:
        return result.stopped.exit_status
    return 0 if result.complete else 1


def tags_of(texts: Sequence[str]) -> dict[str, str]:
    """Tags as given with `--tag`. Raises `UsageError`."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(
                f"Invalid tag {text!r}", hint="Write it as KEY=VALUE, or remove it with --untag."
            )
        found[key] = value
    return found


def _edited(engine: Engine, subjects: Sequence[Subject]) -> str:
    """The description as left in the editor."""
    if len(subjects) != 1:
        raise UsageError("Only one description can be edited at a time")
    if not sys.stdin.isatty() and not (os.environ.get("VISUAL") or os.environ.get("EDITOR")):
        raise UsageError("An editor needs a terminal", hint="Use --description TEXT instead.")
    before = engine.edits.current(subjects[0]).description or ""
    after = edit_text(before)
    return before if after is None else after


def _show_plan(output: Output, plan: EditPlan) -> None:
    if plan.edits:
        title = f"{'Undo the edit of' if plan.undoes else 'Edit'} {plan.summary}"
        output.line(Cell(safe(title), "bold"), Cell(Shown("  on "), "dim"), Cell(plan.server))
    for line in _listed([str(edit) for edit in plan.edits]):
        output.line(Cell(Shown("change: "), "dim"), line)
    for line in _listed([f"{label}: {reason}" for label, reason in plan.untouched]):
        output.line(Cell(Shown("not edited: "), "yellow"), line)
    for warning in plan.warnings:
        output.line(Cell(Shown("! "), "yellow"), safe(warning))
    if plan.is_noop:
        output.line("Nothing to edit." if plan.untouched else "No change needed.")


def _show_result(output: Output, result: EditResult) -> None:
    good = result.complete
    output.line(
        Cell(Shown("✓ " if good else "✗ "), "green" if good else "red"),
        safe(f"{result.summary}, read back from the store"),
    )
    problems = [f"{edit}: {error}" for edit, error in result.failed]
    if result.stopped is not None:
        problems.append(str(result.stopped))
    for line in (*_listed(problems), *map(safe, result.notes)):
        output.line(Cell(Shown("! "), "yellow"), line)
    if result.can_undo:
        output.line(safe(f"Run `mlflow-console undo {result.entry_id}` to undo."))


def _listed(texts: Sequence[str]) -> list[Shown]:
    lines = [safe(text) for text in texts[:MAX_LISTED]]
    if len(texts) > MAX_LISTED:
        lines.append(Shown(f"and {count(len(texts) - MAX_LISTED)} more"))
    return lines


def _payload(result: EditResult) -> Payload:
    return {
        "server": result.plan.server,
        "edits": [asdict(edit) for edit in result.plan.edits],
        "untouched": [{"what": label, "why": why} for label, why in result.plan.untouched],
        "made": len(result.made),
        "failed": [{**asdict(edit), "error": str(error)} for edit, error in result.failed],
        "not_tried": len(result.left),
        "entry_id": result.entry_id,
        "notes": list(result.notes),
    }
