"""The runs of an experiment by column: what the run table, the filter and the commands look at."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from sys import intern
from typing import cast

from engine.columns import ATTRIBUTES, KINDS, ColumnKey, ColumnKind, Value
from engine.entities import Run
from engine.formats import as_number
from engine.runs import frame
from engine.runs.cells import Cells
from engine.runs.sorting import SortKey, newest_first, sorted_rows
from engine.stores.block import ATTRIBUTE_COLUMNS, Block, RunBlock, at, run_of

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


__all__ = ["ColumnKey", "ColumnKind", "RunFrame", "SortKey", "Value", "sorted_rows"]

_RUN_ID = ColumnKey("attribute", "run_id")
_START = ColumnKey("attribute", "start_time")
_END = ColumnKey("attribute", "end_time")
_DURATION = ColumnKey("attribute", "duration")
_ARTIFACT_URI = ColumnKey("attribute", "artifact_uri")
_COMPUTED = (_DURATION, _ARTIFACT_URI)


class _Lineage:
    """What the frames that grew out of each other share. Only the newest of them may grow in place."""

    __slots__ = ("index", "length", "lock")

    def __init__(self, index: dict[str, int]) -> None:
        self.lock = threading.Lock()
        self.index = index
        self.length = len(index)


class RunFrame:
    """Runs by column; it never changes. Growing it is cheap: the columns are shared.

    `total` is how many runs there are in the store, None where it cannot tell; `complete`
    says whether all of them are here.
    """

    __slots__ = (
        "_columns",
        "_keys",
        "_length",
        "_lineage",
        "_newest",
        "_numbers",
        "_numeric",
        "_views",
        "complete",
        "orders",
        "places",
        "total",
    )

    def __init__(
        self, columns: Columns, lineage: _Lineage, length: int, total: int | None, complete: bool
    ) -> None:
        self.total = total
        self.complete = complete
        self._columns = columns
        self._lineage = lineage
        self._length = length
        self._keys: tuple[ColumnKey, ...] | None = None
        self._views: dict[ColumnKey, list[Value]] = {}
        self._numbers: dict[ColumnKey, list[float | None]] = {}
        self._numeric: dict[ColumnKey, bool] = {}
        self._newest: Sequence[int] | None = None
        self.orders: dict[tuple[SortKey, ...], list[int]] = {}  # kept by `engine.runs.sorting`, as places are
        self.places: dict[ColumnKey, list[float | None] | None] = {}

    @classmethod
    def from_runs(cls, runs: Iterable[Run], *, total: int | None = None, complete: bool = True) -> RunFrame:
        columns: Columns = {kind: {} for kind in KINDS}
        columns["attribute"] = {name: Cells([]) for name in ATTRIBUTE_COLUMNS}
        return cls(columns, _Lineage({}), 0, None, complete).extended(runs, total=total, complete=complete)

    def extended(self, runs: Iterable[Run], *, total: int | None = None, complete: bool = True) -> RunFrame:
        """A frame with these runs as well (a `RunBlock` is taken by column). A run that is here
        already is replaced where it is. The same frame where nothing would change."""
        block = frame.kept(RunBlock.of(runs))
        places = {run_id: place for place, run_id in enumerate(block.run_ids)}  # of two, the last
        known = {place: row for run_id, place in places.items() if (row := self.row_of(run_id)) is not None}
        fresh = block.taken([place for place in places.values() if place not in known])
        again = block.taken(tuple(known))
        total = self.total if total is None else total
        lineage = self._lineage
        with lineage.lock:
            changes = frame.differences(self._columns, again, tuple(known.values())) if known else {}
            if not (len(fresh) or changes) and (total, complete) == (self.total, self.complete):
                return self
            newest = lineage.length == self._length
            columns = frame.copied(self._columns) if newest else frame.forked(self._columns, self._length)
            if not newest:
                lineage = _Lineage({i: row for i, row in lineage.index.items() if row < self._length})
            frame.apply(columns, changes, self._length)
            frame.append(columns, fresh, self._length)
            lineage.index.update((run_id, self._length + row) for row, run_id in enumerate(fresh.run_ids))
            lineage.length = length = self._length + len(fresh)
        return RunFrame(columns, lineage, length, total, complete)

    def without(self, run_ids: Iterable[str]) -> RunFrame:
        """A frame that lacks these runs; the same frame where it holds none of them."""
        gone = {row for run_id in run_ids if (row := self.row_of(run_id)) is not None}
        if not gone:
            return self
        rows = [row for row in range(self._length) if row not in gone]
        with self._lineage.lock:
            columns = frame.picked(self._columns, rows, self._length)
        ids = cast(list[str], columns["attribute"]["run_id"].values(len(rows)))
        total = None if self.total is None else max(len(rows), self.total - len(gone))
        index = {run_id: row for row, run_id in enumerate(ids)}
        return RunFrame(columns, _Lineage(index), len(rows), total, self.complete)

    def __len__(self) -> int:
        return self._length

    @property
    def run_ids(self) -> Sequence[str]:
        return cast(Sequence[str], self.column(_RUN_ID))

    @property
    def keys(self) -> tuple[ColumnKey, ...]:
        """Attributes, then metrics, parameters, tags and facts of data sets, each by name."""
        if self._keys is None:
            named = [ColumnKey(kind, name) for kind in KINDS[1:] for name in sorted(self._columns[kind])]
            self._keys = (*(ColumnKey("attribute", name) for name in ATTRIBUTES), *named)
        return self._keys

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, ColumnKey):
            return False
        return key.name in self._columns[key.kind] or key.is_duration

    def column(self, key: ColumnKey) -> Sequence[Value]:
        """One value per row, None where missing; not to be changed. Raises `KeyError` for a column that
        is not here."""
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = self._view(key)
        return view

    def _view(self, key: ColumnKey) -> list[Value]:
        if key in _COMPUTED:
            read = self.reader(key)
            return [read(row) for row in range(self._length)]
        cells = self._columns[key.kind][key.name]
        with self._lineage.lock:
            return cells.values(self._length)

    def scan(self, key: ColumnKey) -> Sequence[Value]:
        """As `column`, but there may be more values than rows. Made for going through once: on a
        frame that still grows, `column` costs a copy and this does not."""
        if key in self._views or key in _COMPUTED or self._columns[key.kind][key.name].is_sparse:
            return self.column(key)
        with self._lineage.lock:
            return self._columns[key.kind][key.name].at_least(self._length)

    def reader(self, key: ColumnKey) -> Callable[[int], Value]:
        """A function from a row to its value in one column: the cheapest way to a few cells.
        Raises `KeyError` for an unknown column."""
        if key in self._views:
            return self._views[key].__getitem__
        if key == _DURATION:
            start, end = self._stored(_START), self._stored(_END)
            return lambda row: _seconds(start(row), end(row))
        if key == _ARTIFACT_URI:
            template, run_id = self._stored(key), self._stored(_RUN_ID)
            return lambda row: artifact_uri(template(row), cast(str, run_id(row)))
        return self._stored(key)

    def _stored(self, key: ColumnKey) -> Callable[[int], Value]:
        cells = self._columns[key.kind][key.name]
        with self._lineage.lock:
            return cells.reader(self._length)

    def sample(self, key: ColumnKey, limit: int) -> list[Value]:
        """Up to `limit` values that are there, from all over the column: for widths and formats.
        Raises `KeyError` for an unknown column."""
        if key in _COMPUTED:
            rows = range(0, self._length, max(1, -(-self._length // limit)))
            return [value for value in map(self.reader(key), rows) if value is not None]
        cells = self._columns[key.kind][key.name]
        with self._lineage.lock:
            return cells.sample(self._length, limit)

    def distinct(self, key: ColumnKey) -> Counter[Value]:
        """The different values of a column that are there, with their numbers of rows. Raises
        `KeyError` for an unknown column."""
        found = Counter(islice(self.scan(key), self._length))
        found.pop(None, None)
        return found

    def numbers(self, key: ColumnKey) -> Sequence[float | None]:
        """The column read as numbers, None where a value is missing or is no number."""
        if key.is_number:
            return cast(Sequence[float | None], self.column(key))
        found = self._numbers.get(key)
        if found is None:
            texts = cast(Sequence[str | None], self.scan(key))[: self._length]
            read = {text: as_number(text) for text in set(texts)}
            found = self._numbers[key] = [read[text] for text in texts]
        return found

    def is_numeric(self, key: ColumnKey) -> bool:
        """Whether a column is one of numbers: a metric, a time, a duration, or a parameter or tag
        whose every present value is a number."""
        if key.is_number:
            return True
        if key.kind in ("attribute", "dataset") or key not in self:
            return False
        numeric = self._numeric.get(key)
        if numeric is None:
            with self._lineage.lock:
                texts = self._columns[key.kind][key.name].distinct(self._length) - {None}
            numbers = (as_number(cast(str, text)) for text in texts)
            numeric = self._numeric[key] = bool(texts) and None not in numbers
        return numeric

    def row_of(self, run_id: str) -> int | None:
        row = self._lineage.index.get(run_id)
        return row if row is not None and row < self._length else None

    def run(self, row: int) -> Run:
        """The run of a row, as the store gave it."""
        if not 0 <= row < self._length:
            raise IndexError(row)
        run_id = self.run_ids[row]

        def value(kind: ColumnKind, name: str) -> Value:
            held = self._columns[kind][name].value(row)
            is_root = kind == "attribute" and name == "artifact_uri"
            return artifact_uri(held, run_id) if is_root else held

        with self._lineage.lock:
            return run_of(value, self._columns)

    def is_kin(self, other: RunFrame) -> bool:
        """Whether one grew out of the other, so that they share what they store."""
        return self._lineage is other._lineage

    def stored(self) -> list[object]:
        """What the frame keeps its runs in: for who wants to free it part by part."""
        return [*(cells for kind in KINDS for cells in self._columns[kind].values()), self._lineage.index]

    def newest_first(self) -> Sequence[int]:
        """All rows: newest start first, then by run id; runs without a start last."""
        if self._newest is None:
            self._newest = newest_first(self.scan(_START), self.scan(_RUN_ID), self._length)
        return self._newest


def _seconds(start: Value, end: Value) -> float | None:
    if start is None or end is None:
        return None
    return (cast(int, end) - cast(int, start)) / 1000
