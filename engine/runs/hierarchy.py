"""The lines of a table with nested runs: outlines, and the tree of parents and children."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, field
from typing import cast

from engine.columns import ColumnKey
from engine.runs.frame import RunFrame

MAX_DEPTH = 12
"""The maximum indentation level; deeper lines are shown at this level."""

_PARENT = ColumnKey("tag", "mlflow.parentRunId")
_NONE = -1


@dataclass(frozen=True, slots=True)
class Outline:
    """The lines in order: each a row of the frame, or ``~g`` for group g.

    `depths` is empty if nothing is indented. `folds` says whether each line with children is open. `orphans`
    are rows not shown under their own parent.
    """

    lines: Sequence[int]
    depths: Sequence[int] = ()
    folds: Mapping[int, bool] = field(default_factory=dict)
    orphans: AbstractSet[int] = frozenset()


class Tree:
    """Children under their parents, siblings in the order of `matching`; `rows` are the same rows in frame
    order.

    A run whose parent is not among them is an orphan: it goes under its nearest ancestor that is, otherwise
    to the root. A run in a cycle of parents also goes to the root.
    """

    __slots__ = ("_children", "_frame", "_orphans", "_roots", "matching")

    def __init__(self, frame: RunFrame, rows: Sequence[int], matching: Sequence[int]) -> None:
        parents, self._orphans = _parents(frame, rows)
        children: dict[int, list[int]] = defaultdict(list)
        roots: list[int] = []
        for row in matching if parents else ():
            parent = parents[row]
            (roots if parent == _NONE else children[parent]).append(row)
        self._frame = frame
        self.matching = matching
        self._children = dict(children)
        self._roots = roots

    def outline(self, toggled_folds: AbstractSet[str]) -> Outline:
        """The lines of the tree. Parents whose run ids are in `toggled_folds` are closed."""
        if not self._children and not self._orphans:
            return Outline(self.matching)
        run_ids = self._frame.run_ids
        folds = {row: run_ids[row] not in toggled_folds for row in self._children}
        lines: list[int] = []
        depths = bytearray()
        levels = [iter(self._roots)]
        while levels:
            depth = min(len(levels) - 1, MAX_DEPTH)
            for row in levels[-1]:
                lines.append(row)
                depths.append(depth)
                if folds.get(row):
                    levels.append(iter(self._children[row]))
                    break
            else:
                levels.pop()
        return Outline(lines, bytes(depths), folds, self._orphans)


def _parents(frame: RunFrame, rows: Sequence[int]) -> tuple[list[int], set[int]]:
    """The parent row of each row of the frame, and the orphans; both empty if no run has a parent."""
    if _PARENT not in frame:
        return [], set()
    names = cast(Sequence[str | None], frame.column(_PARENT))
    ancestors = _nearest_ancestors(frame, names, set(rows))
    parents = [_NONE if name is None else ancestors.get(name, _NONE) for name in names]
    for row in _in_cycles(parents, rows):
        parents[row] = _NONE
    run_ids = frame.run_ids
    orphans = {
        row for row in rows if (name := names[row]) and ((at := parents[row]) == _NONE or run_ids[at] != name)
    }
    return parents, orphans


def _nearest_ancestors(
    frame: RunFrame, names: Sequence[str | None], shown: AbstractSet[int]
) -> dict[str, int]:
    """The row of each parent run id, or of its nearest shown ancestor."""
    found: dict[str, int] = {}
    for name in set(names):
        run_id, visited = name, set[str]()
        while run_id and run_id not in found and run_id not in visited:
            visited.add(run_id)
            row = frame.row_of(run_id)
            if row in shown or row is None:
                found[run_id] = _NONE if row is None else row
            else:
                run_id = names[row]
        found.update(dict.fromkeys(visited, found.get(run_id or "", _NONE)))
    return found


def _in_cycles(parents: Sequence[int], rows: Sequence[int]) -> list[int]:
    """The rows that are their own ancestors."""
    walks: dict[int, int] = {}
    found: list[int] = []
    for start in [row for row in rows if (parent := parents[row]) != _NONE and parents[parent] != _NONE]:
        row = start
        while row != _NONE and row not in walks:
            walks[row] = start
            row = parents[row]
        if walks.get(row) == start:
            cycle = [row]
            while (following := parents[cycle[-1]]) != row:
                cycle.append(following)
            found += cycle
    return found
