"""Upgrades of stores that older releases of MLflow have made, on copies and for real."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from engine.api import Engine, Servers
from engine.errors import Cancelled, EngineError, ReadOnly, StoreLocked, StoreOutdated, UsageError, WriteError
from engine.jobs import CancelToken, Progress
from engine.journal import read_journal
from engine.server.backup.databases import compare, read_samples
from engine.server.upgrade.upgrade import Outcome, Readable, Rehearsal, UpgradePlan, schema_state
from engine.stores.mlflow.private import schema_revisions
from engine.text import Shown
from engine.uri import TrackingUri
from tests.conftest import MlflowStore
from tests.support import old_stores
from tests.support.shared import Shared

SERVERS = Servers(read_only=False)


@pytest.fixture
def store_of(shared: Shared, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """Makes a store of a release in the folder `store`."""
    from_index = request.config.getoption("--old-releases")

    def made(folder: Path, release: str) -> Path:
        old_stores.make(old_stores.install(release, folder / "venv"), folder / "mlflow.db")
        return folder / "mlflow.db"

    def make(release: str) -> Path:
        path = tmp_path / "store" / "mlflow.db"
        path.parent.mkdir()
        if from_index:
            shutil.copyfile(shared.made(f"mlflow-{release}", lambda folder: made(folder, release)), path)
        else:
            old_stores.from_dump(release, path)
        return path

    return make


def uri(path: Path) -> TrackingUri:
    return TrackingUri(f"sqlite:///{path}")


def execute(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """The rows of the last statement."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            rows = connection.execute(statement).fetchall()
    return rows


def revision(path: Path) -> object:
    return execute(path, "SELECT version_num FROM alembic_version")[0][0]


@contextmanager
def holding(path: Path, statement: str) -> Iterator[int]:
    """A process that has the database open, and has executed a statement."""
    script = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "connection.execute(sys.argv[2]).fetchall(); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(path), statement]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


@pytest.mark.slow
@pytest.mark.usefixtures("warm_children")
@pytest.mark.parametrize("release", old_stores.RELEASES)
def test_a_store_of_an_older_release_is_rehearsed_backed_up_and_upgraded(
    store_of: Callable[[str], Path], release: str
) -> None:
    path = store_of(release)
    before, old = path.read_bytes(), revision(path)
    seen: list[Progress] = []
    plan = SERVERS.plan_upgrade(uri(path), on_progress=seen.append)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["mlflow.db"]
    outcome = plan.rehearsal.outcome
    assert outcome is not None
    assert outcome.problems == ()
    assert outcome.readable.summary == "3 experiments, 3 runs, 1 model, 1 version"
    compared = {table.table: table for table in outcome.tables}
    assert (compared["metrics"].before, compared["metrics"].after, compared["metrics"].sampled) == (
        66,
        66,
        66,
    )
    assert outcome.seconds > 0
    steps = [progress for progress in seen if progress.note.startswith("Running upgrade")]
    assert len(steps) == plan.rehearsal.state.migrations == steps[-1].total
    assert f"MLflow {release.rpartition('.')[0]}"[:8] in plan.rehearsal.sentences[0]

    done = SERVERS.upgrade(plan, confirmed="mlflow.db")
    assert done.outcome.problems == ()
    assert revision(path) == schema_revisions()[0]
    assert revision(done.backup.path / "mlflow.db") == old
    assert SERVERS.rehearse_upgrade(uri(path)).outcome is None
    with Engine(uri(path)) as engine:
        (model,) = engine.models.registered()
        assert (model.description, model.aliases) == ("Heart disease – 实验", {"champion": 1})
    (entry,) = read_journal()
    assert (entry.action, entry.outcome) == ("server upgrade", "done")
    assert (entry.before, entry.after) == ({"schema": old}, {"schema": schema_revisions()[0]})

    subprocess.run(["sh", "-ec", "\n".join(done.way_back)], check=True)
    assert revision(path) == old
    assert dict(read_samples(path)) == dict(read_samples(done.backup.path / "mlflow.db"))


@pytest.mark.slow
@pytest.mark.usefixtures("warm_children")
def test_an_upgrade_happens_only_as_planned_and_confirmed_and_a_failed_one_says_how_to_go_back(
    store_of: Callable[[str], Path],
) -> None:
    path = store_of("2.9.2")
    before = path.read_bytes()
    with holding(path, "SELECT 1 FROM runs") as pid:
        plan = SERVERS.plan_upgrade(uri(path))
        assert [writer.pid for writer in plan.writers] == [pid]
        assert plan.writers[0].stop == f"kill {pid}"
    token = CancelToken()

    def cancel(progress: Progress) -> None:
        if progress.note.startswith("Running upgrade"):
            token.cancel()

    with pytest.raises(Cancelled):
        SERVERS.rehearse_upgrade(uri(path), on_progress=cancel, cancel=token)
    for answer in ("", "y", "MLFLOW.DB"):
        with pytest.raises(UsageError, match="was not confirmed"):
            SERVERS.upgrade(plan, confirmed=answer)
    with pytest.raises(ReadOnly):
        Servers(read_only=True).upgrade(plan, confirmed="mlflow.db")
    with holding(path, "BEGIN IMMEDIATE"), pytest.raises(StoreLocked):
        SERVERS.upgrade(plan, confirmed="mlflow.db")
    with pytest.raises(Cancelled):
        SERVERS.upgrade(plan, confirmed="mlflow.db", cancel=token)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["mlflow.db"]

    execute(path, "CREATE TABLE trace_tags (key)", "INSERT INTO trace_tags VALUES ('mine')")
    with pytest.raises(WriteError, match="The upgrade failed") as caught:
        SERVERS.upgrade(plan, confirmed="mlflow.db")
    assert "table trace_tags already exists" in caught.value.detail
    assert read_journal()[0].outcome == "failed"
    subprocess.run(["sh", "-ec", caught.value.hint.removeprefix("To go back: ")], check=True)
    assert execute(path, "SELECT key FROM trace_tags") == [("mine",)]
    assert execute(path, "PRAGMA integrity_check") == [("ok",)]
    assert revision(path) == "acf3f17fdcc7"

    # A rehearsal would have found that.
    folder = list(path.parent.iterdir())
    with pytest.raises(EngineError, match="`mlflow db upgrade` failed") as caught_on_copy:
        SERVERS.rehearse_upgrade(uri(path))
    assert "table trace_tags already exists" in caught_on_copy.value.detail
    assert list(path.parent.iterdir()) == folder


def test_a_store_that_needs_or_allows_no_upgrade_is_left_alone(
    mlflow_store: MlflowStore, store_of: Callable[[str], Path], tmp_path: Path
) -> None:
    current = SERVERS.plan_upgrade(mlflow_store.tracking)
    assert current.rehearsal.outcome is None
    assert "has the schema of the installed MLflow" in current.rehearsal.sentences[0]
    with pytest.raises(UsageError, match="needs no upgrade"):
        SERVERS.upgrade(current, confirmed="mlflow.db")

    path = store_of("2.9.2")
    with pytest.raises(UsageError, match="is a folder"):
        SERVERS.plan_upgrade(uri(path), tmp_path / "backup.tar")
    execute(path, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    with pytest.raises(StoreOutdated, match="does not know the store's schema") as caught:
        SERVERS.rehearse_upgrade(uri(path))
    assert "revision ffffffffffff" in caught.value.detail
    execute(path, "DROP TABLE alembic_version")
    with pytest.raises(EngineError, match="no MLflow schema"):
        SERVERS.rehearse_upgrade(uri(path))
    with pytest.raises(EngineError, match="SQLite only") as remote:
        SERVERS.rehearse_upgrade(TrackingUri("postgresql://ada:s3cret@db/ml"))
    assert "s3cret" not in str(remote.value)


def test_differences_that_a_rehearsal_found_must_be_accepted(
    store_of: Callable[[str], Path], tmp_path: Path
) -> None:
    path = store_of("2.9.2")
    before = path.read_bytes()
    found = Outcome(1.0, (), 0, Readable(3, 2, 1, 1), (Shown("runs has 2 rows of 3"),))
    plan = UpgradePlan(uri(path), Rehearsal(schema_state(path), 1, found), (), tmp_path / "backup")
    with pytest.raises(WriteError, match="found differences") as caught:
        SERVERS.upgrade(plan, confirmed="mlflow.db")
    assert caught.value.detail == "runs has 2 rows of 3"
    assert "--accept-differences" in caught.value.hint
    assert path.read_bytes() == before
    assert not (tmp_path / "backup").exists()
    execute(path, "UPDATE alembic_version SET version_num = '867495a8f9d4'")
    with pytest.raises(WriteError, match="changed since the rehearsal"):
        SERVERS.upgrade(plan, confirmed="mlflow.db", accept_differences=True)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("DELETE FROM params WHERE key = 'k'", "params has 3 rows of 6"),
        (
            "UPDATE params SET value = 'other' WHERE key = 'k' AND value = '1'",
            "params: other values in value",
        ),
        ("UPDATE runs SET run_uuid = 'other' WHERE name = 'run-1'", "runs: 1 of 3 sampled rows are gone"),
        ("DROP TABLE tags", "tags is gone, with 3 rows"),
        (
            "UPDATE latest_metrics SET is_nan = 0 WHERE key = 'nan'",
            "latest_metrics: other values in is_nan",
        ),
    ],
)
def test_lost_and_changed_rows_are_found(store_of: Callable[[str], Path], change: str, problem: str) -> None:
    path = store_of("2.9.2")
    before = read_samples(path)
    assert [table.problem for table in compare(before, path) if table.problem] == []
    execute(path, "ALTER TABLE experiments ADD COLUMN workspace", "CREATE TABLE added (x)", change)
    assert [table.problem for table in compare(before, path) if table.problem] == [problem]


def test_the_samples_of_a_large_table_are_spread_over_it(tmp_path: Path) -> None:
    path = tmp_path / "large.db"
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
    execute(
        path, "CREATE TABLE t (i INTEGER PRIMARY KEY, x)", f"INSERT INTO t {numbers} SELECT i, i * 2 FROM n"
    )
    sample = [row["i"] for row in read_samples(path)["t"].sample]
    assert (len(sample), sample[0], sample[-1]) == (200, 1, 50000)
    for change, found in (
        ("UPDATE t SET x = 0", "t: other values in x"),
        ("DELETE FROM t WHERE i = 7", "t has 49,999 rows of 50,000"),
    ):
        before = read_samples(path)
        execute(path, change)
        assert [table.problem for table in compare(before, path)] == [found]
