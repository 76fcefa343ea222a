"""What the activity view can export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.api import JournalEntry, Sheet, records_sheet
from engine.columns import Value


def journal_sheet(entries: Sequence[JournalEntry]) -> Sheet:
    """One row per entry; what it found and left, as `fact: value; fact: value`."""
    records: list[Mapping[str, Value]] = [
        {
            "time": entry.time,
            "outcome": entry.outcome,
            "action": entry.action,
            "target": entry.target,
            "user": entry.user,
            "host": entry.host,
            "store": entry.server,
            "reason": entry.reason,
            "evidence": entry.evidence,
            "detail": entry.detail,
            "before": _facts(entry.before),
            "after": _facts(entry.after),
            "entry_id": entry.entry_id,
        }
        for entry in entries
    ]
    return records_sheet("entry", records, {"time": "time"})


def _facts(facts: Mapping[str, str]) -> str:
    return "; ".join(f"{fact}: {value}" for fact, value in facts.items())
