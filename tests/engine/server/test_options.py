"""The options of a server: defaults, absolute paths, where secrets go, and what is checked before a start."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from engine.errors import EngineError, StoreRefused, UsageError
from engine.server import access
from engine.server.options import ServerOptions, base_environment, check_start, plan
from engine.server.program import Answer, Settings, read_answer, read_settings, write_answer, write_settings
from engine.server.write_check import Checked
from tests.conftest import MlflowStore

unprivileged = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
SECRET = "hunter2-%40-secret"


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_by_default_the_server_keeps_everything_in_the_current_folder(tmp_path: Path) -> None:
    found = plan(ServerOptions())
    assert found.backend.raw == f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert found.artifacts == str(tmp_path / "mlartifacts")
    assert found.arguments == ("--host", "127.0.0.1", "--workers", "1")
    assert found.environment["MLFLOW_SERVE_ARTIFACTS"] == "true"
    assert found.environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert "MLFLOW_SERVER_ALLOWED_HOSTS" not in found.environment


@pytest.mark.parametrize("given", ["sqlite:///data/runs.db", "data/runs.db"])
def test_relative_paths_become_absolute_and_artifacts_stay_beside_the_database(
    given: str, tmp_path: Path
) -> None:
    found = plan(ServerOptions(backend_store_uri=given, auth=True))
    assert found.backend.raw == f"sqlite:///{tmp_path / 'data' / 'runs.db'}"
    assert found.artifacts == str(tmp_path / "data" / "mlartifacts")
    assert found.auth_database is not None
    assert found.auth_database.sqlite_path == tmp_path / "data" / "basic_auth.db"
    assert found.arguments[-2:] == ("--app-name", "basic-auth")


@pytest.mark.parametrize("given", ["./files", "files", "file:files"])
def test_a_folder_for_artifacts_is_never_relative(given: str, tmp_path: Path) -> None:
    assert plan(ServerOptions(artifacts_destination=given)).artifacts == str(tmp_path / "files")


def test_other_databases_and_stores_pass_through_with_their_secrets_in_the_environment_only() -> None:
    uri = f"postgresql://ana:{SECRET}@db.example.org/mlflow"
    options = ServerOptions(backend_store_uri=uri, artifacts_destination="s3://bucket/models", auth=True)
    found = plan(options)
    installed = uri.replace("postgresql:", "postgresql+psycopg2:")
    assert found.environment["MLFLOW_BACKEND_STORE_URI"] == installed
    assert found.environment["MLFLOW_ARTIFACTS_DESTINATION"] == "s3://bucket/models"
    assert found.artifacts_folder is None
    assert found.auth_database == found.backend
    for shown in (found.backend.shown, found.shown_artifacts, *found.arguments, repr(options)):
        assert SECRET not in shown


def test_wider_servers_get_a_list_of_hosts() -> None:
    found = plan(ServerOptions(host="0.0.0.0", auth=True, allowed_hosts=("mlflow.example.org",)))
    hosts = found.environment["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert "mlflow.example.org" in hosts
    assert "mlflow.example.org:*" in hosts
    assert "localhost:*" in hosts


@pytest.mark.parametrize(
    ("options", "title"),
    [
        (ServerOptions(host="0.0.0.0"), "without authentication"),
        (ServerOptions(backend_store_uri="http://127.0.0.1:5000"), "needs a database"),
        (ServerOptions(backend_store_uri="databricks"), "needs a database"),
        (ServerOptions(backend_store_uri="sqlite://"), "names no database file"),
        (ServerOptions(backend_store_uri="magic://x"), "Unknown tracking URI scheme"),
        (ServerOptions(artifacts_destination="mlflow-artifacts:/"), "cannot be kept in another server"),
    ],
)
def test_options_that_make_no_server_are_refused(options: ServerOptions, title: str) -> None:
    with pytest.raises(UsageError, match=title):
        plan(options)


def test_a_file_store_is_refused_with_the_command_that_migrates_it(tmp_path: Path) -> None:
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    (tmp_path / "mlruns" / "0" / "meta.yaml").touch()
    with pytest.raises(StoreRefused) as caught:
        plan(ServerOptions())
    assert "mlflow migrate-filestore" in caught.value.hint


def test_the_server_does_not_inherit_what_is_meant_for_clients() -> None:
    given = {
        "MLFLOW_TRACKING_URI": "http://elsewhere",
        "MLFLOW_TRACKING_PASSWORD": SECRET,
        "MLFLOW_WORKSPACE": "team",
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": "./mlruns",
        "MLFLOW_BACKEND_STORE_URI": f"postgresql://ana:{SECRET}@db/mlflow",
        "MLFLOW_S3_ENDPOINT_URL": "http://minio:9000",
        "AWS_PROFILE": "ml",
        "PATH": "/bin",
    }
    assert base_environment(given) == {
        "MLFLOW_S3_ENDPOINT_URL": "http://minio:9000",
        "AWS_PROFILE": "ml",
        "PATH": "/bin",
    }


def test_settings_reach_the_process_through_a_file_of_its_owner_and_it_answers_through_another(
    tmp_path: Path,
) -> None:
    settings = Settings(("--host", "h"), {"MLFLOW_BACKEND_STORE_URI": "secret"}, "http://h", password="p")
    write_settings(tmp_path, settings)
    assert read_settings(tmp_path) == settings
    assert "secret" not in repr(settings)
    assert read_answer(tmp_path) is None
    for answer in (Answer("title", "detail", "hint"), Answer(checked=Checked("problem", ("a", "b")))):
        write_answer(tmp_path, answer)
        assert read_answer(tmp_path) == answer
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    write_settings(tmp_path, settings)
    assert read_answer(tmp_path) is None


def failure(options: ServerOptions) -> EngineError:
    with pytest.raises(EngineError) as caught:
        check_start(plan(options))
    return caught.value


def test_a_database_in_a_missing_folder_is_refused_with_the_command_that_creates_it(tmp_path: Path) -> None:
    error = failure(ServerOptions(backend_store_uri=f"sqlite:///{tmp_path}/missing/mlflow.db"))
    assert error.title == "The folder of the database does not exist"
    assert f"mkdir -p {tmp_path}/missing" in error.hint
    assert not (tmp_path / "missing").exists()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("not a database at all, but long enough to be looked at as one " * 20)
    error = failure(ServerOptions(backend_store_uri=str(file)))
    assert str(file) in error.detail
    assert file.read_text().startswith("not a database")
    assert (
        failure(ServerOptions(backend_store_uri=f"sqlite:///{tmp_path}")).title == "The database is a folder"
    )


def test_a_database_of_an_older_mlflow_is_refused_with_the_command_that_upgrades_it(
    mlflow_store_copy: MlflowStore,
) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '867495a8f9d4'")
    before = mlflow_store_copy.path.read_bytes()
    error = failure(ServerOptions(backend_store_uri=mlflow_store_copy.uri))
    assert "older than the installed MLflow" in error.title
    assert "867495a8f9d4" in error.detail
    assert f"--tracking-uri {mlflow_store_copy.uri} server upgrade --rehearse" in error.hint
    assert mlflow_store_copy.path.read_bytes() == before


def test_a_database_server_that_cannot_be_reached_is_reported_without_its_password() -> None:
    secret = "pa55-word-of-db"
    error = failure(ServerOptions(backend_store_uri=f"postgresql://ana:{secret}@127.0.0.1:1/mlflow"))
    assert "127.0.0.1:1" in error.title
    assert secret not in str(error)


@unprivileged
def test_a_database_or_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    sqlite3.connect(database).execute("CREATE TABLE t (x)").connection.close()
    database.chmod(0o400)
    assert failure(ServerOptions(backend_store_uri=str(database))).title == "The database cannot be written"
    database.chmod(0o600)
    tmp_path.chmod(0o500)
    assert failure(ServerOptions(backend_store_uri=str(database))).title == "The database cannot be written"


def test_a_folder_for_artifacts_is_made_and_one_that_cannot_be_is_refused(tmp_path: Path) -> None:
    database = str(tmp_path / "mlflow.db")
    check_start(plan(ServerOptions(backend_store_uri=database, artifacts_destination=str(tmp_path / "new"))))
    assert list((tmp_path / "new").iterdir()) == []

    error = failure(
        ServerOptions(backend_store_uri=database, artifacts_destination=str(tmp_path / "a" / "b"))
    )
    assert f"{tmp_path / 'a'} does not exist" in error.detail
    (tmp_path / "file").touch()
    error = failure(ServerOptions(backend_store_uri=database, artifacts_destination=str(tmp_path / "file")))
    assert error.title == "The folder for artifacts cannot be written"
    error = failure(ServerOptions(backend_store_uri=database, artifacts_destination="/proc/artifacts"))
    assert error.title == "The folder for artifacts cannot be written"


def test_a_store_whose_package_is_missing_is_refused_with_the_command_that_installs_it(
    tmp_path: Path,
) -> None:
    database = str(tmp_path / "mlflow.db")
    error = failure(ServerOptions(backend_store_uri=database, artifacts_destination="wasbs://c@a/x"))
    assert "pip install azure-storage-blob" in error.hint


def test_authentication_without_its_package_is_refused_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "find_spec", lambda _: None)
    error = failure(ServerOptions(backend_store_uri=str(tmp_path / "mlflow.db"), auth=True))
    assert "pip install 'mlflow[auth]'" in error.hint
    assert list(tmp_path.iterdir()) == []
