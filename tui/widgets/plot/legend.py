"""The legend, and the values at the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from engine import formats
from engine.text import Shown, cell_width, safe
from tui.widgets.fit_text import clean, fit
from tui.widgets.plot.scale import XKind
from tui.widgets.plot.series import Track

Piece = tuple[str, str]
"""Text and the component class of its style."""

INKS = 6
_GAP = 3


def series_ink(place: int) -> str:
    """The component class of a series by its index. Colours repeat; the letter identifies the series."""
    return f"series-{place % INKS + 1}"


def names(tracks: Sequence[Track], notes: Sequence[str]) -> list[list[Piece]]:
    """The notes, then an entry for each track if there are several."""
    entries: list[list[Piece]] = [[(note, "label")] for note in notes]
    if len(tracks) > 1:
        entries += [
            [(track.letter, series_ink(place)), (f" {clean(track.label)}", "legend")]
            for place, track in enumerate(tracks)
        ]
    return entries


def reading(tracks: Sequence[Track], x: float, kind: XKind, x_label: str) -> list[list[Piece]]:
    """The reading at x: x itself, then the exact value of each track, – if none was logged."""
    entries: list[list[Piece]] = [[(f"{x_label} " if x_label else "", "label"), (x_text(x, kind), "legend")]]
    for place, track in enumerate(tracks):
        y = track.value_at(x)
        letter = [(f"{track.letter} ", series_ink(place))] if len(tracks) > 1 else []
        entries.append([*letter, (exact(y), "reading")])
    return entries


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
