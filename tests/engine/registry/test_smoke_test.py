"""Smoke tests of real models, from a database and through a real server."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.api import Engine
from engine.errors import NotFound, ReadOnly, StoreError, UntrustedModel
from engine.model_files.files import model_files
from engine.model_files.worker import answers
from engine.registry.smoke_test import SmokeTestResult, smoke_test_version
from engine.stores import open_store
from engine.stores.mlflow.client import open_client
from engine.stores.records import find_version
from engine.uri import TrackingUri
from tests.conftest import MlflowStore
from tests.support.server import Server, serving
from tests.support.warm import Warm
from tests.support.web import Answer, serving as serving_web

pytestmark = pytest.mark.slow

MODELS = "tests.support.models"
"""The script that logs the models."""


def smoke_test(uri: TrackingUri, model: str, version: int = 1, *, allow_code: bool = True) -> SmokeTestResult:
    store = open_store(uri)
    try:
        return smoke_test_version(uri, store, model, version, allow_code=allow_code)
    finally:
        store.close()


@pytest.fixture(scope="module")
def local(warm_writer: Warm, tmp_path_factory: pytest.TempPathFactory) -> TrackingUri:
    folder = tmp_path_factory.mktemp("models")
    uri = f"sqlite:///{folder}/mlflow.db"
    warm_writer.run_script(MODELS, uri, folder=folder)
    return TrackingUri(uri)


@pytest.fixture(scope="module")
def server(warm_writer: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with its models under `mlflow-artifacts:/`, which only the server can reach."""
    folder = tmp_path_factory.mktemp("server")
    with serving(f"sqlite:///{folder}/mlflow.db", folder, warm=warm_writer) as server:
        warm_writer.run_script(MODELS, server.uri.raw, folder=folder)
        yield server


@pytest.mark.usefixtures("warm_children")
def test_a_model_predicts_its_input_example(local: TrackingUri, capfd: pytest.CaptureFixture[str]) -> None:
    import mlflow

    capfd.readouterr()
    before = mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI")
    result = smoke_test(local, "knn", allow_code=False)
    assert result.ok, result.detail
    assert (result.model, result.version, result.rows) == ("knn", 1, 3)
    assert result.predictions == ("0", "1", "0")
    assert result.load_seconds > 0
    assert result.predict_seconds > 0
    assert result.detail == ""
    assert (mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI")) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("warm_children")
def test_data_frames_and_parameters_are_supported(local: TrackingUri) -> None:
    """The example was logged with the parameter `times` = 3."""
    result = smoke_test(local, "frame")
    assert result.ok
    assert result.predictions[1] == "risk=189.0, note=\x1b[31mred", "raw: the screen escapes it"


@pytest.mark.parametrize(
    ("model", "detail"),
    [
        ("bare", "without an input example"),
        ("raising", "cannot predict its input example: ZeroDivisionError: three rows are one too many"),
        ("exiting", "cannot predict its input example: SystemExit: leaving"),
        ("missing", "does not load: ModuleNotFoundError: No module named 'a_package_of_theirs'"),
    ],
)
def test_a_failing_model_is_a_result(local: TrackingUri, model: str, detail: str) -> None:
    """In this process, which has imported MLflow already: a process for each model would do so again."""
    store = open_store(local)
    version = find_version(store.model_versions(model), model, 1)
    with model_files(local, version, store.run(version.run_id)) as files:
        *_, result = answers(files.folder(), True, iter([b'{"do": "example"}']))
    store.close()
    assert detail in result["failure"]


@pytest.mark.usefixtures("warm_children")
def test_a_model_that_kills_its_process_is_a_result(local: TrackingUri) -> None:
    result = smoke_test(local, "killed")
    assert not result.ok
    assert result.detail == "The process that loaded the model ended by signal 9."
    assert result.predictions == ()
    assert result.load_seconds > 0


@pytest.mark.parametrize(
    ("model", "detail"),
    [
        ("frame", "Stored as cloudpickle, "),
        ("frame", "/artifacts, registered 20"),
        ("frame", "loaded by mlflow.pyfunc.model, which can run arbitrary code."),
        ("missing", "loaded by a_package_of_theirs, which can run arbitrary code."),
        ("widened", "It may load posix.system, which is not a scikit-learn class."),
    ],
)
def test_a_model_with_code_of_its_own_is_not_loaded_without_permission(
    local: TrackingUri, model: str, detail: str
) -> None:
    with pytest.raises(UntrustedModel, match=f"{model} version 1 can run arbitrary code") as caught:
        smoke_test(local, model, allow_code=False)
    assert detail in caught.value.detail
    assert "trust" in caught.value.hint


def test_a_model_with_code_is_described_before_its_files_are_downloaded(
    mlflow_store_copy: MlflowStore,
) -> None:
    uri, flavors = mlflow_store_copy.tracking, b"flavors: {python_function: {loader_module: mlflow.sklearn}}"
    client = open_client(uri.raw)
    client.create_registered_model("remote")
    with serving_web() as web:
        client.create_model_version("remote", source=f"{web.uri}/api/2.0/mlflow-artifacts/artifacts/files")
        web.will_answer(Answer(body=b"{}"), Answer(body=flavors))  # an empty folder: MLmodel is a file
        with pytest.raises(UntrustedModel):
            smoke_test(uri, "remote", allow_code=False)
    assert len(web.requests) == 2
    assert all(request.path.endswith("MLmodel") for request in web.requests)


@pytest.mark.usefixtures("warm_children")
def test_a_read_only_engine_loads_no_code(local: TrackingUri) -> None:
    with Engine(local, read_only=True) as engine:
        with pytest.raises(UntrustedModel):
            engine.models.smoke_test("frame", 1)
        with pytest.raises(ReadOnly):
            engine.models.smoke_test("frame", 1, allow_code=True)
        assert engine.models.smoke_test("knn", 1).ok


def test_a_model_runs_in_another_process_without_terminal_and_credentials(
    local: TrackingUri, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cret-token")
    monkeypatch.setenv("GITHUB_TOKEN", "s3cret-token")
    monkeypatch.setenv("DATABASE_URL", "postgres://ada:s3cret-token@h/db")
    capfd.readouterr()
    result = smoke_test(local, "curious")
    assert result.ok, result.detail
    pid, stdin_tty, stdout_tty, folder, *secrets = result.predictions
    assert int(pid) != os.getpid()
    assert (stdin_tty, stdout_tty, secrets) == ("False", "False", [])
    assert Path(folder) != Path.cwd()
    assert not Path(folder).exists(), "its working folder is removed"
    assert capfd.readouterr() == ("", "")


def test_a_model_that_takes_too_long_is_ended(local: TrackingUri, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.model_files.process.TIMEOUT_SECONDS", 0.2)
    result = smoke_test(local, "knn")
    assert (result.ok, result.detail) == (False, "The model did not finish within 0 s.")


@pytest.mark.usefixtures("warm_children")
def test_missing_files_are_a_result(mlflow_store) -> None:  # type: ignore[no-untyped-def]
    result = smoke_test(mlflow_store.tracking, "classifier", 2)
    assert not result.ok
    assert "cannot be downloaded" in result.detail or "No model found" in result.detail


def test_a_missing_version_or_model_is_not_found(local: TrackingUri) -> None:
    with pytest.raises(NotFound) as caught:
        smoke_test(local, "knn", 9)
    assert caught.value.detail == "Versions: 1"
    with pytest.raises(NotFound):
        smoke_test(local, "nobody's")


@pytest.mark.usefixtures("warm_children")
def test_a_model_behind_a_server_is_downloaded_and_removed_afterwards(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Files are downloaded silently to a temporary folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = smoke_test(server.uri, "knn", allow_code=False)
    assert result.ok, result.detail
    assert result.predictions == ("0", "1", "0")
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_an_unresponsive_store_is_an_error(server: Server) -> None:
    """The last test here: it kills the server between reading the version and downloading."""
    store = open_store(server.uri)

    class KillsServer:
        def model_versions(self, name: str) -> object:
            versions = store.model_versions(name)
            server.kill()
            return versions

        run = staticmethod(store.run)

    with pytest.raises(StoreError, match="Cannot connect to"):
        smoke_test_version(server.uri, KillsServer(), "knn", 1)  # type: ignore[arg-type]
    store.close()
