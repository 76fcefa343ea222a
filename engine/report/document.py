"""A document as data, rendered as Markdown (`engine.report.markdown`) and as HTML (`engine.report.html`).

Text from the store is never markup: a text is made of spans, and what renders them escapes each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.secrets import mask
from engine.text import Shown, safe

Style = Literal["plain", "strong", "code", "muted"]


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    style: Style = "plain"


Part = str | Span
Text = tuple[Part, ...]
"""Parts of one text, in order; a string is plain."""


def strong(text: object) -> Span:
    return Span(str(text), "strong")


def code(text: object) -> Span:
    return Span(str(text), "code")


def muted(text: object) -> Span:
    return Span(str(text), "muted")


def shown(text: str) -> Shown:
    """Text of the store as a document shows it: without control characters, secrets masked."""
    masked = mask(text)
    return safe(masked, len(masked))


def plain(text: Text) -> str:
    """A text without its styles."""
    return "".join(part if isinstance(part, str) else part.text for part in text)


def joined(parts: Sequence[Text], separator: str = ", ") -> Text:
    """The texts one after another."""
    found: list[Part] = []
    for at, part in enumerate(parts):
        found += [separator, *part] if at else part
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Heading:
    """Level 1 is the title of the document."""

    level: int
    text: Text


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: Text


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """`numeric` columns are right-aligned."""

    label: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as long as `columns`. The row at `marked` is emphasized."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Text, ...], ...]
    caption: Text = ()
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Quote:
    """Text from the store, such as a description, line by line."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart: `name` is that of its files without ending; `caption` says what it shows."""

    name: str
    caption: Text
    svg: str
    png: bytes


Block = Heading | Paragraph | Bullets | Table | Quote | Figure


@dataclass(frozen=True, slots=True)
class Document:
    title: str
    blocks: tuple[Block, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        return tuple(block for block in self.blocks if isinstance(block, Figure))


def lined_up(
    heads: Sequence[str | Column], rows: Sequence[Sequence[Part | Text]], caption: Text = ()
) -> Table:
    """A table of strings, spans and texts; a head given as a string is that of a column of text."""
    columns = tuple(Column(head) if isinstance(head, str) else head for head in heads)
    cells = tuple(tuple(cell if isinstance(cell, tuple) else (cell,) for cell in row) for row in rows)
    return Table(columns, cells, caption)
