"""The options of a server: defaults, absolute paths, and where secrets go."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StoreRefused, UsageError
from engine.server.options import ServerOptions, base_environment, plan

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
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    assert base_environment({"MLFLOW_DISABLE_TELEMETRY": "false"})["MLFLOW_DISABLE_TELEMETRY"] == "false"
