"""`mlflow-console history`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from engine.errors import UsageError
from engine.formats import MISSING, moment
from engine.text import Shown, safe
from tui.cli.json_output import write_json
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Head, Output

if TYPE_CHECKING:
    from engine.api import ApprovalEvent, Held, ModelHistory, PromotionEvent

SOURCES = {
    "journal": Shown("this account's journal"),
    "tag": Shown("tags of the version"),
    "seen": Shown("changed elsewhere"),
}


@click.command()
@click.argument("model")
@click.option("--at", metavar="TIME", help="Who had what at this time: 2026-10-01 or 2026-10-01T14:30.")
@json_option
@pass_invocation
def history(invocation: Invocation, model: str, at: str | None, as_json: bool) -> None:
    """Show which version of MODEL had which stage or alias when, and who asked for it and agreed.

    MLflow keeps no history. This one is put together from the journal of this account, from tags
    that consoles of all accounts left on the versions, and from what this account has seen: what
    changed between two looks without being in either was changed elsewhere, at some time between
    the two. Nothing is known from before the first look.

    \b
    Examples:
      mlflow-console history heart_disease_classifier
      mlflow-console history heart_disease_classifier --at 2026-10-01
    """
    time = None if at is None else _milliseconds(at)
    with invocation.engine() as engine:
        found = engine.models.history(model)
    held = found.at(found.now_ms if time is None else time)
    if as_json:
        write_json({**asdict(found), "at": time, "held": [asdict(each) for each in held]})
        return
    output = Output()
    if time is None:
        _show_events(output, found)
        output.line()
    for each in held:
        _show_held(output, each)
    output.line(Cell(Shown(f"Known since {moment(found.known_since)}."), "dim"))


def _milliseconds(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        hint = "Write it as 2026-10-01 or 2026-10-01T14:30."
        raise UsageError(f"Invalid time {text!r}", hint=hint) from error


def _show_events(output: Output, found: ModelHistory) -> None:
    if not found.timeline:
        output.line("No change of a stage or an alias is known.")
        return
    heads = [
        Head(Shown("when"), keep=True),
        Head(Shown("target"), keep=True),
        Head(Shown("version"), keep=True),
        Head(Shown("by"), keep=True),
        Head(Shown("known from")),
        Head(Shown("reason"), min_width=16),
    ]
    output.table(heads, [_row(event) for event in found.timeline])


def _row(event: PromotionEvent | ApprovalEvent) -> list[Cell | Shown]:
    return [
        event.when,
        safe(event.target),
        event.change,
        safe(event.by) if event.by else MISSING,
        SOURCES[getattr(event, "source", "tag")],
        safe(event.reason),
    ]


def _show_held(output: Output, held: Held) -> None:
    event, since = held.event, Shown("")
    if event is not None and held.versions is None:
        since = Shown(f"  {event.when}: {event.change}")
    elif event is not None:
        since = Shown(f"  since {event.when}{f' by {safe(event.by)}' if event.by else ''}")
    output.line(Cell(safe(held.target), "bold"), Shown("  "), held.holder, Cell(since, "dim"))
