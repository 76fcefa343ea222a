"""Examines a tracking store, and what surrounds it, for faults. Writes nothing to it, and leaves nothing
behind.

Every check is bounded: a server has seconds for each answer, and of what is read one by one only a part is
looked at, which the report then says.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.server.doctor import artifacts, connection, database, machine, registry
from engine.server.doctor.findings import DoctorGroup, DoctorReport, GroupName, Notes
from engine.server.doctor.subject import Limits, Subject
from engine.uri import TrackingUri

_GROUPS: tuple[tuple[GroupName, Callable[[Subject, Notes], None]], ...] = (
    ("store", database.examine),
    ("artifacts", artifacts.examine),
    ("registry", registry.examine),
)


def examine(
    uri: TrackingUri,
    source: str,
    limits: Limits | None = None,
    on_group: Callable[[str], object] = lambda _: None,
) -> DoctorReport:
    """What the checks of the store at `uri` found; `source` says where the URI comes from. `on_group` is
    called with the name of each group of checks before it begins. Raises nothing: errors are findings."""
    began = time.monotonic()
    subject = Subject(uri, source, limits or Limits())
    groups: list[DoctorGroup] = []
    try:
        on_group("connection")
        notes = Notes("connection", subject.outages)
        is_open = connection.examine(subject, notes)
        groups.append(notes.group())
        for name, examine_group in _GROUPS:
            notes = Notes(name, subject.outages)
            on_group(name)
            if is_open:
                examine_group(subject, notes)
            else:
                notes.skip(f"the {name}", "the store cannot be opened")
            groups.append(notes.group())
        on_group("machine")
        notes = Notes("machine", subject.outages)
        machine.examine(subject, notes, is_open=is_open)
        groups.append(notes.group())
    finally:
        subject.close()
    return DoctorReport(uri.shown, source, tuple(groups), time.monotonic() - began)
