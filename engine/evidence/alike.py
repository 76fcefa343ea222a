"""Which runs can be compared: those of one kind, tested on the same data, with a metric on one scale.

An evaluation script that logs accuracy in percent into the experiment of a sweep would otherwise win every
ranking. The kind of most runs counts; the others are set apart with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from engine.columns import ColumnKey, ColumnKind, Value
from engine.evidence.rates import evaluated_rows, needed_for
from engine.formats import counted, number
from engine.runs.frame import RunFrame
from engine.runs.metrics import is_measured_anew, is_rate

_GAP = 5
_SAMPLED = 400


@dataclass(frozen=True, slots=True)
class SetApart:
    """Rows that cannot be compared with the others, and why: `accuracy on another scale (53.8462; …)`."""

    rows: tuple[int, ...]
    reason: str

    def __str__(self) -> str:
        return f"{counted(len(self.rows), 'run')} {self.reason}"


def alike(frame: RunFrame, metric: str, rows: Sequence[int]) -> tuple[list[int], tuple[SetApart, ...]]:
    """The rows that can be compared by `metric`, which all of them have, and those set apart."""
    kept = list(rows)
    apart: list[SetApart] = []
    for check in (_other_scale, _other_parameters, _other_metrics, _other_dataset, _other_test_rows):
        others, reason = check(frame, metric, kept)
        if others:
            apart.append(SetApart(tuple(others), reason))
            left_out = set(others)
            kept = [row for row in kept if row not in left_out]
    return kept, tuple(apart)


def first_alike(frame: RunFrame, rows: Sequence[int]) -> list[int]:
    """For each row the first with the same metrics, at least two and all but times, or itself: most likely
    the same model once more, as from a parameter that cannot matter."""
    keys = [key for key in frame.keys if key.kind == "metric" and not is_measured_anew(key.name)]
    readers = [frame.reader(key) for key in keys]
    seen: dict[tuple[Value, ...], int] = {}
    found = []
    for row in rows:
        values = tuple(read(row) for read in readers)
        is_telling = sum(value is not None for value in values) > 1
        found.append(seen.setdefault(values, row) if is_telling else row)
    return found


def _other_scale(frame: RunFrame, metric: str, rows: Sequence[int]) -> tuple[list[int], str]:
    """A rate is at most 1. With a gap between such values and higher ones, the higher ones are percent."""
    if not is_rate(metric):
        return [], ""
    values = cast("Sequence[float]", frame.scan(ColumnKey("metric", metric)))
    shares = [row for row in rows if values[row] <= 1]
    percents = [row for row in rows if values[row] > 1]
    if not shares or not percents:
        return [], ""
    if min(values[row] for row in percents) < _GAP * max(values[row] for row in shares):
        return [], ""
    others, usual = (percents, shares) if len(percents) <= len(shares) else (shares, percents)
    example = number(max(values[row] for row in others))
    highest = number(max(values[row] for row in usual))
    return others, f"with {metric} on another scale ({example}; at most {highest} in the others)"


def _other_parameters(frame: RunFrame, metric: str, rows: Sequence[int]) -> tuple[list[int], str]:
    """Runs without any of the parameters that most runs have."""
    usual = _usual(frame, "param", rows)
    having = {row for read in usual for row in rows if read(row) is not None}
    others = [row for row in rows if row not in having] if usual else []
    return others, "without the parameters of the others"


def _other_metrics(frame: RunFrame, metric: str, rows: Sequence[int]) -> tuple[list[int], str]:
    """Runs with fewer than half of the metrics that most runs have."""
    usual = _usual(frame, "metric", rows)
    having: Counter[int] = Counter()
    for read in usual:
        having.update(row for row in rows if read(row) is not None)
    others = [row for row in rows if 2 * having[row] < len(usual)]
    return others, "with other metrics"


def _other_dataset(frame: RunFrame, metric: str, rows: Sequence[int]) -> tuple[list[int], str]:
    key = ColumnKey("dataset", "digest")
    if key not in frame:
        return [], ""
    read = frame.reader(key)
    return _minority({row: digests for row in rows if (digests := read(row))}), "on another dataset"


def _other_test_rows(frame: RunFrame, metric: str, rows: Sequence[int]) -> tuple[list[int], str]:
    """Runs whose supports or confusion counts add up to another number of rows than those of most runs."""
    names = needed_for("accuracy", (key.name for key in frame.keys if key.kind == "metric"))
    readers = {name: frame.reader(ColumnKey("metric", name)) for name in names}
    tested: dict[int, Hashable] = {}
    for row in rows:
        metrics = {name: value for name, read in readers.items() if (value := read(row)) is not None}
        if found := evaluated_rows(cast("Mapping[str, float]", metrics)):
            tested[row] = found
    return _minority(tested), "tested on another number of rows"


def _usual(frame: RunFrame, kind: ColumnKind, rows: Sequence[int]) -> list[Callable[[int], Value]]:
    """Readers of the columns of a kind that more than half of the rows have. A sample of the rows rules out
    the many columns that only a few runs have."""
    readers = [frame.reader(key) for key in frame.keys if key.kind == kind]
    sampled = rows[:: 1 + len(rows) // _SAMPLED]
    likely = [read for read in readers if _having(read, sampled) >= 0.4 * len(sampled)]
    return [read for read in likely if 2 * _having(read, rows) > len(rows)]


def _having(read: Callable[[int], Value], rows: Sequence[int]) -> int:
    return sum(read(row) is not None for row in rows)


def _minority(values: Mapping[int, Hashable]) -> list[int]:
    """The rows whose value is not the most frequent one; none if no single value is."""
    ((usual, most), (_, second)) = (*Counter(values.values()).most_common(2), (None, 0), (None, 0))[:2]
    return [row for row, value in values.items() if value != usual] if most > second else []
