"""A store without faults, and what the doctor finds in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.server.doctor.doctor import examine
from engine.server.doctor.findings import DoctorFinding, DoctorReport
from engine.server.doctor.subject import Limits
from engine.uri import TrackingUri

LIMITS = Limits(full_bytes=0, low_bytes=0, request_seconds=20)
"""However full the disk of the tests is, and however slow a server."""

CLEAN = (
    # The shared store has a run that never ended, and versions that were registered without files.
    "UPDATE runs SET status = 'FINISHED', end_time = start_time WHERE status = 'RUNNING'",
    "DELETE FROM registered_model_aliases",
    "DELETE FROM model_versions WHERE source LIKE 'runs:/%'",
    "UPDATE model_versions SET current_stage = 'Production' WHERE name = 'classifier' AND version = 1",
    "INSERT INTO registered_model_aliases (workspace, name, alias, version)"
    " VALUES ('default', 'classifier', 'champion', 1)",
)
RIVAL = (
    "INSERT INTO model_versions (workspace, name, version, creation_time, last_updated_time, current_stage,"
    " source, run_id, status) SELECT workspace, name, 2, creation_time, last_updated_time, 'Production',"
    " source, run_id, 'READY' FROM model_versions WHERE name = 'classifier' AND version = 1"
)
"""A second version in Production, with the files of the first."""


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


@dataclass(frozen=True)
class Place:
    """A store without faults, `mlflow.db` in a folder of its own; `readers` have it open."""

    path: Path
    readers: list[sqlite3.Connection] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def uri(self) -> TrackingUri:
        return TrackingUri(f"sqlite:///{self.path}")

    def execute(self, *statements: str) -> None:
        execute(self.path, *statements)


def report_on(uri: TrackingUri | str, limits: Limits = LIMITS) -> DoctorReport:
    return examine(uri if isinstance(uri, TrackingUri) else TrackingUri(uri), "a test", limits)


def names(report: DoctorReport) -> list[str]:
    return [finding.name for finding in report.findings]


def finding(report: DoctorReport, name: str) -> DoctorFinding:
    """The finding with this name, which must be the only one."""
    assert names(report) == [name], report.findings
    return report.findings[0]


def skipped(report: DoctorReport) -> dict[str, str]:
    """What was not checked, and why."""
    return {str(one.what): str(one.why) for group in report.groups for one in group.unchecked}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process's write, as MLflow locks the file for it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        yield
        database.execute("ROLLBACK")
