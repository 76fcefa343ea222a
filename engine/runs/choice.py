"""Which columns a view shows, and which ones there are to choose from."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from itertools import repeat

from engine.query.keys import ColumnKey
from engine.runs.columns import Column, columns_for, default_keys
from engine.runs.frame import RunFrame
from engine.runs.views import RunView

RUN_NAME = ColumnKey("attribute", "run_name")


def view_columns(
    frame: RunFrame, view: RunView, matching: Sequence[int], *, narrow: bool = False
) -> tuple[Column, ...]:
    """The columns of a view in their order; where it names none, the usual ones. One that no run has
    stays, and shows that its values are missing. `matching` are the rows that it shows."""
    return without_constants(frame, view, chosen_columns(frame, view, narrow=narrow), matching)


def chosen_columns(frame: RunFrame, view: RunView, *, narrow: bool = False) -> tuple[Column, ...]:
    """The columns of a view before any is left out for its values. In groups, the keys of the groups
    and the name come first, and the usual columns are the metrics."""
    keys = view.columns or default_keys(frame, narrow=narrow)
    if view.is_grouped:
        shown = view.columns or [key for key in keys if key.kind == "metric"]
        keys = tuple(dict.fromkeys((*view.group_by, RUN_NAME, *shown)))
    return columns_for(frame, keys, widths=view.widths, formats=view.formats)


def without_constants(
    frame: RunFrame, view: RunView, columns: Sequence[Column], rows: Sequence[int]
) -> tuple[Column, ...]:
    """Where the view hides them, leave out columns whose values over `rows` are all the same, or
    all missing; never the first one, the name, and those by which the view sorts or groups."""
    if not view.constants_hidden:
        return tuple(columns)
    kept = {column.key for column in columns[:1]} | {RUN_NAME, *view.group_by, *(s.key for s in view.sort)}
    return tuple(c for c in columns if c.key in kept or not _is_constant(frame, c.key, rows))


def constant_columns(
    frame: RunFrame, rows: Sequence[int], keys: Iterable[ColumnKey] | None = None
) -> frozenset[ColumnKey]:
    """Those of `keys` (all that can be picked, if None) whose values over `rows` are all the same,
    or all missing."""
    asked = pickable(frame) if keys is None else keys
    return frozenset(key for key in asked if _is_constant(frame, key, rows))


def pickable(frame: RunFrame) -> tuple[ColumnKey, ...]:
    """Attributes, metrics, parameters, tags and facts of data sets, each by name; tags that MLflow
    set itself after the others."""
    own = [key for key in frame.keys if _is_internal(key)]
    at = next((place for place, key in enumerate(frame.keys) if key.kind == "dataset"), len(frame.keys))
    before = [key for key in frame.keys[:at] if not _is_internal(key)]
    return (*before, *own, *frame.keys[at:])


def _is_internal(key: ColumnKey) -> bool:
    return key.kind == "tag" and key.name.startswith("mlflow.")


def _is_constant(frame: RunFrame, key: ColumnKey, rows: Sequence[int]) -> bool:
    if key not in frame or not rows:
        return True
    values = map(frame.reader(key), rows)
    first = next(values)
    if first != first:  # NaN
        return all(value is not None and value != value for value in values)
    return not any(map(operator.ne, values, repeat(first)))
