"""Metric histories in MLflow's SQL schema: one scan per history of a file, one statement for all histories on
a server, which then sends only the points that are kept."""

from __future__ import annotations

import math
import sys
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import lt

from engine.entities import MetricExtremes, MetricHistory
from engine.stores import records
from engine.stores.history import Extent, HistoryBuilder, count_parts
from engine.stores.sql.schema import Tables

_CHUNK = 1000
"""Rows at a time: enough for the time per chunk not to matter."""

Steps = tuple[int, int] | None


def metric_histories(
    tables: Tables, run_ids: Sequence[str], keys: Sequence[str], points: int, steps: Steps
) -> tuple[MetricHistory, ...]:
    """See `engine.stores.base.Store.metric_histories`."""
    if not run_ids or not keys:
        return ()
    read = _reduced if tables.dialect.is_remote else _streamed
    found = read(tables, list(run_ids), list(keys), points, steps)
    by_name = {(history.run_id, history.key): history for history in found}
    wanted = dict.fromkeys((run_id, key) for run_id in run_ids for key in keys)
    return tuple(by_name[name] for name in wanted if name in by_name)


def metric_extremes(
    tables: Tables, run_ids: Sequence[str], keys: Sequence[str]
) -> tuple[MetricExtremes, ...]:
    """See `engine.stores.base.Store.metric_extremes`."""
    if not run_ids or not keys:
        return ()
    finite = "CASE WHEN is_nan OR value >= :largest OR value <= -:largest THEN NULL ELSE value END"
    rows = tables.rows(
        f'SELECT run_uuid, "key", min({finite}), max({finite}) FROM {tables.dialect.histories}'
        f' WHERE {_where(tables, None)} GROUP BY run_uuid, "key" HAVING count(*) > 1',
        **_parameters(list(run_ids), list(keys), None),
        largest=sys.float_info.max,
    )
    return tuple(MetricExtremes(*row) for row in rows if row[2] is not None)


def _where(tables: Tables, steps: Steps) -> str:
    dialect = tables.dialect
    conditions = [
        dialect.indexed_in.format(column="metrics.run_uuid", name="runs"),
        dialect.indexed_in.format(column='metrics."key"', name="keys"),
    ]
    if dialect.in_list != dialect.indexed_in:
        conditions.append(dialect.in_list.format(column='metrics."key"', name="keys"))
    if steps:
        conditions.append("metrics.step BETWEEN :first AND :final")
    return " AND ".join(conditions)


def _parameters(run_ids: list[str], keys: list[str], steps: Steps) -> dict[str, object]:
    limits = {"first": steps[0], "final": steps[1]} if steps else {}
    return {"runs": run_ids, "keys": keys, **limits}


def _extents(
    tables: Tables, run_ids: list[str], keys: list[str], points: int, steps: Steps
) -> dict[tuple[str, str], tuple[Extent, tuple[int, int]]]:
    """The extents of the histories with their first and last step, by run and key."""
    found = {}
    for run_id, key, count, low, high in tables.rows(
        f'SELECT run_uuid, "key", count(*), min(step), max(step) FROM {tables.dialect.histories}'
        f' WHERE {_where(tables, steps)} GROUP BY run_uuid, "key"',
        **_parameters(run_ids, keys, steps),
    ):
        extent = Extent(count, low, high)
        if low == high and count > points:
            ((began, ended),) = tables.rows(
                f"SELECT min(timestamp), max(timestamp) FROM {tables.dialect.histories}"
                f" WHERE {_is_one(tables)}",
                **_one(run_id, key, low, high),
            )
            extent = Extent(count, began, ended, by_time=True)
        found[run_id, key] = (extent, (low, high))
    return found


def _is_one(tables: Tables) -> str:
    """The condition for the points of one history in a range of steps; `_one` has its parameters."""
    is_key = tables.dialect.equal.format(column='metrics."key"', name="key")
    return f"metrics.run_uuid = :run AND {is_key} AND metrics.step BETWEEN :first AND :final"


def _one(run_id: str, key: str, first: int, final: int) -> dict[str, object]:
    return {"run": run_id, "key": key, "first": first, "final": final}


# ── a file: stream the points ────────────────────────────────────────────────


def _streamed(
    tables: Tables, run_ids: list[str], keys: list[str], points: int, steps: Steps
) -> Iterator[MetricHistory]:
    for (run_id, key), (extent, ends) in _extents(tables, run_ids, keys, points, steps).items():
        history = _stream_one(tables, run_id, key, points, extent, ends)
        if history is not None:
            yield history


def _stream_one(
    tables: Tables, run_id: str, key: str, points: int, extent: Extent, steps: tuple[int, int]
) -> MetricHistory | None:
    """Read in the order of the index; if steps are repeated, in the complete order, which takes longer."""
    for order in ("step", "step, timestamp, is_nan, value"):
        builder, previous = HistoryBuilder(run_id, key, points, extent), -math.inf
        rows = iter(
            tables.stream(
                f"SELECT step, timestamp, value, is_nan FROM metrics WHERE {_is_one(tables)}"
                f" ORDER BY {order}",
                **_one(run_id, key, *steps),
            )
        )
        while chunk := list(islice(rows, _CHUNK)):
            at_steps, times, values, nans = zip(*chunk, strict=True)
            if order == "step" and not (previous < at_steps[0] and all(map(lt, at_steps, at_steps[1:]))):
                break
            previous = at_steps[-1]
            if any(nans):
                values = tuple(math.nan if is_nan else v for v, is_nan in zip(values, nans, strict=True))
            builder.add(at_steps, times, values)
        else:
            return builder.build()
    return None


# ── a server: let it choose the points ───────────────────────────────────────

_SHORT = """
SELECT metrics.run_uuid, metrics."key", step, timestamp, value, is_nan FROM {histories}
JOIN (
  SELECT run_uuid, "key" FROM {histories} WHERE {where} GROUP BY run_uuid, "key" HAVING count(*) <= :points
) AS short ON short.run_uuid = metrics.run_uuid AND short."key" = metrics."key"
WHERE {where}"""

_REDUCED = """
WITH placed AS (
  SELECT step, timestamp, value, {part} AS part,
    CASE WHEN is_nan THEN 1 WHEN value >= :largest THEN 2 WHEN value <= -:largest THEN 3 ELSE 0 END AS kind
  FROM {histories} WHERE {is_one}
),
extremes AS (
  SELECT part, kind, count(*) AS logged, min(value) AS low, max(value) AS high FROM placed GROUP BY part, kind
),
kept AS (
  SELECT placed.step, placed.timestamp, placed.value, placed.kind, extremes.logged, row_number() OVER
    (PARTITION BY placed.part, placed.kind, placed.value ORDER BY placed.step, placed.timestamp) AS place
  FROM placed JOIN extremes ON extremes.part = placed.part AND extremes.kind = placed.kind
    AND (placed.value = extremes.low OR (placed.value = extremes.high AND placed.kind = 0))
)
SELECT step, timestamp, value, kind, logged FROM kept WHERE place = 1"""
"""The points to keep of one history: of each part and kind of value, the first lowest and the first
highest."""

_ENDS = """
(SELECT step, timestamp, value, is_nan FROM {histories} WHERE {is_one}
  ORDER BY step, timestamp, is_nan, value LIMIT 1)
UNION ALL
(SELECT step, timestamp, value, is_nan FROM {histories} WHERE {is_one}
  ORDER BY step DESC, timestamp DESC, is_nan DESC, value DESC LIMIT 1)"""


def _reduced(
    tables: Tables, run_ids: list[str], keys: list[str], points: int, steps: Steps
) -> Iterator[MetricHistory]:
    """Short histories come with one statement, each long one with two."""
    extents = _extents(tables, run_ids, keys, points, steps)
    if any(extent.count <= points for extent, _ in extents.values()):
        short = defaultdict[tuple[str, str], list[_Point]](list)
        statement = _SHORT.format(histories=tables.dialect.histories, where=_where(tables, steps))
        for run_id, key, *point in tables.stream(
            statement, points=points, **_parameters(run_ids, keys, steps)
        ):
            short[run_id, key].append(_point(*point))
        for name, found in short.items():
            nans = sum(is_nan for _, _, is_nan, _ in found)
            yield _history(*name, sorted(found), len(found), nans)
    for name, (extent, ends) in extents.items():
        if extent.count > points:
            yield _reduce_one(tables, *name, points, extent, ends)


def _reduce_one(
    tables: Tables, run_id: str, key: str, points: int, extent: Extent, steps: tuple[int, int]
) -> MetricHistory:
    place = "timestamp" if extent.by_time else "step"
    part = tables.dialect.quotient.format(dividend=f"{place} - :low", divisor=":width")
    width = (extent.high - extent.low) // count_parts(points) + 1
    of_one, one = (
        {"histories": tables.dialect.histories, "is_one": _is_one(tables)},
        _one(run_id, key, *steps),
    )
    statement = _REDUCED.format(part=part, **of_one)
    kept, nans = set(), 0
    for step, timestamp, value, kind, logged in tables.stream(
        statement, largest=sys.float_info.max, low=extent.low, width=width, **one
    ):
        kept.add(_point(step, timestamp, value, kind == 1))
        nans += int(logged) if kind == 1 else 0
    kept |= {_point(*end) for end in tables.rows(_ENDS.format(**of_one), **one)}
    return _history(run_id, key, sorted(kept), extent.count, nans)


_Point = tuple[int, int, bool, float]
"""Step, time, whether the value is NaN, and the value (0 for NaN): its order is that of a history."""


def _point(step: int, timestamp: int, value: float, is_nan: object) -> _Point:
    return (step, timestamp, bool(is_nan), 0.0 if is_nan else records.metric_value(value))


def _history(run_id: str, key: str, points: Sequence[_Point], count: int, nans: int) -> MetricHistory:
    return MetricHistory(
        run_id,
        key,
        array("q", [step for step, *_ in points]),
        array("q", [time for _, time, *_ in points]),
        array("d", [math.nan if is_nan else value for _, _, is_nan, value in points]),
        count,
        nans,
    )
