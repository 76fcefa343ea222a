"""Renders a document as Markdown with pipe tables (CommonMark and GitHub's extension)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.report.document import (
    Block,
    Bullets,
    Document,
    Figure,
    Heading,
    Paragraph,
    Part,
    Quote,
    Span,
    Table,
    Text,
    plain,
    shown,
)

_SPECIAL = re.compile(r"[\\`*|<$]|(?<!\w)_|_(?!\w)|~(?=~)|!(?=\[)|&(?=#?\w+;)")
_LINK = re.compile(r"\]\s*[(\[:]|\]\s*$")
_AT_START = re.compile(r"^(\s*)([-+=>#\[]|\d+[.)])")


def markdown(document: Document) -> str:
    """The document; pictures are links to the files in `charts/`."""
    return markdown_blocks((Heading(1, (document.title,)), *document.blocks)) + "\n"


def markdown_blocks(blocks: Sequence[Block]) -> str:
    """Blocks without a title."""
    return "\n\n".join("\n".join(_block(block)) for block in blocks)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading(level, text):
            yield f"{'#' * level} {_text(text)}"
        case Paragraph(text):
            yield _paragraph(text)
        case Bullets(items):
            yield from (f"- {_paragraph(item)}" for item in items)
        case Quote(lines):
            last = len(lines) - 1
            yield from (f"> {_paragraph((line,))}" + "\\" * (at < last) for at, line in enumerate(lines))
        case Figure(name, caption):
            yield f"![{_brackets_escaped(_escaped(plain(caption)))}](charts/{name}.svg)"
            yield ""
            yield f"{_paragraph(caption)} ([PNG](charts/{name}.png), [SVG](charts/{name}.svg))"
        case Table():
            yield from _table(block)


def _table(table: Table) -> Iterator[str]:
    if table.caption:
        yield _text(table.caption)
        yield ""
    yield _row([_escaped(column.label) for column in table.columns])
    yield _row(["---:" if column.numeric else "---" for column in table.columns])
    for at, row in enumerate(table.rows):
        cells = [_text(cell) for cell in row]
        if at in table.marked:
            cells[0] = f"**{cells[0]}**"
        yield _row(cells)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _paragraph(text: Text) -> str:
    """A text that begins a block: what would make it a list or a heading is escaped."""
    return _AT_START.sub(_disarmed, _text(text))


def _disarmed(match: re.Match[str]) -> str:
    mark = match[2]
    return f"{match[1]}{mark[:-1]}\\{mark[-1]}" if mark[0].isdigit() else f"{match[1]}\\{mark}"


def _text(text: Text) -> str:
    return "".join(_part(part) for part in text)


def _part(part: Part) -> str:
    if isinstance(part, str):
        return _escaped(part)
    return _span(part)


def _span(span: Span) -> str:
    text = shown(span.text)
    if not text:
        return ""
    if span.style == "code":
        fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
        pad = " " if text.startswith("`") or text.endswith("`") else ""
        return f"{fence}{pad}{text}{pad}{fence}".replace("|", "\\|")
    if span.style == "strong" and text == text.strip():
        return f"**{_escaped(text)}**"
    return _escaped(text)


def _escaped(text: str) -> str:
    """Plain text: what Markdown would read as markup gets a backslash, and nothing else."""
    visible = shown(text)
    escaped = _SPECIAL.sub(r"\\\g<0>", visible)
    return _brackets_escaped(escaped) if _LINK.search(visible) else escaped


def _brackets_escaped(text: str) -> str:
    return re.sub(r"(?<!\\)[\[\]]", r"\\\g<0>", text)
