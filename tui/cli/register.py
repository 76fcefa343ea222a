"""`mlflow-console register`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.entities import STAGES, ModelVersion, Stage
from engine.errors import GateError, StagesUnsupported, UsageError
from engine.formats import MISSING
from engine.text import Shown, safe
from tui.cli.edit import tags_of
from tui.cli.json_output import version_payload, write_json
from tui.cli.options import Invocation, json_option, pass_invocation, yes_option
from tui.cli.output import Cell, Output, check_typed_name, confirm
from tui.cli.progress import spinner
from tui.cli.promote import show_plan, show_result
from tui.cli.report import write_files

if TYPE_CHECKING:
    from engine.api import Engine, RegistrationPlan


@click.command()
@click.argument("model", required=False)
@click.option(
    "--run", "run", metavar="RUN", help="The run whose model is registered: an id, or a name with -e."
)
@click.option("-e", "--experiment", metavar="NAME", help="Look up --run in this experiment.")
@click.option("--best", metavar="EXPERIMENT", help="Register the model of the best run of this experiment.")
@click.option("--metric", metavar="NAME", help="The metric that --best goes by.")
@click.option("--where", default="", metavar="FILTER", help="What the best run has to meet.")
@click.option("--model-name", default="", metavar="NAME", help="Which model, if the run logged several.")
@click.option("-d", "--description", metavar="TEXT", help="Instead of the metrics and parameters.")
@click.option("-t", "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag of the version.")
@click.option("--to", "stage", metavar="STAGE", help=f"Then promote it: {', '.join(STAGES)}.")
@click.option("--alias", metavar="ALIAS", help="Then point this alias to it.")
@click.option(
    "--card",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Then write its model card (model-card.md) into this folder.",
)
@click.option("--force", default="", metavar="REASON", help="Promote against the policy, and say why.")
@click.option(
    "--confirm", "confirmed", metavar="MODEL", help="The name of the model, where a policy wants it."
)
@click.option("--reason", default="", metavar="TEXT", help="Reason, recorded in the journal.")
@click.option("--finish", metavar="ENTRY_ID", help="Finish an interrupted registration instead.")
@yes_option
@json_option
@pass_invocation
def register(
    invocation: Invocation,
    model: str | None,
    run: str | None,
    experiment: str | None,
    best: str | None,
    metric: str | None,
    where: str,
    model_name: str,
    description: str | None,
    tags: Sequence[str],
    stage: Stage | None,
    alias: str | None,
    card: Path | None,
    force: str,
    confirmed: str | None,
    reason: str,
    finish: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Register the model of a run as a version of MODEL, which is created if it does not exist.

    The run is named with --run, or is the best of an experiment. The version gets a description from
    the run's metrics and parameters, and the key metrics as tags; with --to or --alias it is then
    promoted, and with --card its model card is written. `undo ENTRY_ID` undoes the promotion and removes
    the version again.

    \b
    Examples:
      mlflow-console register heart_disease_classifier --best heart-disease --metric accuracy
      mlflow-console register heart_disease_classifier --best heart-disease --to Production --card card
      mlflow-console register churn --run 5f0e4b7c9d3a41f2a6b8c1d2e3f40516 --to Staging --yes --json
    """
    invocation.check_writable("Registering")
    if finish is not None:
        with invocation.engine() as engine:
            registered = engine.models.finish_registration(engine.journal.entry(finish))
        _show(Output(), registered.version, registered.note, as_json)
        return
    if model is None or (run is None) == (best is None):
        raise UsageError("Give the name of the model, and either --run or --best")
    if stage is not None and alias is not None:
        raise UsageError("--to and --alias cannot be combined", hint="Promote to the other one afterwards.")
    output = Output(err=as_json)
    target = f"@{alias}" if alias is not None else stage
    with invocation.engine() as engine:
        policies = engine.models.policies_for(model, target) if target is not None else ()
        run_id = (
            _run(engine, run, experiment) if run is not None else _best(engine, best or "", metric, where)
        )
        if stage is not None:
            _check_stages(engine, model)
        plan = engine.models.plan_registration(
            model, run_id, logged=model_name, description=description, tags=tags_of(tags)
        )
        if not (as_json and yes):
            _show_plan(output, plan)
        if any(policy.confirm for policy in policies):
            check_typed_name(output, model, confirmed)
        elif not yes:
            confirm(output)
        with spinner("Registering"):
            registered = engine.models.register(plan, reason=reason)
        version = registered.version
        if stage is not None or alias is not None:
            version = _promote(engine, version, stage, alias, output, force=force, reason=reason)
        _write_card(engine, version, card, output, replace=yes)
    _show(Output(), version, registered.note, as_json)
    if not as_json:
        first = "undo the promotion and " if stage is not None or alias is not None else ""
        Output().line(safe(f"Run `mlflow-console undo {registered.entry_id}` to {first}remove it."))


def _run(engine: Engine, run: str, experiment: str | None) -> str:
    if experiment is None:
        return run
    return engine.runs.resolve_run(engine.runs.experiment(experiment).experiment_id, run)


def _best(engine: Engine, experiment: str, metric: str | None, where: str) -> str:
    from tui.cli.selection import filter_of, usual_metric

    frame = engine.runs.feed(engine.runs.experiment(experiment).experiment_id).load()
    winner = engine.evidence.best(
        frame, metric or usual_metric(frame), where=filter_of(where, frame) if where.strip() else None
    )
    return winner.run.run_id


def _check_stages(engine: Engine, model: str) -> None:
    """Raise `StagesUnsupported` before anything is registered if the server has no stages."""
    problem = engine.models.without_stages(model)
    if problem is not None:
        hint = "Nothing was registered. Use `--alias champion` or another alias instead of `--to`."
        raise StagesUnsupported(problem.title, problem.detail, hint)


def _promote(
    engine: Engine,
    version: ModelVersion,
    stage: Stage | None,
    alias: str | None,
    output: Output,
    *,
    force: str,
    reason: str,
) -> ModelVersion:
    """Promote the new version, as the command that registered it asked for."""
    plan = engine.models.plan_promotion(version.name, version.version, stage=stage, alias=alias)
    show_plan(output, plan)
    try:
        with spinner("Applying and verifying"):
            result = engine.models.promote(plan, reason=reason, force=force)
    except GateError as error:
        ways = error.hint.removeprefix("Nothing was written. ")
        hint = f"Version {version.version} is registered, but not promoted. {ways}"
        raise GateError(error.title, error.detail, hint) from error
    show_result(output, result)
    return next(found for found in result.versions if found.version == version.version)


def _write_card(
    engine: Engine, version: ModelVersion, folder: Path | None, output: Output, *, replace: bool
) -> None:
    if folder is not None:
        made = engine.reports.model_card(version.name, version.version)
        written = write_files(engine, output, made, folder, force=replace)
        output.line(safe(f"Model card written to {written[0]}"))


def _show_plan(output: Output, plan: RegistrationPlan) -> None:
    new = ", a new model" if plan.is_new else ""
    output.line(
        Cell(safe(f"Register {plan.model} version {plan.next_version}{new}"), "bold"),
        Cell(Shown("  on "), "dim"),
        Cell(plan.server),
    )
    facts = [
        ("run", f"{plan.run.run_name} {plan.run.run_id}"),
        ("model", f"{plan.logged.name} ({plan.logged.model_id})"),
        ("description", plan.description),
        ("tags", ", ".join(f"{key}={value}" for key, value in plan.tags.items()) or MISSING),
    ]
    for label, text in facts:
        output.text(safe(f"{label:<13}{text}"))
    if plan.run.status != "FINISHED":
        output.line(Cell(Shown("! "), "yellow"), safe(f"The run is {plan.run.status}."))
    for version in plan.existing:
        output.line(
            Cell(Shown("! "), "yellow"),
            safe(f"Version {version.version} was registered from this run before."),
        )


def _show(output: Output, version: ModelVersion, note: str, as_json: bool) -> None:
    """`note` says what could not be done."""
    if as_json:
        notes = [note] if note else []
        write_json({"model": version.name, "version": version_payload(version), "notes": notes})
        return
    output.line(
        Cell(Shown("✓ "), "green"), safe(f"{version.name} version {version.version} is registered and ready")
    )
    if note:
        output.line(Cell(Shown("! "), "yellow"), safe(note))
