"""A chart of histories, from histories that have been read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine import formats
from engine.charts.history import History, XAxis
from engine.charts.kinds import Axis, Caption, Curve, Curves, few
from engine.errors import NotFound
from engine.runs.metrics import Direction, direction_of
from engine.runs.names import unique_names

X_LABELS: dict[XAxis, str] = {"step": "step", "relative": "time since the start", "wall": "time (UTC)"}
MAX_NOTES = 4
"""The most runs whose gaps are named one by one."""


def curves(
    histories: Sequence[History],
    metrics: Sequence[str],
    axis: XAxis = "step",
    *,
    experiment: str = "",
    runs: int = 0,
    smooth: float = 0.0,
    log: bool = False,
    log_x: bool = False,
    within: tuple[float, float] | None = None,
    direction: Direction | None = None,
    as_points: bool = False,
) -> Curves:
    """The chart of histories; `runs` is the number of runs asked for. `within` is the range of x to draw.
    Raises `NotFound` if none has a point."""
    found = [history for history in histories if len(history.values)]
    if not found:
        names = formats.listed(metrics, 3)
        what = formats.counted(runs, "run")
        raise NotFound(f"No history of {names}", what, "Use a metric that these runs have logged.")
    drawn = {history.run.run_id: history.run for history in found}
    names_of = dict(zip(drawn, unique_names([(run.run_name, i) for i, run in drawn.items()]), strict=True))
    made = tuple(_curve(history, names_of[history.run.run_id], axis, smooth, within) for history in found)
    made = tuple(curve for curve in made if curve.xs)
    if not made:
        raise NotFound("No points in this part of the chart", "", "Zoom out first.")
    count = max(runs, len(drawn))
    n = formats.counted(count, "run") if count == len(drawn) else f"{len(drawn)} of {count:,} runs"
    over = {"step": "steps", "relative": "time", "wall": "time"}[axis]
    subject = ", ".join(filter(None, (experiment, n)))
    if len(drawn) == 1:
        subject += f": {next(iter(names_of.values()))}"
    notes = _notes(found, names_of, smooth, len(metrics) > 1)
    if within is not None:
        notes.insert(0, "part of the histories")
    caption = Caption(
        f"{few(metrics)} over {over}",
        subject,
        tuple(notes),
    )
    way = direction or direction_of(metrics[0])
    return Curves(caption, Axis(X_LABELS[axis], log_x), Axis(metrics[0], log, (), way), axis, made, as_points)


def _curve(
    history: History, name: str, axis: XAxis, smooth: float, within: tuple[float, float] | None
) -> Curve:
    xs, ys = tuple(map(float, history.xs(axis))), tuple(history.values)
    smoothed = tuple(history.smoothed(smooth)) if smooth else ()
    if within is None:
        return Curve(name, history.metric, xs, ys, smoothed)
    kept = [at for at, x in enumerate(xs) if within[0] <= x <= within[1]]
    xs, ys, smoothed = [tuple(values[at] for at in kept) if values else () for values in (xs, ys, smoothed)]
    return Curve(name, history.metric, xs, ys, smoothed)


def _notes(histories: Sequence[History], names: dict[str, str], smooth: float, several: bool) -> list[str]:
    """What the lines do not show: values that are not finite, and points that were not read."""
    notes = []
    broken = [h for h in histories if h.nans or any(map(math.isinf, h.values))]
    for history in broken[:MAX_NOTES]:
        what = f" {history.metric}" if several else ""
        infinite = sum(map(math.isinf, history.values))
        parts = [
            f"{history.nans:,} NaN" if history.nans else "",
            f"{infinite:,} infinite" if infinite else "",
        ]
        first = next(
            (s for s, v in zip(history.steps, history.values, strict=True) if not math.isfinite(v)), None
        )
        where = "" if first is None else f", first at step {first:,}"
        notes.append(f"{names[history.run.run_id]}{what}: {' and '.join(filter(None, parts))}{where}")
    if len(broken) > MAX_NOTES:
        notes.append(f"{len(broken) - MAX_NOTES} more curves have values that are not finite")
    if any(history.is_sampled for history in histories):
        counts = [history.count for history in histories]
        drawn = sum(len(history.values) for history in histories)
        if None in counts:
            notes.append(f"{drawn:,} points drawn, sampled by the server")
        else:
            total = sum(count for count in counts if count is not None)
            notes.append(f"{drawn:,} of {total:,} points drawn: the lowest and the highest of each interval")
    if smooth:
        of = " of the points drawn" if any(history.is_sampled for history in histories) else ""
        notes.append(f"exponential moving average{of}, weight {smooth:g}")
    return notes
