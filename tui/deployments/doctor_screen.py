"""What the doctor finds in a tracking server or store: findings, worst first, with evidence and fix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import reactive

from engine.errors import EngineError
from engine.formats import counted
from engine.text import Shown, cell_width
from engine.uri import TrackingUri
from tui.commands.bindings import Command, Scope
from tui.deployments.source import COLOURS
from tui.screen import VIEW, ConsoleScreen
from tui.widgets.empty import EmptyState
from tui.widgets.lines import Lines, field
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.scroll_pane import ScrollPane
from tui.widgets.table import CellStyle, FirstWord, Table, TableColumn, TextRow, TextSource

if TYPE_CHECKING:
    from engine.api import DoctorFinding, DoctorReport

SEVERITIES: Mapping[str, tuple[str, CellStyle]] = {
    "error": ("✗", "bad"),
    "warning": ("!", "warning"),
    "note": ("·", "muted"),
}
"""Glyph and style of each severity, the worst first."""
CHECKED: tuple[str, CellStyle] = ("✓", "good")
NO_COMMAND = Shown("")
SKIPPED: tuple[str, CellStyle] = ("?", "warning")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: a finding, a group in which nothing was found, or what was not checked."""

    word: str
    look: tuple[str, CellStyle]
    group: str
    title: Shown
    details: tuple[tuple[str, Shown], ...] = ()
    command: Shown = NO_COMMAND


class DoctorScreen(ConsoleScreen):
    """Checks the store at `uri` (empty: the console's own) when it opens, and again with `r`."""

    scope: ClassVar[Scope] = "doctor"
    mode = "deployments"
    pane_ids = ("findings", "finding-pane")
    CSS_PATH = "doctor_screen.tcss"

    def __init__(self, uri: str) -> None:
        super().__init__()
        self._uri = uri
        self._rows: dict[str, Row] = {}

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("DOCTOR", id="findings-title")
        yield Table(id="findings", can_mark=False)
        with ScrollPane(id="finding-pane"):
            yield FindingDetail(id="finding")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        self.mode = self.app.current_mode
        super().on_mount()
        self.query_one("#findings").focus()
        self.refresh_view()

    @property
    def is_live(self) -> bool:
        return False

    @property
    def row(self) -> Row | None:
        """The line under the cursor."""
        return self._rows.get(self.query_one("#findings", Table).cursor_key or "")

    def refresh_view(self) -> None:
        title = self.query_one("#findings-title", PaneTitle)
        title.subject, title.facts = self.session.uri.shown, Shown("checking …")
        title.bright = True
        uri = TrackingUri(self._uri) if self._uri else self.session.uri
        source = "the selected server" if self._uri else "this console"
        work = partial(self.engine.server.doctor, uri, source)
        self.ask(work, self._show, group=VIEW, failed=self._unreadable)

    def _show(self, report: DoctorReport) -> None:
        self.record_read()
        self.hide_page()
        title = self.query_one("#findings-title", PaneTitle)
        title.subject, title.facts = report.uri, report.summary
        self._rows = {str(at): row for at, row in enumerate(rows_of(report))}
        self.query_one("#findings", Table).set_source(_source(self._rows))
        self._show_row()

    def _unreadable(self, error: EngineError) -> None:
        self.show_error_page(error)

    @on(Table.RowHighlighted, "#findings")
    def _show_row(self) -> None:
        self.query_one("#finding", FindingDetail).row = self.row
        self.show_keys()

    def why_not(self, command: Command) -> str | None:
        if command.id == "doctor.copy-command" and self.is_mounted and not (self.row and self.row.command):
            return "No command to copy for this line."
        return super().why_not(command)

    def action_copy_command(self) -> None:
        if not self.refuse("doctor.copy-command") and self.row is not None:
            self.copy(self.row.command)


def rows_of(report: DoctorReport) -> list[Row]:
    """The findings, worst first, then what was not checked, then the groups in which nothing was found."""
    findings = [
        Row(each.severity, SEVERITIES[each.severity], group.name, each.title, _details(each), each.command)
        for severity in SEVERITIES
        for group in report.groups
        for each in group.findings
        if each.severity == severity
    ]
    skipped = [
        Row("not checked", SKIPPED, group.name, each.what, (("reason", each.why),))
        for group in report.groups
        for each in group.unchecked
    ]
    clean = [
        Row("good", CHECKED, group.name, Shown(counted(group.checked, "check")), _facts(group.facts))
        for group in report.groups
        if group.checked and not group.findings
    ]
    return [*findings, *skipped, *clean]


def _details(finding: DoctorFinding) -> tuple[tuple[str, Shown], ...]:
    return (("evidence", finding.evidence), ("fix", finding.fix), ("command", finding.command))


def _facts(facts: Sequence[Shown]) -> tuple[tuple[str, Shown], ...]:
    return tuple(("" if at else "found", fact) for at, fact in enumerate(facts))


def _source(rows: Mapping[str, Row]) -> TextSource:
    cells = [
        (Shown(f"{row.look[0]} {row.word}"), Shown(row.group), row.title, *_last(row))
        for row in rows.values()
    ]
    heads = ("severity", "about", "finding", "fix")
    widths = [max(map(cell_width, column)) for column in zip(heads, *cells, strict=True)]
    limits = (13, 10, 76, 60)
    columns = [
        TableColumn(head, Shown(head), min(limit, width), full_width=width)
        for head, limit, width in zip(heads, limits, widths, strict=True)
    ]
    styled = [
        TextRow(key, texts, {0: FirstWord(row.look[1]), 1: "muted", 3: "muted"})
        for (key, row), texts in zip(rows.items(), cells, strict=True)
    ]
    return TextSource(columns, styled)


def _last(row: Row) -> Iterator[Shown]:
    """What to do, in the last column."""
    yield next((text for label, text in row.details if label == "fix"), Shown(""))


class FindingDetail(Lines):
    """All of one finding."""

    DEFAULT_CSS = """
    FindingDetail { padding: 0 1; }
    """

    row: reactive[Row | None] = reactive(None, layout=True)

    def lines(self, width: int) -> list[Content]:
        row = self.row
        if row is None:
            return []
        glyph, style = row.look
        head = Content.assemble((f"{glyph} {row.word}", COLOURS.get(style, "")), "  ", (row.title, "bold"))
        lines = list(head.wrap(max(2, width)))
        for label, text in row.details:
            lines += field(label, [Content(text)] if text else [], width)
        return lines
