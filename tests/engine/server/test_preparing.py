"""What is written and checked before a server starts."""

from __future__ import annotations

import configparser
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.server import accounts
from engine.server.checks import check_start
from engine.server.handover import Answer, Settings, read_answer, read_settings, write_answer, write_settings
from engine.server.options import ServerOptions, plan
from engine.server.write_check import Checked
from engine.uri import TrackingUri
from tests.conftest import MlflowStore

unprivileged = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def test_accounts_get_a_long_password_that_a_second_start_keeps(tmp_path: Path) -> None:
    folder, data = tmp_path / "service", tmp_path / "50%"
    data.mkdir()
    database = TrackingUri(f"sqlite:///{data}/basic_auth.db")
    first = accounts.prepare(folder, database)
    assert first.is_new
    assert len(first.password) >= 20
    assert first.password not in repr(first)
    assert first.password_file.read_text().strip() == first.password
    written = [*folder.iterdir(), *data.iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}

    second = accounts.prepare(folder, database)
    assert (second.is_new, second.password, second.key) == (False, first.password, first.key)
    other = accounts.prepare(tmp_path / "other", database)
    assert (other.is_new, other.password) == (False, first.password)

    configuration = configparser.ConfigParser()
    configuration.read(second.environment["MLFLOW_AUTH_CONFIG_PATH"])
    assert configuration["mlflow"]["database_uri"] == database.raw
    assert int(configuration["mlflow"]["auth_cache_ttl_seconds"]) > 0
    assert first.password not in Path(second.environment["MLFLOW_AUTH_CONFIG_PATH"]).read_text()


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
    assert "mlflow db upgrade" in error.hint
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
    monkeypatch.setattr(accounts, "find_spec", lambda _: None)
    error = failure(ServerOptions(backend_store_uri=str(tmp_path / "mlflow.db"), auth=True))
    assert "pip install 'mlflow[auth]'" in error.hint
    assert list(tmp_path.iterdir()) == []
