"""What the view of one run can export."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from engine import formats
from engine.api import Engine, RunFrame, file_name, pairs_sheet, runs_sheet
from engine.columns import Value
from engine.entities import Run
from engine.text import Shown
from tui.dialogs.export import ExportChoice, ExportOffer


def run_offer(engine: Engine, run: Run) -> ExportOffer:
    """The parameters, metrics and tags as a list; all points of all metrics; one row as runs have it."""
    kinds: list[tuple[str, Mapping[str, Value]]] = [
        ("param", run.params),
        ("metric", run.metrics),
        ("tag", run.tags),
    ]
    rows = [(kind, name, value) for kind, found in kinds for name, value in sorted(found.items())]
    choices = [
        ExportChoice(
            Shown("parameters, metrics and tags, one per row"), partial(pairs_sheet, "value", "kind", rows)
        ),
        ExportChoice(
            Shown(f"the complete histories of {formats.counted(len(run.metrics), 'metric')}"),
            partial(engine.runs.history_sheet, run.run_id, sorted(run.metrics)),
        ),
        ExportChoice(Shown("one row with all columns"), partial(runs_sheet, RunFrame.from_runs([run]))),
    ]
    return ExportOffer(choices, file_name(run.run_name or run.run_id, default="run"))
