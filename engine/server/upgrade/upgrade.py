"""Upgrades the schema of a SQLite store with `mlflow db upgrade`.

First that of a copy, whose rows are compared and which the console reads; then, after a backup, that of the
store itself."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from engine import journal
from engine.errors import EngineError, StoreOutdated, StoreUnreadable, UsageError, WriteError
from engine.formats import counted, duration, size
from engine.jobs import CancelToken, OnProgress, Progress
from engine.secrets import mask
from engine.server.backup.backup import Backup, backup, database_file
from engine.server.backup.databases import TableChange, TableSample, check_database, compare, read_samples
from engine.server.backup.files import check_room, is_archive, writing
from engine.server.backup.manifest import STORE_FILE
from engine.server.records import ServerFacts
from engine.server.servers import server_at, server_on
from engine.server.upgrade.migration import run_upgrade
from engine.stores import open_store
from engine.stores.base import RunQuery, Store
from engine.stores.errors import store_locked, translate
from engine.stores.mlflow.private import schema_revisions
from engine.stores.mlflow.revision import RELEASES
from engine.stores.sql.sqlite import SqliteDatabase
from engine.text import Shown, safe
from engine.uri import TrackingUri

ROOM_FACTOR = 3
"""Free space that an upgrade needs, as a multiple of the database: the copy, and the tables that a migration
writes anew, with their journal."""
MAX_COMMAND = 100
_FILE_SUFFIXES = ("", "-journal", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The schema of a database: its revision, that of the installed MLflow, and the number of migrations from
    one to the other."""

    database: Path
    revision: str
    head: str
    migrations: int

    @property
    def is_current(self) -> bool:
        return self.migrations == 0

    @property
    def summary(self) -> Shown:
        """`mlflow.db: schema of MLflow 3.0 and 3.1 → 3.17, 42 migrations`."""
        name = safe(self.database.name, 80)
        if self.is_current:
            return Shown(f"{name} has the schema of the installed MLflow ({release_of(self.head)})")
        steps = counted(self.migrations, "migration")
        return Shown(f"{name}: schema {release_of(self.revision)} → {release_of(self.head)}, {steps}")


def release_of(revision: str) -> Shown:
    """The releases with a schema revision: `MLflow 2.18 to 2.22`, or `revision 1a0cddfcaa16`."""
    release = RELEASES.get(revision)
    return Shown(f"MLflow {release}" if release else f"revision {safe(revision, 40)}")


@dataclass(frozen=True, slots=True)
class Readable:
    """What the console reads from a store."""

    experiments: int
    runs: int
    models: int
    versions: int

    @property
    def summary(self) -> Shown:
        parts = (
            counted(self.experiments, "experiment"),
            counted(self.runs, "run"),
            counted(self.models, "model"),
            counted(self.versions, "version"),
        )
        return Shown(", ".join(parts))

    def is_less_than(self, other: Readable) -> bool:
        """Whether there are fewer of anything. A server that still runs may have added some."""
        return any(ours < theirs for ours, theirs in zip(astuple(self), astuple(other), strict=True))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an upgrade did, to a copy or to the store. `problems` are sentences; empty if nothing was lost."""

    seconds: float
    tables: tuple[TableChange, ...]
    new_tables: int
    readable: Readable
    problems: tuple[Shown, ...]

    @property
    def sentences(self) -> tuple[Shown, ...]:
        """What was compared, one line each; the problems not among them."""
        rows = sum(table.before for table in self.tables)
        sampled = sum(table.sampled for table in self.tables)
        found = [
            Shown(
                f"{counted(len(self.tables), 'table')} with {counted(rows, 'row')} compared,"
                f" {sampled:,} of them value by value; {counted(self.new_tables, 'new table')}"
            ),
            Shown(f"The console reads {self.readable.summary}, deleted ones included"),
        ]
        found += [
            Shown(
                f"{safe(table.table)}: MLflow moved {counted(table.moved, 'row')} into columns of the traces"
            )
            for table in self.tables
            if table.moved
        ]
        found += [
            safe(f"{table.table}: MLflow dropped {', '.join(table.dropped)}")
            for table in self.tables
            if table.dropped
        ]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """An upgrade of a copy. `outcome` is None if the store needs none."""

    state: SchemaState
    size: int
    outcome: Outcome | None = None

    @property
    def problems(self) -> tuple[Shown, ...]:
        return () if self.outcome is None else self.outcome.problems

    @property
    def sentences(self) -> tuple[Shown, ...]:
        """What was done and compared, without the problems."""
        if self.outcome is None:
            return (self.state.summary,)
        took = f"A copy of {size(self.size)} was upgraded in {duration(self.outcome.seconds)}"
        return (self.state.summary, Shown(took), *self.outcome.sentences)


@dataclass(frozen=True, slots=True)
class Writer:
    """A process that has a database open, or a tracking server of this account that runs on it. `stop` is the
    command that ends it."""

    pid: int
    what: Shown
    stop: Shown


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """An upgrade that was rehearsed. `writers` have the store open; `name` is what the operator types to
    confirm it; `backup` is where the backup will be."""

    uri: TrackingUri
    rehearsal: Rehearsal
    writers: tuple[Writer, ...]
    backup: Path

    @property
    def name(self) -> str:
        return self.rehearsal.state.database.name


@dataclass(frozen=True, slots=True)
class Upgraded:
    """A store that was upgraded and checked."""

    plan: UpgradePlan
    backup: Backup
    outcome: Outcome

    @property
    def way_back(self) -> tuple[Shown, ...]:
        """How to return to the old schema."""
        return way_back(self.plan, self.backup)


def schema_state(database: Path) -> SchemaState:
    """Raises `StoreError` for what is no store of MLflow, and for a schema that the installed MLflow does not
    know."""
    with SqliteDatabase(database).snapshot() as snapshot:
        tables = snapshot.columns.keys()
        if not {"experiments", "runs", "alembic_version"} <= tables:
            raise StoreUnreadable(
                "The database has no MLflow schema that can be upgraded",
                f"{safe(database)} lacks the table experiments, runs or alembic_version",
                "Check the tracking URI.",
            )
        found = [str(row[0]) for row in snapshot.stream("SELECT version_num FROM alembic_version")]
    known = schema_revisions()
    if len(found) != 1 or found[0] not in known:
        raise StoreOutdated(
            "The installed MLflow does not know the store's schema",
            f"{safe(database)} has revision {safe(', '.join(found)) or 'none'}, perhaps of a newer MLflow",
            "Run `pip install --upgrade mlflow` in the environment of mlflow-console.",
        )
    return SchemaState(database, found[0], known[0], known.index(found[0]))


def needs_upgrade(uri: TrackingUri) -> bool:
    """Whether the store has an older schema than the installed MLflow. Raises as `rehearse`."""
    return not schema_state(_database(uri)).is_current


def rehearse(uri: TrackingUri, *, on_progress: OnProgress, cancel: CancelToken) -> Rehearsal:
    """Upgrade a copy of the store, which is then removed; the store is only read. Raises `EngineError`s, also
    if MLflow cannot upgrade the copy."""
    database = _database(uri)
    state = schema_state(database)
    length = database.stat().st_size
    if state.is_current:
        return Rehearsal(state, length)
    with _copy_of(database, on_progress, cancel) as copy:
        before, readable = read_samples(copy), _readable(copy)
        seconds = run_upgrade(copy, state.migrations, must_end=False, on_progress=on_progress, cancel=cancel)
        on_progress(Progress(0, None, "Comparing the rows"))
        return Rehearsal(state, length, _outcome(copy, before, readable, seconds, cancel))


def plan_upgrade(
    uri: TrackingUri, backup_to: Path | None, *, on_progress: OnProgress, cancel: CancelToken
) -> UpgradePlan:
    """Rehearse an upgrade, and look for processes that have the store open. The backup will be at
    `backup_to`, by default in a new folder beside the store. Raises as `rehearse`, and `UsageError` for a tar
    file: the way back is to copy the database."""
    if backup_to is not None and is_archive(backup_to):
        raise UsageError("The backup before an upgrade is a folder", safe(backup_to), "Name a folder.")
    rehearsal = rehearse(uri, on_progress=on_progress, cancel=cancel)
    database = rehearsal.state.database
    if backup_to is None:
        backup_to = database.parent / f"{database.stem}-before-upgrade-{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}"
    return UpgradePlan(uri, rehearsal, writers_of(database), backup_to)


def upgrade(
    plan: UpgradePlan,
    *,
    confirmed: str,
    accept_differences: bool,
    on_progress: OnProgress,
    cancel: CancelToken,
) -> Upgraded:
    """Back up the store and upgrade it. `confirmed` is the plan's name, as the operator typed it. Cancelling
    has an effect until the upgrade itself begins. Raises `UsageError` without confirmation, `EngineError` if
    the rehearsal found differences that are not accepted, or if the upgrade fails: the error then says how to
    go back."""
    state, outcome = plan.rehearsal.state, plan.rehearsal.outcome
    if outcome is None:
        raise UsageError("The store needs no upgrade", str(state.summary))
    if confirmed != plan.name:
        raise UsageError(
            "The upgrade was not confirmed", "Nothing was changed.", f"Confirm it with {plan.name}."
        )
    if outcome.problems and not accept_differences:
        raise WriteError(
            "The rehearsal found differences",
            "; ".join(outcome.problems),
            "If MLflow's release notes explain them, add --accept-differences.",
        )
    database = state.database
    if schema_state(database) != state:
        raise WriteError(
            "The store has changed since the rehearsal", str(database), "Plan the upgrade again."
        )
    target = f"{plan.name}: {release_of(state.revision)} → {release_of(state.head)}"
    recorded = TrackingUri(f"sqlite:///{database}")
    with journal.recorded(
        recorded, "server upgrade", target, before={"schema": state.revision}, after={"schema": state.head}
    ):
        _check_unlocked(database)
        saved = backup(
            plan.uri,
            plan.backup,
            artifacts=False,
            destination=None,
            auth=None,
            on_progress=on_progress,
            cancel=cancel,
        )
        copy = saved.path / STORE_FILE
        before, readable = read_samples(copy), _readable(copy)
        cancel.check("The upgrade")
        title, back = "The upgrade failed", " && ".join(way_back(plan, saved))
        try:
            seconds = run_upgrade(
                database, state.migrations, must_end=True, on_progress=on_progress, cancel=None
            )
            title = "The store was upgraded, but cannot be checked"
            on_progress(Progress(0, None, "Comparing the rows"))
            done = _outcome(database, before, readable, seconds, CancelToken())
        except EngineError as error:
            raise WriteError(title, str(error), f"To go back: {back}") from error
    return Upgraded(plan, saved, done)


def finding(store: Store, entry: journal.JournalEntry) -> journal.Finding:
    """How far an interrupted upgrade got. Raises `StoreError`."""
    database = TrackingUri(entry.server).sqlite_path
    assert database is not None
    state = schema_state(database)
    if state.is_current:
        return journal.Finding("The upgrade has finished.")
    if state.revision == entry.before.get("schema"):
        return journal.Finding("The upgrade has not begun.", "mlflow-console server upgrade")
    left = counted(state.migrations, "migration")
    text = Shown(f"The schema is at {release_of(state.revision)}; {left} are left.")
    return journal.Finding(text, "mlflow-console server upgrade")


def way_back(plan: UpgradePlan, saved: Backup) -> tuple[Shown, ...]:
    """The commands that put a backup in the place of a store, once nothing has it open."""
    database = plan.rehearsal.state.database
    leftovers = [f"{database}-{suffix}" for suffix in ("journal", "wal", "shm")]
    return (
        safe(shlex.join(["rm", "-f", *leftovers])),
        safe(shlex.join(["cp", str(saved.path / STORE_FILE), str(database)])),
    )


def writers_of(database: Path) -> tuple[Writer, ...]:
    """The processes that have this database open now. Those of other accounts are found by root only."""
    import psutil

    server = server_on(database)
    found: list[Writer] = []
    known = {os.getpid()}
    if server is not None and server.running:
        name = safe(server.name, 80)
        stop = Shown(f"mlflow-console server stop {name}")
        found.append(Writer(server.pid or 0, Shown(f"The tracking server {name}"), stop))
        known |= {server.pid or 0, *server.processes}
    paths = {f"{database.resolve()}{suffix}" for suffix in _FILE_SUFFIXES}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid in known or not paths.intersection(file.path for file in process.open_files()):
                continue
            words = " ".join(process.cmdline()).split() or [process.name()]
            command = safe(mask(" ".join(words)), MAX_COMMAND)
            found.append(Writer(process.pid, command, Shown(f"kill {process.pid}")))
    return tuple(found)


def _database(uri: TrackingUri) -> Path:
    server = server_at(uri) if uri.kind == "rest" else None
    uri = TrackingUri(ServerFacts.of(server.spec).backend) if server else uri
    if uri.kind == "sql" and uri.sqlite_path is None:
        raise EngineError(
            "The console upgrades SQLite only",
            f"{uri.shown} is a database server",
            "Back it up, restore the backup into a second database, and run `mlflow db upgrade` on that one"
            " first.",
        )
    return database_file(uri)


def _check_unlocked(database: Path) -> None:
    """Raises `StoreLocked` while another process writes."""
    try:
        with closing(sqlite3.connect(database, timeout=3, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise store_locked(str(safe(database))) from error
        raise translate(error) from error


@contextmanager
def _copy_of(database: Path, on_progress: OnProgress, cancel: CancelToken) -> Iterator[Path]:
    """A copy of a database in a hidden folder beside it, or in the folder for temporary files if that is
    read-only. It is removed at the end."""
    beside = str(database.parent) if os.access(database.parent, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix=".mlflow-console-rehearsal-", dir=beside))
    copy = folder / database.name
    try:
        with writing("The copy", copy):
            check_room(folder, ROOM_FACTOR * database.stat().st_size)
            SqliteDatabase(database).copy_to(
                copy, on_progress=partial(_show_copy, on_progress, database.name), cancel=cancel
            )
        yield copy
    finally:
        if copy.exists():
            os.truncate(copy, 0)  # a store that was opened keeps a descriptor, and with it the space
        shutil.rmtree(folder, ignore_errors=True)


def _show_copy(on_progress: OnProgress, name: str, progress: Progress) -> None:
    known = f"{size(progress.done)} of {size(progress.total)}"
    on_progress(Progress(progress.done, progress.total, safe(f"Copying {name}: {known}")))


def _outcome(
    database: Path,
    before: dict[str, TableSample],
    readable: Readable | None,
    seconds: float,
    cancel: CancelToken,
) -> Outcome:
    """Compare an upgraded database with what was in it before. `readable` is None if the console could not
    read the old schema."""
    state, found = schema_state(database), check_database(database, cancel)
    tables = compare(before, database)
    now = _readable(database)
    problems = [problem for table in tables if (problem := table.problem)]
    if not state.is_current:
        problems.append(Shown(f"The schema is at revision {state.revision}, not at {state.head}"))
    if now is None:
        raise StoreUnreadable("The console cannot read the upgraded store", safe(database))
    if readable is not None and now.is_less_than(readable):
        problems.append(Shown(f"The console reads {now.summary}; before, it read {readable.summary}"))
    return Outcome(seconds, tables, len(found.rows.keys() - before.keys()) - 1, now, tuple(problems))


def _readable(database: Path) -> Readable | None:
    """What the console's own reader finds; None for a schema that is older than it supports."""
    store = open_store(TrackingUri(f"sqlite:///{database}"))
    try:
        experiments = (*store.experiments(), *store.experiments("deleted"))
        queries = [
            RunQuery(experiment.experiment_id, lifecycle=lifecycle)
            for experiment in experiments
            for lifecycle in ("active", "deleted")
        ]
        runs = sum(store.runs(query, max_results=1).total or 0 for query in queries)
        models = store.registered_models()
        versions = sum(len(store.model_versions(model.name)) for model in models)
        return Readable(len(experiments), runs, len(models), versions)
    except StoreOutdated:
        return None
    finally:
        store.close()
