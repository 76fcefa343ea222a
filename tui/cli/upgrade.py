"""`mlflow-console server upgrade`."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.formats import duration
from engine.text import Shown, safe
from tui.cli.backup import running
from tui.cli.json_output import Payload, write_json
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Output, check_can_ask, confirm_name

if TYPE_CHECKING:
    from engine.api import Rehearsal, Servers, Upgraded, UpgradePlan
    from engine.uri import TrackingUri


@click.command()
@click.option("--rehearse", is_flag=True, help="Upgrade a copy, compare it with the store, and remove it.")
@click.option(
    "-o",
    "--backup",
    "backup_to",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Where to keep the backup.  [default: a new folder beside the store]",
)
@click.option(
    "--confirm",
    "confirmed",
    metavar="NAME",
    help="The name of the database file, instead of typing it when asked; required without a terminal.",
)
@click.option(
    "--accept-differences", is_flag=True, help="Upgrade although the rehearsal found lost or changed rows."
)
@json_option
@pass_invocation
def upgrade(
    invocation: Invocation,
    rehearse: bool,
    backup_to: Path | None,
    confirmed: str | None,
    accept_differences: bool,
    as_json: bool,
) -> int:
    """Upgrade a SQLite store to the schema of the installed MLflow.

    First rehearses: copies the database, runs MLflow's own `mlflow db upgrade` on the copy, compares
    the number of rows and a sample of the values of every table, and reads the copy as the console
    does. Then shows which processes have the store open, and asks for the name of the database file.
    Only then makes a backup, upgrades the store, and compares again. Says how to go back. Older
    releases of MLflow can no longer read an upgraded store.

    With --rehearse, nothing but the copy is changed. The exit status is 1 if rows were lost or changed.

    \b
    Examples:
      mlflow-console --tracking-uri sqlite:///mlflow.db server upgrade --rehearse
      mlflow-console server upgrade --backup backups/before
      mlflow-console server upgrade --confirm mlflow.db --json
    """
    from engine.api import Servers

    servers, output = Servers(read_only=invocation.read_only), Output(err=as_json)
    if rehearse:
        with running("Rehearsing") as (show, token):
            rehearsal = servers.rehearse_upgrade(invocation.uri(), on_progress=show, cancel=token)
        _show_rehearsal(output, rehearsal)
        if as_json:
            write_json(_rehearsed(rehearsal))
        elif rehearsal.outcome is not None and not rehearsal.problems:
            output.line(after_rehearsal(invocation.uri()))
        return 1 if rehearsal.problems else 0
    if confirmed is None and servers.needs_upgrade(invocation.uri()):
        check_can_ask(output, "Add --confirm with the name of the database file.")
    with running("Rehearsing") as (show, token):
        plan = servers.plan_upgrade(invocation.uri(), backup_to, on_progress=show, cancel=token)
    _show_rehearsal(output, plan.rehearsal)
    if plan.rehearsal.outcome is None:
        if as_json:
            write_json({**_rehearsed(plan.rehearsal), "upgraded": False})
        return 0
    return _upgrade(servers, plan, confirmed, output, accept_differences=accept_differences, as_json=as_json)


def _upgrade(
    servers: Servers,
    plan: UpgradePlan,
    confirmed: str | None,
    output: Output,
    *,
    accept_differences: bool,
    as_json: bool,
) -> int:
    _show_plan(output, plan)
    if confirmed is None and (accept_differences or not plan.rehearsal.problems):
        confirmed = confirm_name(output, plan.name, f"Add --confirm {plan.name}.")
    with running("Upgrading") as (show, token):
        done = servers.upgrade(
            plan,
            confirmed=confirmed or "",
            accept_differences=accept_differences,
            on_progress=show,
            cancel=token,
        )
    _show_done(output, done)
    if as_json:
        write_json(
            {
                **_rehearsed(plan.rehearsal),
                "upgraded": True,
                "backup": str(done.backup.path),
                "seconds": done.outcome.seconds,
                "problems": list(done.outcome.problems),
                "way_back": list(done.way_back),
            }
        )
    return 1 if done.outcome.problems else 0


def after_rehearsal(uri: TrackingUri) -> Shown:
    """How to upgrade the store that was rehearsed, also where another one is the default."""
    command = f"mlflow-console --tracking-uri {shlex.quote(uri.shown)} server upgrade"
    return safe(f"Run `{command}` to upgrade the store itself.")


def _show_rehearsal(output: Output, rehearsal: Rehearsal) -> None:
    headline, *compared = rehearsal.sentences
    output.line(Cell(headline, "bold"))
    for sentence in compared:
        output.text(sentence)
    _show_problems(output, rehearsal.problems)


def _show_problems(output: Output, problems: tuple[Shown, ...]) -> None:
    for problem in problems:
        output.line(Cell(Shown("✗ "), "red"), Cell(problem))


def _show_plan(output: Output, plan: UpgradePlan) -> None:
    for writer in plan.writers:
        output.line(
            Cell(Shown("! "), "yellow"),
            Cell(Shown(f"{writer.what} has the store open (process {writer.pid})")),
        )
        output.line(Cell(Shown(f"  End it first: {writer.stop}"), "dim"))
    output.text(safe(f"A backup is made first: {plan.backup}"))
    output.text("Older releases of MLflow cannot read the upgraded store.")


def _show_done(output: Output, done: Upgraded) -> None:
    good = not done.outcome.problems
    mark = Cell(Shown("✓ "), "green") if good else Cell(Shown("✗ "), "red")
    compared = "; its rows are those of the backup" if good else ""
    output.line(mark, Shown(f"Upgraded in {duration(done.outcome.seconds)}{compared}"))
    _show_problems(output, done.outcome.problems)
    output.text(safe(f"Backup: {done.backup.path}"))
    output.line("To go back, end what has the store open, then run:")
    for command in done.way_back:
        output.line(Shown(f"  {command}"))


def _rehearsed(rehearsal: Rehearsal) -> Payload:
    state, outcome = rehearsal.state, rehearsal.outcome
    return {
        "database": str(state.database),
        "revision": state.revision,
        "head": state.head,
        "migrations": state.migrations,
        "rehearsal": None
        if outcome is None
        else {
            "seconds": outcome.seconds,
            "tables": [asdict(table) for table in outcome.tables],
            "new_tables": outcome.new_tables,
            "readable": asdict(outcome.readable),
            "problems": list(outcome.problems),
        },
    }
