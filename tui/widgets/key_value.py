"""Names and values in aligned columns, such as the parameters, metrics and tags of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.strip import Strip

from engine.text import Shown, cell_width
from tui.widgets.fit_text import fit, wrapped
from tui.widgets.ink import CELL_INKS, Inks
from tui.widgets.scroll_pane import LinesPane
from tui.widgets.table.source import CellStyle

ValueStyle = CellStyle
KEY_WIDTH = 32
_GAP = 2
_INDENT = 1
_NOTHING = Shown("")


@dataclass(frozen=True, slots=True)
class Pair:
    """A name and its value; a sequence is a value of several lines."""

    key: Shown
    value: Shown | Sequence[Shown]
    style: ValueStyle | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Pairs under a title. `note` is shown if there are no pairs."""

    title: Shown
    pairs: Sequence[Pair]
    note: Shown = _NOTHING


_Line = tuple[tuple[str, str], ...]
"""Pieces of one line: text and what it is."""


class KeyValue(LinesPane):
    """Sections of pairs. Long values are wrapped; nothing is cut."""

    def __init__(
        self,
        sections: Iterable[Section] = (),
        *,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._sections = tuple(sections)
        self._laid: list[_Line] = []
        self._laid_width = -1

    def show(self, sections: Iterable[Section]) -> None:
        """Replace the contents. The same sections keep their scroll position; others start at the top."""
        fresh = tuple(sections)
        if fresh == self._sections:
            return
        same = [s.title for s in fresh] == [s.title for s in self._sections]
        self._sections = fresh
        self._laid_width = -1
        if self._width:  # else the width is not known yet
            self._lay()
        if not same:
            self.scroll_to(y=0, animate=False, force=True)
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        if self._width != self._laid_width:
            self._lay()

    @property
    def _width(self) -> int:
        return max(0, self.size.width - 1)  # the scrollbar's cell is kept free, so that nothing rewraps

    def _lay(self) -> None:
        self._laid_width = self._width
        self._laid = lay_out(self._sections, self._laid_width)
        self.virtual_size = Size(0, len(self._laid))

    def render_line(self, y: int) -> Strip:
        row = self.scroll_offset.y + y
        inks = Inks(self)
        plain = inks.plain
        if row >= len(self._laid):
            return Strip.blank(self.size.width, plain)
        segments = [Segment(text, _ink(inks, name, self.has_focus)) for text, name in self._laid[row]]
        return Strip(segments).simplify().adjust_cell_length(self.size.width, plain)


def _ink(inks: Inks, name: str, has_focus: bool) -> Style:
    match name:
        case "title":
            return inks.ink("bold $accent" if has_focus else "bold $text-muted")
        case "key":
            return inks.ink("dim $text-muted" if inks.is_ansi else "$text-muted")
        case "value":
            return inks.ink("$foreground")
        case "note":
            return inks.ink("$text-muted")
    return inks.ink(CELL_INKS[name]) if name in CELL_INKS else inks.plain


def lay_out(sections: Sequence[Section], width: int) -> list[_Line]:
    """The lines of all sections in `width` cells. The names of a section take at most `KEY_WIDTH`
    cells, and half of the width or what its values leave; longer ones are wrapped like values. Without names,
    the values begin where names would."""
    lines: list[_Line] = []
    for section in sections:
        longest = max((cell_width(pair.key) for pair in section.pairs), default=0)
        left = width - _INDENT - _GAP - max(map(_value_width, section.pairs), default=0)
        key_width = max(1, min(longest, KEY_WIDTH, max(width // 2, left))) if longest else 0
        value_width = max(1, width - key_width - (_GAP if longest else 0) - _INDENT)
        if lines:
            lines.append(())
        if section.title:
            lines.append(((fit(" " * _INDENT + section.title, width), "title"),))
        if not section.pairs and section.note:
            lines += [((" " * _INDENT + part, "note"),) for part in wrapped(section.note, width - _INDENT)]
        for pair in section.pairs:
            lines += _pair_lines(pair, key_width, value_width)
    return lines


def _value_width(pair: Pair) -> int:
    values = [pair.value] if isinstance(pair.value, str) else pair.value
    return max(map(cell_width, values), default=0)


def _pair_lines(pair: Pair, key_width: int, value_width: int) -> list[_Line]:
    values = [pair.value] if isinstance(pair.value, str) else pair.value
    parts = [part for value in values for part in wrapped(value, value_width)]
    indent, gap = " " * _INDENT, " " * _GAP if key_width else ""
    return [
        ((indent + fit(key, key_width) + gap, "key"), (value, pair.style or "value"))
        for key, value in zip_longest(wrapped(pair.key, key_width), parts, fillvalue="")
    ]
