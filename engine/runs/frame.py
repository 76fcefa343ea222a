"""The runs of an experiment by column: what the run table, the filter and the commands look at."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import cast

from engine.entities import Lifecycle, Run, Status
from engine.query.keys import ATTRIBUTES, HIDDEN_ATTRIBUTES, KINDS, ColumnKey, ColumnKind, Value
from engine.runs.blocks import Columns, append, artifact_uri, blocks_of, copied, forked, replace
from engine.runs.cells import Cells
from engine.values import as_number

__all__ = ["ColumnKey", "ColumnKind", "RunFrame", "SortKey", "Value", "sorted_rows"]

_RUN_ID = ColumnKey("attribute", "run_id")
_START = ColumnKey("attribute", "start_time")
_END = ColumnKey("attribute", "end_time")
_ARTIFACT_URI = ColumnKey("attribute", "artifact_uri")


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

    @classmethod
    def from_runs(cls, runs: Iterable[Run], *, total: int | None = None, complete: bool = True) -> RunFrame:
        names = (*ATTRIBUTES, *HIDDEN_ATTRIBUTES)
        columns: Columns = {kind: {} for kind in KINDS}
        columns["attribute"] = {name: Cells([]) for name in names if name != "duration"}
        return cls(columns, _Lineage({}), 0, None, True).extended(runs, total=total, complete=complete)

    def extended(self, runs: Iterable[Run], *, total: int | None = None, complete: bool = True) -> RunFrame:
        """A frame with these runs as well. A run that is here already is replaced where it is."""
        found = {run.run_id: run for run in runs}
        known = {row: run for run in found.values() if (row := self.row_of(run.run_id)) is not None}
        fresh = [run for run in found.values() if self.row_of(run.run_id) is None]
        arrived, again = blocks_of(fresh), {row: blocks_of([run]) for row, run in known.items()}
        lineage = self._lineage
        with lineage.lock:
            newest = lineage.length == self._length
            columns = copied(self._columns) if newest else forked(self._columns, self._length)
            if not newest:
                lineage = _Lineage({i: row for i, row in lineage.index.items() if row < self._length})
            replace(columns, again, self._length)
            append(columns, arrived, self._length, len(fresh))
            lineage.index.update((run.run_id, self._length + row) for row, run in enumerate(fresh))
            lineage.length = length = self._length + len(fresh)
        return RunFrame(columns, lineage, length, self.total if total is None else total, complete)

    def __len__(self) -> int:
        return self._length

    @property
    def run_ids(self) -> Sequence[str]:
        return cast(Sequence[str], self.column(_RUN_ID))

    @property
    def keys(self) -> tuple[ColumnKey, ...]:
        """Attributes, then metrics, parameters and tags, each by name."""
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
        if key.is_duration:
            return [_seconds(*times) for times in zip(self.column(_START), self.column(_END), strict=True)]
        cells = self._columns[key.kind][key.name]
        with self._lineage.lock:
            values = cells.values(self._length)
        if key == _ARTIFACT_URI:
            return [artifact_uri(value, run_id) for value, run_id in zip(values, self.run_ids, strict=True)]
        return values

    def scan(self, key: ColumnKey) -> Sequence[Value]:
        """As `column`, but there may be more values than rows. Made for going through once: on a
        frame that still grows, `column` costs a copy and this does not."""
        cells = self._columns[key.kind].get(key.name)
        if key in self._views or cells is None or key == _ARTIFACT_URI or cells.is_sparse:
            return self.column(key)
        with self._lineage.lock:
            return cells.at_least(self._length)

    def reader(self, key: ColumnKey) -> Callable[[int], Value]:
        """A function from a row to its value in one column: the cheapest way to a few cells.
        Raises `KeyError` for an unknown column."""
        cells = self._columns[key.kind].get(key.name)
        if key in self._views or cells is None or key == _ARTIFACT_URI:
            return self.column(key).__getitem__
        with self._lineage.lock:
            return cells.reader(self._length)

    def sample(self, key: ColumnKey, limit: int) -> list[Value]:
        """Up to `limit` values that are there, from all over the column: for widths and formats.
        Raises `KeyError` for an unknown column."""
        cells = self._columns[key.kind].get(key.name)
        if cells is None or key == _ARTIFACT_URI:
            step = max(1, -(-self._length // limit))
            return [value for value in self.column(key)[::step] if value is not None]
        with self._lineage.lock:
            return cells.sample(self._length, limit)

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
        if key.kind == "attribute" or key not in self:
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
        with self._lineage.lock:
            named = {
                kind: {
                    name: value
                    for name, cells in self._columns[kind].items()
                    if (value := cells.value(row)) is not None
                }
                for kind in KINDS
            }
        about = named["attribute"]
        run_id = cast(str, about["run_id"])
        return Run(
            run_id=run_id,
            run_name=cast(str, about.get("run_name", "")),
            experiment_id=cast(str, about.get("experiment_id", "")),
            status=cast(Status, about["status"]),
            start_time=cast(int | None, about.get("start_time")),
            end_time=cast(int | None, about.get("end_time")),
            user_id=cast(str, about.get("user_id", "")),
            lifecycle_stage=cast(Lifecycle, about["lifecycle_stage"]),
            artifact_uri=artifact_uri(about.get("artifact_uri"), run_id) or "",
            params=cast(Mapping[str, str], named["param"]),
            metrics=cast(Mapping[str, float], named["metric"]),
            tags=cast(Mapping[str, str], named["tag"]),
        )

    def newest_first(self) -> Sequence[int]:
        """All rows: newest start first, then by run id; runs without a start last."""
        if self._newest is None:
            self._newest = _newest_first(self.scan(_START), self.scan(_RUN_ID), self._length)
        return self._newest


def _newest_first(starts: Sequence[Value], run_ids: Sequence[Value], length: int) -> Sequence[int]:
    whens = [-math.inf if start is None else cast(int, start) for start in starts[:length]]
    ids = cast(Sequence[str], run_ids)
    pairs = zip(pairwise(whens), pairwise(ids), strict=False)
    if all(newer > older or (newer == older and one < other) for (newer, older), (one, other) in pairs):
        return range(length)  # as a store gives them
    rows = sorted(range(length), key=whens.__getitem__, reverse=True)
    together = (list(rows) for _, rows in groupby(rows, key=whens.__getitem__))
    return [
        row for same in together for row in (same if len(same) == 1 else sorted(same, key=ids.__getitem__))
    ]


def _seconds(start: Value, end: Value) -> float | None:
    if start is None or end is None:
        return None
    return (cast(int, end) - cast(int, start)) / 1000


@dataclass(frozen=True, slots=True)
class SortKey:
    key: ColumnKey
    descending: bool = False


def sorted_rows(frame: RunFrame, keys: Sequence[SortKey], rows: Sequence[int] | None = None) -> list[int]:
    """`rows` (all, if None) in the order of `keys`, the first the weightiest.

    Missing values come last in both directions, NaN just before them. Parameters whose every
    value is a number sort as numbers. Ties: newest start, then run id.
    """
    order = frame.newest_first()
    if rows is not None:
        wanted = set(rows)
        order = [row for row in order if row in wanted]
    for sort in reversed(keys):
        order = _ordered(order, _sortable(frame, sort.key), sort.descending)
    return list(order)


def _sortable(frame: RunFrame, key: ColumnKey) -> Sequence[Value]:
    if key not in frame:
        return [None] * len(frame)
    if key.is_number or not frame.is_numeric(key):
        return frame.scan(key)
    return frame.numbers(key)


def _ordered(order: Sequence[int], column: Sequence[Value], descending: bool) -> list[int]:
    """`order` sorted by `column`, keeping the order of equals."""
    present: list[int] = []
    not_numbers: list[int] = []
    missing: list[int] = []
    for row in order:
        value = column[row]
        if value is None:
            missing.append(row)
        elif value != value:
            not_numbers.append(row)
        else:
            present.append(row)
    # All values of a column are texts, or all are numbers.
    present.sort(key=cast("Sequence[float]", column).__getitem__, reverse=descending)
    return present + not_numbers + missing
