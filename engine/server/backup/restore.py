"""Restores a backup into a new folder, where it is complete and checked, or not there."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError, NotFound
from engine.files import collecting
from engine.formats import counted
from engine.jobs import CancelToken, OnProgress, Progress
from engine.server.backup.databases import check_database
from engine.server.backup.files import check_room, is_archive, unpack, writing
from engine.server.backup.locations import read_locations, relocate
from engine.server.backup.manifest import (
    AUTH_FILE,
    LOCAL_FOLDER,
    SERVED_FOLDER,
    STORE_FILE,
    Manifest,
    read_manifest,
    verify,
)
from engine.text import Shown, safe
from engine.uri import TrackingUri


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored store. `moved` is the number of artifact locations in its database that were rewritten,
    `elsewhere` are the local folders outside of it that it still points to, with the number of locations."""

    folder: Path
    manifest: Manifest
    moved: int
    elsewhere: tuple[tuple[Path, int], ...]
    seconds: float

    @property
    def uri(self) -> TrackingUri:
        return TrackingUri(f"sqlite:///{self.folder / STORE_FILE}")

    @property
    def served_folder(self) -> Path | None:
        """The folder of artifacts that a server on this store needs; None if it has none."""
        served = any(folder.folder == SERVED_FOLDER for folder in self.manifest.folders)
        return self.folder / SERVED_FOLDER if served else None

    @property
    def has_accounts(self) -> bool:
        """Whether the store's server asked for accounts: one without --auth would let everyone in."""
        return any(database.file.path == AUTH_FILE for database in self.manifest.databases)

    @property
    def sentences(self) -> tuple[Shown, ...]:
        """What was restored, and where its artifacts are."""
        found = list(self.manifest.sentences)
        if self.moved:
            found.append(
                Shown(f"{counted(self.moved, 'artifact location')} in the restored database now point here.")
            )
        found += [
            safe(
                f"{counted(rows, 'artifact location')} still point to {folder}: new runs of these experiments"
                " are written there. --relocate OLD NEW changes that in a restored store."
            )
            for folder, rows in self.elsewhere
        ]
        return tuple(found)


def restore(
    backup: Path,
    target: Path,
    *,
    relocations: Sequence[tuple[Path, Path]],
    on_progress: OnProgress,
    cancel: CancelToken,
) -> Restored:
    """Restore a backup to `target`, a folder that does not exist or is empty. If the backup holds the store's
    artifacts, their locations in the restored database are rewritten to the restored files; `relocations`
    are further folders to rewrite, as (old, new). Raises `EngineError`s, and then leaves nothing behind."""
    started = time.monotonic()
    backup, target = (Path(os.path.abspath(path.expanduser())) for path in (backup, target))
    _check_new(target)
    with writing("The restored store", target), ExitStack() as stack:
        staging = stack.enter_context(collecting(target.parent))
        folder = _opened(backup, staging, on_progress, cancel)
        manifest = read_manifest(folder)
        verify(folder, manifest, on_progress=on_progress, cancel=cancel, note="Checking the backup")
        check_room(staging, manifest.size)
        new = staging / "restored"
        new.mkdir()
        _copy(folder, new, manifest, on_progress, cancel)
        verify(new, manifest, on_progress=on_progress, cancel=cancel, note="Checking the restored files")
        moves = [
            *((old.absolute(), place.absolute()) for old, place in relocations),
            *(
                (Path(kept.source), target / LOCAL_FOLDER)
                for kept in manifest.folders
                if kept.folder == LOCAL_FOLDER
            ),
        ]
        beside = Path(manifest.store.source).parent
        moved = relocate(new / STORE_FILE, moves, beside) if moves else 0
        _check_databases(new, manifest, cancel)
        elsewhere = _elsewhere(new / STORE_FILE, beside, [place for _, place in moves])
        new.rename(target)
    return Restored(target, manifest, moved, elsewhere, time.monotonic() - started)


def _check_new(target: Path) -> None:
    if target.is_dir() and not target.is_symlink() and not any(target.iterdir()):
        return
    if os.path.lexists(target):
        hint = "Name a new folder; a restore never changes an existing store."
        raise EngineError("The target exists already", safe(target), hint)


def _opened(backup: Path, staging: Path, on_progress: OnProgress, cancel: CancelToken) -> Path:
    """The folder of a backup, unpacked if it is a tar file."""
    if backup.is_dir():
        return backup
    if not backup.exists():
        raise NotFound("The backup does not exist", safe(backup))
    if not is_archive(backup):
        hint = "Name what `mlflow-console server backup` wrote. To restore a plain copy, copy it back."
        raise EngineError("This is not a backup", f"{safe(backup)} is neither a folder nor a .tar file", hint)
    folder = staging / "unpacked"
    folder.mkdir(mode=0o700)
    unpack(backup, folder, on_progress=on_progress, cancel=cancel)
    return folder


def _copy(folder: Path, new: Path, manifest: Manifest, on_progress: OnProgress, cancel: CancelToken) -> None:
    """Copy the files of a backup. Those with accounts stay readable only by their owner; the umask decides
    on the others."""
    done = 0
    for file in manifest.files:
        cancel.check("The restore")
        on_progress(Progress(done, manifest.size, safe(f"Restoring {file.path}", 200)))
        source, target = folder / file.path, new / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        private = file in (database.file for database in manifest.databases[1:])
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with (
            source.open("rb") as content,
            os.fdopen(os.open(target, flags, 0o600 if private else 0o666), "wb") as copy,
        ):
            shutil.copyfileobj(content, copy, 2**20)
            copy.flush()
            written = os.fstat(content.fileno()).st_mtime_ns
            os.utime(copy.fileno(), ns=(written, written))
        done += file.size
    os.sync()


def _check_databases(new: Path, manifest: Manifest, cancel: CancelToken) -> None:
    for database in manifest.databases:
        found = check_database(new / database.file.path, cancel)
        if found != database.facts:
            detail = f"{database.file.path} has not the rows that the manifest names"
            raise EngineError("The restored database differs from the backup", detail)


def _elsewhere(database: Path, beside: Path, here: Sequence[Path]) -> tuple[tuple[Path, int], ...]:
    """The local folders that a database points to outside of those `here`: one folder for all locations, with
    their number, as they usually have a common root."""
    found = read_locations(database, beside)
    outside = {
        path: rows
        for path, rows in found.local.items()
        if not any(path.is_relative_to(place) for place in here)
    }
    if not outside:
        return ()
    common = Path(os.path.commonpath([str(path.parent) for path in outside]))
    return ((common, sum(outside.values())),)
