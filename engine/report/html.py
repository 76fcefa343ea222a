"""Renders a document as one HTML file: pictures embedded, no scripts, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape

from engine.report.document import (
    Block,
    Bullets,
    Document,
    Figure,
    Heading,
    Paragraph,
    Part,
    Quote,
    Table,
    Text,
    plain,
    shown,
)

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_LONG = 50
"""Characters from which a cell is wrapped."""
_TAGS = {"strong": "strong", "code": "code"}
_CSS = """
:root { color-scheme: light dark;
  --ink: #1f2430; --soft: #5c6675; --line: #d9dde3; --ground: #fff; --mark: #f1f5fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #d8dce4; --soft: #97a1b0; --line: #363d48; --ground: #15181d; --mark: #1f2732; }
}
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--ground);
  max-width: 72rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .6rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.6rem 0 .4rem; }
p, ul, blockquote, figcaption { max-width: 46rem; }
p, ul { margin: .5rem 0; } ul { padding-left: 1.3rem; } li { margin: .25rem 0; }
.muted, figcaption, caption { color: var(--soft); }
code { font: .88em ui-monospace, monospace; background: var(--mark); padding: .05em .3em; border-radius: 3px;
  overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: .7rem 0; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .35rem; }
th, td { padding: .3rem .7rem .3rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; }
th.n, td.n { text-align: right; }
td.long { white-space: normal; min-width: 18rem; max-width: 40rem; }
tr.marked { background: var(--mark); } tr.marked td { font-weight: 600; }
blockquote { margin: .7rem 0; padding: .1rem 0 .1rem 1rem; color: var(--soft);
  border-left: 3px solid var(--line); }
figure { margin: 1.2rem 0; } figure img { max-width: 100%; background: #fff; border: 1px solid var(--line); }
figcaption { font-size: .88rem; margin-top: .35rem; }
@page { size: A4 landscape; margin: 12mm; }
@media print {
  :root { --ink: #000; --soft: #444; --line: #bbb; --ground: #fff; --mark: #f2f2f2; }
  body { font-size: 10pt; max-width: none; margin: 0; padding: 0; }
  table { font-size: 7.5pt; width: auto; } th, td { white-space: normal; padding: .2rem .5rem .2rem 0; }
  td.long { min-width: 0; } h2, h3, h4 { break-after: avoid; }
  figure, blockquote, tr { break-inside: avoid; } figure img { max-height: 150mm; }
  .scroll { overflow: visible; }
}
"""


def html(document: Document) -> str:
    title = _escaped(document.title)
    body = "\n".join(line for block in document.blocks for line in _block(block))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_CSS}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading(level, text):
            yield f"<h{level}>{_text(text)}</h{level}>"
        case Paragraph(text):
            yield f"<p>{_text(text)}</p>"
        case Bullets(items):
            yield "<ul>"
            yield from (f"<li>{_text(item)}</li>" for item in items)
            yield "</ul>"
        case Quote(lines):
            yield f"<blockquote><p>{'<br>'.join(_escaped(line) for line in lines)}</p></blockquote>"
        case Figure(_, caption, svg):
            data = base64.b64encode(svg.encode()).decode()
            yield "<figure>"
            yield f'<img alt="{_escaped(plain(caption))}" src="data:image/svg+xml;base64,{data}">'
            yield f"<figcaption>{_text(caption)}</figcaption>"
            yield "</figure>"
        case Table():
            yield from _table(block)


def _table(table: Table) -> Iterator[str]:
    classes = [' class="n"' if column.numeric else "" for column in table.columns]
    yield '<div class="scroll"><table>'
    if table.caption:
        yield f"<caption>{_text(table.caption)}</caption>"
    heads = (f"<th{name}>{_escaped(c.label)}</th>" for name, c in zip(classes, table.columns, strict=True))
    yield f"<thead><tr>{''.join(heads)}</tr></thead>"
    yield "<tbody>"
    for at, row in enumerate(table.rows):
        cells = (_cell(cell, name) for name, cell in zip(classes, row, strict=True))
        marked = ' class="marked"' if at in table.marked else ""
        yield f"<tr{marked}>{''.join(cells)}</tr>"
    yield "</tbody>"
    yield "</table></div>"


def _cell(cell: Text, classes: str) -> str:
    if len(plain(cell)) > _LONG and not classes:
        classes = ' class="long"'
    return f"<td{classes}>{_text(cell)}</td>"


def _text(text: Text) -> str:
    return "".join(map(_part, text))


def _part(part: Part) -> str:
    if isinstance(part, str):
        return _escaped(part)
    if part.style == "muted":
        return f'<span class="muted">{_escaped(part.text)}</span>'
    tag = _TAGS.get(part.style)
    return f"<{tag}>{_escaped(part.text)}</{tag}>" if tag else _escaped(part.text)


def _escaped(text: str) -> str:
    return escape(shown(text))
