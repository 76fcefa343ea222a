"""`mlflow-console server doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from engine.formats import duration
from engine.text import Shown, safe
from engine.uri import resolve_with_source
from tui.cli.json_output import Payload, write_json
from tui.cli.options import Invocation, json_option, pass_invocation
from tui.cli.output import Cell, Output
from tui.cli.progress import Meter
from tui.widgets.fit_text import wrapped

if TYPE_CHECKING:
    from engine.api import DoctorFinding, DoctorGroup, DoctorReport, Severity

_MARKS: Mapping[Severity | None, Cell] = {
    "error": Cell(Shown("✗"), "bold red"),
    "warning": Cell(Shown("!"), "yellow"),
    "note": Cell(Shown("·"), "cyan"),
    None: Cell(Shown("✓"), "green"),
}
_UNCHECKED = Cell(Shown("?"), "dim")
_GROUPS = 5
_NAME_WIDTH = len("connection")
_INDENT = 2 + _NAME_WIDTH + 2


@click.command()
@click.option(
    "--tracking-uri",
    metavar="URI",
    help="What to examine.  [default: that of the console]",
)
@json_option
@pass_invocation
def doctor(invocation: Invocation, tracking_uri: str | None, as_json: bool) -> int:
    """Look for faults in a tracking store and in what surrounds it. Changes nothing.

    Examines the connection (TLS, proxy, credentials, versions, clocks), the database and its schema,
    artifact locations, the registry, and this machine. Each finding has its evidence and a fix; what
    could not be checked is listed with the reason. The exit status is 1 if a finding is an error.

    \b
    Examples:
      mlflow-console server doctor
      mlflow-console server doctor --tracking-uri http://127.0.0.1:5000
      mlflow-console server doctor --json
    """
    from engine.api import Servers

    uri, source = resolve_with_source(tracking_uri or invocation.tracking_uri)
    with Meter(Shown("Examining")) as meter:
        groups: list[str] = []

        def begin(group: str) -> None:
            meter.update(len(groups), _GROUPS, safe(group), line=False)
            groups.append(group)

        report = Servers(read_only=invocation.read_only).doctor(uri, source, begin)
    if as_json:
        write_json(_payload(report))
    else:
        _show(Output(), report)
    return int(report.has_errors)


def _show(output: Output, report: DoctorReport) -> None:
    output.line(Cell(report.uri, "bold"))
    output.line()
    for group in report.groups:
        _show_group(output, group)
    output.line()
    output.line(f"{report.summary} · {duration(report.seconds)}")


def _show_group(output: Output, group: DoctorGroup) -> None:
    mark = _MARKS[group.worst] if group.checked or group.findings else _UNCHECKED
    head = (mark, Shown(" "), Cell(safe(group.name.ljust(_NAME_WIDTH)), "bold"), Shown("  "))
    if mark is _UNCHECKED:
        _hanging(output, head, "not checked: " + "; ".join(one.why for one in group.unchecked), "dim")
        return
    _hanging(output, head, " · ".join(group.facts))
    for finding in group.findings:
        _show_finding(output, finding)
    for unchecked in group.unchecked:
        _hanging(
            output,
            (Shown(" " * (_INDENT - 2)), _UNCHECKED, Shown(" ")),
            f"not checked: {unchecked.what}: {unchecked.why}",
            "dim",
        )


def _show_finding(output: Output, finding: DoctorFinding) -> None:
    mark = _MARKS[finding.severity]
    word = Cell(safe(finding.severity.ljust(_NAME_WIDTH - 2)), mark.style)
    _hanging(output, (Shown("  "), mark, Shown(" "), word, Shown("  ")), finding.title, "bold")
    _hanging(output, (Shown(" " * _INDENT),), finding.evidence)
    _hanging(output, (Shown(" " * _INDENT),), f"Fix: {finding.fix}")
    if finding.command:
        output.line(Shown(" " * _INDENT), Cell(finding.command, "cyan"))


def _hanging(output: Output, head: tuple[Cell | Shown, ...], text: str, style: str = "") -> None:
    """Write `text` after `head`, wrapped on a terminal and indented."""
    first, *rest = wrapped(safe(text), max(20, (output.width or 0) - _INDENT) if output.width else 0)
    output.line(*head, Cell(safe(first), style))
    for line in rest:
        output.line(Shown(" " * _INDENT), Cell(safe(line), style))


def _payload(report: DoctorReport) -> Payload:
    return {
        "tracking_uri": report.uri,
        "source": report.source,
        "has_errors": report.has_errors,
        "seconds": report.seconds,
        "groups": [asdict(group) for group in report.groups],
    }
