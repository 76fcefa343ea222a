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
        f'SELECT run_uuid, "key", min({finite}), max({finite}) FROM metrics'
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


# ── a file: stream the points ────────────────────────────────────────────────


def _streamed(
    tables: Tables, run_ids: list[str], keys: list[str], points: int, steps: Steps
) -> Iterator[MetricHistory]:
    extents = tables.rows(
        'SELECT run_uuid, "key", count(*), min(step), max(step) FROM metrics'
        f' WHERE {_where(tables, steps)} GROUP BY run_uuid, "key"',
        **_parameters(run_ids, keys, steps),
    )
    for run_id, key, count, low, high in extents:
        extent = Extent(count, low, high)
        if low == high and count > points:
            ((first, final),) = tables.rows(
                "SELECT min(timestamp), max(timestamp) FROM metrics"
                ' WHERE run_uuid = :run AND "key" = :key AND step = :step',
                run=run_id,
                key=key,
                step=low,
            )
            extent = Extent(count, first, final, by_time=True)
        history = _stream_one(tables, run_id, key, points, extent, (low, high))
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
                'SELECT step, timestamp, value, is_nan FROM metrics WHERE run_uuid = :run AND "key" = :key'
                f" AND step BETWEEN :first AND :final ORDER BY {order}",
                run=run_id,
                key=key,
                first=steps[0],
                final=steps[1],
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

_SPANS = """
WITH spans AS (
  SELECT run_uuid, "key", count(*) AS logged, sum(CASE WHEN is_nan THEN 1 ELSE 0 END) AS nans,
    min(step) AS low, max(step) AS high, min(timestamp) AS began, max(timestamp) AS ended
  FROM metrics WHERE {where} GROUP BY run_uuid, "key"
),"""

_REDUCED = """
widths AS (
  SELECT run_uuid, "key", logged, nans, low, high, began,
    {step_width} + 1 AS step_width, {time_width} + 1 AS time_width
  FROM spans
),
placed AS (
  SELECT metrics.run_uuid, metrics."key", step, timestamp, value, is_nan, logged, nans,
    CASE WHEN is_nan THEN 1 WHEN value >= :largest THEN 2 WHEN value <= -:largest THEN 3 ELSE 0 END AS kind,
    CASE WHEN logged <= :points THEN 0 WHEN low = high THEN {time_part} ELSE {step_part} END AS part
  FROM metrics JOIN widths ON widths.run_uuid = metrics.run_uuid AND widths."key" = metrics."key"
  WHERE {where}
),
ranked AS (
  SELECT placed.*,
    row_number() OVER (PARTITION BY run_uuid, "key", part, kind ORDER BY value, step, timestamp) AS lowest,
    row_number() OVER (PARTITION BY run_uuid, "key", part, kind ORDER BY value DESC, step, timestamp)
      AS highest
  FROM placed
)
SELECT run_uuid, "key", step, timestamp, value, is_nan, logged, nans FROM ranked
WHERE logged <= :points OR lowest = 1 OR (highest = 1 AND kind = 0)"""

_ENDS = """
ends AS (
  SELECT spans.run_uuid, spans."key", spans.low AS step, min(metrics.timestamp) AS timestamp
  FROM spans JOIN metrics ON metrics.run_uuid = spans.run_uuid AND metrics."key" = spans."key"
    AND metrics.step = spans.low
  WHERE spans.logged > :points GROUP BY spans.run_uuid, spans."key", spans.low
  UNION ALL
  SELECT spans.run_uuid, spans."key", spans.high, max(metrics.timestamp)
  FROM spans JOIN metrics ON metrics.run_uuid = spans.run_uuid AND metrics."key" = spans."key"
    AND metrics.step = spans.high
  WHERE spans.logged > :points GROUP BY spans.run_uuid, spans."key", spans.high
)
SELECT ends.run_uuid, ends."key", ends.step, ends.timestamp, value, is_nan
FROM ends JOIN metrics ON metrics.run_uuid = ends.run_uuid AND metrics."key" = ends."key"
  AND metrics.step = ends.step AND metrics.timestamp = ends.timestamp"""


def _reduced(
    tables: Tables, run_ids: list[str], keys: list[str], points: int, steps: Steps
) -> Iterator[MetricHistory]:
    where, quotient = _where(tables, steps), tables.dialect.quotient.format
    parts = str(count_parts(points))
    spans = _SPANS.format(where=where)
    statement = spans + _REDUCED.format(
        where=where,
        step_width=quotient(dividend="high - low", divisor=parts),
        time_width=quotient(dividend="ended - began", divisor=parts),
        step_part=quotient(dividend="step - low", divisor="step_width"),
        time_part=quotient(dividend="timestamp - began", divisor="time_width"),
    )
    parameters = {**_parameters(run_ids, keys, steps), "points": points}
    kept: defaultdict[tuple[str, str], set[_Point]] = defaultdict(set)
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    largest = sys.float_info.max
    for run_id, key, *point, count, nans in tables.stream(statement, largest=largest, **parameters):
        kept[run_id, key].add(_point(*point))
        counts[run_id, key] = (int(count), int(nans))
    if any(count > points for count, _ in counts.values()):
        ends = defaultdict[tuple[str, str], list[_Point]](list)
        for run_id, key, *point in tables.stream(spans + _ENDS, **parameters):
            ends[run_id, key].append(_point(*point))
        for name, found in ends.items():
            kept[name] |= {min(found), max(found)}
    for name, found_points in kept.items():
        yield _history(*name, sorted(found_points), *counts[name])


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
