"""One test for each use of MLflow's undocumented API: a failure shows what an upgrade broke."""

from __future__ import annotations

import getpass
import sqlite3
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from engine.stores.mlflow import private
from engine.stores.mlflow.revision import AUTH_RELEASES, RELEASES
from tests.conftest import MlflowStore


def rows(store: MlflowStore, statement: str) -> set[str]:
    with closing(sqlite3.connect(store.path)) as database:
        return {row[0] for row in database.execute(statement)}


def test_the_first_schema_revision_is_that_of_mlflows_databases(mlflow_store: MlflowStore) -> None:
    assert set(private.schema_revisions()[:1]) == rows(
        mlflow_store, "SELECT version_num FROM alembic_version"
    )


def test_the_revisions_are_those_of_mlflows_migrations() -> None:
    from alembic.script import ScriptDirectory

    package = find_spec("mlflow")
    assert package is not None
    assert package.origin is not None
    for folder, found in (
        ("store/db_migrations", private.schema_revisions()),
        ("server/auth/db/migrations", private.auth_revisions()),
    ):
        scripts = ScriptDirectory(Path(package.origin).parent / folder).walk_revisions()
        assert found == tuple(script.revision for script in scripts)


def test_the_releases_of_every_schema_are_known_up_to_the_installed_mlflow() -> None:
    assert set(RELEASES) <= set(private.schema_revisions())
    assert private.schema_revisions()[0] in RELEASES
    assert set(AUTH_RELEASES) <= set(private.auth_revisions())
    assert private.auth_revisions()[0] in AUTH_RELEASES


def test_the_schema_tables_are_those_that_mlflow_creates(mlflow_store: MlflowStore) -> None:
    with private.database_engine(mlflow_store.uri).connect():
        created = rows(mlflow_store, "SELECT name FROM sqlite_master WHERE type = 'table'")
    assert {"experiments", "runs", "latest_metrics"} <= private.schema_tables() <= created


def test_a_database_engine_reads_the_database_and_creates_nothing(tmp_path: Path) -> None:
    from sqlalchemy import text

    engine = private.database_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar() == 0
    engine.dispose()


def test_an_artifact_repository_lists_the_files_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "roc.png").write_bytes(b"png")
    repository = private.artifact_repository(tmp_path.as_uri(), "sqlite:///unused.db")
    assert [(file.path, file.is_dir) for file in repository.list_artifacts()] == [("plots", True)]
    assert [file.path for file in repository.list_artifacts("plots")] == ["plots/roc.png"]


def test_context_tags_name_the_user_and_the_source() -> None:
    tags = private.context_tags()
    assert tags["mlflow.user"] == getpass.getuser()
    assert tags["mlflow.source.name"]


def test_a_store_is_the_global_one_only_for_a_while(tmp_path: Path) -> None:
    import mlflow

    before = mlflow.get_tracking_uri()
    with private.global_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db"):
        assert mlflow.get_tracking_uri() == f"sqlite:///{tmp_path}/mlflow.db"
    assert mlflow.get_tracking_uri() == before
