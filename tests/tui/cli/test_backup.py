"""`server backup` and `server restore`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.conftest import MlflowStore
from tests.tui.cli.conftest import Run


def test_a_store_is_backed_up_and_restored(
    on_store: Run, run: Run, mlflow_store: MlflowStore, folder: Path
) -> None:
    done = on_store("server", "backup", "-o", "first")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith(f"✓ {folder / 'first'}  ")
    assert lines[2] == "Artifacts are not included."
    assert "--artifacts was not given" in lines[3]

    made = on_store("server", "backup", "--artifacts", "-o", "second.tar.gz", "--json").json
    assert made["path"] == str(folder / "second.tar.gz")
    assert made["artifacts"]["included"] is True
    assert made["databases"][0]["facts"]["rows"]["experiments"] == 4

    restored = run("server", "restore", "second.tar.gz", "new")
    assert restored.status == 0
    uri = f"sqlite:///{folder / 'new' / 'mlflow.db'}"
    assert f"mlflow-console --tracking-uri {uri}" in restored.out
    assert f"server start --backend-store-uri {uri}" in restored.out
    listed = run("--tracking-uri", uri, "artifacts", mlflow_store.runs["special"], "plots")
    assert "2 files, 35 B" in listed.out
    payload = run("server", "restore", "first", "other", "--relocate", str(mlflow_store.path.parent), "here")
    assert payload.status == 0
    assert "still point to" not in payload.out


def test_a_restored_store_with_accounts_is_served_with_them(
    on_copy: Run, mlflow_store_copy: MlflowStore
) -> None:
    accounts = mlflow_store_copy.path.parent / "basic_auth.db"
    with closing(sqlite3.connect(accounts)) as database:
        database.execute("CREATE TABLE users (username)")
    assert on_copy("server", "backup", "-o", "saved").status == 0
    restored = on_copy("server", "restore", "saved", "new")
    (serve,) = (line for line in restored.out.splitlines() if line.startswith("Serve it: "))
    assert serve.endswith(" --auth")


def test_a_backup_that_cannot_be_made_is_one_error(on_store: Run, run: Run, folder: Path) -> None:
    (folder / "taken.tar").touch()
    done = on_store("server", "backup", "-o", "taken.tar")
    assert (done.status, done.out) == (1, "")
    assert "The backup exists already" in done.err
    remote = run("--tracking-uri", "postgresql://ada:s3cret@db/ml", "server", "backup")
    assert remote.status == 1
    assert "pg_dump --host=db --username=ada" in remote.err
    assert "s3cret" not in remote.err
    refused = run("--read-only", "server", "restore", "taken.tar", "new")
    assert refused.status == 1
    assert "--read-only" in refused.err
    assert [path.name for path in folder.iterdir()] == ["taken.tar"]
