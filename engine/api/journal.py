"""The journal of changes made from this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.journal import JournalEntry


class Journal:
    """Every change made from this machine, to any tracking store."""

    def entries(self, limit: int = 200) -> tuple[JournalEntry, ...]:
        """At most `limit` entries, newest first."""
        from engine.journal import read_journal

        return read_journal(limit)
