"""The values of a parameter as an axis: numbers, or levels to group runs by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.columns import ColumnKey
from engine.formats import as_number, counted, listed
from engine.runs.frame import RunFrame

MAX_LEVELS = 12
"""The most levels of a parameter."""
BINS = 8
"""Into how many ranges a parameter with more numbers than `MAX_LEVELS` is divided."""
LARGEST = 1e150
"""Numbers beyond this are not drawn: their squares would overflow."""
DECADES = 100.0
"""Numbers whose largest is at least this many times the smallest are shown on a logarithmic axis."""


@dataclass(frozen=True, slots=True)
class Levels:
    """`places` has the index of the level of each row, None where it has none; `notes` say what was left
    out. `is_ordered` says that the levels are numbers, in order."""

    labels: tuple[str, ...]
    places: tuple[int | None, ...]
    is_ordered: bool
    notes: tuple[str, ...] = ()


def is_drawn(number: float) -> bool:
    """Whether a number can be drawn: not NaN, not infinite, and not too large."""
    return -LARGEST < number < LARGEST


def numbers_of(frame: RunFrame, rows: Sequence[int], key: ColumnKey) -> list[float | None]:
    """The numbers of a column that can be drawn, None for everything else."""
    numbers = frame.numbers(key)
    return [n if (n := numbers[row]) is not None and is_drawn(n) else None for row in rows]


def is_numeric_axis(frame: RunFrame, rows: Sequence[int], key: ColumnKey) -> bool:
    """Whether a column is an axis of numbers: a metric, a time, or a parameter that is a number in all of
    these runs, or that has many values of which at least half are numbers."""
    if key.is_number:
        return True
    texts = frame.column(key)
    found = Counter(text for row in rows if (text := texts[row]) is not None)
    numeric = sum(n for text, n in found.items() if _number(text) is not None)
    total = found.total()
    return bool(total) and (numeric == total or (len(found) > MAX_LEVELS and numeric * 2 >= total))


def spans_decades(numbers: Sequence[float]) -> bool:
    """Whether numbers are better shown on a logarithmic axis."""
    return bool(numbers) and min(numbers) > 0 and max(numbers) / min(numbers) >= DECADES


def levels_of(frame: RunFrame, rows: Sequence[int], key: ColumnKey) -> Levels:
    """The levels of a column: its values, the most frequent ones if there are many, or ranges if they are
    numbers. Numbers come first, in order, then texts by name."""
    column = frame.column(key)
    texts = [None if (value := column[row]) is None else str(value) for row in rows]
    found = Counter(text for text in texts if text is not None)
    missing = len(texts) - found.total()
    notes = [f"excluded: {counted(missing, 'run')} without {key.name}"] if missing else []
    if len(found) > MAX_LEVELS and is_numeric_axis(frame, rows, key):
        binned = _binned(numbers_of(frame, rows, key))
        if unread := found.total() - sum(place is not None for place in binned.places):
            notes.append(f"excluded: {counted(unread, 'run')} whose {key.name} is not a number")
        return Levels(binned.labels, binned.places, True, tuple(notes))
    level_of = {text: text if (number := _number(text)) is None else number for text in found}
    sizes = Counter[str | float]()
    label_of: dict[str | float, str] = {}
    for text, level in level_of.items():  # `5` and `5.0` are one level
        sizes[level] += found[text]
        label_of.setdefault(level, text)
    kept = sorted((level for level, _ in sizes.most_common(MAX_LEVELS)), key=_in_order)
    if dropped := [level for level in sizes if level not in kept]:
        runs = counted(sum(sizes[level] for level in dropped), "run")
        rarer = listed([label_of[level] for level in dropped], 3)
        notes.append(f"excluded: {runs} with {len(dropped)} rarer values of {key.name}: {rarer}")
    place_of = {level: place for place, level in enumerate(kept)}
    places = tuple(None if text is None else place_of.get(level_of[text]) for text in texts)
    ordered = all(isinstance(level, float) for level in kept)
    return Levels(tuple(label_of[level] for level in kept), places, ordered, tuple(notes))


def _in_order(level: str | float) -> tuple[bool, float, str]:
    return (True, 0.0, level) if isinstance(level, str) else (False, level, "")


def _number(text: object) -> float | None:
    number = as_number(text) if isinstance(text, str) else text
    return number if isinstance(number, (int, float)) and is_drawn(number) else None


def _binned(numbers: Sequence[float | None]) -> Levels:
    """Ranges of equal width, on a logarithmic scale if the numbers span decades; empty ranges are left
    out."""
    present = [number for number in numbers if number is not None]
    low, high = min(present), max(present)
    log = spans_decades(present)

    def edge(at: int) -> float:
        if log:
            return float(low * (high / low) ** (at / BINS))
        return low + (high / BINS - low / BINS) * at

    edges = [*map(edge, range(BINS)), high]
    raw: list[int | None] = []
    for number in numbers:
        below = None if number is None else sum(1 for each in edges[1:-1] if number >= each)
        raw.append(below)
    used = sorted({place for place in raw if place is not None})
    new = {place: at for at, place in enumerate(used)}
    labels = tuple(f"{_short(edges[place])} – {_short(edges[place + 1])}" for place in used)
    return Levels(labels, tuple(None if place is None else new[place] for place in raw), True)


def _short(number: float) -> str:
    return f"{number:.3g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
