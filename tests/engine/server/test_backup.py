"""Backups and restores of real stores, with writers at work, damaged files and full disks."""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from engine.api import Backup, Engine, Servers
from engine.errors import Cancelled, EngineError, ReadOnly, StoreNotFound, UsageError
from engine.jobs import CancelToken, Progress
from engine.stores.mlflow.private import schema_revisions
from engine.uri import TrackingUri
from tests.conftest import MlflowStore

SERVERS = Servers(read_only=False)

WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
number = 0
while True:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO pairs_a VALUES (?, zeroblob(3000))", (number,))
    connection.execute("INSERT INTO pairs_b VALUES (?, zeroblob(3000))", (number,))
    connection.execute("COMMIT")
    number += 1
    if number == 5:
        print("writing", flush=True)
"""
"""Writes one row to each of two tables in each transaction, without end."""


@pytest.fixture
def store(mlflow_store: MlflowStore, tmp_path: Path) -> TrackingUri:
    """MLflow's store as a server of this machine would have it, moved to a folder of its own."""
    SERVERS.restore(
        SERVERS.backup(mlflow_store.tracking, tmp_path / "moving", artifacts=True).path, tmp_path / "store"
    )
    (tmp_path / "out").mkdir()
    return TrackingUri(f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}")


def database(store: TrackingUri) -> Path:
    assert store.sqlite_path is not None
    return store.sqlite_path


def execute(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """The rows of the last statement."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            rows = connection.execute(statement).fetchall()
    return rows


def artifact_folder(store: TrackingUri, run: str = "special") -> Path:
    ((uri,),) = execute(database(store), f"SELECT artifact_uri FROM runs WHERE name = '{run}'")
    return Path(str(uri))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """Writes beyond `limit` bytes fail, as they do when a disk is full."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("name", ["copy", "copy.tar", "copy.tar.gz"])
def test_a_restored_store_has_the_same_rows_and_artifacts_in_its_own_place(
    store: TrackingUri, mlflow_store: MlflowStore, tmp_path: Path, name: str
) -> None:
    before = contents(tmp_path / "store")
    seen: list[Progress] = []
    made = SERVERS.backup(store, tmp_path / "out" / name, artifacts=True, on_progress=seen.append)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]
    assert made.path.stat().st_mode & 0o077 == 0
    assert any(progress.total for progress in seen)

    restored = SERVERS.restore(made.path, tmp_path / "new" / "place")
    assert contents(tmp_path / "store") == before
    new = restored.folder / "mlflow.db"
    assert execute(new, "SELECT run_uuid, key, value FROM params ORDER BY 1, 2") == execute(
        database(store), "SELECT run_uuid, key, value FROM params ORDER BY 1, 2"
    )
    files = contents(restored.folder)
    assert files.keys() == before.keys()
    assert {path for path in files if files[path] != before[path]} == {"mlflow.db"}
    assert restored.elsewhere == ()

    with Engine(restored.uri) as engine:
        assert engine.artifacts.preview(mlflow_store.runs["special"], "notes.txt").lines == ("notes.txt",)
        run = engine.runs.detail(mlflow_store.runs["special"]).run
        assert Path(run.artifact_uri).is_relative_to(restored.folder / "mlruns")
        (experiment,) = (found for found in engine.runs.experiments() if found.name == "heart")
        assert Path(experiment.artifact_location).is_relative_to(restored.folder)


def test_the_manifest_names_every_file_with_its_checksum_and_every_table_with_its_rows(
    store: TrackingUri, tmp_path: Path
) -> None:
    made = SERVERS.backup(store, tmp_path / "out", artifacts=True)
    assert made.path.name.startswith("mlflow-backup-20")
    manifest = json.loads((made.path / "manifest.json").read_text())
    listed = [database["file"] for database in manifest["databases"]] + manifest["artifacts"]
    found = contents(made.path)
    assert {file["path"] for file in listed} == found.keys() - {"manifest.json"}
    for file in listed:
        content = found[file["path"]]
        assert (file["size"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    ((runs,),) = execute(database(store), "SELECT count(*) FROM runs")
    assert manifest["databases"][0]["facts"]["rows"]["runs"] == runs
    assert manifest["databases"][0]["facts"]["revision"] == schema_revisions()[0]
    assert manifest["mlflow"].startswith("3.")
    assert "Artifacts are included: 10 files" in "\n".join(made.sentences)


def test_a_backup_without_artifacts_says_so_and_its_restore_names_the_old_place(
    store: TrackingUri, tmp_path: Path
) -> None:
    execute(
        database(store), "UPDATE experiments SET artifact_location = 's3://bucket/x' WHERE name = 'empty'"
    )
    made = SERVERS.backup(store, tmp_path / "out")
    text = "\n".join(made.sentences)
    assert "Artifacts are not included." in text
    assert f"Not included: {tmp_path / 'store' / 'mlruns'} (35 locations)" in text
    assert "Not included: s3://bucket (1 location): remote storage" in text

    restored = SERVERS.restore(made.path, tmp_path / "new")
    assert restored.moved == 0
    assert restored.elsewhere == ((tmp_path / "store" / "mlruns", 35),)
    assert "new runs of these experiments are written there" in "\n".join(restored.sentences)

    moved = SERVERS.restore(
        made.path, tmp_path / "moved", relocations=[(tmp_path / "store" / "mlruns", tmp_path / "else where")]
    )
    assert (moved.moved, moved.elsewhere) == (35, ())
    places = execute(moved.folder / "mlflow.db", "SELECT artifact_location FROM experiments ORDER BY name")
    assert (f"{tmp_path}/else where/1",) in places
    assert ("s3://bucket/x",) in places


def test_locations_keep_their_form_and_other_columns_their_text(store: TrackingUri, tmp_path: Path) -> None:
    mlruns = tmp_path / "store" / "mlruns"
    execute(
        database(store),
        f"UPDATE experiments SET artifact_location = '{mlruns.as_uri()}/1' WHERE name = 'heart'",
        "UPDATE experiments SET artifact_location = './mlruns/2' WHERE name = 'empty'",
        f"UPDATE runs SET artifact_uri = '{mlruns}-not/1' WHERE name = 'trial-00'",
        f"INSERT INTO experiment_tags (experiment_id, key, value) VALUES (1, 'note', '{mlruns}/1')",
    )
    restored = SERVERS.restore(
        SERVERS.backup(store, tmp_path / "out").path,
        tmp_path / "new",
        relocations=[(mlruns, tmp_path / "50% of it")],
    )
    new = restored.folder / "mlflow.db"
    places = dict(execute(new, "SELECT name, artifact_location FROM experiments"))
    assert places["heart"] == places["empty"][:-1] + "1" == f"{(tmp_path / '50% of it').as_uri()}/1"
    assert execute(new, "SELECT artifact_uri FROM runs WHERE name = 'trial-00'") == [(f"{mlruns}-not/1",)]
    assert execute(new, "SELECT value FROM experiment_tags WHERE key = 'note'") == [(f"{mlruns}/1",)]
    assert restored.elsewhere == ((Path(f"{mlruns}-not"), 1),)


def test_artifacts_behind_a_server_and_its_accounts_are_included(store: TrackingUri, tmp_path: Path) -> None:
    run = artifact_folder(store).parent.name
    destination = tmp_path / "served"
    (destination / "1" / run / "artifacts").mkdir(parents=True)
    (destination / "1" / run / "artifacts" / "model.bin").write_bytes(b"weights")
    (destination / "unrelated").write_text("not the store's")
    execute(
        database(store),
        f"UPDATE runs SET artifact_uri = 'mlflow-artifacts:/1/{run}/artifacts' WHERE name = 'special'",
    )
    with pytest.raises(UsageError, match="kept by a tracking server") as caught:
        SERVERS.backup(store, tmp_path / "out", artifacts=True)
    assert f"--artifacts-destination {tmp_path / 'store' / 'mlartifacts'}" in caught.value.hint
    with pytest.raises(UsageError, match="remote storage cannot be backed up"):
        SERVERS.backup(store, tmp_path / "out", artifacts=True, destination="s3://bucket")
    assert contents(tmp_path / "out") == {}

    execute(tmp_path / "store" / "basic_auth.db", "CREATE TABLE users (username)")
    made = SERVERS.backup(store, tmp_path / "out", artifacts=True, destination=str(destination))
    assert "basic_auth.db: 0 rows in 1 table" in "\n".join(made.sentences)
    restored = SERVERS.restore(made.path, tmp_path / "new")
    assert restored.served_folder == tmp_path / "new" / "mlartifacts"
    assert contents(tmp_path / "new" / "mlartifacts") == {f"1/{run}/artifacts/model.bin": b"weights"}
    assert (tmp_path / "new" / "basic_auth.db").stat().st_mode & 0o777 == 0o600
    with pytest.raises(EngineError, match="holds no accounts"):
        SERVERS.backup(store, tmp_path / "out" / "other", auth=database(store))


def test_a_copy_is_consistent_while_another_process_writes_without_a_pause(
    store: TrackingUri, tmp_path: Path
) -> None:
    path = database(store)
    fill = "WITH RECURSIVE n(i) AS (SELECT -9000 UNION ALL SELECT i + 1 FROM n WHERE i < -1)"
    execute(
        path,
        "CREATE TABLE pairs_a (i, filler)",
        "CREATE TABLE pairs_b (i, filler)",
        *(f"INSERT INTO {table} {fill} SELECT i, zeroblob(3000) FROM n" for table in ("pairs_a", "pairs_b")),
    )
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"writing\n"
            rows = [
                made.manifest.store.facts.rows
                for made in (SERVERS.backup(store, tmp_path / "out" / str(n)) for n in range(2))
            ]
            assert writer.poll() is None
        finally:
            writer.kill()
    assert all(found["pairs_a"] == found["pairs_b"] >= 9005 for found in rows)
    assert rows[0]["pairs_a"] < rows[1]["pairs_a"]


def test_what_is_only_in_a_write_ahead_log_is_in_the_backup(store: TrackingUri, tmp_path: Path) -> None:
    with closing(sqlite3.connect(database(store), isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO experiment_tags (experiment_id, key, value) VALUES (1, 'late', 'x')")
        made = SERVERS.backup(store, tmp_path / "out" / "copy")
    assert sorted(contents(made.path)) == ["manifest.json", "mlflow.db"]
    assert execute(made.path / "mlflow.db", "SELECT value FROM experiment_tags WHERE key = 'late'") == [
        ("x",)
    ]


def broken_link(folder: Path) -> None:
    (folder / "link").symlink_to("nowhere")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


def circle(folder: Path) -> None:
    (folder / "plots" / "up").symlink_to(folder)


def unreadable(folder: Path) -> None:
    (folder / "memory").symlink_to("/proc/self/mem")  # reading it fails, also for root


@pytest.mark.parametrize(
    ("plant", "title", "detail"),
    [
        (broken_link, "An artifact is a broken link", "link → nowhere"),
        (pipe, "An artifact is a pipe or a device", "pipe"),
        (circle, "A link leads back to a folder above it", "plots/up"),
        (unreadable, "Cannot read an artifact", "memory: Input/output error"),
    ],
)
def test_an_artifact_that_cannot_be_copied_is_one_error_and_leaves_nothing(
    store: TrackingUri, tmp_path: Path, plant: Callable[[Path], None], title: str, detail: str
) -> None:
    plant(artifact_folder(store))
    with pytest.raises(EngineError, match=title) as caught:
        SERVERS.backup(store, tmp_path / "out" / "copy", artifacts=True)
    assert detail in caught.value.detail
    assert caught.value.hint
    assert list((tmp_path / "out").iterdir()) == []


def test_links_are_followed_and_unfinished_uploads_left_out(store: TrackingUri, tmp_path: Path) -> None:
    folder = artifact_folder(store)
    (tmp_path / "elsewhere").write_text("linked")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / ".artifact.uploading.1").write_text("half")
    made = SERVERS.backup(store, tmp_path / "out" / "copy", artifacts=True)
    found = {Path(path).name: content for path, content in contents(made.path).items()}
    assert found["link"] == b"linked"
    assert ".artifact.uploading.1" not in found


def test_a_file_that_changes_is_copied_again_and_reported_if_it_keeps_changing(
    store: TrackingUri, tmp_path: Path
) -> None:
    growing = artifact_folder(store) / "growing"
    growing.write_bytes(b"begun")
    begun: set[str] = set()
    changes = iter(range(2))

    def grow(progress: Progress) -> None:
        within_file = progress.note in begun
        begun.add(progress.note)
        if progress.note.endswith("growing") and within_file and next(changes, None) is not None:
            with growing.open("ab") as file:
                file.write(b" and more")

    made = SERVERS.backup(store, tmp_path / "out" / "copy", artifacts=True, on_progress=grow)
    assert next(made.path.rglob("growing")).read_bytes() == growing.read_bytes() == b"begun and more and more"
    changes = iter(range(1000))
    with pytest.raises(EngineError, match="changed while it was copied") as caught:
        SERVERS.backup(store, tmp_path / "out" / "second", artifacts=True, on_progress=grow)
    assert str(growing) in caught.value.detail
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["copy"]


@pytest.mark.parametrize("limit", [200_000, 1_200_000], ids=["database", "artifact"])
@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_a_disk_that_takes_no_more_is_one_error_and_leaves_nothing(
    store: TrackingUri, tmp_path: Path, limit: int, name: str
) -> None:
    (artifact_folder(store) / "large").write_bytes(bytes(2_000_000))
    with file_size_limit(limit), pytest.raises(EngineError, match="The backup cannot be written") as caught:
        SERVERS.backup(store, tmp_path / "out" / name, artifacts=True)
    assert caught.value.hint
    assert list((tmp_path / "out").iterdir()) == []
    whole = SERVERS.backup(store, tmp_path / "out" / name, artifacts=True)
    with file_size_limit(limit), pytest.raises(EngineError):
        SERVERS.restore(whole.path, tmp_path / "restored" / "here")
    assert not (tmp_path / "restored").exists()


def test_a_cancelled_backup_or_restore_leaves_nothing(store: TrackingUri, tmp_path: Path) -> None:
    def cancelled_at(word: str) -> dict[str, object]:
        token = CancelToken()

        def watch(progress: Progress) -> None:
            if word in progress.note:
                token.cancel()

        return {"on_progress": watch, "cancel": token}

    for word in ("Copying mlflow.db", "Listing", "notes.txt", "Writing"):
        with pytest.raises(Cancelled):
            SERVERS.backup(store, tmp_path / "out" / "copy.tar", artifacts=True, **cancelled_at(word))  # type: ignore[arg-type]
    assert list((tmp_path / "out").iterdir()) == []
    made = SERVERS.backup(store, tmp_path / "out" / "copy.tar", artifacts=True)
    for word in ("Unpacking", "Checking the backup", "Restoring mlflow.db", "Checking the restored"):
        with pytest.raises(Cancelled):
            SERVERS.restore(made.path, tmp_path / "new", **cancelled_at(word))  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


def test_nothing_that_exists_is_replaced(store: TrackingUri, tmp_path: Path) -> None:
    made = SERVERS.backup(store, tmp_path / "out" / "copy")
    before = contents(tmp_path)
    taken = tmp_path / "taken.tar"
    taken.write_text("mine")
    for output in (taken, tmp_path / "store" / "mlflow.db"):
        with pytest.raises(EngineError, match="The backup exists already"):
            SERVERS.backup(store, output)
    for target in (tmp_path / "store", taken, tmp_path / "out"):
        with pytest.raises(EngineError, match="The target exists already"):
            SERVERS.restore(made.path, target)
    with pytest.raises(ReadOnly):
        Servers(read_only=True).restore(made.path, tmp_path / "new")
    assert contents(tmp_path) == {**before, "taken.tar": b"mine"}
    (tmp_path / "empty").mkdir()
    assert SERVERS.restore(made.path, tmp_path / "empty").folder == tmp_path / "empty"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def rewrite_manifest(folder: Path, old: str, new: str) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("damage", "detail"),
    [
        (lambda folder: flip(folder / "mlflow.db"), "mlflow.db: its checksum differs"),
        (lambda folder: flip(next(folder.rglob("notes.txt"))), "notes.txt: its checksum differs"),
        (lambda folder: next(folder.rglob("notes.txt")).write_text(""), "notes.txt: 0 B remain"),
        (lambda folder: next(folder.rglob("notes.txt")).unlink(), "notes.txt: No such file"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "is not a manifest"),
        (lambda folder: (folder / "manifest.json").unlink(), "No such file or directory"),
        (lambda folder: rewrite_manifest(folder, '"mlruns/1', '"../mlruns/1'), "outside the backup"),
        (lambda folder: rewrite_manifest(folder, '"runs": 29', '"runs": 30'), "mlflow.db has not the rows"),
        (lambda folder: rewrite_manifest(folder, '"format": 1', '"format": 9'), "has format 9"),
    ],
)
def test_a_damaged_backup_is_found_and_not_restored(
    store: TrackingUri, tmp_path: Path, damage: Callable[[Path], object], detail: str
) -> None:
    made = SERVERS.backup(store, tmp_path / "out" / "copy", artifacts=True)
    damage(made.path)
    with pytest.raises(EngineError) as caught:
        SERVERS.restore(made.path, tmp_path / "new")
    assert detail in caught.value.detail
    assert not (tmp_path / "new").exists()


def test_a_tar_file_that_is_cut_or_leads_outside_is_not_restored(store: TrackingUri, tmp_path: Path) -> None:
    whole = SERVERS.backup(store, tmp_path / "out" / "copy.tar.gz").path
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[:-2000])
    hostile = tmp_path / "hostile.tar"
    with tarfile.open(hostile, "w") as tar:
        entry = tarfile.TarInfo("backup/../../escaped")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"evil"))
    linked = tmp_path / "linked.tar"
    with tarfile.open(linked, "w") as tar:
        entry = tarfile.TarInfo("backup/mlflow.db")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)
    text = tmp_path / "text.tar"
    text.write_text("no archive")
    for archive in (cut, hostile, linked, text):
        with pytest.raises(EngineError, match="The backup is damaged"):
            SERVERS.restore(archive, tmp_path / "deep" / "new")
    with pytest.raises(EngineError, match="This is not a backup"):
        SERVERS.restore(database(store), tmp_path / "deep" / "new")
    assert not (tmp_path / "deep").exists()
    assert not (tmp_path / "escaped").exists()


def refused(store: str, output: Path) -> EngineError:
    with pytest.raises(EngineError) as caught:
        SERVERS.backup(TrackingUri(store), output)
    assert list(output.iterdir()) == []
    return caught.value


def test_what_cannot_be_backed_up_says_how_to_do_it(store: TrackingUri, tmp_path: Path) -> None:
    out = tmp_path / "out"
    postgres = refused("postgresql+psycopg2://ada:s3cret@db.example:5433/tracking?sslmode=require", out)
    assert "pg_dump --host=db.example --port=5433 --username=ada" in postgres.hint
    assert "s3cret" not in str(postgres)
    mysql = refused("mysql+pymysql://ada:s3cret@db.example/tracking", out)
    assert "mysqldump --host=db.example --user=ada --single-transaction --password" in mysql.hint
    assert "s3cret" not in str(mysql)
    assert "on the server's machine" in refused("http://127.0.0.1:5000", out).hint
    assert "cp -a" in refused(str(tmp_path / "mlruns"), out).hint
    assert isinstance(refused(f"sqlite:///{tmp_path}/none.db", out), StoreNotFound)
    execute(tmp_path / "other.db", "CREATE TABLE songs (title)")
    assert "has the tables: songs" in refused(f"sqlite:///{tmp_path}/other.db", out).detail

    path = database(store)
    content = bytearray(path.read_bytes())
    content[8192:12288] = b"\xff" * 4096
    path.write_bytes(content)
    assert refused(store.raw, out).title == "The database is damaged"


def test_a_backup_object_names_the_command_that_restores_it(store: TrackingUri, tmp_path: Path) -> None:
    made: Backup = SERVERS.backup(store, tmp_path / "out" / "a b")
    assert f"mlflow-console server restore '{tmp_path}/out/a b' NEW_FOLDER" in made.sentences[-1]
