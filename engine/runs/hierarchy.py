"""Which lines a table shows where runs stand under each other, and runs under their parents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, field
from typing import cast

from engine.columns import ColumnKey
from engine.runs.frame import RunFrame

DEEPEST = 12
"""Levels by which a line is indented at most; what lies deeper stands at this level."""

_PARENT = ColumnKey("tag", "mlflow.parentRunId")
_NONE = -1


@dataclass(frozen=True, slots=True)
class Outline:
    """Lines from the first to the last: a row of the frame, or ``~g`` for group g.

    `depths` is empty where nothing is indented. `folds` says of each line that has others below
    it whether they are shown. `orphans` are rows whose parent is not the one above them.
    """

    lines: Sequence[int]
    depths: Sequence[int] = ()
    folds: Mapping[int, bool] = field(default_factory=dict)
    orphans: AbstractSet[int] = frozenset()


class Tree:
    """Children under their parents, siblings in the order of `matching`; `rows` are the same rows in
    the frame's order.

    A run whose parent is not among them is an orphan, under the nearest above it that is, else at
    the root; it stands there too where going from parent to parent leads back to it.
    """

    __slots__ = ("_below", "_frame", "_orphans", "_roots", "matching")

    def __init__(self, frame: RunFrame, rows: Sequence[int], matching: Sequence[int]) -> None:
        parents, self._orphans = _parents(frame, rows)
        below: dict[int, list[int]] = defaultdict(list)
        roots: list[int] = []
        for row in matching if parents else ():
            parent = parents[row]
            (roots if parent == _NONE else below[parent]).append(row)
        self._frame = frame
        self.matching = matching
        self._below = dict(below)
        self._roots = roots

    def outline(self, toggled: AbstractSet[str]) -> Outline:
        """The lines. Parents whose run id is `toggled` are closed."""
        if not self._below and not self._orphans:
            return Outline(self.matching)
        run_ids = self._frame.run_ids
        folds = {row: run_ids[row] not in toggled for row in self._below}
        lines: list[int] = []
        depths = bytearray()
        levels = [iter(self._roots)]
        while levels:
            depth = min(len(levels) - 1, DEEPEST)
            for row in levels[-1]:
                lines.append(row)
                depths.append(depth)
                if folds.get(row):
                    levels.append(iter(self._below[row]))
                    break
            else:
                levels.pop()
        return Outline(lines, bytes(depths), folds, self._orphans)


def _parents(frame: RunFrame, rows: Sequence[int]) -> tuple[list[int], set[int]]:
    """For each row of the frame the row of the parent under which it can stand, and the orphans; nothing
    where no run tells of a parent."""
    if _PARENT not in frame:
        return [], set()
    names = cast(Sequence[str | None], frame.column(_PARENT))
    above = _above(frame, names, set(rows))
    parents = [_NONE if name is None else above.get(name, _NONE) for name in names]
    for row in _in_circles(parents, rows):
        parents[row] = _NONE
    run_ids = frame.run_ids
    orphans = {
        row for row in rows if (name := names[row]) and ((at := parents[row]) == _NONE or run_ids[at] != name)
    }
    return parents, orphans


def _above(frame: RunFrame, names: Sequence[str | None], shown: AbstractSet[int]) -> dict[str, int]:
    """For each parent's run id its row, or that of the nearest above it, of those that are shown."""
    found: dict[str, int] = {}
    for name in set(names):
        step, passed = name, set[str]()
        while step and step not in found and step not in passed:
            passed.add(step)
            row = frame.row_of(step)
            if row in shown or row is None:
                found[step] = _NONE if row is None else row
            else:
                step = names[row]
        found.update(dict.fromkeys(passed, found.get(step or "", _NONE)))
    return found


def _in_circles(parents: Sequence[int], rows: Sequence[int]) -> list[int]:
    """The rows from which parents lead back to themselves."""
    walks: dict[int, int] = {}
    found: list[int] = []
    for start in [row for row in rows if (parent := parents[row]) != _NONE and parents[parent] != _NONE]:
        row = start
        while row != _NONE and row not in walks:
            walks[row] = start
            row = parents[row]
        if walks.get(row) == start:
            circle = [row]
            while (following := parents[circle[-1]]) != row:
                circle.append(following)
            found += circle
    return found
