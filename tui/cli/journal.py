"""`mlflow-console journal`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from engine.errors import EngineError, UsageError
from engine.formats import ago, counted
from engine.text import Shown, safe
from tui.cli.json_output import write_json
from tui.cli.lifecycle import note_cut
from tui.cli.options import Invocation, json_option, pass_invocation, yes_option
from tui.cli.output import Cell, Head, Output, confirm

if TYPE_CHECKING:
    from engine.api import Engine, Finding, JournalEntry

MAX_CHECKED = 20
"""How many unfinished entries are compared with the store, the newest first."""
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
@click.option(
    "--mark-killed",
    is_flag=True,
    help="Mark the runs that interrupted sweeps left RUNNING as KILLED.",
)
@click.option("--verify", is_flag=True, help="Check that no line of the journal was changed or removed.")
@yes_option
@json_option
@pass_invocation
def journal(
    invocation: Invocation, limit: int, mark_killed: bool, verify: bool, yes: bool, as_json: bool
) -> int | None:
    """Show the journal of changes made from this machine to any store, newest first.

    An "unfinished" entry ("intended" in JSON) was interrupted or is still being applied. If it is
    about the current store, its actual state is shown, with the command that continues from there.
    `--mark-killed` lists the sweeps whose processes were all killed, asks for confirmation, and
    marks their unfinished runs as KILLED.

    Each line of the journal has the hash of the line before it. `--verify` compares them and says
    where lines were changed, moved, added or removed; it then exits with 1. It finds damage and
    careless edits, not the work of someone who computes the hashes anew.

    \b
    Examples:
      mlflow-console journal --limit 20
      mlflow-console journal --mark-killed
      mlflow-console journal --verify
    """
    if mark_killed and verify:
        raise UsageError("--mark-killed and --verify cannot be combined")
    if mark_killed:
        _mark_killed(invocation, yes=yes, as_json=as_json)
        return None
    if verify:
        with invocation.engine() as engine:
            return _verify(engine, as_json=as_json)
    with invocation.engine() as engine:
        entries = engine.journal.entries(limit)
        findings = _findings(engine, entries)
    if as_json:
        write_json({"entries": [_payload(entry, findings.get(entry.entry_id)) for entry in entries]})
        return None
    output = Output()
    if not entries:
        output.line("No journal entries yet.")
        return None
    _show_entries(output, entries)
    for entry in entries:
        if (finding := findings.get(entry.entry_id)) is not None:
            output.line()
            output.text(safe(f"Unfinished: {entry.action} {entry.target}"), "yellow")
            output.text(safe(finding.text))
            if finding.command:
                output.line(Cell(safe(finding.command), "bold"))
                note_cut(output, finding.command)
    return None


def _verify(engine: Engine, *, as_json: bool) -> int:
    """Report whether the journal is as it was written; return the exit status."""
    found = engine.journal.check()
    status = 1 if found.faults else 0
    if as_json:
        write_json({"ok": not found.faults, **asdict(found)})
        return status
    output = Output()
    for fault in found.faults:
        output.line(Cell(Shown("✗ "), "red"), safe(f"{fault.file} line {fault.line}: {fault.what}"))
    if not found.faults:
        output.line(
            Cell(Shown("✓ "), "green"),
            Shown(f"The journal is as it was written: {counted(found.lines, 'line')}."),
        )
    if found.unlinked:
        output.line(
            Shown(f"{counted(found.unlinked, 'line')} of an older version have no hashes to compare.")
        )
    if found.torn:
        output.line(Shown(f"{counted(found.torn, 'line')} cut off: a write was interrupted there."))
    if found.lines > found.unlinked and not found.has_head:
        output.line(Shown("journal.head is missing, so lines removed at the end would not be found."))
    return status


def _findings(engine: Engine, entries: Sequence[JournalEntry]) -> dict[str, Finding]:
    """What the store shows of its unfinished entries, by entry id."""
    from engine.api import Finding

    found: dict[str, Finding] = {}
    unfinished = [entry for entry in entries if entry.outcome == "intended" and engine.journal.is_here(entry)]
    for entry in unfinished[:MAX_CHECKED]:
        try:
            finding = engine.journal.finding(entry)
        except EngineError as error:
            finding = Finding(f"Its state could not be read: {error}")
        if finding is not None:
            found[entry.entry_id] = finding
    return found


def _mark_killed(invocation: Invocation, *, yes: bool, as_json: bool) -> None:
    invocation.check_writable("Marking runs as KILLED")
    output = Output(err=as_json)
    with invocation.engine() as engine:
        sweeps = engine.training.abandoned()
        for sweep in sweeps:
            output.text(safe(f"{sweep.entry.target}: {sweep.summary}; the training process has ended."))
        if sweeps and not yes:
            output.text(f"The RUNNING runs will be marked KILLED on {engine.uri.shown}.")
            confirm(output)
        recorded = [engine.training.mark_killed(sweep.entry) for sweep in sweeps]
    if as_json:
        write_json({"entries": [asdict(entry) for entry in recorded]})
        return
    for entry in recorded:
        output.line(Cell(Shown("✓ "), "green"), safe(entry.detail))
    if not recorded:
        output.line("No interrupted sweep left runs RUNNING.")


def _payload(entry: JournalEntry, finding: Finding | None) -> dict[str, Any]:
    return {**asdict(entry), "finding": None if finding is None else asdict(finding)}


def _show_entries(output: Output, entries: Sequence[JournalEntry]) -> None:
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
