"""The legend, and the values at the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine import formats
from engine.text import Shown, cell_width, safe
from tui.widgets.fit_text import clean, fit
from tui.widgets.plot.scale import XKind

Piece = tuple[str, str]
"""Text and the component class of its style."""

INKS = 6
_GAP = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A series in the legend, and its point at the cursor: x, y, the value behind the line if there is one,
    and the step if x is a time. `x` is None without a point there."""

    letter: str
    label: str
    x: float | None = None
    y: float | None = None
    raw: float | None = None
    step: int | None = None


def series_ink(place: int) -> str:
    """The component class of a series by its index. Colours repeat; the letter identifies the series."""
    return f"series-{place % INKS + 1}"


def names(entries: Sequence[Entry], notes: Sequence[str]) -> list[list[Piece]]:
    """The notes, then a piece for each series if there are several."""
    found: list[list[Piece]] = [[(note, "label")] for note in notes]
    if len(entries) > 1:
        found += [
            [(entry.letter, series_ink(place)), (f" {clean(entry.label)}", "legend")]
            for place, entry in enumerate(entries)
        ]
    return found


def reading(entries: Sequence[Entry], chosen: int, x: float, kind: XKind, x_label: str) -> list[list[Piece]]:
    """The reading at x: x itself, then the values, – if none was logged near. The chosen series comes first,
    with its name and all digits, those without a value last."""
    found: list[list[Piece]] = [[(f"{x_label} " if x_label else "", "label"), (x_text(x, kind), "legend")]]
    order = sorted(range(len(entries)), key=lambda place: (place != chosen, entries[place].x is None))
    for place in order:
        entry = entries[place]
        pieces: list[Piece] = [(f"{entry.letter} ", series_ink(place))] if len(entries) > 1 else []
        if place == chosen and entry.label:
            pieces.append((f"{clean(entry.label)} ", "legend"))
        pieces.append((exact(entry.y) if place == chosen else rounded(entry.y), "reading"))
        details = []
        if place == chosen and entry.raw is not None:
            details.append(f"raw {exact(entry.raw)}")
        if entry.step is not None:
            details.append(f"step {entry.step}" if place == chosen else f"at {entry.step}")
        elif entry.x is not None and entry.x != x:
            details.append(f"at {x_text(entry.x, kind)}")
        if details:
            pieces.append((f" {' · '.join(details)}", "label"))
        found.append(pieces)
    return found


def x_text(x: float, kind: XKind) -> Shown:
    if kind == "moment":
        return formats.moment(int(x))
    if kind == "seconds":
        return formats.duration(x)
    return exact(x)


def exact(value: float | None) -> Shown:
    """All logged digits: `0.9180327868852459`."""
    if value is None or value != value or abs(value) >= 1e307:
        return formats.number(value)
    return safe(int(value) if value == int(value) and abs(value) < 1e15 else repr(value))


def rounded(value: float | None) -> Shown:
    """Six significant digits, which are enough to compare."""
    text = exact(value)
    return text if len(text) <= 8 or value is None else Shown(f"{value:.6g}")


def packed(entries: Sequence[Sequence[Piece]], width: int, lines: int) -> list[list[Piece]]:
    """The entries in at most `lines` lines of `width` cells; `+3` counts those that did not fit."""
    rows: list[list[Piece]] = [[]]
    used = 0
    for done, entry in enumerate(entries):
        size = sum(cell_width(text) for text, _ in entry)
        last = len(rows) == lines
        reserve = 6 if last and done < len(entries) - 1 else 0
        if used and used + _GAP + size + reserve > width:
            if last:
                rows[-1].append((f"   +{len(entries) - done}", "label"))
                break
            rows.append([])
            used = 0
        if used:
            rows[-1].append((" " * _GAP, "label"))
            used += _GAP
        rows[-1] += entry
        used += size
    return [_cut(row, width) for row in rows[:lines]]


def _cut(row: Sequence[Piece], width: int) -> list[Piece]:
    pieces: list[Piece] = []
    for text, ink in row:
        room = width - sum(cell_width(done) for done, _ in pieces)
        if room <= 0:
            break
        pieces.append((text if cell_width(text) <= room else fit(text, room), ink))
    return pieces
