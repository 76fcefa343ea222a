"""The journal as a table, and the details of one entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive

from engine import formats
from engine.api import recorded_edits
from engine.text import Shown, cell_width, safe
from tui.widgets.lines import Lines, field
from tui.widgets.table import CellStyle, FirstWord, TableColumn, TextRow, TextSource

if TYPE_CHECKING:
    from engine.api import Finding, JournalEntry

OUTCOMES: Mapping[str, tuple[str, CellStyle]] = {
    "done": ("✓ done", "good"),
    "failed": ("✗ failed", "bad"),
    "cancelled": ("⊘ cancelled", "warning"),
    "undone": ("↶ undone", "muted"),
    "intended": ("? unfinished", "warning"),
}
"""Label and style of each outcome. An intended write was interrupted or is still being applied."""
_COLOURS: Mapping[CellStyle, str] = {
    "good": "$success",
    "bad": "$error",
    "muted": "$text-muted",
    "warning": "$warning",
}


def journal_source(entries: Sequence[JournalEntry], now: int) -> TextSource:
    """One row per entry, in the order given."""
    rows = [_row(entry, now) for entry in entries]
    heads = ("when", "outcome", "action", "target", "changes", "reason", "by", "store")
    max_widths = (16, 12, 18, 44, 70, 40, 24, 60)
    widths = [max(map(cell_width, column)) for column in zip(heads, *(r.cells for r in rows), strict=True)]
    columns = [
        TableColumn(head, Shown(head), min(limit, width), full_width=width)
        for head, limit, width in zip(heads, max_widths, widths, strict=True)
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
    return TextRow(entry.entry_id, cells, {1: FirstWord(style), 7: "muted"})


def change_texts(entry: JournalEntry) -> list[Shown]:
    """The changes, e.g. `version 3 None → Production`."""
    if entry.action == "edit":
        return [safe(edit, 400) for edit in recorded_edits(entry)]
    return [
        safe(f"{_name(key)} {_value(key, before)} → {_value(key, entry.after.get(key, ''))}")
        for key, before in entry.before.items()
        if not key.startswith("stage ") and not key.endswith(" created") and entry.after.get(key) != before
    ]


def _name(key: str) -> str:
    return f"@{key.removeprefix('alias ')}" if key.startswith("alias ") else key


def _value(key: str, value: str) -> Shown:
    return safe(f"version {value}" if value and key.startswith("alias ") else value) or formats.MISSING


class EntryDetail(Lines):
    """All fields of one journal entry."""

    DEFAULT_CSS = """
    EntryDetail { padding: 0 1; }
    """

    entry: reactive[JournalEntry | None] = reactive(None, layout=True)
    finding: reactive[Finding | None] = reactive(None, layout=True)
    """What the store shows of the entry, if it is unfinished."""

    def lines(self, width: int) -> list[Content]:
        entry = self.entry
        if entry is None:
            return []
        word, style = OUTCOMES.get(entry.outcome, (entry.outcome, "muted"))
        colour = _COLOURS.get(style, "")
        lines = [Content.assemble((safe(entry.target), "bold"), "  ", (safe(word), colour))]
        if entry.outcome == "intended":
            note = "Interrupted, or still being applied."
            lines += field("", [Content(note)], width)
        if self.finding is not None:
            lines += field("state", [Content(safe(self.finding.text))], width)
            next_step = [Content(safe(self.finding.command))] if self.finding.command else []
            lines += field("next", next_step, width)
        lines += field("changes", [Content(text) for text in change_texts(entry)], width)
        lines += field("reason", [Content(safe(entry.reason))] if entry.reason else [], width)
        lines += field("evidence", [Content(safe(entry.evidence))] if entry.evidence else [], width)
        lines += field("detail", [Content(safe(entry.detail))] if entry.detail else [], width)
        who = Content(f"{safe(entry.user)}@{safe(entry.host)}")
        lines += field("when", [Content(formats.moment(entry.time)), who], width)
        lines += field("store", [Content(safe(entry.server))], width)
        lines += field("entry", [Content.styled(safe(entry.entry_id), "$text-muted")], width)
        return lines
