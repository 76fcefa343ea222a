"""`mlflow-console promote` and `mlflow-console undo`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from engine.entities import STAGES, ModelVersion, Stage
from engine.formats import moment
from engine.text import Shown, safe
from tui.cli.json_output import Payload, version_payload, write_json
from tui.cli.models import show_versions
from tui.cli.options import Invocation, json_option, pass_invocation, version_arguments, yes_option
from tui.cli.output import Cell, Output, check_typed_name, confirm
from tui.cli.progress import spinner
from tui.cli.side_by_side import show_side_by_side

if TYPE_CHECKING:
    from engine.api import Change, Engine, JournalEntry, PromotionPlan, PromotionResult

GATE_MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "inconclusive": ("?", "yellow")}
COMPARED = ("param", "metric")
"""The sections of a comparison that a plan shows."""


@click.command()
@version_arguments
@click.option("--stage", metavar="STAGE", help=f"Move the version to this stage: {', '.join(STAGES)}.")
@click.option("--alias", metavar="ALIAS", help="Point this alias to the version.")
@click.option("--keep-existing", is_flag=True, help="Do not archive the versions currently in the stage.")
@click.option(
    "--reason", default="", metavar="TEXT", help="Reason, recorded in the journal and on the version."
)
@click.option(
    "--force",
    default="",
    metavar="REASON",
    help="Promote against the policy, and say why.",
)
@click.option(
    "--confirm", "confirmed", metavar="MODEL", help="The name of the model, where a policy wants it typed."
)
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
    force: str,
    confirmed: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Assign a stage or an alias to VERSION of MODEL.

    Shows the plan, compares the current version with the candidate, and asks for confirmation.
    Moving a version to Staging or Production archives the versions currently in that stage unless
    --keep-existing is given. If a policy applies, the plan shows its gates; with one that is not
    passed, the command stops with status 3 unless --force says why. Status 4 means that someone
    else changed the registry at the same time.

    \b
    Examples:
      mlflow-console promote heart_disease_classifier 3 --stage Production
      mlflow-console promote heart_disease_classifier 3 --alias champion --yes --json
    """
    invocation.check_writable("Promoting")
    with invocation.engine() as engine:
        plan = engine.models.plan_promotion(
            model, version, stage=stage, alias=alias, archive_existing=not keep_existing
        )
        _confirm_and_apply(engine, plan, reason, force=force, confirmed=confirmed, yes=yes, as_json=as_json)


@click.command()
@click.argument("entry_id", required=False, metavar="[ENTRY_ID]")
@yes_option
@json_option
@pass_invocation
def undo(invocation: Invocation, entry_id: str | None, yes: bool, as_json: bool) -> int:
    """Undo the last promotion made from this machine to this store, or what a journal entry records: a
    promotion, edits, a registration, or the creation, deletion or restoration of an experiment.

    `mlflow-console journal --json` lists the ids of entries.

    \b
    Examples:
      mlflow-console undo
      mlflow-console undo --yes --json
    """
    invocation.check_writable("Undoing")
    with invocation.engine() as engine:
        entry = None if entry_id is None else engine.journal.entry(entry_id)
        if entry is not None and entry.action == "edit":
            from tui.cli.edit import confirm_and_apply

            return confirm_and_apply(engine, engine.edits.plan_undo(entry), "", yes=yes, as_json=as_json)
        if entry is not None and entry.action.startswith("experiment "):
            from tui.cli import experiment

            experiment.confirm_and_apply(
                engine, engine.experiments.plan_undo(entry), "", yes=yes, as_json=as_json
            )
            return 0
        if entry is not None and entry.action == "register":
            return _discard(engine, entry, yes=yes, as_json=as_json)
        _confirm_and_apply(engine, engine.models.plan_undo(entry), "", yes=yes, as_json=as_json)
    return 0


def _discard(engine: Engine, entry: JournalEntry, *, yes: bool, as_json: bool) -> int:
    """Undo a registration."""
    output = Output(err=as_json)
    output.line(safe(f"Remove the registration of {entry.target} on {engine.uri.shown}"))
    for promotion in engine.models.promotions_after(entry):
        output.line(safe(f"first undoes: {promotion.target}"))
    if not yes:
        confirm(output)
    removed = engine.models.discard_registration(entry)
    if as_json:
        write_json({"removed": removed})
    else:
        output.line(Cell(Shown("✓ "), "green"), safe(removed))
    return 0


def _confirm_and_apply(
    engine: Engine,
    plan: PromotionPlan,
    reason: str,
    *,
    force: str = "",
    confirmed: str | None = None,
    yes: bool,
    as_json: bool,
) -> None:
    """Show and confirm the plan, apply it, show the result; with `as_json`, text goes to stderr."""
    output = Output(err=as_json)
    if not (as_json and yes):
        show_plan(output, plan)
    if plan.is_noop:
        if as_json:
            write_json(_payload(plan, engine.models.versions(plan.model)))
        return
    if plan.confirm:
        check_typed_name(output, plan.model, confirmed)
    elif not yes and not (plan.blocking and not force):
        confirm(output)
    with spinner("Applying and verifying"):
        result = engine.models.promote(plan, reason=reason, force=force)
    if as_json:
        write_json(_payload(plan, result.versions, result))
    else:
        show_result(output, result)


def show_plan(output: Output, plan: PromotionPlan) -> None:
    subject = f"{plan.model} version {plan.candidate.version}"
    title = f"Undo the promotion of {subject}" if plan.undoes else f"Promote {subject} → {plan.target_name}"
    output.line(
        Cell(safe(title), "bold"),
        Cell(Shown("  on "), "dim"),
        Cell(plan.server),
    )
    for holder in plan.holders:
        output.line(safe(f"current {plan.target_name}: version {holder.version}{_about(holder)}"))
    role = "promoted" if plan.undoes else "candidate"
    output.line(safe(f"{role}: version {plan.candidate.version}{_about(plan.candidate)}"))
    if plan.comparison is not None and len(plan.comparison.runs) > 1:
        output.line()
        sections = plan.comparison.sections(differences_only=True, only=COMPARED)
        show_side_by_side(output, sections, _labels(plan))
        if same := sum(not row.differs for row in plan.comparison.rows if row.section in COMPARED):
            output.line(Cell(safe(f"{same} identical parameters and metrics hidden"), "dim"))
    _show_evidence(output, plan)
    for warning in plan.warnings:
        output.line(Cell(Shown("! "), "yellow"), Cell(safe(warning)))
    for change in plan.changes:
        output.line(Cell(Shown("change: "), "dim"), Cell(safe(change)))
    if plan.is_noop:
        output.line("No change needed.")


def _show_evidence(output: Output, plan: PromotionPlan) -> None:
    if plan.evidence:
        output.text(plan.evidence)
    for test in plan.tests:
        output.text(safe(f"{test.title}: {test.text}"))
    if not plan.tests and not plan.undoes:
        output.line(f"Version {plan.candidate.version} has not been tested on this machine.")
    output.line()
    for gate in plan.gates:
        mark, colour = GATE_MARKS[gate.state]
        output.text(safe(f"{mark} {gate.name}: {gate.evidence}"), colour)


def _about(version: ModelVersion) -> str:
    aliases = f", alias {', '.join(version.aliases)}" if version.aliases else ""
    stage = f", {version.stage}" if version.stage != "None" else ""
    created = f", created {moment(version.creation_time)}" if version.creation_time else ""
    return f"{stage}{aliases}{created}{f' by {version.user_id}' if version.user_id else ''}"


def _labels(plan: PromotionPlan) -> list[Shown]:
    """Column labels of the comparison; a version whose source run is gone has no column."""
    runs = list(plan.comparison.runs) if plan.comparison else []
    labels = []
    for version in (*plan.holders, plan.candidate):
        if runs and runs[0].run_id == version.run_id:
            runs.pop(0)
            labels.append(safe(f"version {version.version}"))
    return labels


def show_result(output: Output, result: PromotionResult) -> None:
    done = "Undone" if result.plan.undoes else "Done"
    output.line(Cell(Shown(f"✓ {done}"), "green"), Cell(Shown(", as read back from the registry:")))
    show_versions(output, result.versions, has_stages=result.plan.has_stages)
    for note in (*(f"reapplied: {change}" for change in result.repaired), *result.notes):
        output.line(Cell(Shown("! "), "yellow"), Cell(safe(note)))
    if not result.plan.undoes:
        output.line("Run `mlflow-console undo` to undo.")


def _payload(
    plan: PromotionPlan, versions: Sequence[ModelVersion], result: PromotionResult | None = None
) -> Payload:
    """`applied` is false if no change was needed; `versions` are as read back."""
    return {
        "model": plan.model,
        "version": plan.candidate.version,
        "kind": plan.kind,
        "target": plan.target,
        "server": plan.server,
        "holders": [version_payload(holder) for holder in plan.holders],
        "changes": [_change_payload(change) for change in plan.changes],
        "warnings": list(plan.warnings),
        "evidence": plan.evidence,
        "tests": [asdict(test) for test in plan.tests],
        "gates": [asdict(gate) for gate in plan.gates],
        "applied": result is not None,
        "verified": result.verified if result else True,
        "repaired": list(result.repaired) if result else [],
        "notes": list(result.notes) if result else [],
        "entry_id": result.entry_id if result else "",
        "versions": [version_payload(version) for version in versions],
    }


def _change_payload(change: Change) -> Payload:
    """For an alias, `version` is null, and `before` and `after` are versions as text, empty for none."""
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
