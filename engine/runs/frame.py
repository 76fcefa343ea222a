"""The runs of an experiment, or the versions of a model, by column: the input of tables, filters and
commands."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from sys import intern
from typing import cast

from engine.columns import ATTRIBUTES, KINDS, VERSION, VERSION_ATTRIBUTES, ColumnKey, ColumnKind, Value
from engine.entities import Run
from engine.formats import as_number
from engine.runs.cells import Cells
from engine.runs.sorting import SortKey, newest_first, sorted_rows
from engine.stores.block import ATTRIBUTE_COLUMNS, Block, RunBlock, at, run_of

ColumnCells = dict[ColumnKind, dict[str, Cells]]
Changes = dict[tuple[ColumnKind, str], dict[int, Value]]

# Most artifact URIs contain the run id and are otherwise the same for all runs of an experiment.
_ID_PLACEHOLDER = "\0"


def _copied(columns: ColumnCells) -> ColumnCells:
    """A shallow copy, sharing the columns."""
    return {kind: dict(columns[kind]) for kind in KINDS}


def _forked(columns: ColumnCells, length: int) -> ColumnCells:
    """Separate copies of the first `length` rows."""
    return {kind: {name: cells.fork(length) for name, cells in columns[kind].items()} for kind in KINDS}


def _picked(columns: ColumnCells, rows: Sequence[int], length: int) -> ColumnCells:
    """Separate copies of these rows among the first `length`, in this order."""
    return {
        kind: {name: cells.picked(rows, length) for name, cells in columns[kind].items()} for kind in KINDS
    }


def _with_templates(block: RunBlock) -> RunBlock:
    """The block as frames store it: with templates for artifact URIs."""
    attributes = dict(block.columns["attribute"])
    attributes["artifact_uri"] = _templates(attributes["artifact_uri"], block.run_ids)
    return RunBlock(len(block), {**block.columns, "attribute": attributes})


def _append(columns: ColumnCells, block: RunBlock, start: int) -> None:
    """Append the block's runs as rows starting at `start`."""
    for kind in KINDS:
        for name, values in block.columns[kind].items():
            columns[kind].setdefault(name, Cells()).append(start, values, len(block))


def _differences(columns: ColumnCells, block: RunBlock, rows: Sequence[int]) -> Changes:
    """The changes that turn these rows into the runs of the block."""
    changes: Changes = {}
    empty: Block = {}
    for kind in KINDS:
        current, new = columns[kind], block.columns[kind]
        for name in current.keys() | new.keys():
            cells, values = current.get(name), new.get(name, empty)
            for index, row in enumerate(rows):
                before = None if cells is None else cells.value(row)
                after = at(values, index)
                if before != after and not (before != before and after != after):
                    changes.setdefault((kind, name), {})[row] = after
    return changes


def _apply(columns: ColumnCells, changes: Changes, length: int) -> None:
    """Replace the changed columns."""
    for (kind, name), cells in changes.items():
        columns[kind][name] = columns[kind].get(name, Cells()).changed(length, cells)


def _artifact_uri(template: Value, run_id: str) -> str | None:
    """The URI that `template` was made from."""
    if not isinstance(template, str):
        return None
    return template[1:].replace(_ID_PLACEHOLDER, run_id) if template.startswith(_ID_PLACEHOLDER) else template


def _templates(uris: Block, ids: Sequence[str]) -> Block:
    """The template of each URI. Computed once if the URIs differ only in the run id."""
    first = _template(at(uris, 0), ids[0]) if len(ids) else None
    if first is not None and first.startswith(_ID_PLACEHOLDER):
        prefix, *suffix = first[1:].split(_ID_PLACEHOLDER)
        if len(suffix) == 1 and uris == [prefix + run_id + suffix[0] for run_id in ids]:
            return [first] * len(ids)
    return [_template(at(uris, index), run_id) for index, run_id in enumerate(ids)]


def _template(uri: Value, run_id: str) -> str | None:
    if not isinstance(uri, str):
        return None
    if not run_id or run_id not in uri or _ID_PLACEHOLDER in uri:
        return uri
    return intern(_ID_PLACEHOLDER + uri.replace(run_id, _ID_PLACEHOLDER))


__all__ = ["ColumnKey", "ColumnKind", "RunFrame", "SortKey", "Value", "sorted_rows"]

_RUN_ID = ColumnKey("attribute", "run_id")
_START = ColumnKey("attribute", "start_time")
_END = ColumnKey("attribute", "end_time")
_DURATION = ColumnKey("attribute", "duration")
_ARTIFACT_URI = ColumnKey("attribute", "artifact_uri")
_COMPUTED = (_DURATION, _ARTIFACT_URI)


class _Lineage:
    """State shared by the frames that grew from one another. Only the newest may grow in place."""

    __slots__ = ("index", "length", "lock")

    def __init__(self, index: dict[str, int]) -> None:
        self.lock = threading.Lock()
        self.index = index
        self.length = len(index)


class RunFrame:
    """An immutable table of runs by column. Growing it is cheap because frames share columns.

    `total` is the number of runs in the store, None if unknown; `complete` says whether all are loaded.
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
        "ranks",
        "total",
    )

    def __init__(
        self, columns: ColumnCells, lineage: _Lineage, length: int, total: int | None, complete: bool
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
        self.orders: dict[
            tuple[SortKey, ...], list[int]
        ] = {}  # cached by `engine.runs.sorting`, like `ranks`
        self.ranks: dict[ColumnKey, list[float | None] | None] = {}

    @classmethod
    def from_runs(cls, runs: Iterable[Run], *, total: int | None = None, complete: bool = True) -> RunFrame:
        columns: ColumnCells = {kind: {} for kind in KINDS}
        columns["attribute"] = {name: Cells([]) for name in ATTRIBUTE_COLUMNS}
        return cls(columns, _Lineage({}), 0, None, complete).extended(runs, total=total, complete=complete)

    def extended(self, runs: Iterable[Run], *, total: int | None = None, complete: bool = True) -> RunFrame:
        """A frame with these runs added (a `RunBlock` is read by column). Existing runs are replaced in their
        rows. Returns the same frame if nothing changes."""
        block = _with_templates(RunBlock.of(runs))
        indexes = {run_id: index for index, run_id in enumerate(block.run_ids)}  # the last duplicate wins
        existing = {i: row for run_id, i in indexes.items() if (row := self.row_of(run_id)) is not None}
        added = block.taken([index for index in indexes.values() if index not in existing])
        replaced = block.taken(tuple(existing))
        total = self.total if total is None else total
        lineage = self._lineage
        with lineage.lock:
            changes = _differences(self._columns, replaced, tuple(existing.values())) if existing else {}
            if not (len(added) or changes) and (total, complete) == (self.total, self.complete):
                return self
            is_newest = lineage.length == self._length
            columns = _copied(self._columns) if is_newest else _forked(self._columns, self._length)
            if not is_newest:
                lineage = _Lineage({i: row for i, row in lineage.index.items() if row < self._length})
            _apply(columns, changes, self._length)
            _append(columns, added, self._length)
            lineage.index.update((run_id, self._length + row) for row, run_id in enumerate(added.run_ids))
            lineage.length = length = self._length + len(added)
        return RunFrame(columns, lineage, length, total, complete)

    def without(self, run_ids: Iterable[str]) -> RunFrame:
        """A frame without these runs; the same frame if it has none of them."""
        removed = {row for run_id in run_ids if (row := self.row_of(run_id)) is not None}
        if not removed:
            return self
        rows = [row for row in range(self._length) if row not in removed]
        with self._lineage.lock:
            columns = _picked(self._columns, rows, self._length)
        ids = cast(list[str], columns["attribute"]["run_id"].values(len(rows)))
        total = None if self.total is None else max(len(rows), self.total - len(removed))
        index = {run_id: row for row, run_id in enumerate(ids)}
        return RunFrame(columns, _Lineage(index), len(rows), total, self.complete)

    def __len__(self) -> int:
        return self._length

    @property
    def run_ids(self) -> Sequence[str]:
        return cast(Sequence[str], self.column(_RUN_ID))

    @property
    def holds_versions(self) -> bool:
        """Whether the rows are versions of a model (see `engine.registry.version_rows`); `run_ids` are then
        their numbers."""
        return VERSION.name in self._columns["attribute"]

    @property
    def keys(self) -> tuple[ColumnKey, ...]:
        """Attributes, then metrics, parameters, tags and dataset fields, each by name."""
        if self._keys is None:
            named = [ColumnKey(kind, name) for kind in KINDS[1:] for name in sorted(self._columns[kind])]
            attributes = VERSION_ATTRIBUTES if self.holds_versions else ATTRIBUTES
            self._keys = (*(ColumnKey("attribute", name) for name in attributes), *named)
        return self._keys

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, ColumnKey):
            return False
        return key.name in self._columns[key.kind] or key.is_duration

    def column(self, key: ColumnKey) -> Sequence[Value]:
        """One value per row, None if missing; read-only. Raises `KeyError` for an unknown column."""
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
        """Like `column`, but possibly with more values than rows. For one pass over a growing frame, where
        `column` would copy."""
        if key in self._views or key in _COMPUTED or self._columns[key.kind][key.name].is_sparse:
            return self.column(key)
        with self._lineage.lock:
            return self._columns[key.kind][key.name].at_least(self._length)

    def reader(self, key: ColumnKey) -> Callable[[int], Value]:
        """A function from a row to its value in one column, the cheapest access to single cells. Raises
        `KeyError` for an unknown column."""
        if key in self._views:
            return self._views[key].__getitem__
        if key == _DURATION:
            start, end = self._stored(_START), self._stored(_END)
            return lambda row: _seconds(start(row), end(row))
        if key == _ARTIFACT_URI:
            template, run_id = self._stored(key), self._stored(_RUN_ID)
            return lambda row: _artifact_uri(template(row), cast(str, run_id(row)))
        return self._stored(key)

    def _stored(self, key: ColumnKey) -> Callable[[int], Value]:
        cells = self._columns[key.kind][key.name]
        with self._lineage.lock:
            return cells.reader(self._length)

    def sample(self, key: ColumnKey, limit: int) -> list[Value]:
        """Up to `limit` present values spread over the column, for widths and formats. Raises `KeyError` for
        an unknown column."""
        if key in _COMPUTED:
            rows = range(0, self._length, max(1, -(-self._length // limit)))
            return [value for value in map(self.reader(key), rows) if value is not None]
        cells = self._columns[key.kind][key.name]
        with self._lineage.lock:
            return cells.sample(self._length, limit)

    def distinct(self, key: ColumnKey) -> Counter[Value]:
        """The distinct present values of a column, with their row counts. Raises `KeyError` for an unknown
        column."""
        found = Counter(islice(self.scan(key), self._length))
        found.pop(None, None)
        return found

    def numbers(self, key: ColumnKey) -> Sequence[float | None]:
        """The column as numbers, None where a value is missing or not a number."""
        if key.is_number:
            return cast(Sequence[float | None], self.column(key))
        found = self._numbers.get(key)
        if found is None:
            texts = cast(Sequence[str | None], self.scan(key))[: self._length]
            parsed = {text: as_number(text) for text in set(texts)}
            found = self._numbers[key] = [parsed[text] for text in texts]
        return found

    def is_numeric(self, key: ColumnKey) -> bool:
        """Whether a column is numeric: a metric, a time, a duration, or a parameter or tag whose present
        values are all numbers."""
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
        """The run in a row, as returned by the store."""
        if not 0 <= row < self._length:
            raise IndexError(row)
        run_id = self.run_ids[row]

        def value(kind: ColumnKind, name: str) -> Value:
            stored = self._columns[kind][name].value(row)
            is_uri = kind == "attribute" and name == "artifact_uri"
            return _artifact_uri(stored, run_id) if is_uri else stored

        with self._lineage.lock:
            return run_of(value, self._columns)

    def shares_storage_with(self, other: RunFrame) -> bool:
        """Whether one frame grew from the other, so that they share storage."""
        return self._lineage is other._lineage

    def stored(self) -> list[object]:
        """The storage of the frame, for freeing it in steps."""
        return [*(cells for kind in KINDS for cells in self._columns[kind].values()), self._lineage.index]

    def newest_first(self) -> Sequence[int]:
        """All rows: newest start first, then by run id; missing starts last. Versions are stored that way."""
        if self.holds_versions:
            return range(self._length)
        if self._newest is None:
            self._newest = newest_first(self.scan(_START), self.scan(_RUN_ID), self._length)
        return self._newest


def _seconds(start: Value, end: Value) -> float | None:
    if start is None or end is None:
        return None
    return (cast(int, end) - cast(int, start)) / 1000
