"""The activity journal as a table shows it, and one entry in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive

from engine import formats
from engine.text import Shown, cell_width, safe
from tui.widgets.lines import Lines, field
from tui.widgets.table import CellStyle, TableColumn, TextRow, TextSource

if TYPE_CHECKING:
    from engine.api import JournalEntry

OUTCOMES: Mapping[str, tuple[str, CellStyle]] = {
    "done": ("✓ done", "good"),
    "failed": ("✗ failed", "bad"),
    "undone": ("↶ undone", "muted"),
    "intended": ("? not ended", "warning"),
}
"""An entry that is still only intended was interrupted, or another console is at it."""
_COLOURS: Mapping[CellStyle, str] = {
    "good": "$success",
    "bad": "$error",
    "muted": "$text-muted",
    "warning": "$warning",
}


def journal_source(entries: Sequence[JournalEntry], now: int) -> TextSource:
    """One row an entry, in the order given."""
    rows = [_row(entry, now) for entry in entries]
    heads = ("when", "outcome", "what", "target", "before → after", "reason", "who", "store")
    most = (16, 12, 10, 44, 70, 40, 24, 60)
    wanted = [max(map(cell_width, column)) for column in zip(heads, *(r.cells for r in rows), strict=True)]
    columns = [
        TableColumn(head, Shown(head), min(limit, width), glyph=head == "outcome", wanted=width)
        for head, limit, width in zip(heads, most, wanted, strict=True)
    ]
    return TextSource(columns, rows)


def _row(entry: JournalEntry, now: int) -> TextRow:
    word, style = OUTCOMES.get(entry.outcome, (entry.outcome, "muted"))
    cells = (
        formats.ago(entry.time, now),
        safe(word),
        safe(entry.action),
        safe(entry.target),
        safe(" · ".join(change_texts(entry)) or entry.detail or "–"),
        safe(entry.reason) or formats.MISSING,
        safe(f"{entry.user}@{entry.host}"),
        safe(entry.server),
    )
    return TextRow(entry.entry_id, cells, {1: style, 7: "muted"})


def change_texts(entry: JournalEntry) -> list[Shown]:
    """What became of each thing that was written: `version 3 None → Production`."""
    return [
        safe(f"{_name(key)} {_value(key, before)} → {_value(key, entry.after.get(key, ''))}")
        for key, before in entry.before.items()
        if not key.startswith("stage ") and entry.after.get(key) != before
    ]


def _name(key: str) -> str:
    return f"@{key.removeprefix('alias ')}" if key.startswith("alias ") else key


def _value(key: str, value: str) -> str:
    return (f"version {value}" if value else "nowhere") if key.startswith("alias ") else value or "–"


class EntryDetail(Lines):
    """One entry of the journal in full."""

    DEFAULT_CSS = """
    EntryDetail { padding: 0 1; }
    """

    entry: reactive[JournalEntry | None] = reactive(None, layout=True)

    def lines(self, width: int) -> list[Content]:
        entry = self.entry
        if entry is None:
            return []
        word, style = OUTCOMES.get(entry.outcome, (entry.outcome, "muted"))
        colour = _COLOURS.get(style, "")
        lines = [Content.assemble((safe(entry.target), "bold"), "  ", (safe(word), colour))]
        if entry.outcome == "intended":
            note = "No end is recorded: it was interrupted, or is still running in another console."
            lines += field("", [Content(note)], width)
        lines += field("changes", [Content(text) for text in change_texts(entry)], width)
        lines += field("reason", [Content(safe(entry.reason))] if entry.reason else [], width)
        lines += field("detail", [Content(safe(entry.detail))] if entry.detail else [], width)
        who = Content(f"{safe(entry.user)}@{safe(entry.host)}")
        lines += field("when", [Content(formats.moment(entry.time)), who], width)
        lines += field("store", [Content(safe(entry.server))], width)
        lines += field("entry", [Content.styled(safe(entry.entry_id), "$text-muted")], width)
        return lines
