"""The lineage of a model version, walked link by link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult

from engine.errors import EngineError, NotFound
from engine.text import Shown, cell_width, safe, safe_lines
from tui.commands.bindings import Command, Scope
from tui.lineage.export import lineage_offer, station_snippets
from tui.lineage.repair import REPAIRS, LineageRepair
from tui.screen import VIEW, ConsoleScreen, ReadSnippets
from tui.widgets.empty import EmptyState
from tui.widgets.key_value import KeyValue, Pair, Section
from tui.widgets.screen_lines import PaneTitle
from tui.widgets.table import CellStyle, Table, TableColumn, TextRow, TextSource

if TYPE_CHECKING:
    from engine.api import Link, Place, Snippet, Station
    from tui.dialogs.export import ExportOffer

STATES: dict[str, tuple[Shown, CellStyle | None]] = {
    "found": (Shown("→"), "good"),
    "deleted": (Shown("✗ deleted"), "warning"),
    "missing": (Shown("✗ missing"), "bad"),
}
READING = Shown("reading …")
TABLE_FRAME = 3
"""Lines of a table beside its rows."""


@dataclass(frozen=True, slots=True)
class Step:
    """A station on the way, and the link that was followed from it."""

    station: Station
    link: str


class LineageScreen(ConsoleScreen):
    """One station at a time: its links, and below them what it is. `enter` follows a link, `-` goes back."""

    scope: ClassVar[Scope] = "lineage"
    pane_ids = ("links", "facts")
    CSS_PATH = "screen.tcss"

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.station: Station | None = None
        self.way: tuple[Step, ...] = ()
        """The stations walked, without the current one."""
        self._place = place
        self._to_link: str | None = None

    def compose_view(self) -> ComposeResult:
        yield PaneTitle("LINEAGE", id="lineage-title")
        yield Table(id="links", can_mark=False, empty_text=(READING,))
        yield KeyValue(id="facts")
        yield EmptyState(id="empty")

    def on_mount(self) -> None:
        self.mode = self.app.current_mode
        super().on_mount()
        self.query_one("#links").focus()
        self.refresh_view()

    @property
    def is_live(self) -> bool:
        return False

    @property
    def link(self) -> Link | None:
        """The link under the cursor."""
        key = self.query_one("#links", Table).cursor_key
        links = () if self.station is None else self.station.links
        return links[int(key)] if key is not None and int(key) < len(links) else None

    # ── reading ──────────────────────────────────────────────────────────────

    def refresh_view(self) -> None:
        self._read(self._place, self.way)

    def _read(self, place: Place, way: tuple[Step, ...], to_link: str | None = None) -> None:
        """Go to a place by this way once it has been read; until then the current station stays."""
        show = partial(self._show, way, to_link)
        self.ask(partial(self.engine.models.station, place), show, group=VIEW, failed=self._failed)

    def _failed(self, error: EngineError) -> None:
        if self.station is None:
            self.show_error_page(error)
        else:
            self.session.show_error(error)

    def _show(self, way: tuple[Step, ...], to_link: str | None, station: Station) -> None:
        moved = self.station is None or station.place != self.station.place
        self.station, self.way, self._place = station, way, station.place
        self.record_read()
        self.hide_page()
        title = self.query_one("#lineage-title", PaneTitle)
        title.bright = True
        title.subject = safe(" › ".join([*(step.station.place.kind for step in way), station.title]), 200)
        broken = sum(link.state != "found" for link in station.links)
        title.facts = Shown(f"{broken} broken" if broken else "")
        table = self.query_one("#links", Table)
        table.set_source(link_source(station))
        if moved and station.links:
            table.move_to(to_link or "0")
        table.styles.height = len(station.links) + TABLE_FRAME
        self._show_facts()

    @on(Table.RowHighlighted, "#links")
    def _show_facts(self) -> None:
        """Show what is wrong with the link under the cursor, and what the station is."""
        link, station = self.link, self.station
        if station is None:
            return
        facts = [Pair(safe(label), safe_lines(value)) for label, value in station.facts]
        sections = [Section(safe(station.place.kind.upper()), facts)]
        if link is not None and link.note:
            _, style = STATES[link.state]
            pair = Pair(safe(link.label), safe(note_of(link), 400), None if style == "good" else style)
            sections.insert(0, Section(Shown("LINK"), [pair]))
        self.query_one("#facts", KeyValue).show(sections)
        self.show_keys()

    # ── walking ──────────────────────────────────────────────────────────────

    def why_not(self, command: Command) -> str | None:
        if not self.is_mounted:
            return super().why_not(command)
        link = self.link
        if command.id == "lineage.go-back" and not self.way:
            return "This is where the walk began; q closes it."
        if command.id in ("lineage.next", "lineage.previous") and len(self._siblings()) < 2:
            return "There is nothing beside this station."
        if command.id == "lineage.repair" and (link is None or not link.repair):
            if link is not None and link.state == "missing":
                return "MLflow cannot bring this back."
            return "This link needs no repair."
        if command.id == "lineage.open-run" and self._place.kind != "run":
            return "This station is not a run."
        return super().why_not(command)

    @on(Table.RowSelected, "#links")
    def _follow(self) -> None:
        link, station = self.link, self.station
        if link is None or station is None:
            return
        if link.place is None or link.state == "missing":
            self.session.say(f"Missing {link.label}: {link.note}", warning=True)
        elif link.place.kind == "artifacts":
            from tui.artifacts.screen import ArtifactsScreen

            self.app.push_screen(ArtifactsScreen(link.place.run_id, safe(station.title), link.place.key))
        else:
            key = self.query_one("#links", Table).cursor_key or "0"
            self._read(link.place, (*self.way, Step(station, key)))

    def action_go_back(self) -> None:
        if not self.refuse("lineage.go-back"):
            step = self.way[-1]
            self._read(step.station.place, self.way[:-1], step.link)

    def _siblings(self) -> list[tuple[str, Place]]:
        """What is beside the current station: links of the same name of the station before, with their
        keys; where the walk began, the versions of the model."""
        if self.station is None:
            return []
        if not self.way:
            return [("", place) for place in self.station.siblings]
        before = self.way[-1]
        label = before.station.links[int(before.link)].label
        return [
            (str(key), link.place)
            for key, link in enumerate(before.station.links)
            if link.label == label and link.place is not None and link.state != "missing"
        ]

    def action_step(self, by: int) -> None:
        """Go to the next (1) or previous (-1) station beside this one."""
        if self.refuse("lineage.next"):
            return
        siblings = self._siblings()
        places = [place for _, place in siblings]
        at = places.index(self._place) + by if self._place in places else 0
        if not 0 <= at < len(siblings):
            self.session.say("This is the last one." if by > 0 else "This is the first one.")
            return
        key, place = siblings[at]
        way = (*self.way[:-1], Step(self.way[-1].station, key)) if self.way else ()
        self._read(place, way)

    def action_open_run(self) -> None:
        from tui.run.screen import KnownRun, RunScreen

        if not self.refuse("lineage.open-run"):
            self.app.push_screen(RunScreen(KnownRun(self._place.key)))

    def snippets(self) -> ReadSnippets | None:
        """Of the station: what there is to copy of its version or run, else of itself."""
        station = self.station
        if station is None:
            return None
        if station.place.kind == "run":
            return self.run_snippets(station.place.key)

        def read() -> tuple[str, Sequence[Snippet]]:
            from engine.api import version_snippets

            if station.place.kind != "version":
                return f"from {safe(station.title, 80)}", station_snippets(station)
            model, _, number = station.place.key.rpartition("/")
            versions = self.engine.models.versions(model)
            found = [version for version in versions if version.version == int(number)]
            if not found:
                raise NotFound(f"{model} has no version {number}", "It was deleted.")
            return f"from {safe(station.title, 80)}", version_snippets(self.session.uri, found[0])

        return read

    def export_offer(self) -> ExportOffer | None:
        if self.station is None:
            return None
        return lineage_offer(self.engine, [*(step.station for step in self.way), self.station])

    def action_repair(self) -> None:
        if not self.refuse("lineage.repair") and (link := self.link) is not None:
            LineageRepair(self, self.refresh_view).start(self._place, link)


def note_of(link: Link) -> str:
    """What is wrong with a link, and what the repair would do."""
    return f"{link.note}; e {REPAIRS[link.repair]}" if link.repair else link.note


def link_source(station: Station) -> TextSource:
    """One row per link: what it is, where it leads, and what is wrong with it."""
    rows = []
    for number, link in enumerate(station.links):
        state, style = STATES[link.state]
        cells = [safe(link.label), state, safe(link.text) or Shown("–"), safe(note_of(link))]
        styles: dict[int, CellStyle] = {3: "muted" if link.state == "found" else style or "muted"}
        if style is not None:
            styles[1] = style
        rows.append(TextRow(str(number), cells, styles))

    def column(at: int, key: str, label: str, most: int) -> TableColumn:
        natural = max([cell_width(label), *(cell_width(row.cells[at]) for row in rows)])
        return TableColumn(key, safe(label), min(most, natural), full_width=natural)

    columns = [
        column(0, "link", "leads to", 14),
        column(1, "state", "", 10),
        column(2, "what", "what", 36),
        column(3, "note", "note", 90),
    ]
    return TextSource(columns, rows)
