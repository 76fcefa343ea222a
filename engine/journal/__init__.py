"""What was written from here, for every room that writes: `entries` says what is kept, `files` how."""

from engine.journal.entries import (
    JournalEntry,
    Outcome,
    append,
    check_reason,
    check_writable,
    exclusive,
    new_entry,
    read_journal,
    recorded,
    server_name,
)

__all__ = [
    "JournalEntry",
    "Outcome",
    "append",
    "check_reason",
    "check_writable",
    "exclusive",
    "new_entry",
    "read_journal",
    "recorded",
    "server_name",
]
