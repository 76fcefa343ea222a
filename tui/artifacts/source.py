"""The tree of artifacts as a table, and tables among the artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set as AbstractSet
from typing import TYPE_CHECKING

from engine import formats
from engine.api import LEADS_OUT
from engine.errors import EngineError
from engine.text import Shown, cell_width, safe
from tui.widgets.table import TableColumn, TextRow, TextSource
from tui.widgets.table.source import CellStyle

if TYPE_CHECKING:
    from engine.api import Listing

NOTE = "note:"
"""Begins the key of a row that is no artifact."""
MAX_NAME, MAX_COLUMN = 60, 40


def tree_source(folders: Mapping[str, Listing | EngineError | None], is_open: AbstractSet[str]) -> TextSource:
    """The open folders, from the root, which has the path "". `folders` has what is known of each, None while
    it is read. The key of a row is the artifact's path."""
    rows = [*_rows(folders, is_open, "", 0)]
    width = max((cell_width(row.cells[0]) for row in rows), default=8)
    sizes = max((cell_width(row.cells[1]) for row in rows), default=4)
    columns = [
        TableColumn("name", Shown("artifact"), min(width, MAX_NAME), full_width=width),
        TableColumn("size", Shown("size"), max(8, sizes), numeric=True, keep=True),
    ]
    return TextSource(columns, rows)


def _rows(
    folders: Mapping[str, Listing | EngineError | None], is_open: AbstractSet[str], path: str, depth: int
) -> list[TextRow]:
    found = folders.get(path)
    if found is None:
        return [_note(path, 0, "reading …", depth, "muted")]
    if isinstance(found, EngineError):
        return _error_rows(path, found, depth)
    rows: list[TextRow] = []
    for artifact in found.artifacts:
        name = safe(artifact.path.rpartition("/")[2])
        if artifact.is_dir:
            opened = artifact.path in is_open
            label = Shown(f"{'  ' * depth}{'▾' if opened else '▸'} {name}/")
            rows.append(TextRow(artifact.path, (label, Shown("")), {0: "strong"}))
            if opened:
                rows += _rows(folders, is_open, artifact.path, depth + 1)
        else:
            out = f"  {LEADS_OUT}" if artifact.leads_out else ""
            cells = (Shown(f"{'  ' * depth}  {name}{out}"), formats.size(artifact.size))
            rows.append(TextRow(artifact.path, cells, {0: "warning", 1: "muted"} if out else {1: "muted"}))
    for error in found.errors:
        rows += _error_rows(path, error, depth)
    rows += [_note(path, at, note, depth, "warning") for at, note in enumerate(found.notes)]
    return rows or [_note(path, 0, "no artifacts" if depth == 0 else "empty", depth, "muted")]


def _error_rows(path: str, error: EngineError, depth: int) -> list[TextRow]:
    parts = [part for part in (f"✗ {error.title}", error.detail, error.hint) if part]
    return [_note(path, 100 + at, part, depth, "bad") for at, part in enumerate(parts)]


def _note(path: str, at: int, text: str, depth: int, style: CellStyle) -> TextRow:
    cells = (Shown(f"{'  ' * depth}  {safe(text, 400)}"), Shown(""))
    return TextRow(f"{NOTE}{at}:{path}", cells, {0: style})


def table_source(rows: Sequence[Sequence[str]]) -> TextSource:
    """A table with its header first. Columns of numbers are right-aligned."""
    header, *body = rows
    texts = [TextRow(str(at), [safe(cell) for cell in row]) for at, row in enumerate(body)]
    columns = []
    for at, name in enumerate(header):
        cells = [row[at] for row in body if row[at]]
        width = max([cell_width(safe(name)), *(cell_width(safe(cell)) for cell in cells[:200])])
        numeric = bool(cells) and all(formats.as_number(cell) is not None for cell in cells[:200])
        label = safe(name) or formats.MISSING
        columns.append(
            TableColumn(str(at), label, min(max(1, width), MAX_COLUMN), numeric, full_width=max(1, width))
        )
    return TextSource(columns, texts)
