"""The journal of changes made from this machine."""

from __future__ import annotations

import shlex
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.api.access import StoreAccess
    from engine.journal import Finding, JournalCheck, JournalEntry

_FINDERS = {
    "delete": "engine.run_lifecycle.apply",
    "restore": "engine.run_lifecycle.apply",
    "promote": "engine.registry.promotion.plan",
    "undo": "engine.registry.promotion.plan",
    "edit": "engine.editing.apply",
    **dict.fromkeys(
        ("experiment create", "experiment delete", "experiment restore"), "engine.run_lifecycle.experiments"
    ),
    "register": "engine.registry.registration",
    "model delete": "engine.registry.removal",
    "version delete": "engine.registry.removal",
    "train": "engine.training.interrupted",
    "server upgrade": "engine.server.upgrade.upgrade",
}
"""The module whose `finding` looks into the store, by action."""
_DEPLOYMENTS = ("The list of deployments shows what runs.", "mlflow-console deployments")
_WHOLE = ("Written or not, never half; safe to run again.", "")
_FINDINGS = {
    "test": ("An incomplete run of the test may be left; safe to run again.", ""),
    "server remove": ("The list of servers shows what is left.", "mlflow-console server status"),
    **dict.fromkeys(("deploy", "swap", "back", "stop", "remove"), _DEPLOYMENTS),
    **dict.fromkeys(("policy", "request", "approve", "reject"), _WHOLE),
}


class Journal:
    """Every change made from this machine, to any tracking store."""

    def __init__(self, access: StoreAccess) -> None:
        self._access = access

    def entries(self, limit: int = 200) -> tuple[JournalEntry, ...]:
        """At most `limit` entries, newest first."""
        from engine.journal import read_journal

        return read_journal(limit)

    def entry(self, entry_id: str) -> JournalEntry:
        """The entry with this id. Raises `NotFound`."""
        from engine.errors import NotFound
        from engine.journal import journal_entries

        for entry in journal_entries():
            if entry.entry_id == entry_id:
                return entry
        raise NotFound(
            f"Journal entry {entry_id!r} not found", "", "`mlflow-console journal --json` lists ids."
        )

    def check(self) -> JournalCheck:
        """Whether lines of the journal were changed, moved, added or removed. Raises `WriteError` if it
        cannot be read."""
        from engine.journal import check

        return check()

    def is_here(self, entry: JournalEntry) -> bool:
        """Whether an entry is about this engine's store."""
        from engine.journal import server_name

        return entry.server == server_name(self._access.uri)

    def finding(self, entry: JournalEntry) -> Finding | None:
        """What this store shows of an unfinished write; None for other entries and other stores. Raises
        `StoreError`."""
        if entry.outcome != "intended" or not self.is_here(entry):
            return None
        from engine.journal import Finding

        if entry.action == "report":
            command = f"mlflow-console report {shlex.quote(entry.experiment)} --log-to new"
            return Finding("An incomplete report may be left; safe to run again.", command)
        if entry.action in _FINDINGS:
            return Finding(*_FINDINGS[entry.action])
        finder = _FINDERS.get(entry.action)
        if finder is None:
            return Finding("Safe to run again.", f"mlflow-console {entry.action}")
        found: Finding = import_module(finder).finding(self._access.store, entry)
        return found
