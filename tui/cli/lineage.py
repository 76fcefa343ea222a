"""`mlflow-console lineage`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from engine.text import Shown, cell_width, safe
from tui.cli.json_output import write_json
from tui.cli.options import Invocation, json_option, pass_invocation, version_arguments
from tui.cli.output import Cell, Output

if TYPE_CHECKING:
    from engine.api import Link, Station

MARKS = {"found": ("→", "green"), "deleted": ("✗", "yellow"), "missing": ("✗", "red")}


@click.command()
@version_arguments
@json_option
@pass_invocation
def lineage(invocation: Invocation, model: str, version: int, as_json: bool) -> None:
    """Show what VERSION of MODEL comes from: logged model, run, experiment, datasets and artifacts.

    A link that leads nowhere is shown as such, with how to repair it. MLflow cannot change the run of
    a version: a version that names none can be tagged with its run.

    \b
    Examples:
      mlflow-console lineage heart_disease_classifier 3
      mlflow-console lineage heart_disease_classifier 3 --json
    """
    with invocation.engine() as engine:
        stations = engine.models.lineage(model, version)
    if as_json:
        write_json({"stations": [asdict(station) for station in stations]})
        return
    output = Output()
    for number, station in enumerate(stations):
        if number:
            output.line()
        _show(output, station)
    for command in repairs(stations, model, version):
        output.line(Cell(Shown("repair: "), "yellow"), safe(command))


def _show(output: Output, station: Station) -> None:
    output.line(Cell(safe(station.title), "bold"))
    links = [link for link in station.links if link.leads_back]
    labels = [label for label, _ in station.facts] + [link.label for link in links]
    width = max(map(cell_width, labels), default=0)
    for label, value in station.facts:
        output.line(Cell(safe(f"    {label:<{width}}  "), "dim"), safe(value, 200))
    for link in links:
        mark, colour = MARKS[link.state]
        note = f"  {link.note}" if link.text else link.note
        style = "dim" if link.state == "found" else colour
        output.line(
            Cell(Shown(f"  {mark} "), colour),
            Cell(safe(f"{link.label:<{width}}  "), "dim"),
            safe(link.text, 120),
            Cell(safe(note), style),
        )


def repairs(stations: tuple[Station, ...], model: str, version: int) -> list[str]:
    """The commands that repair what is broken, each once."""
    from engine.api import SOURCE_RUN_TAG

    def command(link: Link) -> str:
        match link.repair:
            case "restore run":
                return f"mlflow-console restore {link.repairs}"
            case "restore experiment":
                return f"mlflow-console experiment restore {link.repairs}"
            case "tag version":
                return f"mlflow-console edit version {model} {version} --tag {SOURCE_RUN_TAG}={link.repairs}"
        return ""

    found = (command(link) for station in stations for link in station.links)
    return list(dict.fromkeys(filter(None, found)))
