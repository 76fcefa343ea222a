"""What the runs view can export."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from engine import formats
from engine.api import file_name, runs_sheet, shown_sheet
from engine.text import Shown
from tui.dialogs.export import ExportChoice, ExportOffer

if TYPE_CHECKING:
    from engine.api import Arranged


def runs_offer(arranged: Arranged, marked: frozenset[str], experiment: str) -> ExportOffer:
    """The shown runs with all columns, or the table as it stands; the marked runs; all loaded runs."""
    frame, matching = arranged.frame, [*arranged.matching]
    choices = [
        ExportChoice(
            Shown(f"{formats.counted(len(matching), 'shown run')}, all columns"),
            partial(runs_sheet, frame, matching),
        )
    ]
    lines = "group" if arranged.groups is not None else "line"
    standing = formats.counted(len(arranged.lines), lines)
    columns = formats.counted(len(arranged.columns), "shown column")
    choices.append(
        ExportChoice(
            Shown(f"the table as it stands: {standing}, {columns}"),
            partial(shown_sheet, arranged),
        )
    )
    rows = [row for run_id in marked if (row := frame.row_of(run_id)) is not None]
    if rows:
        work = partial(runs_sheet, frame, sorted(rows))
        choices.append(ExportChoice(Shown(f"{formats.counted(len(rows), 'marked run')}, all columns"), work))
    if len(frame) > len(matching):
        loaded = f"{formats.counted(len(frame), 'loaded run')}, all columns"
        more = "" if frame.complete or frame.total is None else f" (of {formats.count(frame.total)})"
        choices.append(ExportChoice(Shown(loaded + more), partial(runs_sheet, frame)))
    return ExportOffer(choices, file_name(experiment))
