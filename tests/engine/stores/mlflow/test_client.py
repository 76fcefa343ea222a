"""MLflow's client: silent, with short timeouts, and never creating or upgrading a store that it reads."""

from __future__ import annotations

import base64
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, get_args
from urllib.parse import unquote

import pytest

from engine.entities import Lifecycle
from engine.errors import (
    EngineError,
    NotFound,
    ServerDenied,
    ServerFault,
    ServerTimeout,
    ServerUnreachable,
    StoreLocked,
    StoreNotFound,
    StoreOutdated,
    StoreRefused,
    StoreUnreadable,
)
from engine.files import locked, open_private
from engine.paths import store_creation_lock
from engine.stores import open_store
from engine.stores.base import Condition, RunQuery
from engine.stores.mlflow.client import ClientStore, open_client, translate
from engine.stores.rest.login import user_variable
from engine.uri import TrackingUri, resolve
from tests.support.web import Answer, Web

if TYPE_CHECKING:
    from tests.conftest import MlflowStore


def client_store(raw: str) -> ClientStore:
    return ClientStore(TrackingUri(raw))


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


class TestEnvironment:
    def test_output_is_off_and_timeouts_are_short(self, mlflow_store: MlflowStore) -> None:
        open_client(mlflow_store.uri)
        assert os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] == "true"
        assert os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] == "false"
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
        assert int(os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"]) <= 60

    def test_the_users_settings_stay(
        self, mlflow_store: MlflowStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "5")
        monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
        open_client(mlflow_store.uri)
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "5"
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "false"

    def test_the_consoles_settings_are_not_taken_for_the_users(
        self, mlflow_store: MlflowStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
        open_client(mlflow_store.uri)
        open_client(mlflow_store.uri)
        assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
        assert user_variable("MLFLOW_HTTP_REQUEST_MAX_RETRIES") == ""
        assert user_variable("MLFLOW_HTTP_REQUEST_TIMEOUT") == "7"

    @pytest.mark.parametrize("login", ["ada:pässwörd", "ada:пароль", "ada:%D0%BF%2F%40", "åsa:x"])
    def test_credentials_in_the_uri_are_sent_as_utf_8(self, web: Web, login: str) -> None:
        web.will_answer(Answer(body=b'{"experiment_id": "1"}'))
        open_client(web.uri.replace("://", f"://{login}@")).create_experiment("x")
        expected = base64.b64encode(unquote(login).encode()).decode()
        assert {request.headers["authorization"] for request in web.requests} == {f"Basic {expected}"}

    def test_the_registry_is_that_of_the_store(
        self, mlflow_store: MlflowStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://registry.invalid")
        assert [
            version.version for version in client_store(mlflow_store.uri).model_versions("classifier")
        ] == [3, 2, 1]

    @pytest.mark.slow
    def test_a_new_process_prints_nothing(self, mlflow_store_copy: MlflowStore, tmp_path: Path) -> None:
        """Writing, with a stage call that MLflow warns about, and creating a store."""
        code = (
            "import gc, sys; from engine.stores.mlflow.client import open_client\n"
            "client = open_client(sys.argv[1])\n"
            "assert gc.isenabled(), 'it is off while MLflow is imported'\n"
            "client.transition_model_version_stage('classifier', '3', 'Staging')\n"
            "run = client.create_run(sys.argv[3]); client.set_terminated(run.info.run_id)\n"
            "open_client(sys.argv[2]).search_experiments()\n"
        )
        new = tmp_path / "new.db"
        completed = subprocess.run(
            [sys.executable, "-c", code, mlflow_store_copy.uri, f"sqlite:///{new}", mlflow_store_copy.heart],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert (completed.returncode, completed.stdout, completed.stderr) == (0, "", "")
        assert new.stat().st_size > 0
        assert not (tmp_path / "mlflow.db").exists()


class TestNothingIsCreated:
    def test_a_missing_folder_is_not_created(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        monkeypatch.chdir(tmp_path)
        (tmp_path / "empty").mkdir()
        for raw in (str(tmp_path / "mlruns"), f"file://{tmp_path}/mlruns", "mlruns", "./empty"):
            store = open_store(TrackingUri(raw))
            with pytest.raises(StoreNotFound) as caught:
                store.experiments()
            assert caught.value.hint
        assert [entry.name for entry in tmp_path.iterdir()] == ["empty"]
        assert list((tmp_path / "empty").iterdir()) == []

    def test_a_file_is_not_a_folder_store(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("x")
        with pytest.raises(StoreUnreadable):
            client_store(str(tmp_path / "file")).experiments()

    @pytest.mark.parametrize("touch", [True, False])
    def test_a_missing_or_empty_database_is_not_filled(self, tmp_path: Path, touch: bool) -> None:
        path = tmp_path / "mlflow.db"
        if touch:
            path.touch()
        with pytest.raises(StoreNotFound):
            client_store(f"sqlite:///{path}").experiments()
        assert path.stat().st_size == 0 if touch else not path.exists()


@pytest.fixture
def older_store(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A database of an older MLflow, created by MLflow's own migrations up to a revision."""
    from alembic import command
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.store.tracking.dbmodels.initial_models import Base
    from sqlalchemy import create_engine

    path = tmp_path / "older.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    config = _get_alembic_config(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, request.param)
    engine.dispose()
    return path


MLFLOW_2 = "0584bdc529eb"
BEFORE_WORKSPACES = "c8d9e0f1a2b3"


def test_a_store_that_another_process_is_creating_is_waited_for(
    mlflow_store: MlflowStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "mlflow.db"
    change(path, "CREATE TABLE experiments (experiment_id INTEGER)")
    with ThreadPoolExecutor() as threads:
        with open_private(store_creation_lock()) as lock, locked(lock, 1):
            opened = threads.submit(open_client, f"sqlite:///{path}")
            assert not wait([opened], 0.5).done
            shutil.copy(mlflow_store.path, path)
        assert opened.result().search_experiments()


class TestNothingIsUpgraded:
    """MLflow migrates a database that lacks a table as soon as it opens it."""

    @pytest.mark.parametrize("older_store", [MLFLOW_2, BEFORE_WORKSPACES], indirect=True)
    def test_an_older_schema_is_not_upgraded(self, older_store: Path) -> None:
        uri = f"sqlite:///{older_store}"
        before = older_store.read_bytes()
        for open_it in (open_client, lambda raw: client_store(raw).experiments()):
            with pytest.raises(StoreOutdated) as caught:
                open_it(uri)
            assert f"mlflow db upgrade {uri}" in caught.value.hint
        assert older_store.read_bytes() == before

    @pytest.mark.parametrize("older_store", [MLFLOW_2, BEFORE_WORKSPACES], indirect=True)
    def test_an_older_schema_is_still_read(self, older_store: Path) -> None:
        change(older_store, "INSERT INTO experiments (name, lifecycle_stage) VALUES ('old', 'active')")
        store = open_store(TrackingUri(f"sqlite:///{older_store}"))
        assert [experiment.name for experiment in store.experiments()] == ["old"]
        assert store.registered_models() == ()

    def test_a_newer_schema_is_refused(self, mlflow_store_copy: MlflowStore) -> None:
        change(mlflow_store_copy.path, "UPDATE alembic_version SET version_num = 'f00ba4'")
        with pytest.raises(StoreOutdated, match="newer") as caught:
            open_client(mlflow_store_copy.uri)
        assert "f00ba4" in caught.value.detail
        assert "pip install --upgrade mlflow" in caught.value.hint

    def test_another_programs_database_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        change(path, "CREATE TABLE users (id INTEGER)")
        before = path.read_bytes()
        with pytest.raises(StoreUnreadable, match="not an MLflow store"):
            open_client(f"sqlite:///{path}")
        assert path.read_bytes() == before

    def test_reading_another_programs_database_leaves_it_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        change(path, "CREATE TABLE users (id INTEGER)")
        before = path.read_bytes()
        with pytest.raises(StoreUnreadable):
            ClientStore(TrackingUri(f"sqlite:///{path}")).runs(RunQuery("1"))
        assert path.read_bytes() == before


class TestFileStore:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A file store with an experiment, a run with an artifact, and a model."""
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        monkeypatch.chdir(tmp_path)
        folder = tmp_path / "mlruns"
        client = open_client(str(folder))
        run = client.create_run(client.create_experiment("files"), start_time=5, run_name="first")
        client.log_param(run.info.run_id, "k", 3)
        client.log_metric(run.info.run_id, "loss", float("inf"), timestamp=1, step=2)
        client.log_text(run.info.run_id, "hello", "notes/a.txt")
        model = client.create_logged_model(run.info.experiment_id, "model", run.info.run_id)
        client.create_registered_model("model")
        client.create_model_version("model", str(folder), run.info.run_id, model_id=model.model_id)
        client.set_registered_model_alias("model", "champion", "1")
        return folder

    def test_a_file_store_is_read_through_mlflow(self, folder: Path) -> None:
        store = open_store(TrackingUri(str(folder)))
        assert store.kind == "client"
        experiments = {experiment.name: experiment for experiment in store.experiments()}
        assert set(experiments) == {"Default", "files"}
        experiment_id = experiments["files"].experiment_id
        (run,) = store.runs(RunQuery(experiment_id)).runs
        assert (run.run_name, run.params, run.metrics) == ("first", {"k": "3"}, {"loss": float("inf")})
        assert store.newest_run() == (experiment_id, 5)
        assert store.run(run.run_id).run == run
        assert [point.step for point in store.metric_history(run.run_id, "loss")] == [2]
        assert [artifact.path for artifact in store.artifacts(run.run_id, "notes")] == ["notes/a.txt"]
        (version,) = store.model_versions("model")
        assert (version.version, version.aliases, version.stage) == (1, ("champion",), "None")

    def test_writing_a_file_store_creates_no_database(self, folder: Path) -> None:
        assert [path.name for path in folder.parent.iterdir()] == ["mlruns"]

    @pytest.mark.parametrize("removed", [(), (".trash",), (".trash", "models")])
    def test_reading_a_file_store_creates_nothing(
        self, folder: Path, removed: Sequence[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nor does it need the empty folders that git leaves out."""
        for name in removed:
            shutil.rmtree(folder / name)
        for path in sorted(folder.rglob("*"), reverse=True):
            if removed and path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        elsewhere = folder.parent / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        before = sorted(folder.parent.rglob("*"))
        store = open_store(TrackingUri(folder.as_uri()))
        (experiment_id,) = (found.experiment_id for found in store.experiments() if found.name == "files")
        for lifecycle in get_args(Lifecycle):
            runs = store.runs(RunQuery(experiment_id, lifecycle=lifecycle)).runs
            for run in runs:
                detail = store.run(run.run_id)
                assert detail.run == run
                assert [model.name for model in detail.models] == ["model"]
                assert store.artifacts(run.run_id, "notes")
                assert store.metric_history(run.run_id, "loss")
        with pytest.raises(NotFound):
            store.run("0" * 32)
        for model in store.registered_models():
            assert [version.aliases for version in store.model_versions(model.name)] == [("champion",)]
        with pytest.raises(NotFound):
            store.model_versions("nothing")
        assert sorted(folder.parent.rglob("*")) == before

    def test_a_run_without_its_empty_folders_is_read(self, folder: Path) -> None:
        (run,) = folder.glob(f"*/{32 * '?'}/meta.yaml")
        for name in ("metrics", "params", "artifacts", "tags"):
            shutil.rmtree(run.parent / name)
        found = open_store(TrackingUri(str(folder))).run(run.parent.name).run
        assert (found.run_id, found.params, found.metrics) == (run.parent.name, {}, {})

    def test_a_run_inside_the_artifacts_of_another_is_not_read(self, folder: Path) -> None:
        (run,) = folder.glob(f"*/{32 * '?'}/meta.yaml")
        inner = run.parent / "artifacts" / ("f" * 32)
        shutil.copytree(run.parent, inner, ignore=shutil.ignore_patterns("artifacts"))
        store = open_store(TrackingUri(str(run.parent)))
        with pytest.raises(EngineError):
            store.run(inner.name)

    def test_the_default_store_is_that_of_mlflow(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import mlflow

        def mlflows() -> str:
            mlflow.set_tracking_uri(None)
            monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
            return mlflow.get_tracking_uri()

        assert resolve(None, {}).raw == mlflows() == folder.as_uri()
        for path in folder.glob("*/meta.yaml"):
            path.unlink()
        assert resolve(None, {}).raw == mlflows()

    def test_a_file_store_is_searched_through_mlflow(self, folder: Path) -> None:
        store = open_store(TrackingUri(str(folder)))
        (experiment_id,) = (found.experiment_id for found in store.experiments() if found.name == "files")

        def names(*conditions: Condition, lifecycle: Lifecycle = "active") -> list[str]:
            query = RunQuery(experiment_id, conditions, lifecycle, oldest_first=True)
            return [run.run_name for run in store.runs(query).runs]

        assert names() == names(Condition("metric", "loss", ">", 1e300)) == ["first"]
        assert names(Condition("param", "k", "!=", "3")) == []
        assert names(Condition("attribute", "start_time", "<=", 5)) == ["first"]
        assert names(lifecycle="deleted") == []
        with pytest.raises(StoreRefused, match="does not support"):
            names(Condition("param", "k", "=", "'\""))

    def test_a_file_store_needs_the_users_consent(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE")
        copy = folder.rename(folder.with_name("other"))  # MLflow caches the stores that it opened
        with pytest.raises(StoreRefused) as caught:
            open_store(TrackingUri(str(copy))).experiments()
        assert "migrate-filestore" in caught.value.hint
        assert "MLFLOW_ALLOW_FILE_STORE" in caught.value.hint


class TestOtherStores:
    def test_a_missing_driver_is_an_error_with_a_hint(self) -> None:
        with pytest.raises(StoreUnreadable) as caught:
            client_store("mysql+no_such_driver://ada:secret@127.0.0.1:1/mlflow").experiments()
        assert caught.value.hint
        assert "secret" not in str(caught.value)

    def test_an_unknown_scheme_is_refused(self) -> None:
        with pytest.raises(StoreRefused, match="moon"):
            client_store("moon://crater").experiments()

    @pytest.mark.parametrize("raw", ["databricks", "databricks://profile", "databricks-uc"])
    def test_databricks_is_not_taken_for_a_folder(
        self, raw: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(StoreRefused, match=r"Databricks|Unity Catalog") as caught:
            open_store(TrackingUri(raw)).experiments()
        assert "databricks" in caught.value.hint
        assert list(tmp_path.iterdir()) == []


class TestTranslate:
    def expect_translation(self, error: BaseException, kind: type[Exception], words: str = "") -> None:
        assert isinstance(error, Exception)
        found = translate(error)
        assert isinstance(found, kind)
        assert words in str(found)

    def test_the_consoles_errors_stay_as_they_are(self) -> None:
        ours = NotFound("x")
        assert translate(ours) is ours

    def test_a_missing_package_is_named_and_no_package_is_made_up(self) -> None:
        found = translate(ModuleNotFoundError("No module named 'boto3'"))
        assert "boto3" in found.detail
        assert found.hint == "Install it with pip in the environment of mlflow-console."

    def test_mlflows_error_codes_are_translated(self) -> None:
        from mlflow.exceptions import MlflowException, RestException
        from mlflow.protos import databricks_pb2 as codes

        gone = RestException({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "No run"})
        self.expect_translation(gone, NotFound, "No run")
        assert "RESOURCE_DOES_NOT_EXIST" not in str(translate(gone))
        refused = MlflowException("Bad stage", error_code=codes.INVALID_PARAMETER_VALUE)
        self.expect_translation(refused, StoreRefused, "Bad stage")
        locked = MlflowException(
            "(sqlite3.OperationalError) database is locked", codes.TEMPORARILY_UNAVAILABLE
        )
        self.expect_translation(locked, StoreLocked)
        self.expect_translation(
            MlflowException("Detected out-of-date database schema (found x)"), StoreOutdated
        )

    def test_mlflows_connection_errors_are_translated(
        self, closed_port: int, silent_port: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        for port, kind in ((closed_port, ServerUnreachable), (silent_port, ServerTimeout)):
            with pytest.raises(Exception, match="API request") as caught:
                open_client(f"http://ada:secret-word@127.0.0.1:{port}").search_experiments()
            self.expect_translation(caught.value, kind)
            assert "secret-word" not in str(translate(caught.value))

    @pytest.mark.parametrize(
        ("answer", "kind", "words"),
        [
            (Answer(401, b'{"error_code": "X", "message": "Closed"}'), StoreRefused, "request — Closed"),
            (Answer(403, b'{"detail": "Closed"}'), EngineError, "Closed"),
            (Answer(403, b"<h1>no</h1>"), ServerDenied, "denied access"),
            (
                Answer(429, b'{"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "Closed"}'),
                StoreRefused,
                "rate-limiting",
            ),
            (
                Answer(405, b"<h1>Method Not Allowed</h1>"),
                ServerFault,
                "address that the server redirects to",
            ),
            (Answer(500, b'{"error_code": "INTERNAL_ERROR", "message": "Closed"}'), ServerFault, "HTTP 500"),
            (
                Answer(503, b'{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "Closed"}'),
                ServerFault,
                "HTTP 503",
            ),
        ],
    )
    def test_mlflows_http_errors_are_translated(
        self, web: Web, answer: Answer, kind: type[Exception], words: str
    ) -> None:
        web.will_answer(answer)
        with pytest.raises(Exception, match=r"Closed|error") as caught:
            open_client(web.uri).search_experiments()
        self.expect_translation(caught.value, kind, words)

    @pytest.mark.parametrize(
        ("pragma", "title", "detail"),
        [
            ("max_page_count = 1", "The disk of the store is full", "database or disk is full"),
            ("query_only = ON", "The store is read-only", "attempt to write a readonly database"),
        ],
    )
    def test_a_store_that_cannot_be_written_is_reported_in_the_databases_words(
        self, mlflow_store_copy: MlflowStore, pragma: str, title: str, detail: str
    ) -> None:
        from mlflow.entities import Metric, RunTag
        from sqlalchemy import event
        from sqlalchemy.pool import Pool

        def limit(connection: sqlite3.Connection, _: object) -> None:
            connection.execute(f"PRAGMA {pragma}")

        event.listen(Pool, "connect", limit)
        try:
            client, run = open_client(mlflow_store_copy.uri), mlflow_store_copy.runs["special"]
            with pytest.raises(Exception, match="sqlite3") as caught:
                client.log_batch(run, [Metric("m", 1.0, 0, 0)], tags=[RunTag("t", "x" * 4900)])
        finally:
            event.remove(Pool, "connect", limit)
        error = translate(caught.value)
        assert (error.title, error.detail) == (title, detail)
        assert error.hint

    def test_a_full_or_read_only_disk_is_recognized(self) -> None:
        full = OSError(28, "No space left on device", "/x")
        self.expect_translation(full, StoreRefused, "The disk of the store is full")
        read_only = OSError(30, "Read-only file system", "/x")
        self.expect_translation(read_only, StoreRefused, "The store is read-only")

    def test_other_exceptions_are_translated_and_cut(self) -> None:
        self.expect_translation(PermissionError(13, "Permission denied", "/data"), StoreUnreadable, "/data")
        self.expect_translation(
            ModuleNotFoundError("No module named 'psycopg2'"), StoreUnreadable, "psycopg2"
        )
        self.expect_translation(ValueError("odd"), StoreRefused, "ValueError: odd")
        long = translate(RuntimeError("line\n" * 1000))
        assert len(long.detail) < 400
        assert "\n" not in long.detail
