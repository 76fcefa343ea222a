"""This machine: free space, and the console's own files."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.errors import EngineError
from engine.formats import size
from engine.paths import state_dir
from engine.server.doctor.artifacts import locations_of
from engine.server.doctor.findings import Notes
from engine.server.doctor.subject import Subject, is_writable_folder, nearest
from engine.stores.mlflow.private import installed_release
from engine.uri import TrackingUri, local_root


def examine(subject: Subject, notes: Notes, *, is_open: bool) -> None:
    notes.fact(f"MLflow {installed_release()}, Python {platform.python_version()}")
    with notes.check("free disk space"):
        _check_space(subject, is_open, notes)
    with notes.check("the console's own files"):
        _check_state(notes)


def _places(subject: Subject, is_open: bool) -> Iterator[tuple[str, Path]]:
    server = subject.own_server
    uri = TrackingUri(server.backend) if server else subject.uri
    path = uri.sqlite_path or uri.folder
    if path is not None:
        yield "the store", path
    if server and (folder := local_root(server.artifacts)):
        yield "artifacts", folder
    if is_open and subject.uri.kind != "rest":
        try:
            experiments = subject.experiments[: subject.limits.examined]
        except EngineError:  # another group reports it
            experiments = ()
        for folder in locations_of(experiments):
            yield "artifacts", folder
    yield "temporary files", Path(tempfile.gettempdir())
    yield "the console's own files", state_dir()


def _check_space(subject: Subject, is_open: bool, notes: Notes) -> None:
    disks: dict[int, tuple[Path, list[str]]] = {}
    for what, path in _places(subject, is_open):
        place = nearest(path)
        _, kept = disks.setdefault(place.stat().st_dev, (place, []))
        if what not in kept:
            kept.append(what)
    for place, kept in disks.values():
        _check_disk(subject, place, ", ".join(kept), len(disks) == 1, notes)


def _check_disk(subject: Subject, place: Path, kept: str, is_only: bool, notes: Notes) -> None:
    usage, nodes = shutil.disk_usage(place), os.statvfs(place)
    evidence = f"{size(usage.free)} of {size(usage.total)} free at {place}: {kept}"
    command = ("df", "-h", str(place))
    if nodes.f_files and not nodes.f_favail:
        evidence, command = f"No inode is free at {place}: {kept}", ("df", "-i", str(place))
    elif usage.free >= subject.limits.full_bytes:
        if usage.free < min(subject.limits.low_bytes, subject.limits.low_share * usage.total):
            fix = "Free some space, or move the store or its artifacts before writes fail."
            notes.found(
                "disk-low", "warning", "The disk is nearly full", evidence=evidence, fix=fix, command=command
            )
        else:
            notes.fact(f"{size(usage.free)} free" + ("" if is_only else f" for {kept}"))
        return
    fix = "Free some space now: writes fail, and SQLite may be left with a write to roll back."
    notes.found("disk-full", "error", "The disk is full", evidence=evidence, fix=fix, command=command)


def _check_state(notes: Notes) -> None:
    folder = state_dir()
    if not is_writable_folder(folder):
        notes.found(
            "journal-unwritable",
            "warning",
            "The console cannot write its journal, so it refuses changes",
            evidence=f"{folder} cannot be written to or created: {nearest(folder)}",
            fix="Give this account a state folder that it can write to.",
            command="export XDG_STATE_HOME=~/.local/state",
        )
