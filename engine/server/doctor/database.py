"""The store: its schema and that of basic-auth, the state of a SQLite file, a second store beside it, and
runs that will never end."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from engine.entities import Run
from engine.errors import StoreUnreadable
from engine.formats import ago, count, counted, listed, size
from engine.server.access import password_file_beside
from engine.server.doctor.findings import Notes, Severity
from engine.server.doctor.subject import Budget, Subject, migration
from engine.stores.base import Condition, RunQuery
from engine.stores.mlflow.private import auth_revisions, installed_release, schema_revisions
from engine.stores.mlflow.revision import AUTH_RELEASES, RELEASES
from engine.stores.sql.database import Snapshot
from engine.stores.sql.schema import Tables
from engine.stores.sql.sqlite import SqliteDatabase
from engine.text import quoted, safe
from engine.uri import GIVEN, TrackingUri, redact

NETWORK_FILE_SYSTEMS = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|lustre|beegfs|gpfs|glusterfs|fuse\.(sshfs|glusterfs|s3fs|rclone|ceph.*)"
)
_SCHEMA_TABLE, _AUTH_TABLE = "alembic_version", "alembic_version_auth"
_DAMAGE_ROWS = 3
_LOOKED_AT = 20
"""RUNNING runs of a server, for each of which it is asked about metrics."""
_METRICS_LOOKED_AT = 3
"""For the time of a run's last sign of life on a server."""
_RUN_FOLDER = "*/" + "[0-9a-f]" * 32 + "/meta.yaml"


def examine(subject: Subject, notes: Notes) -> None:
    """A server that this account runs on this machine is examined with the database file behind it."""
    with notes.check("whether a second registry is in use"):
        _check_registry(subject, notes)
    server = subject.own_server
    with notes.check("who may read the administrator's password"):
        _check_password_files(subject, notes)
    backend = TrackingUri(server.backend) if server else subject.uri
    if backend == subject.uri or backend.sqlite_path is None:
        _examine(subject, notes)
        return
    behind = Subject(backend, subject.source, subject.limits)
    notes.fact(f"{backend.shown} behind it")
    try:
        _examine(behind, notes, TrackingUri(server.auth_database).sqlite_path if server else None)
    finally:
        behind.close()


def _examine(subject: Subject, notes: Notes, users_file: Path | None = None) -> None:
    """`users_file` is the file of basic-auth's database, if it is known."""
    if subject.database is not None:
        with notes.check("the size of the store"):
            _note_size(subject, notes)
        with notes.check("the schema"), subject.database.snapshot() as snapshot:
            _check_schema(subject, snapshot, notes)
        _check_auth_databases(subject, users_file, notes)
        path = subject.uri.sqlite_path
        if path is not None:
            _check_sqlite(subject, path, notes)
    elif subject.uri.kind == "rest":
        notes.skip("the schema, and the database behind the server", "only the server can read them")
    with notes.check("whether a second store is in use"):
        _check_second_store(subject, notes)
    with notes.check("runs that never ended"):
        _check_stale(subject, notes)


def _note_size(subject: Subject, notes: Notes) -> None:
    runs, experiments = subject.read(
        lambda tables: tables.rows(
            "SELECT (SELECT count(*) FROM runs WHERE lifecycle_stage = 'active'),"
            " (SELECT count(*) FROM experiments WHERE lifecycle_stage = 'active')"
        )
    )[0]
    notes.fact(f"{counted(runs, 'run')} in {counted(experiments, 'experiment')}")


# ── schemas ──────────────────────────────────────────────────────────────────


def _revision(snapshot: Snapshot, table: str) -> str | None:
    if table not in snapshot.columns:
        return None
    return next((str(row[0]) for row in snapshot.stream(f"SELECT version_num FROM {table}")), None)


def _check_schema(subject: Subject, snapshot: Snapshot, notes: Notes) -> None:
    revision, known, ours = _revision(snapshot, _SCHEMA_TABLE), schema_revisions(), installed_release()
    if revision == known[0]:
        notes.fact(f"schema of MLflow {RELEASES.get(revision, ours)}")
    elif revision is None:
        notes.found(
            "schema-unknown",
            "error",
            "The database does not say which schema it has",
            evidence=f"The table {_SCHEMA_TABLE} is missing or empty; MLflow writes it when it creates a"
            " store",
            fix="Restore the database from a backup: MLflow cannot upgrade it.",
        )
    elif revision in known:
        made_by = _releases(revision, RELEASES, known)
        notes.found(
            "schema-outdated",
            "error",
            "The installed MLflow refuses this schema: it is older",
            evidence=f"Revision {revision} is that of MLflow {made_by}; MLflow {ours}, installed here, needs"
            f" {known[0]}",
            fix=f"Rehearse the upgrade on a copy, or use MLflow {made_by} here. After it, older versions can"
            " no longer read the store.",
            command=subject.console("server", "upgrade", "--rehearse")
            if subject.uri.sqlite_path
            else ("mlflow", "db", "upgrade", subject.uri.shown),
        )
    else:
        notes.found(
            "schema-too-new",
            "error",
            "The installed MLflow refuses this schema: it is newer",
            evidence=f"MLflow {ours}, installed here, does not know revision {safe(revision, 40)}",
            fix="Upgrade MLflow in the environment of mlflow-console to the version that wrote the store.",
            command="pip install --upgrade mlflow",
        )


def _releases(revision: str, releases: Mapping[str, str], known: Sequence[str]) -> str:
    """The releases with a known revision; for one between two releases, those before it."""
    older = known[known.index(revision) :]
    if revision in releases:
        return releases[revision]
    before = next((releases[one] for one in older if one in releases), None)
    first, _, _ = next(iter(releases.values())).partition(" ")
    return f"after {before}" if before else f"before {first}"


def _check_auth_databases(subject: Subject, users_file: Path | None, notes: Notes) -> None:
    """Those that are in files, and the tables of basic-auth in the store's own database."""
    assert subject.database is not None
    with notes.check("the schema of basic-auth"), subject.database.snapshot() as snapshot:
        _check_auth_schema(_revision(snapshot, _AUTH_TABLE), str(subject.uri.shown), notes)
    found: list[Path] = []
    with notes.check("the databases of basic-auth in files"):
        found = [users_file] if users_file else _auth_files(subject)
    for path in found:
        with notes.check(f"the database of basic-auth, {path}"):
            with SqliteDatabase(path).snapshot() as snapshot:
                revision = _revision(snapshot, _AUTH_TABLE)
                users = next(iter(snapshot.stream("SELECT count(*) FROM users")), (0,))[0] if revision else 0
            _check_auth_schema(revision, str(path), notes)
            if revision and users and path.stat().st_mode & stat.S_IROTH:
                notes.found(
                    "passwords-readable",
                    "warning",
                    "Other accounts of this machine can read the password hashes of the server's users",
                    evidence=f"{path} has the mode {stat.filemode(path.stat().st_mode)} and"
                    f" {counted(users, 'user')}",
                    fix="Make the file private to the account of the server.",
                    command=("chmod", "600", str(path)),
                )


def _check_password_files(subject: Subject, notes: Notes) -> None:
    """Those that `server start --auth` wrote: of the server of this account, or beside the accounts."""
    server = subject.own_server
    if server is not None:
        found = [Path(server.password_file)] if server.password_file else []
    else:
        found = [password_file_beside(path) for path in _auth_files(subject)] if subject.database else []
    for path in found:
        if path.is_file() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            notes.found(
                "admin-password-readable",
                "error",
                "Other accounts of this machine can read the password of the server's administrator",
                evidence=f"{path} has the mode {stat.filemode(path.stat().st_mode)}",
                fix="Make the file private, and set another password: this one may have been read.",
                command=("chmod", "600", str(path)),
            )


def _auth_files(subject: Subject) -> list[Path]:
    """Database files of basic-auth: by its configuration, beside the store, or in the current folder."""
    folder = subject.uri.sqlite_path
    found = [place / "basic_auth.db" for place in (folder.parent if folder else Path.cwd(), Path.cwd())]
    configuration = os.environ.get("MLFLOW_AUTH_CONFIG_PATH")
    if configuration:
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(configuration)
            path = TrackingUri(parser.get("mlflow", "database_uri", fallback="")).sqlite_path
        except (configparser.Error, UnicodeDecodeError):
            path = None
        found += [path] if path else []
    return [path for path in dict.fromkeys(found) if path.is_file()]


def _check_auth_schema(revision: str | None, where: str, notes: Notes) -> None:
    known = auth_revisions()
    if revision is None or revision == known[0]:
        return
    if revision in known:
        made_by = _releases(revision, AUTH_RELEASES, known)
        notes.found(
            "auth-schema-outdated",
            "warning",
            "The next start of a server with basic-auth upgrades its database",
            evidence=f"{where} has the revision {revision} of MLflow {made_by}; MLflow {installed_release()}"
            f" needs {known[0]}",
            fix="Back it up first: older MLflow versions can then no longer read it.",
            command=("cp", where, f"{where}.backup") if where.startswith("/") else "",
        )
        return
    notes.found(
        "auth-schema-too-new",
        "error",
        "No server with basic-auth can start with the MLflow that is installed here",
        evidence=f"{where} has the revision {safe(revision, 40)}, which MLflow {installed_release()} does not"
        " know",
        fix="Start the server with the MLflow version that wrote it, or a later one.",
        command="pip install --upgrade mlflow",
    )


# ── a SQLite file ────────────────────────────────────────────────────────────


def _check_sqlite(subject: Subject, path: Path, notes: Notes) -> None:
    with notes.check("the statistics of SQLite"):
        _check_statistics(subject, path, notes)
    with notes.check("the file system"):
        _check_file_system(subject, path, notes)
    with notes.check("the write-ahead log"):
        _check_wal(subject, path, notes)
    with notes.check("who may write to the file"):
        if path.stat().st_mode & stat.S_IWOTH:
            notes.found(
                "store-writable-by-all",
                "warning",
                "Every account of this machine can change the store",
                evidence=f"{path} has the mode {stat.filemode(path.stat().st_mode)}",
                fix="Let only its owner, and if needed its group, write to it.",
                command=("chmod", "o-w", str(path)),
            )
    with notes.check("who may read secrets in the file"):
        _check_secrets(subject, path, notes)
    if path.stat().st_size > subject.limits.integrity_bytes:
        command = shlex.join(("sqlite3", str(path), "PRAGMA quick_check"))
        notes.skip(
            "the integrity of the file", f"{size(path.stat().st_size)} take long to read; run {command}"
        )
        return
    with notes.check("the integrity of the file"):
        _check_integrity(subject, path, notes)


def _check_secrets(subject: Subject, path: Path, notes: Notes) -> None:
    def read(tables: Tables) -> int:
        held = (("secrets", "1 = 1"), ("webhooks", "secret <> ''"))
        return sum(
            tables.rows(f"SELECT count(*) FROM {table} WHERE {condition}")[0][0]
            for table, condition in held
            if tables.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name", name=table)
        )

    if path.stat().st_mode & stat.S_IROTH and (secrets := subject.read(read)):
        notes.found(
            "secrets-readable",
            "warning",
            "Other accounts of this machine can read secrets of the gateway or of webhooks",
            evidence=f"{path} has the mode {stat.filemode(path.stat().st_mode)} and"
            f" {counted(secrets, 'secret')}. MLflow encrypts them with a passphrase that all installations"
            " share, unless MLFLOW_CRYPTO_KEK_PASSPHRASE is set",
            fix="Let only its owner, and if needed its group, read the file.",
            command=("chmod", "o-rwx", str(path)),
        )


def _check_statistics(subject: Subject, path: Path, notes: Notes) -> None:
    def read(tables: Tables) -> tuple[int, bool]:
        runs: int = tables.rows("SELECT count(*) FROM runs")[0][0]
        made = tables.rows("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'")
        return runs, bool(
            made and tables.rows("SELECT 1 FROM sqlite_stat1 WHERE tbl = 'latest_metrics' LIMIT 1")
        )

    runs, analyzed = subject.read(read)
    if runs >= subject.limits.unanalyzed_runs and not analyzed:
        notes.found(
            "never-analyzed",
            "warning",
            "MLflow sorts runs by a metric in quadratic time",
            evidence=f"{count(runs)} runs, and SQLite has no statistics of them. With 10,000 runs, the best"
            " one took 5.2 s to find, and 0.15 s after ANALYZE",
            fix="Run ANALYZE once, while nothing else writes; it takes a fraction of a second.",
            command=("sqlite3", str(path), "ANALYZE"),
        )


def _check_file_system(subject: Subject, path: Path, notes: Notes) -> None:
    kind = file_system(path, Path("/proc/self/mountinfo").read_text())
    if kind is None or not NETWORK_FILE_SYSTEMS.fullmatch(kind):
        return
    is_wal = subject.read(lambda tables: tables.rows("PRAGMA journal_mode"))[0][0] == "wal"
    severity: Severity = "error" if is_wal else "warning"
    notes.found(
        "network-file-system",
        severity,
        "The SQLite file is on a network file system",
        evidence=f"{path} is on {kind}"
        + (", and its write-ahead log works on one machine only" if is_wal else "; locks often fail there"),
        fix="Move it to a local disk, and let other machines use it through `mlflow server`.",
    )


def file_system(path: Path, mounts: str) -> str | None:
    """The type of the file system that holds `path`. `mounts` is in the format of /proc/self/mountinfo."""
    folders = {path.resolve(), *path.resolve().parents}
    found: tuple[int, str] | None = None
    for line in mounts.splitlines():
        fields, separator, rest = line.partition(" - ")
        if not separator:
            continue
        place = Path(re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), fields.split(" ")[4]))
        if place in folders and (found is None or len(place.parts) >= found[0]):
            found = len(place.parts), rest.split(" ")[0]
    return found[1] if found else None


def _check_wal(subject: Subject, path: Path, notes: Notes) -> None:
    log = Path(f"{path}-wal")
    length = log.stat().st_size if log.exists() else 0
    if length >= subject.limits.wal_bytes:
        notes.found(
            "wal-large",
            "warning",
            f"The write-ahead log has grown to {size(length)}",
            evidence=f"{log}; the database has {size(path.stat().st_size)}. Reads slow down, and a process"
            " that keeps an old read open prevents the log from being written back",
            fix="End long-running readers, then write it back.",
            command=("sqlite3", str(path), "PRAGMA wal_checkpoint(TRUNCATE)"),
        )


def _check_integrity(subject: Subject, path: Path, notes: Notes) -> None:
    try:
        rows = subject.read(lambda tables: tables.rows(f"PRAGMA quick_check({_DAMAGE_ROWS})"))
    except StoreUnreadable as error:
        rows = [(error.detail,)]
    if rows != [("ok",)]:
        notes.found(
            "store-damaged",
            "error",
            "The database file is damaged",
            evidence="; ".join(" ".join(str(row[0]).split()) for row in rows),
            fix="Stop its writers and restore it from a backup, or rescue what is readable.",
            command=f"sqlite3 {shlex.quote(str(path))} .recover | sqlite3 rescued.db",
        )


# ── a second store ───────────────────────────────────────────────────────────


def _check_registry(subject: Subject, notes: Notes) -> None:
    registry = os.environ.get("MLFLOW_REGISTRY_URI", "").strip()
    if registry and not _is_same(registry, subject.uri):
        notes.found(
            "registry-elsewhere",
            "warning",
            "Models are registered in another store than the runs",
            evidence=f"MLFLOW_REGISTRY_URI is {redact(registry)}, the tracking URI {subject.uri.shown}."
            " Versions then name runs that their own store does not have",
            fix="Unset it, unless models are kept apart on purpose. The console always uses the tracking"
            " store.",
            command="unset MLFLOW_REGISTRY_URI",
        )


def _check_second_store(subject: Subject, notes: Notes) -> None:
    here = subject.uri.sqlite_path or subject.uri.folder
    if here is None:
        return
    files, database = here.parent / "mlruns", here.parent / "mlflow.db"
    if here not in (files, database):
        return
    in_files = sum(1 for _ in files.glob(_RUN_FOLDER))
    in_database = _runs_in(database)
    if in_files and in_database:
        other, runs = (files, in_files) if here == database else (database, in_database)
        notes.found(
            "two-stores",
            "warning",
            "Two stores are in use in the same folder",
            evidence=f"{here.parent} has {counted(in_database, 'run')} in mlflow.db and"
            f" {counted(in_files, 'run')} in mlruns. Without a tracking URI, MLflow uses mlruns; this store"
            f" does not show the {counted(runs, 'run')} of the other",
            fix=f"Set MLFLOW_TRACKING_URI to the one you mean everywhere, and migrate or move away {other}.",
            command=migration(files),
        )


def _is_same(registry: str, tracking: TrackingUri) -> bool:
    other = TrackingUri(registry.rstrip("/"))
    return (other.raw, other.sqlite_path, other.folder) == (
        tracking.raw.rstrip("/"),
        tracking.sqlite_path,
        tracking.folder,
    ) or (other.sqlite_path is not None and other.sqlite_path == tracking.sqlite_path)


def _runs_in(path: Path) -> int:
    """The number of runs in a database file; 0 if it is not MLflow's."""
    if not path.is_file():
        return 0
    with SqliteDatabase(path).snapshot() as snapshot:
        if "runs" not in snapshot.columns:
            return 0
        return int(next(iter(snapshot.stream("SELECT count(*) FROM runs")))[0])


# ── runs that never ended ────────────────────────────────────────────────────


def _check_stale(subject: Subject, notes: Notes) -> None:
    now = time.time_ns() // 1_000_000
    before = now - int(subject.limits.stale_hours * 3_600_000)
    if subject.database is not None:
        found = subject.read(lambda tables: _stale_in(tables, before))
    else:
        found = list(_stale_on(subject, before, notes))
    if not found:
        return
    shown = [f"{quoted(name or run_id, 40)}, started {ago(started, now)}" for run_id, name, started in found]
    setting = f"MLFLOW_TRACKING_URI={shlex.quote(subject.uri.shown)} " if subject.source == GIVEN else ""
    what = "run is RUNNING but shows" if len(found) == 1 else "runs are RUNNING but show"
    notes.found(
        "stale-runs",
        "warning",
        f"{count(len(found))} {what} no sign of life",
        evidence=f"No metric for more than {subject.limits.stale_hours:g} h: {listed(shown, 3)}",
        fix="If the training process is gone, mark the run as KILLED; `mlflow-console journal --mark-killed`"
        " does so for the console's own sweeps.",
        command=f"{setting}python -c \"import mlflow; mlflow.MlflowClient().set_terminated('{found[0][0]}',"
        " 'KILLED')\"",
    )


def _stale_in(tables: Tables, before: int) -> list[tuple[str, str, int]]:
    """Id, name and start of the runs that are unfinished and have logged nothing since `before`."""
    return tables.rows(
        "SELECT run_uuid, name, start_time FROM runs WHERE status = 'RUNNING'"
        " AND lifecycle_stage = 'active' AND start_time < :before AND NOT EXISTS (SELECT 1 FROM"
        " latest_metrics"
        " WHERE latest_metrics.run_uuid = runs.run_uuid AND latest_metrics.timestamp >= :before)"
        f" AND experiment_id IN (SELECT experiment_id FROM experiments WHERE {tables.in_workspace})"
        " ORDER BY start_time DESC",
        before=before,
    )


def _stale_on(subject: Subject, before: int, notes: Notes) -> Iterator[tuple[str, str, int]]:
    """The same from a server, or a file store, of the experiments that changed last."""
    limits = subject.limits
    if (
        subject.uri.folder is not None
        and sum(1 for _ in subject.uri.folder.glob(_RUN_FOLDER)) > limits.unanalyzed_runs
    ):
        notes.skip("runs that never ended", "a file store has to read all its runs to find them")
        return
    conditions = (
        Condition("attribute", "status", "=", "RUNNING"),
        Condition("attribute", "start_time", "<", before),
    )
    budget, searched, examined = Budget(limits.group_seconds), 0, 0
    found: list[Run] = []
    for experiment in budget.while_left(subject.experiments[: limits.examined]):
        query = RunQuery(experiment.experiment_id, conditions)
        found += subject.store.runs(query, max_results=limits.examined).runs
        searched += 1
    for run in budget.while_left(found[:_LOOKED_AT]):
        examined += 1
        if run.start_time is not None and not _lives(subject, run, before):
            yield run.run_id, run.run_name, run.start_time
    if searched < len(subject.experiments):
        everything = f"{count(searched)} of {count(len(subject.experiments))} experiments"
        notes.skip("all runs that never ended", f"{everything} were searched, the last changed first")
    if examined < len(found):
        why = f"{count(examined)} of {count(len(found))} RUNNING runs were examined"
        notes.skip("all runs that never ended", why)


def _lives(subject: Subject, run: Run, before: int) -> bool:
    """Whether a run has logged one of its first metrics since then."""
    keys = sorted(run.metrics)[:_METRICS_LOOKED_AT]
    found = subject.store.metric_histories([run.run_id], keys, 2)
    return any(max(history.times, default=0) >= before for history in found)
