"""`mlflow-console policy`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TextIO

import click

from engine.errors import UsageError
from engine.text import Shown, safe
from tui.cli.json_output import write_json
from tui.cli.options import Invocation, json_option, pass_invocation, yes_option
from tui.cli.output import Cell, Output, confirm


@click.command()
@click.argument("model")
@click.option("--set", "file", type=click.File(encoding="utf-8"), metavar="FILE", help="Write this policy.")
@click.option("--remove", is_flag=True, help="Remove the policy.")
@yes_option
@json_option
@pass_invocation
def policy(
    invocation: Invocation, model: str, file: TextIO | None, remove: bool, yes: bool, as_json: bool
) -> None:
    """Show or set what must hold before a version of MODEL is promoted.

    A policy is TOML: for a stage or an alias, conditions on the metrics and parameters of the
    version's run, compared with the version that is there now if they name incumbent.METRIC, and
    facts. With --set it becomes a tag of the model, for everyone who promotes it with a console;
    policies for this account alone are in ~/.config/mlflow-console/policy.toml. Policies are
    checked by consoles: the web UI and scripts do not know them.

    \b
    [[policy]]
    target = "Production"
    conditions = ["accuracy >= 0.91", "f1 >= incumbent.f1 - 0.01"]
    facts = ["run finished", "description", "signature", "not worse"]
    max_age_days = 30

    \b
    Examples:
      mlflow-console policy heart_disease_classifier
      mlflow-console policy heart_disease_classifier --set policy.toml
    """
    if file is not None and remove:
        raise UsageError("--set and --remove cannot be combined")
    output = Output(err=as_json)
    with invocation.engine() as engine:
        if file is not None or remove:
            invocation.check_writable("Changing a policy")
            text = file.read() if file is not None else ""
            if not remove and not text.strip():
                raise UsageError("The file holds no policy", hint="--remove removes the policy.")
            if not yes:
                output.text(f"The policy of {safe(model)} on {engine.uri.shown} will be {_verb(text)}.")
                confirm(output)
            engine.models.set_policy(model, text)
        found = engine.models.policies(model)
    if as_json:
        write_json({"policies": [asdict(policy) for policy in found]})
        return
    if not found:
        output.line(safe(f"No policy applies to {model}."))
    for policy in found:
        output.line(Cell(safe(policy.target), "bold"), Cell(safe(f"  {policy.source}"), "dim"))
        for demand in policy.demands:
            output.line(Shown("  "), safe(demand))


def _verb(text: str) -> str:
    return "written" if text.strip() else "removed"
