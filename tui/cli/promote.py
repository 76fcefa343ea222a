"""`mlflow-console promote` and `mlflow-console undo`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from engine.entities import STAGES, ModelVersion, Stage
from engine.formats import moment
from engine.text import Shown, safe
from tui.cli.models import show_versions
from tui.cli.options import Invocation, json_option, pass_invocation, yes_option
from tui.cli.output import Cell, Output, write_json
from tui.cli.payloads import Payload, version_payload
from tui.cli.progress import working
from tui.cli.question import ask
from tui.cli.side_by_side import show_side_by_side

if TYPE_CHECKING:
    from engine.api import Change, Engine, PromotionPlan, PromotionResult


@click.command()
@click.argument("model")
@click.argument("version", type=click.IntRange(min=1))
@click.option("--stage", metavar="STAGE", help=f"One of {', '.join(STAGES)}.")
@click.option("--alias", metavar="ALIAS", help="Point this alias at the version instead.")
@click.option("--keep-existing", is_flag=True, help="Leave the present holder of the stage where it is.")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the journal and on the version.")
@yes_option
@json_option
@pass_invocation
def promote(
    invocation: Invocation,
    model: str,
    version: int,
    stage: Stage | None,
    alias: str | None,
    keep_existing: bool,
    reason: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Give VERSION of MODEL a stage or an alias.

    Shows what will change, with the present holder beside the candidate, and asks. The versions
    that hold Staging or Production now are archived unless --keep-existing says otherwise.

    \b
    Example:
      mlflow-console promote heart_disease_classifier 3 --stage Production
      mlflow-console promote heart_disease_classifier 3 --alias champion --yes --json
    """
    invocation.check_writable("Promoting")
    with invocation.engine() as engine:
        plan = engine.models.plan_promotion(
            model, version, stage=stage, alias=alias, archive_existing=not keep_existing
        )
        _carry_out(engine, plan, reason, yes=yes, as_json=as_json)


@click.command()
@yes_option
@json_option
@pass_invocation
def undo(invocation: Invocation, yes: bool, as_json: bool) -> None:
    """Take back the newest promotion of this store that was made from this machine.

    \b
    Example:
      mlflow-console undo
      mlflow-console undo --yes --json
    """
    invocation.check_writable("Undoing")
    with invocation.engine() as engine:
        _carry_out(engine, engine.models.plan_undo(), "", yes=yes, as_json=as_json)


def _carry_out(engine: Engine, plan: PromotionPlan, reason: str, *, yes: bool, as_json: bool) -> None:
    """Show the plan, ask, apply, show what was read back. With `as_json` people read stderr."""
    output = Output(err=as_json)
    if not (as_json and yes):
        _show_plan(output, plan)
    if plan.is_noop:
        if as_json:
            write_json(_payload(plan, engine.models.versions(plan.model)))
        return
    if not yes:
        ask(output)
    with working("applying and reading back"):
        result = engine.models.promote(plan, reason=reason)
    if as_json:
        write_json(_payload(plan, result.versions, result))
    else:
        _show_result(output, result)


def _show_plan(output: Output, plan: PromotionPlan) -> None:
    subject = f"{plan.model} version {plan.candidate.version}"
    title = f"Take back the promotion of {subject}" if plan.undoes else f"Promote {subject} → {plan.target}"
    output.line(
        Cell(safe(title), "bold"),
        Cell(Shown("  on "), "dim"),
        Cell(plan.server),
    )
    held = "now in" if plan.kind == "stage" else "now at"
    for holder in plan.holders:
        output.line(safe(f"{held} {plan.target}: version {holder.version}{_about(holder)}"))
    role = "promoted" if plan.undoes else "candidate"
    output.line(safe(f"{role}: version {plan.candidate.version}{_about(plan.candidate)}"))
    if plan.comparison is not None and len(plan.comparison.runs) > 1:
        output.line()
        sections = plan.comparison.sections(differences_only=True, attributes=False)
        show_side_by_side(output, sections, _labels(plan))
        if same := sum(not row.differs for row in plan.comparison.rows if row.key.kind != "attribute"):
            output.line(Cell(safe(f"{same} parameters and metrics are the same"), "dim"))
    output.line()
    for warning in plan.warnings:
        output.line(Cell(Shown("! "), "yellow"), Cell(safe(warning)))
    for change in plan.changes:
        output.line(Cell(Shown("will change: "), "dim"), Cell(safe(change)))
    if plan.is_noop:
        output.line("Nothing to change.")


def _about(version: ModelVersion) -> str:
    aliases = f", alias {', '.join(version.aliases)}" if version.aliases else ""
    stage = f", {version.stage}" if version.stage != "None" else ""
    made = f", made {moment(version.creation_time)}" if version.creation_time else ""
    return f"{stage}{aliases}{made}{f' by {version.user_id}' if version.user_id else ''}"


def _labels(plan: PromotionPlan) -> list[Shown]:
    """Heads for the columns of the comparison: it leaves out versions whose source run is gone."""
    runs = list(plan.comparison.runs) if plan.comparison else []
    labels = []
    for version in (*plan.holders, plan.candidate):
        if runs and runs[0].run_id == version.run_id:
            runs.pop(0)
            labels.append(safe(f"version {version.version}"))
    return labels


def _show_result(output: Output, result: PromotionResult) -> None:
    done = "Taken back" if result.plan.undoes else "Done"
    output.line(Cell(Shown(f"✓ {done}"), "green"), Cell(Shown(", read back from the registry:")))
    show_versions(output, result.versions, {})
    for note in (*(f"written again: {change}" for change in result.repaired), *result.notes):
        output.line(Cell(Shown("! "), "yellow"), Cell(safe(note)))
    output.line("`mlflow-console undo` takes it back." if not result.plan.undoes else "")


def _payload(
    plan: PromotionPlan, versions: Sequence[ModelVersion], result: PromotionResult | None = None
) -> Payload:
    """`applied` is false when there was nothing to change; `versions` are as read back."""
    return {
        "model": plan.model,
        "version": plan.candidate.version,
        "kind": plan.kind,
        "target": plan.target,
        "server": plan.server,
        "holders": [version_payload(holder) for holder in plan.holders],
        "changes": [_change_payload(change) for change in plan.changes],
        "warnings": list(plan.warnings),
        "applied": result is not None,
        "verified": result.verified if result else True,
        "repaired": list(result.repaired) if result else [],
        "notes": list(result.notes) if result else [],
        "entry_id": result.entry_id if result else "",
        "versions": [version_payload(version) for version in versions],
    }


def _change_payload(change: Change) -> Payload:
    """`version` is null for an alias, whose versions are texts, empty for none."""
    from engine.api import StageChange

    if isinstance(change, StageChange):
        return {
            "version": change.version,
            "what": "stage",
            "before": change.before,
            "after": change.after,
        }
    before, after = str(change.before or ""), str(change.after or "")
    return {"version": None, "what": f"alias {change.alias}", "before": before, "after": after}
