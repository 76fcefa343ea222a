"""Faults planted in SQLite stores and around them: each is found, and nothing in a store without faults."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest

from engine.server.access import password_file_beside
from engine.server.doctor.database import NETWORK_FILE_SYSTEMS, file_system
from engine.server.doctor.subject import Limits
from engine.stores.mlflow.private import auth_revisions
from tests.conftest import MlflowStore
from tests.engine.server.doctor.support import (
    CLEAN,
    LIMITS,
    RIVAL,
    Place,
    execute,
    finding,
    locked,
    names,
    report_on,
    skipped,
)

Environ = Callable[[str, str], None]
NOBODY = 65534
MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
35 22 0:32 / /mnt/team\\040data rw,relatime shared:12 master:1 - nfs4 nas:/export rw
36 22 0:33 / /run rw - tmpfs tmpfs rw
"""


@pytest.fixture
def place(mlflow_store: MlflowStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    folder = tmp_path / "store"
    folder.mkdir()
    monkeypatch.chdir(folder)
    shutil.copyfile(mlflow_store.path, folder / "mlflow.db")
    execute(folder / "mlflow.db", *CLEAN)
    place = Place(folder / "mlflow.db")
    yield place
    for reader in place.readers:
        reader.close()


def fingerprint(folder: Path) -> dict[str, str]:
    """The content of all files in a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in files}


def test_nothing_is_found_in_a_store_without_faults_and_nothing_is_written(
    place: Place, mlflow_store: MlflowStore
) -> None:
    watched = (place.folder, mlflow_store.path.parent, Path.home())
    before = [fingerprint(folder) for folder in watched]
    report = report_on(place.uri)
    assert report.findings == ()
    assert skipped(report) == {}
    assert not report.has_errors
    assert report.summary.startswith("nothing found · ")
    assert {"27 runs in 3 experiments", "schema of MLflow 3.17"} <= set(report.groups[1].facts)
    assert [fingerprint(folder) for folder in watched] == before


# ── one fault at a time ──────────────────────────────────────────────────────


@dataclass(frozen=True)
class Fault:
    """A fault, the finding that names it, and words of its evidence or fix."""

    name: str
    plant: Callable[[Place, Environ], object]
    words: str
    severity: str = "warning"
    limits: Limits = LIMITS

    def __str__(self) -> str:
        return f"{self.name}-{self.words}"


def sql(*statements: str) -> Callable[[Place, Environ], object]:
    return lambda place, _: place.execute(*statements)


def unreadable(place: Place, _: Environ) -> None:
    place.path.write_text("not a database " * 100)


def another_program(place: Place, _: Environ) -> None:
    place.path.unlink()
    place.execute("CREATE TABLE songs (title TEXT)")


def damaged(place: Place, _: Environ) -> None:
    """A page that only one table uses is overwritten, as by a faulty disk."""
    with closing(sqlite3.connect(place.path)) as database:
        ((size,),) = database.execute("PRAGMA page_size")
        ((root,),) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'trace_info'")
    with place.path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xa5" * size)


def many_runs(place: Place, _: Environ) -> None:
    place.execute(
        "INSERT INTO runs (run_uuid, name, experiment_id, status, start_time, end_time, lifecycle_stage,"
        " artifact_uri) WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers"
        " WHERE n < 2000) SELECT printf('%032x', n), 'run ' || n, 1, 'FINISHED', 1760000000000 + n,"
        " 1760000000000 + n, 'active', '' FROM numbers"
    )


def long_log(place: Place, _: Environ) -> None:
    """A reader that never ends keeps the write-ahead log from being written back."""
    reader = sqlite3.connect(place.path, isolation_level=None)
    reader.execute("PRAGMA journal_mode = WAL")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM runs").fetchone()
    place.execute("UPDATE params SET value = value || zeroblob(40000)")
    place.readers.append(reader)


def auth_database(revision: str, mode: int) -> Callable[[Place, Environ], object]:
    def plant(place: Place, _: Environ) -> None:
        path = place.folder / "basic_auth.db"
        execute(
            path,
            "CREATE TABLE alembic_version_auth (version_num VARCHAR(32) NOT NULL)",
            f"INSERT INTO alembic_version_auth VALUES ('{revision}')",
            "CREATE TABLE users (id INTEGER, username TEXT, password_hash TEXT, is_admin BOOLEAN)",
            "INSERT INTO users VALUES (1, 'admin', 'scrypt:32768:8:1$x', 1)",
        )
        path.chmod(mode)

    return plant


def readable_password(place: Place, environ: Environ) -> None:
    auth_database(auth_revisions()[0], 0o600)(place, environ)
    path = password_file_beside(place.folder / "basic_auth.db")
    path.write_text("s3cret-of-ana\n")
    path.chmod(0o644)


def file_store(place: Place, _: Environ) -> None:
    """Runs that somebody logged from this folder before MLflow had a tracking URI."""
    for number in range(3):
        run = place.folder / "mlruns" / "1" / f"{number:032x}"
        run.mkdir(parents=True)
        (run / "meta.yaml").write_text(f"run_id: {number:032x}\n")


def readable_credentials(_: Place, __: Environ) -> None:
    path = Path.home() / ".mlflow" / "credentials"
    path.parent.mkdir()
    path.write_text("[mlflow]\nmlflow_tracking_username = ana\nmlflow_tracking_password = s3cret-of-ana\n")
    path.chmod(0o644)


def blocked_state(place: Place, environ: Environ) -> None:
    (place.folder / "file").write_text("")
    environ("XDG_STATE_HOME", str(place.folder / "file"))


def policy(text: str) -> str:
    """A statement that gives the model a policy."""
    return (
        "INSERT INTO registered_model_tags (workspace, name, key, value)"
        f" VALUES ('default', 'classifier', 'mlflow_console.policy', '{text}')"
    )


def promoted(target: str, reason: str) -> list[str]:
    """Statements that tag version 1 as a console does that promotes it."""
    tags = {"by": "bo@host", "at": "2026-11-01T00:00:00Z", "to": target}
    values = {f"promoted_{name}": value for name, value in tags.items()} | {"reason": reason}
    return [
        "INSERT INTO model_version_tags (workspace, name, version, key, value)"
        f" VALUES ('default', 'classifier', 1, 'mlflow_console.{name}', '{value}')"
        for name, value in values.items()
    ]


FAULTS = [
    Fault("store-not-found", lambda place, _: place.path.unlink(), "mlflow.db not found", "error"),
    Fault("store-unreadable", unreadable, "is not a SQLite file", "error"),
    Fault("store-unreadable", another_program, "songs", "error"),
    Fault("store-damaged", damaged, "restore it from a backup", "error"),
    Fault(
        "schema-outdated",
        sql("UPDATE alembic_version SET version_num = '0584bdc529eb'"),
        "0584bdc529eb is that of MLflow 2.18 to 2.22; MLflow 3",
        "error",
    ),
    Fault(
        "schema-outdated",
        sql("UPDATE alembic_version SET version_num = 'acf3f17fdcc7'", "DROP TABLE logged_models"),
        "use MLflow 2.8 to 2.12 here",
        "error",
    ),
    Fault(
        "schema-too-new",
        sql("UPDATE alembic_version SET version_num = 'f00dfeed0001'"),
        "pip install --upgrade mlflow",
        "error",
    ),
    Fault("schema-unknown", sql("DELETE FROM alembic_version"), "alembic_version", "error"),
    Fault("schema-unsupported", sql("DROP TABLE model_version_tags"), "model_version_tags", "error"),
    Fault("never-analyzed", many_runs, "2,029 runs"),
    Fault("wal-large", long_log, "wal_checkpoint", limits=replace(LIMITS, wal_bytes=10**6)),
    Fault("store-writable-by-all", lambda place, _: place.path.chmod(0o666), "-rw-rw-rw-"),
    Fault(
        "secrets-readable",
        sql(
            "INSERT INTO secrets (secret_id, secret_name, encrypted_value, wrapped_dek, kek_version,"
            " masked_value, created_at, last_updated_at) VALUES ('s-1', 'openai', x'00', x'00', 1, 'sk-…',"
            " 0, 0)"
        ),
        "MLFLOW_CRYPTO_KEK_PASSPHRASE",
    ),
    Fault("passwords-readable", auth_database(auth_revisions()[0], 0o644), "-rw-r--r-- and 1 user"),
    Fault("auth-schema-outdated", auth_database("8606fa83a998", 0o600), "MLflow 2.8 to 3.6"),
    Fault("auth-schema-too-new", auth_database("f00dfeed0002", 0o600), "f00dfeed0002", "error"),
    Fault("admin-password-readable", readable_password, "chmod 600", "error"),
    Fault("two-stores", file_store, "29 runs in mlflow.db and 3 runs in mlruns"),
    Fault(
        "registry-elsewhere",
        lambda _, environ: environ("MLFLOW_REGISTRY_URI", "http://ana:s3cret-of-ana@models.example:5000"),
        "http://ana:***@models.example:5000",
    ),
    Fault("stale-runs", sql("UPDATE runs SET status = 'RUNNING' WHERE name = 'trial-03'"), "'trial-03'"),
    Fault(
        "artifact-root-relative",
        sql("UPDATE experiments SET artifact_location = './mlruns/2' WHERE name = 'empty'"),
        "empty: ./mlruns/2",
    ),
    Fault(
        "artifact-root-unwritable",
        sql("UPDATE experiments SET artifact_location = '/dev/null/mlruns/2' WHERE name = 'empty'"),
        "empty: /dev/null/mlruns/2",
        "error",
    ),
    Fault(
        "storage-package-missing",
        sql("UPDATE experiments SET artifact_location = 'sftp://u:s3cret-of-ana@nas/2' WHERE name = 'empty'"),
        "pip install pysftp",
        "error",
    ),
    Fault(
        "artifact-root-missing",
        lambda place, _: place.execute(
            f"UPDATE experiments SET artifact_location = '{place.folder}/moved/mlruns/' || experiment_id"
        ),
        "/moved/mlruns/1",
    ),
    Fault(
        "model-files-missing",
        sql(
            "DELETE FROM model_versions",
            "DELETE FROM registered_model_aliases",
            "UPDATE logged_models SET artifact_location = '/srv/old/models/m-1/artifacts'",
        ),
        "model in /srv/old/models/m-1/artifacts",
        "error",
    ),
    Fault("two-in-production", sql(RIVAL), "models:/classifier/Production silently loads 2"),
    Fault(
        "alias-without-version",
        sql("UPDATE registered_model_aliases SET version = 7"),
        "@champion points to 7. Versions: 1",
        "error",
    ),
    Fault(
        "version-not-ready",
        sql("UPDATE model_versions SET status = 'PENDING_REGISTRATION' WHERE name = 'classifier'"),
        "classifier 1 (Production, @champion)",
        "error",
    ),
    Fault(
        "version-files-missing",
        sql("UPDATE model_versions SET source = 'runs:/' || run_id || '/nothing' WHERE name = 'classifier'"),
        "classifier 1 (Production, @champion)",
        "error",
    ),
    Fault(
        "version-run-gone",
        sql("UPDATE model_versions SET run_id = printf('%032d', 0) WHERE name = 'classifier'"),
        "classifier 1",
    ),
    Fault(
        "version-run-deleted",
        sql("UPDATE runs SET lifecycle_stage = 'deleted' WHERE name = 'special'"),
        "mlflow-console restore ",
    ),
    Fault(
        "promoted-without-approval",
        sql(policy('[[policy]]\ntarget = "Production"\napproval = true')),
        "classifier 1 (Production): no promotion with a console is known",
    ),
    Fault(
        "promoted-without-approval",
        sql(
            policy('[[policy]]\ntarget = "Production"\nalias = "champion"\napprovers = ["ana"]'),
            *promoted("@champion", "urgent [forced: down. Not passed: approval]"),
        ),
        "forced by bo@host at 2026-11-01T00:00:00Z: urgent",
    ),
    Fault("policy-invalid", sql(policy("[[policy]]\ntarget = 1")), "policy 1: target must be a stage"),
    Fault("credentials-readable", readable_credentials, "chmod 600"),
    Fault("journal-unwritable", blocked_state, "XDG_STATE_HOME"),
    Fault("disk-low", lambda *_: None, "free", limits=replace(LIMITS, low_bytes=10**18, low_share=1)),
    Fault("disk-full", lambda *_: None, "df -h", "error", replace(LIMITS, full_bytes=10**18)),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_planted_fault_is_named_with_evidence_and_fix(
    fault: Fault, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault.plant(place, monkeypatch.setenv)
    report = report_on(place.uri, fault.limits)
    found = set(names(report))
    assert found == {fault.name}
    told = report.findings[0]
    assert told.severity == fault.severity
    assert report.has_errors == (fault.severity == "error")
    assert fault.words in f"{told.title} {told.evidence} {told.fix} {told.command}"
    assert told.evidence
    assert told.fix
    assert "s3cret-of-ana" not in str(report)


def test_a_promotion_with_an_approval_is_not_reported(place: Place) -> None:
    demand = policy('[[policy]]\ntarget = "Production"\nalias = "champion"\napproval = true')
    place.execute(demand, *promoted("Production", "good [approved by ana on 2026-11-01 10:00]"))
    assert report_on(place.uri).findings == ()


def test_a_model_without_its_description_or_a_file_that_this_names_is_reported(place: Place) -> None:
    statement = "SELECT artifact_location FROM logged_models WHERE status = 2"
    with closing(sqlite3.connect(place.path)) as database:
        ((source,),) = database.execute(statement).fetchall()
    folder = place.folder / "model"
    shutil.copytree(source, folder)
    place.execute(f"UPDATE logged_models SET artifact_location = '{folder}'")
    assert report_on(place.uri).findings == ()
    for name, words in (
        ("python_model.pkl", "python_model.pkl, which MLmodel names, is missing"),
        ("MLmodel", "MLmodel is missing"),
    ):
        (folder / name).rename(folder / "aside")
        report = report_on(place.uri)
        assert names(report) == ["model-files-missing", "version-files-missing"]
        assert all(words in found.evidence for found in report.findings)
        (folder / "aside").rename(folder / name)
    (folder / "MLmodel").write_text("flavors: [")
    assert "MLmodel is damaged" in report_on(place.uri).findings[0].evidence


def test_a_database_with_statistics_is_not_reported(place: Place) -> None:
    many_runs(place, lambda *_: None)
    place.execute("ANALYZE")
    assert report_on(place.uri).findings == ()


def test_a_run_that_logged_a_metric_lately_is_alive(place: Place) -> None:
    place.execute(
        "UPDATE runs SET status = 'RUNNING' WHERE name = 'trial-03'",
        "UPDATE latest_metrics SET timestamp = unixepoch('now') * 1000 WHERE \"key\" = 'accuracy'",
    )
    assert report_on(place.uri).findings == ()


@pytest.mark.slow  # the reader waits three seconds for the lock
def test_a_locked_store_is_reported_and_the_rest_is_not_checked(place: Place) -> None:
    with locked(place.path):
        report = report_on(place.uri)
    assert finding(report, "store-locked").severity == "error"
    assert set(skipped(report)) == {"the store", "the artifacts", "the registry"}


def test_a_large_file_is_not_read_as_a_whole(place: Place) -> None:
    report = report_on(place.uri, replace(LIMITS, integrity_bytes=1000))
    assert report.findings == ()
    assert "PRAGMA quick_check" in skipped(report)["the integrity of the file"]


def test_the_models_with_faults_of_a_large_registry_are_found_and_what_is_left_out_is_said(
    place: Place,
) -> None:
    place.execute(RIVAL)
    report = report_on(place.uri, replace(LIMITS, examined=1))
    finding(report, "two-in-production")
    why = "1 of 2 versions were read: those in use, then the newest"
    assert skipped(report) == {"the files of all versions": why}


def test_a_slow_store_is_read_no_further_when_the_time_is_up(place: Place) -> None:
    report = report_on(place.uri, replace(LIMITS, total_seconds=0))
    assert report.findings == ()
    assert "The examination has taken 0 s" in skipped(report)["the registered models"]


@contextmanager
def unprivileged(path: Path) -> Iterator[Path]:
    """A copy of a store that belongs to another account than the one in the block."""
    with tempfile.TemporaryDirectory(prefix="mlflow-console-read-only-") as name:
        folder, copy = Path(name), Path(name) / "mlflow.db"
        shutil.copyfile(path, copy)
        copy.chmod(0o444)
        folder.chmod(0o555)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(NOBODY)
        try:
            yield copy
        finally:
            if is_root:
                os.seteuid(0)
            folder.chmod(0o755)


def test_a_store_of_another_account_can_only_be_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/shm")  # home folders of tests belong to root
    place.execute(
        "DELETE FROM model_versions", "DELETE FROM registered_model_aliases", "DELETE FROM logged_models"
    )
    place.execute("UPDATE experiments SET artifact_location = '/dev/shm/' || experiment_id")
    with unprivileged(place.path) as path:
        report = report_on(f"sqlite:///{path}")
    told = finding(report, "store-read-only")
    assert str(path) in told.evidence


def test_a_file_on_a_network_file_system_is_recognized() -> None:
    kinds = {path: file_system(Path(path), MOUNTS) for path in ("/mnt/team data/mlflow.db", "/srv/mlflow.db")}
    assert kinds == {"/mnt/team data/mlflow.db": "nfs4", "/srv/mlflow.db": "ext4"}
    assert [bool(NETWORK_FILE_SYSTEMS.fullmatch(kind or "")) for kind in kinds.values()] == [True, False]


def test_the_own_file_system_of_the_tests_is_known(tmp_path: Path) -> None:
    assert file_system(tmp_path, Path("/proc/self/mountinfo").read_text())
    assert stat.S_ISDIR(tmp_path.stat().st_mode)
