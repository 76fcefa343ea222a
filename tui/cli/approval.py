"""`mlflow-console request`, `requests`, `approve` and `reject`."""

from __future__ import annotations

from dataclasses import asdict

import click

from engine.entities import ModelVersion
from engine.formats import moment
from engine.text import Shown, safe
from tui.cli.json_output import version_payload, write_json
from tui.cli.options import Invocation, json_option, pass_invocation, version_arguments
from tui.cli.output import Cell, Head, Output

reason_option = click.option("--reason", default="", metavar="TEXT", help="Why; others see it.")


@click.command()
@version_arguments
@click.option("--to", "target", required=True, metavar="TARGET", help="A stage, or an alias as @ALIAS.")
@reason_option
@json_option
@pass_invocation
def request(
    invocation: Invocation, model: str, version: int, target: str, reason: str, as_json: bool
) -> None:
    """Ask others to approve the promotion of VERSION of MODEL.

    The request is a tag of the version, which consoles of all accounts see. A policy can demand
    that someone else approves it before the version is promoted. That is a convention among
    consoles, not access control: MLflow itself does not know it.

    \b
    Examples:
      mlflow-console request heart_disease_classifier 3 --to Production --reason "November data"
    """
    invocation.check_writable("Requesting a promotion")
    with invocation.engine() as engine:
        found = engine.models.request(model, version, target, reason=reason)
    _show(found, f"Requested: {model} {version}", as_json)


@click.command()
@click.argument("model", required=False)
@json_option
@pass_invocation
def requests(invocation: Invocation, model: str | None, as_json: bool) -> None:
    """List the requests that wait for approval, of MODEL or of all models.

    \b
    Examples:
      mlflow-console requests
    """
    with invocation.engine() as engine:
        names = [model] if model is not None else [found.name for found in engine.models.registered()]
        found = [pair for name in names for pair in engine.models.waiting(name)]
    if as_json:
        listed = [{**version_payload(version), "request": asdict(asked)} for version, asked in found]
        write_json({"requests": listed})
        return
    output = Output()
    if not found:
        output.line("No request waits.")
        return
    heads = [Head(Shown(name), keep=True) for name in ("model", "version", "target", "requested", "by")]
    rows = [
        [
            safe(version.name),
            Shown(str(version.version)),
            safe(asked.target),
            moment(asked.at),
            safe(asked.by),
            safe(asked.reason),
        ]
        for version, asked in found
    ]
    output.table([*heads, Head(Shown("reason"), min_width=16)], rows)


@click.command()
@version_arguments
@reason_option
@json_option
@pass_invocation
def approve(invocation: Invocation, model: str, version: int, reason: str, as_json: bool) -> None:
    """Approve the requested promotion of VERSION of MODEL, which `promote` then makes.

    \b
    Examples:
      mlflow-console approve heart_disease_classifier 3 --reason "tested on site"
    """
    _decide(invocation, model, version, reason, approved=True, as_json=as_json)


@click.command()
@version_arguments
@reason_option
@json_option
@pass_invocation
def reject(invocation: Invocation, model: str, version: int, reason: str, as_json: bool) -> None:
    """Reject the requested promotion of VERSION of MODEL.

    \b
    Examples:
      mlflow-console reject heart_disease_classifier 3 --reason "recall too low"
    """
    _decide(invocation, model, version, reason, approved=False, as_json=as_json)


def _decide(
    invocation: Invocation, model: str, version: int, reason: str, *, approved: bool, as_json: bool
) -> None:
    invocation.check_writable("Approving" if approved else "Rejecting")
    with invocation.engine() as engine:
        found = engine.models.decide(model, version, approved=approved, reason=reason)
    _show(found, f"{'Approved' if approved else 'Rejected'}: {model} {version}", as_json)


def _show(version: ModelVersion, text: str, as_json: bool) -> None:
    if as_json:
        write_json({"version": version_payload(version)})
        return
    Output().line(Cell(Shown("✓ "), "green"), safe(text))
