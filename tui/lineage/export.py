"""What the lineage view can export and copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from engine import formats
from engine.api import Sheet, Snippet, file_name, records_sheet
from engine.columns import Value
from engine.text import Shown, safe
from tui.dialogs.export import ExportChoice, ExportOffer

if TYPE_CHECKING:
    from engine.api import Engine, Station


def lineage_offer(engine: Engine, way: Sequence[Station]) -> ExportOffer:
    """The links of the last station of the way; the whole lineage of a version where the walk began; the
    stations walked."""
    station, start = way[-1], way[0].place
    links = formats.counted(len(station.links), "link")
    choices = [ExportChoice(Shown(f"{links} of {safe(station.title, 80)}"), partial(_links, [station]))]
    if start.kind == "version":
        model, _, version = start.key.rpartition("/")
        read = partial(engine.models.lineage, model, int(version))
        label = f"the whole lineage of {safe(way[0].title, 80)}, to its datasets"
        choices.append(ExportChoice(Shown(label), lambda: _links(read())))
    if len(way) > 1:
        label = f"the links of the {formats.counted(len(way), 'station')} walked"
        choices.append(ExportChoice(Shown(label), partial(_links, way)))
    return ExportOffer(choices, file_name(f"lineage_{station.title}", default="lineage"))


def station_snippets(station: Station) -> list[Snippet]:
    """What to copy of a station that is neither a version nor a run: its address, id and name, and its
    facts."""
    place = station.place
    name = station.title.removeprefix(f"{place.kind} ")
    found = [Snippet("name", name)]
    if place.kind == "logged model":
        found.insert(0, Snippet("address", f"models:/{place.key}"))
    if place.kind in ("logged model", "experiment"):
        found.append(Snippet("id", place.key))
    known = {snippet.text for snippet in found}
    found += [Snippet(label, value) for label, value in station.facts if value not in known]
    return [Snippet(each.label, each.text.rstrip("\n")) for each in found]


def _links(stations: Sequence[Station]) -> Sheet:
    """One row per link of these stations."""
    records: list[Mapping[str, Value]] = [
        {
            "station": station.title,
            "kind": station.place.kind,
            "link": link.label,
            "leads_to": link.text or None,
            "key": None if link.place is None else link.place.key,
            "state": link.state,
            "note": link.note or None,
            "repair": link.repair or None,
        }
        for station in stations
        for link in station.links
    ]
    return records_sheet("link", records, {"station": "text", "kind": "text", "link": "text"})
