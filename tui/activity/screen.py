"""The journal of changes made from this machine, newest first."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult

from engine import formats
from engine.errors import EngineError
from engine.text import Shown
from tui.activity.reversal import Reversal
from tui.activity.source import EntryDetail, journal_source
from tui.commands.bindings import Command, Scope
from tui.screen import VIEW, ConsoleScreen
from tui.widgets.empty import EmptyState
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.scroll_pane import ScrollPane
from tui.widgets.table import Table

if TYPE_CHECKING:
    from engine.api import Finding, JournalEntry
    from tui.dialogs.export import ExportOffer

LIMIT = 500
"""Entries shown; the title says so if the journal has more."""


class ActivityScreen(ConsoleScreen):
    """The journal of this account on this machine, for every store, with the details of one entry."""

    scope: ClassVar[Scope] = "activity"
    mode = "activity"
    pane_ids = ("entries", "entry-pane")
    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.entries: tuple[JournalEntry, ...] = ()

    @property
    def entry(self) -> JournalEntry | None:
        """The entry under the cursor."""
        key = self.query_one("#entries", Table).cursor_key
        return next((entry for entry in self.entries if entry.entry_id == key), None)

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("ACTIVITY", id="entries-title")
        yield Table(id="entries", can_mark=False)
        with ScrollPane(id="entry-pane"):
            yield EntryDetail(id="entry")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#entries", Table).focus()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.refresh_view()

    def refresh_view(self) -> None:
        work = partial(self.engine.journal.entries, LIMIT + 1)
        self.ask(work, self._show, group=VIEW, failed=self._unreadable)

    def _show(self, entries: tuple[JournalEntry, ...]) -> None:
        self.entries = entries[:LIMIT]
        self.record_read()
        if not entries:
            self.show_page(
                "No journal entries yet",
                "Promotions, edits, sweeps, deletions and undos made from this machine are recorded here: "
                "when, by whom, what changed and why.",
                keys=[("3", "models"), ("P", "promote a version there"), ("r", "refresh")],
            )
            return
        self.hide_page()
        prefix = "newest " if len(entries) > LIMIT else ""
        title = self.query_one("#entries-title", PaneTitle)
        title.subject = Shown("this machine, all stores")
        title.facts = Shown(prefix + formats.count(len(self.entries)))
        title.bright = True
        self.query_one("#entries", Table).set_source(journal_source(self.entries, int(time.time() * 1000)))
        self._show_entry()

    def _unreadable(self, error: EngineError) -> None:
        if self.entries:
            self.show_store_error(error)
        else:
            self.show_error_page(error)

    @on(Table.RowHighlighted, "#entries")
    def _show_entry(self) -> None:
        entry, detail = self.entry, self.query_one("#entry", EntryDetail)
        if entry != detail.entry:
            detail.entry, detail.finding = entry, None
        self.show_keys()
        if entry is not None and entry.outcome == "intended":
            work = partial(self.engine.journal.finding, entry)
            failed = partial(self._show_finding, entry)
            self.ask(work, partial(self._show_finding, entry), group="finding", failed=failed)

    def export_offer(self) -> ExportOffer | None:
        from engine.api import file_name
        from tui.activity.export import journal_sheet
        from tui.dialogs.export import ExportChoice, ExportOffer

        if not self.entries:
            return None
        label = Shown(f"the newest {formats.count(len(self.entries))} journal entries")
        choices = [ExportChoice(label, partial(journal_sheet, self.entries))]
        return ExportOffer(choices, file_name("activity"))

    @property
    def _reversal(self) -> Reversal:
        return Reversal(self, self.refresh_view)

    def why_not(self, command: Command) -> str | None:
        reason = super().why_not(command)
        if reason is None and command.id == "activity.reverse" and self.is_mounted:
            return self._reversal.why_not(self.entry, self.query_one("#entry", EntryDetail).finding)
        return reason

    @on(Table.RowSelected, "#entries")
    def action_reverse(self) -> None:
        if not self.refuse("activity.reverse") and (entry := self.entry) is not None:
            self._reversal.start(entry)

    def _show_finding(self, entry: JournalEntry, found: Finding | EngineError | None) -> None:
        from engine.api import Finding

        if isinstance(found, EngineError):
            found = Finding(f"Its state could not be read: {found}")
        detail = self.query_one("#entry", EntryDetail)
        if detail.entry == entry:
            detail.finding = found
            self.show_keys()
