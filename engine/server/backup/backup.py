"""Backs up a tracking store: its database while a server writes to it, and its artifacts on request.

A backup is a folder with `manifest.json`, or the same folder as a tar file. It is collected in a hidden
folder beside its place and moved there when it is complete and checked, so it is either whole or not there.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

from engine.errors import EngineError, NotFound, UsageError
from engine.files import collecting, put_in_place
from engine.formats import counted, listed
from engine.jobs import CancelToken, OnProgress, Progress
from engine.server.backup.databases import check_database, quoted
from engine.server.backup.files import (
    Source,
    check_room,
    checksum,
    copy_unchanged,
    is_archive,
    open_regular,
    pack,
    sources,
    writing,
)
from engine.server.backup.locations import Locations, read_locations
from engine.server.backup.manifest import (
    AUTH_FILE,
    LOCAL_FOLDER,
    MANIFEST,
    SERVED_FOLDER,
    STORE_FILE,
    ArtifactFolder,
    DatabaseCopy,
    FileFacts,
    LeftOut,
    Manifest,
    write_manifest,
)
from engine.server.records import ServerFacts
from engine.server.servers import server_at, server_on
from engine.stores.sql.sqlite import SqliteDatabase
from engine.text import Shown, safe
from engine.uri import TrackingUri, local_root


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup."""

    path: Path
    manifest: Manifest
    seconds: float

    @property
    def sentences(self) -> tuple[Shown, ...]:
        """What it holds and what it does not, and how to restore it."""
        command = f"mlflow-console server restore {shlex.quote(str(self.path))} NEW_FOLDER"
        return (*self.manifest.sentences, safe(f"To restore it, run `{command}`."))


def database_file(uri: TrackingUri) -> Path:
    """The SQLite database of a store, or of a server of this account. Raises `EngineError` for another kind
    of store, with the command that backs it up."""
    server = server_at(uri) if uri.kind == "rest" else None
    if server is not None:
        uri = TrackingUri(ServerFacts.of(server.spec).backend)
    path = uri.sqlite_path
    if path is not None:
        return path
    if uri.kind == "sql":
        raise EngineError(
            "The console backs up SQLite only",
            f"{uri.shown} is a database server, which has its own tools",
            f"Run `{dump_command(uri)}`; it asks for the password.",
        )
    if uri.kind == "rest":
        raise EngineError(
            "This needs the store's database, not its server",
            f"{uri.shown} is a server, and does not give it to its clients",
            "Run this on the server's machine with its backend store: --tracking-uri sqlite:////FOLDER/mlflow.db.",
        )
    raise EngineError(
        "The console backs up SQLite only",
        f"{uri.shown} is not a database",
        "Copy a file store's folder with `cp -a` or `tar` while nothing writes to it.",
    )


def dump_command(uri: TrackingUri) -> str:
    """The command that backs up a database server, without the password."""
    parts = urlsplit(uri.raw)
    host, user = parts.hostname or "localhost", unquote(parts.username or "")
    name = unquote(parts.path.lstrip("/")) or "mlflow"
    port = [f"--port={parts.port}"] if parts.port else []
    login = [f"--host={host}", *port, *([f"--user={user}"] if user else [])]
    if parts.scheme.startswith("mysql"):
        options = ["--single-transaction", "--password", "--result-file=mlflow.sql"]
        return shlex.join(["mysqldump", *login, *options, name])
    login = [option.replace("--user=", "--username=") for option in login]
    return shlex.join(["pg_dump", *login, "--format=custom", "--file=mlflow.dump", name])


def backup(
    uri: TrackingUri,
    output: Path,
    *,
    artifacts: bool,
    destination: str | None,
    auth: Path | None,
    on_progress: OnProgress,
    cancel: CancelToken,
) -> Backup:
    """Back up a store to `output`: a folder or a tar file that does not exist yet, or a folder in which one
    is made. `destination` is the artifact folder of the store's server, `auth` its database of accounts; by
    default those of the server of this account, or else the accounts beside the store. Raises `EngineError`s,
    and then leaves nothing behind."""
    started = time.monotonic()
    database = database_file(uri)
    target = _target(output)
    server = server_on(database)
    facts = ServerFacts.of(server.spec) if server else None
    destination = destination or (facts.artifacts if facts else None)
    auth = auth or _accounts(database, facts)
    with writing("The backup", target), collecting(target.parent) as staging:
        folder = staging / "backup"
        folder.mkdir(mode=0o700)
        databases = [copy_database(database, folder / STORE_FILE, on_progress, cancel)]
        _check_is_store(databases[0])
        if auth is not None:
            databases.append(copy_database(auth, folder / AUTH_FILE, on_progress, cancel))
            _check_is_auth(databases[1])
        found = read_locations(folder / STORE_FILE, database.parent)
        manifest = Manifest(_now(), version("mlflow"), tuple(databases), left_out=_remote(found))
        if artifacts:
            manifest = _with_artifacts(manifest, found, destination, folder, on_progress, cancel)
        else:
            manifest = replace(manifest, left_out=(*_not_asked_for(found), *manifest.left_out))
        write_manifest(manifest, folder)
        if is_archive(target):
            archive = staging / "backup.tar"
            files = [(MANIFEST, 0), *((file.path, file.size) for file in manifest.files)]
            pack(folder, archive, target.name, files, on_progress=on_progress, cancel=cancel)
            put_in_place([(archive, target)], target.parent, replace=False)
        else:
            folder.rename(target)
    return Backup(target, manifest, time.monotonic() - started)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _target(output: Path) -> Path:
    """Where the backup goes. Raises `EngineError` if something is there."""
    output = Path(os.path.abspath(output.expanduser()))
    if output.is_dir():
        output = output / f"mlflow-backup-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"
    if os.path.lexists(output):
        hint = "Name a new one; a backup never replaces anything."
        raise EngineError("The backup exists already", safe(output), hint)
    return output


def _accounts(database: Path, facts: ServerFacts | None) -> Path | None:
    """The database of the accounts of a store's server; None if there is none."""
    known = [Path(facts.auth_database)] if facts and facts.auth_database else []
    return next((path for path in (*known, database.parent / AUTH_FILE) if path.is_file()), None)


def copy_database(source: Path, target: Path, on_progress: OnProgress, cancel: CancelToken) -> DatabaseCopy:
    """Copy a database that others may write to, and check the copy. Raises `EngineError`, and `OSError` if
    the copy cannot be written."""

    def show(progress: Progress) -> None:
        on_progress(replace(progress, note=safe(f"Copying {source.name}")))

    database = SqliteDatabase(source)
    before = database.stamp()
    if source.is_file():
        check_room(target.parent, source.stat().st_size)
    database.copy_to(target, on_progress=show, cancel=cancel)
    on_progress(Progress(0, None, safe(f"Checking the copy of {source.name}")))
    found = check_database(target, cancel)
    if database.stamp() == before:  # nothing was written meanwhile
        rows = _rows(database, found.rows)
        if rows != found.rows and database.stamp() == before:
            raise EngineError("The copy differs from the database", safe(source), "Check the disk.")
    with open_regular(target) as file:
        length, digest = checksum(file, cancel)
    return DatabaseCopy(FileFacts(target.name, length, digest), str(source.resolve()), found)


def _rows(database: SqliteDatabase, tables: Iterable[str]) -> dict[str, int]:
    counts = {}
    with database.snapshot() as snapshot:
        for table in tables:
            ((counts[table],),) = snapshot.stream(f"SELECT count(*) FROM {quoted(table)}")
    return counts


def _check_is_store(copy: DatabaseCopy) -> None:
    if not {"experiments", "runs"} <= copy.facts.rows.keys():
        tables = listed(sorted(copy.facts.rows), 6)
        raise EngineError(
            "The database is not an MLflow store", f"{safe(copy.source)} has the tables: {tables}"
        )


def _check_is_auth(copy: DatabaseCopy) -> None:
    if "users" not in copy.facts.rows:
        hint = "Name the right file with --auth-db."
        raise EngineError("The database holds no accounts", f"{safe(copy.source)} has no table users", hint)


def _remote(found: Locations) -> tuple[LeftOut, ...]:
    reason = Shown("remote storage, which has its own tools for backups")
    return tuple(LeftOut(safe(root), rows, reason) for root, rows in found.remote_roots().items())


def _not_asked_for(found: Locations) -> tuple[LeftOut, ...]:
    reason = Shown("--artifacts was not given")
    places = [(safe(found.base), sum(found.local.values()))] if found.base is not None else []
    if found.served:
        places.append((Shown("mlflow-artifacts:/, a server's own folder"), sum(found.served.values())))
    return tuple(LeftOut(place, rows, reason) for place, rows in places)


def _with_artifacts(
    manifest: Manifest,
    found: Locations,
    destination: str | None,
    folder: Path,
    on_progress: OnProgress,
    cancel: CancelToken,
) -> Manifest:
    """Copy the artifacts that the database names into a backup's folder."""
    folders: list[ArtifactFolder] = []
    files: list[Source] = []
    left_out = manifest.left_out
    on_progress(Progress(0, None, "Listing artifacts"))
    if found.base is not None:
        folders.append(ArtifactFolder(LOCAL_FOLDER, str(found.base)))
        for place in found.local_folders():
            cancel.check("The backup")
            files += sources(place, f"{LOCAL_FOLDER}/{place.relative_to(found.base)}")
        if not found.base.is_dir():
            reason = Shown("this folder is not on this machine")
            left_out = (LeftOut(safe(found.base), sum(found.local.values()), reason), *left_out)
    if found.served:
        root = _served_root(found, destination, Path(manifest.store.source).parent)
        folders.append(ArtifactFolder(SERVED_FOLDER, str(root)))
        for path in found.served_folders():
            cancel.check("The backup")
            files += sources(root / path, f"{SERVED_FOLDER}/{path}")
    copied = _copy(files, folder, on_progress, cancel)
    return replace(manifest, folders=tuple(folders), artifacts=copied, left_out=left_out)


def _served_root(found: Locations, destination: str | None, beside: Path) -> Path:
    """The folder where the store's server keeps its artifacts. Raises `EngineError` if it is not known, or
    no folder of this machine."""
    if destination is None:
        detail = f"{counted(sum(found.served.values()), 'location')} in mlflow-artifacts:/"
        hint = f"Name its folder, for example --artifacts-destination {beside / SERVED_FOLDER}."
        raise UsageError("The artifacts are kept by a tracking server", detail, hint)
    root = local_root(destination)
    if root is None:
        hint = "Back up its bucket with its own tools, and the database without --artifacts."
        raise UsageError("Artifacts in remote storage cannot be backed up", safe(destination), hint)
    if not root.is_dir():
        raise NotFound("The artifact folder does not exist", safe(root), "Check --artifacts-destination.")
    return root.absolute()


def _copy(
    files: Sequence[Source], folder: Path, on_progress: OnProgress, cancel: CancelToken
) -> tuple[FileFacts, ...]:
    total = sum(file.size for file in files)
    check_room(folder, total)
    done = 0
    copied: list[FileFacts] = []
    for file in files:
        note = safe(file.target, 200)
        on_progress(Progress(done, total, note))
        target = folder / file.target
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

        def show(length: int, before: int = done, note: str = note) -> None:
            on_progress(Progress(before + length, total, note))

        length, digest = copy_unchanged(file, target, show, cancel)
        copied.append(FileFacts(file.target, length, digest))
        done += length
    on_progress(Progress(done, done, "Waiting for the disk"))
    os.sync()  # one by one, thousands of files would take many times as long
    return tuple(copied)
