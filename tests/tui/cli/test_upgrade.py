"""`server upgrade`."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from engine.stores.mlflow.private import schema_revisions
from engine.stores.mlflow.revision import RELEASES
from engine.uri import TrackingUri
from tests.engine.training.conftest import wait_until
from tests.support import old_stores
from tests.support.warm import Warm
from tests.tui.cli.conftest import Run
from tui.cli.upgrade import after_rehearsal

OLD = "6953534de441"
"""The revision of MLflow 3.0."""


def execute(path: Path, statement: str) -> list[tuple[str]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


def revision(path: Path) -> str:
    return execute(path, "SELECT version_num FROM alembic_version")[0][0]


def test_a_rehearsal_names_the_store_in_the_command_that_upgrades_it() -> None:
    line = after_rehearsal(TrackingUri("sqlite:////srv/old stores/mlflow.db"))
    assert "mlflow-console --tracking-uri 'sqlite:////srv/old stores/mlflow.db' server upgrade" in line


def test_an_upgrade_needs_the_name_and_a_rehearsal_that_succeeds(write: Run, folder: Path) -> None:
    path = folder / "mlflow.db"
    old_stores.from_dump("2.19.0", path)
    execute(path, "CREATE TABLE logged_models (x)")
    before = path.read_bytes()
    failed = write("--read-only", "server", "upgrade", "--rehearse")
    assert failed.status == 1
    assert "table logged_models already exists" in failed.err
    refused = write("server", "upgrade")
    assert refused.status == 2
    assert "Add --confirm with the name" in refused.err
    assert write("--read-only", "server", "upgrade", "--confirm", "mlflow.db").status == 1
    assert path.read_bytes() == before

    execute(path, "DROP TABLE logged_models")
    done = write("server", "upgrade", "--confirm", "mlflow.db", "--backup", "saved", "--json").json
    assert (done["upgraded"], done["problems"], done["backup"]) == (True, [], str(folder / "saved"))
    assert done["rehearsal"]["readable"] == {"experiments": 3, "runs": 3, "models": 1, "versions": 1}
    assert revision(path) == done["head"] == schema_revisions()[0]
    assert (folder / "saved" / "mlflow.db").exists()
    for again in (write("server", "upgrade", "--rehearse"), write("server", "upgrade")):
        assert (again.status, again.err, again.out.count("\n")) == (0, "", 1)
        assert "has the schema of the installed MLflow" in again.out


def test_an_upgrade_that_has_begun_ends_although_the_console_was_killed(
    warm_writer: Warm, write: Run, folder: Path, home: Path
) -> None:
    path = folder / "mlflow.db"
    old_stores.from_dump("3.0.0", path)
    with warm_writer.open("server", "upgrade", cwd=folder, home=home, cols=140) as terminal:
        terminal.wait_for("Type mlflow.db to go ahead:")
        assert f"mlflow.db: schema MLflow {RELEASES[OLD]} → MLflow " in terminal.text
        assert "The console reads 3 experiments, 3 runs, 1 model, 1 version, deleted ones" in terminal.text
        terminal.type("mlflow.db\r")
        terminal.wait_until(lambda: revision(path) != OLD, "the first migration")
        terminal.send_signal(signal.SIGKILL)
        assert terminal.wait_exit() == -signal.SIGKILL
        assert revision(path) != schema_revisions()[0]
        wait_until(lambda: revision(path) == schema_revisions()[0])
    entries = write("journal", "--json").json["entries"]
    assert (entries[0]["action"], entries[0]["outcome"]) == ("server upgrade", "intended")
    assert entries[0]["finding"]["text"] == "The upgrade has finished."
