"""How the columns of a frame take up a block of runs, and let go of rows."""

from __future__ import annotations

from collections.abc import Sequence
from sys import intern

from engine.blocks import KINDS, Block, ColumnKind, RunBlock, Value, at
from engine.runs.cells import Cells

Columns = dict[ColumnKind, dict[str, Cells]]
Changes = dict[tuple[ColumnKind, str], dict[int, Value]]

# Most artifact roots hold the run id: the rest is the same for all runs of an experiment.
_ID_PLACE = "\0"


def copied(columns: Columns) -> Columns:
    """The same columns, under names of their own."""
    return {kind: dict(columns[kind]) for kind in KINDS}


def forked(columns: Columns, length: int) -> Columns:
    """Columns of their own with the first `length` rows."""
    return {kind: {name: cells.fork(length) for name, cells in columns[kind].items()} for kind in KINDS}


def picked(columns: Columns, rows: Sequence[int], length: int) -> Columns:
    """Columns of their own with these of the first `length` rows, in this order."""
    return {
        kind: {name: cells.picked(rows, length) for name, cells in columns[kind].items()} for kind in KINDS
    }


def kept(block: RunBlock) -> RunBlock:
    """The block as frames keep it: artifact roots as templates."""
    attributes = dict(block.columns["attribute"])
    attributes["artifact_uri"] = _templates(attributes["artifact_uri"], block.run_ids)
    return RunBlock(len(block), {**block.columns, "attribute": attributes})


def append(columns: Columns, block: RunBlock, start: int) -> None:
    """Add the block's runs as rows from `start` on."""
    for kind in KINDS:
        for name, values in block.columns[kind].items():
            columns[kind].setdefault(name, Cells()).append(start, values, len(block))


def differences(columns: Columns, block: RunBlock, rows: Sequence[int]) -> Changes:
    """What has to change so that these rows become the runs of the block."""
    changes: Changes = {}
    nothing: Block = {}
    for kind in KINDS:
        here, there = columns[kind], block.columns[kind]
        for name in here.keys() | there.keys():
            cells, values = here.get(name), there.get(name, nothing)
            for place, row in enumerate(rows):
                before = None if cells is None else cells.value(row)
                after = at(values, place)
                if before != after and not (before != before and after != after):
                    changes.setdefault((kind, name), {})[row] = after
    return changes


def apply(columns: Columns, changes: Changes, length: int) -> None:
    """Put changed columns in the place of those that are there."""
    for (kind, name), cells in changes.items():
        columns[kind][name] = columns[kind].get(name, Cells()).changed(length, cells)


def artifact_uri(template: Value, run_id: str) -> str | None:
    """What `_template` was made from."""
    if not isinstance(template, str):
        return None
    return template[1:].replace(_ID_PLACE, run_id) if template.startswith(_ID_PLACE) else template


def _templates(roots: Block, ids: Sequence[str]) -> Block:
    """Each root as `_template` has it. All of them are made at once where they differ by the id only."""
    first = _template(at(roots, 0), ids[0]) if len(ids) else None
    if first is not None and first.startswith(_ID_PLACE):
        before, *behind = first[1:].split(_ID_PLACE)
        if len(behind) == 1 and roots == [before + run_id + behind[0] for run_id in ids]:
            return [first] * len(ids)
    return [_template(at(roots, place), run_id) for place, run_id in enumerate(ids)]


def _template(uri: Value, run_id: str) -> str | None:
    if not isinstance(uri, str):
        return None
    if not run_id or run_id not in uri or _ID_PLACE in uri:
        return uri
    return intern(_ID_PLACE + uri.replace(run_id, _ID_PLACE))
