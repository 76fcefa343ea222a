"""`mlflow-console journal`."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from engine.formats import ago
from engine.text import Shown, safe
from tui.cli.json_output import write_json
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Head, Output

if TYPE_CHECKING:
    from engine.api import JournalEntry

MAX_DETAIL = 120
"""Characters of an entry's detail in the table; `--json` prints all of it."""
OUTCOMES = {
    "done": Cell(Shown("✓ done"), "green"),
    "failed": Cell(Shown("✗ failed"), "red"),
    "cancelled": Cell(Shown("⊘ cancelled"), "yellow"),
    "undone": Cell(Shown("↶ undone"), "dim"),
    "intended": Cell(Shown("? unfinished"), "yellow"),
}


@click.command()
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    default=200,
    show_default=True,
    help="Number of entries.",
)
@json_option
@pass_invocation
def journal(invocation: Invocation, limit: int, as_json: bool) -> None:
    """Show the journal of changes made from this machine to any store, newest first.

    An "unfinished" entry ("intended" in JSON) was interrupted or is still being applied.

    \b
    Example:
      mlflow-console journal --limit 20
    """
    with invocation.engine() as engine:
        entries = engine.journal.entries(limit)
    if as_json:
        write_json({"entries": [asdict(entry) for entry in entries]})
        return
    output = Output()
    if not entries:
        output.line("No journal entries yet.")
        return
    now = time.time_ns() // 1_000_000
    heads = [
        Head(Shown("when"), keep=True),
        Head(Shown("action"), keep=True),
        Head(Shown("target"), keep=True, min_width=16),
        Head(Shown("outcome"), keep=True),
        Head(Shown("detail"), min_width=24),
        Head(Shown("by")),
        Head(Shown("reason"), min_width=16),
        Head(Shown("store"), min_width=16),
    ]
    output.table(heads, [_row(entry, now) for entry in entries])


def _row(entry: JournalEntry, now: int) -> list[Cell | Shown]:
    return [
        ago(entry.time, now),
        safe(entry.action),
        safe(entry.target),
        OUTCOMES.get(entry.outcome, Cell(safe(entry.outcome))),
        safe(entry.detail, MAX_DETAIL),
        safe(f"{entry.user}@{entry.host}"),
        safe(entry.reason),
        safe(entry.server),
    ]
