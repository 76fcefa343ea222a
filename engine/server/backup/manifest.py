"""What a backup holds, as its `manifest.json` says, and the check that it does."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from engine.errors import EngineError
from engine.formats import counted, listed, size
from engine.jobs import CancelToken, OnProgress, Progress
from engine.server.backup.databases import DatabaseFacts
from engine.server.backup.files import checksum, open_regular, private_file
from engine.stores.mlflow.revision import AUTH_RELEASES, RELEASES
from engine.text import Shown, safe

FORMAT = 1
MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 2**30
STORE_FILE = "mlflow.db"
AUTH_FILE = "basic_auth.db"
LOCAL_FOLDER = "mlruns"
"""Artifacts that the database names by their local path."""
SERVED_FOLDER = "mlartifacts"
"""Artifacts that a tracking server keeps for its clients."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file of a backup; `path` is relative to the backup."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class DatabaseCopy:
    """A database of a backup and the file that it is a copy of."""

    file: FileFacts
    source: str
    facts: DatabaseFacts

    @property
    def sentence(self) -> Shown:
        """`mlflow.db: 305 rows in 65 tables, 1.0 MB, schema of MLflow 3.17`."""
        revision = self.facts.revision
        release = RELEASES.get(revision) or AUTH_RELEASES.get(revision)
        schema = (
            f"schema of MLflow {release}" if release else f"schema revision {safe(revision) or 'unknown'}"
        )
        rows = f"{counted(self.facts.row_count, 'row')} in {counted(len(self.facts.rows), 'table')}"
        return Shown(f"{safe(self.file.path)}: {rows}, {size(self.file.size)}, {schema}")


@dataclass(frozen=True, slots=True)
class ArtifactFolder:
    """A folder of a backup (`mlruns` or `mlartifacts`) and the folder whose artifacts it holds."""

    folder: str
    source: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Artifacts that are not in a backup: where they are, how many rows of the database name that place, and
    why they were left out."""

    place: Shown
    rows: int
    reason: Shown

    @property
    def sentence(self) -> Shown:
        """`Not included: s3://models (3 locations): remote storage`."""
        return safe(f"Not included: {self.place} ({counted(self.rows, 'location')}): {self.reason}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """`made` is in milliseconds since the epoch, `mlflow` the version of MLflow that was installed where the
    backup was made."""

    made: int
    mlflow: str
    databases: tuple[DatabaseCopy, ...]
    folders: tuple[ArtifactFolder, ...] = ()
    artifacts: tuple[FileFacts, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def store(self) -> DatabaseCopy:
        return self.databases[0]

    @property
    def files(self) -> tuple[FileFacts, ...]:
        return (*(database.file for database in self.databases), *self.artifacts)

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def artifact_size(self) -> int:
        return sum(file.size for file in self.artifacts)

    @property
    def sentences(self) -> tuple[Shown, ...]:
        """What the backup holds, and plainly which artifacts are in it."""
        found = [database.sentence for database in self.databases]
        if self.folders:
            total = f"{counted(len(self.artifacts), 'file')}, {size(self.artifact_size)}"
            places = listed([folder.source for folder in self.folders])
            found.append(Shown(f"Artifacts are included: {total}, from {places}"))
        else:
            found.append(Shown("Artifacts are not included."))
        return (*found, *(left.sentence for left in self.left_out))


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Raises `OSError`."""
    text = json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1)
    with private_file(folder / MANIFEST) as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup's folder. Raises `EngineError`."""
    path = folder / MANIFEST
    try:
        with open_regular(path) as file:
            content = json.loads(file.read(MAX_MANIFEST_BYTES))
        found = content["format"]
        if found != FORMAT:
            hint = "Update mlflow-console."
            raise EngineError(
                "The backup was made by a newer console", f"{safe(path)} has format {safe(found)}", hint
            )
        manifest = _from_json(content)
    except OSError as error:
        raise _not_a_backup(folder, f"{error.filename or path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _not_a_backup(folder, f"{path} is not a manifest") from error
    for listed_file in manifest.files:
        inside = PurePosixPath(listed_file.path)
        if inside.is_absolute() or ".." in inside.parts or str(inside) != listed_file.path:
            raise _not_a_backup(folder, f"the manifest names {listed_file.path}, outside the backup")
    return manifest


def _not_a_backup(folder: Path, why: str) -> EngineError:
    hint = "Name what `mlflow-console server backup` wrote: a folder with manifest.json, or its .tar file."
    return EngineError("This is not a backup", safe(why) or safe(folder), hint)


def _from_json(content: Mapping[str, Any]) -> Manifest:
    databases = tuple(
        DatabaseCopy(
            FileFacts(**database["file"]),
            str(database["source"]),
            DatabaseFacts(str(database["facts"]["revision"]), dict(database["facts"]["rows"])),
        )
        for database in content["databases"]
    )
    if not databases or databases[0].file.path != STORE_FILE:
        raise ValueError("no store")
    return Manifest(
        made=int(content["made"]),
        mlflow=str(content["mlflow"]),
        databases=databases,
        folders=tuple(ArtifactFolder(**folder) for folder in content["folders"]),
        artifacts=tuple(FileFacts(**file) for file in content["artifacts"]),
        left_out=tuple(LeftOut(**left) for left in content["left_out"]),
    )


def verify(
    folder: Path, manifest: Manifest, *, on_progress: OnProgress, cancel: CancelToken, note: str
) -> None:
    """Check that the files of a backup are as its manifest says, by their checksums. Raises `EngineError`."""
    done = 0
    for expected in manifest.files:
        on_progress(Progress(done, manifest.size, note))
        try:
            with open_regular(folder / expected.path) as file:
                found = checksum(file, cancel)
        except OSError as error:
            raise _damaged(folder, f"{expected.path}: {error.strerror}") from error
        if found != (expected.size, expected.sha256):
            why = "its checksum differs" if found[0] == expected.size else f"{size(found[0])} remain"
            raise _damaged(folder, f"{expected.path}: {why}")
        done += expected.size


def _damaged(folder: Path, why: str) -> EngineError:
    hint = "Use another backup; nothing was written."
    return EngineError("The backup is damaged", f"{safe(folder, 200)}: {safe(why)}", hint)
