"""A chart drawn in lines of cells, without Textual: what `DrawingView` shows and a command prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.text import Shown, cell_width, cut, safe
from tui.widgets.fit_text import fit
from tui.widgets.plot.legend import Piece
from tui.widgets.plot.scale import Scale, labels, ticks

ARROWS = {"higher": " ↑", "lower": " ↓", None: ""}
BEST = "★"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the cursor can stop in a line, from the cell `start` to before `end`; what it reads there, and
    the run to open."""

    start: int
    end: int
    reading: Shown
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, and the spots in it from left to right."""

    pieces: tuple[Piece, ...]
    spots: tuple[Spot, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """`head` and `foot` stay in view while the lines of `body` scroll between them. `notes` say how to read
    the drawing, and what did not fit."""

    head: tuple[Line, ...]
    body: tuple[Line, ...]
    foot: tuple[Line, ...] = ()
    notes: tuple[Shown, ...] = ()
    airy: bool = False
    """Whether its lines look better with space between them, if there is room."""


def text_of(line: Line) -> str:
    """The line as plain text."""
    return "".join(text for text, _ in line.pieces).rstrip()


def spread(drawing: Drawing, height: int) -> Drawing:
    """With an empty line between the lines of a body that is marked `airy`, if `height` has room for it."""
    body = drawing.body
    if not drawing.airy or len(drawing.head) + 2 * len(body) - 1 + len(drawing.foot) > height:
        return drawing
    lines = [line for each in body for line in (each, Line(()))][:-1]
    return replace(drawing, body=tuple(lines))


def named(name: str, width: int, suffix: str = "") -> Shown:
    """An outside name cut to `width` cells, with a suffix that is never cut."""
    return Shown(cut(safe(name), max(1, width - cell_width(suffix))) + suffix)


def axis(low: float, high: float, left: int, columns: int) -> tuple[Line, Line]:
    """A horizontal axis of `columns` cells, `left` cells from the left, and its labels."""
    scale = Scale(low, high, columns)
    values = ticks(low, high, max(2, columns // 12))
    marks = {round(scale.at(value)): label for value, label in zip(values, labels(values), strict=True)}
    rule = "".join("┬" if at in marks else "─" for at in range(columns))
    text = ""
    for at, label in sorted(marks.items()):
        start = max(0, min(left + at - cell_width(label) // 2, left + columns - cell_width(label)))
        if start >= len(text) + bool(text):
            text = text.ljust(start) + label
    return Line(((" " * left, "label"), (rule, "axis"))), Line(((text, "label"),))


def padded_pieces(parts: Sequence[tuple[str, int, str, bool]], gap: int = 2) -> list[Piece]:
    """Cells side by side: text, width, ink, and whether it is aligned right."""
    pieces: list[Piece] = []
    for at, (text, width, ink, right) in enumerate(parts):
        if at:
            pieces.append((" " * gap, "label"))
        pieces.append((fit(text, width, right=right), ink))
    return pieces
