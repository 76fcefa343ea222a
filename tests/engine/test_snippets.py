"""What the copy menu offers for runs and versions."""

from __future__ import annotations

import json
import subprocess

import pytest

from engine.entities import LoggedModel, ModelVersion, RunDetail
from engine.snippets import Snippet, run_snippets, version_snippets
from engine.uri import TrackingUri
from tests.conftest import MlflowServer, MlflowStore
from tests.support.runs import a_run

LOCAL = TrackingUri("sqlite:////data/mlflow.db")
SERVER = TrackingUri("https://ada:hunter2@mlflow.example:8443/base")
DETAIL = RunDetail(a_run("f" * 32, name="knn 'best'"), models=(LoggedModel("m-1", "model"),))
VERSION = ModelVersion('it\'s "x"; rm -rf /', 2, run_id="f" * 32, aliases=("fresh", "champion"))


def texts(snippets: tuple[Snippet, ...]) -> dict[str, str]:
    return {snippet.label: snippet.text for snippet in snippets}


def test_a_run_has_its_id_name_models_and_code() -> None:
    found = texts(run_snippets(LOCAL, DETAIL, {}))
    assert list(found) == ["id", "name", "model", "logged model", "Python"]
    assert (found["id"], found["name"]) == ("f" * 32, "knn 'best'")
    assert (found["model"], found["logged model"]) == (f"runs:/{'f' * 32}/model", "models:/m-1")
    assert found["Python"].splitlines()[2:] == [
        "mlflow.set_tracking_uri('sqlite:////data/mlflow.db')",
        f"run = mlflow.get_run('{'f' * 32}')",
        "model = mlflow.pyfunc.load_model('models:/m-1')",
    ]


def test_a_version_has_its_addresses_first_those_by_alias() -> None:
    snippets = version_snippets(LOCAL, VERSION, {})
    assert [s.text for s in snippets if s.label == "address"] == [
        f"models:/{VERSION.name}@champion",
        f"models:/{VERSION.name}@fresh",
        f"models:/{VERSION.name}/2",
    ]
    assert "curl" not in texts(snippets), "a database answers no requests"
    assert "curl, served" in texts(snippets)


def test_names_are_quoted_in_code() -> None:
    found = texts(version_snippets(SERVER, VERSION, {}))
    namespace: dict[str, object] = {}
    load = found["Python"].splitlines()[-1].replace("mlflow.pyfunc.load_model", "str")
    exec(load, namespace)
    assert namespace["model"] == f"models:/{VERSION.name}@champion"
    for label in ("serve", "curl"):
        words = subprocess.run(
            ["sh", "-c", f"printf '%s\\n' {found[label]}"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert words[-3 if label == "serve" else -1].endswith(
            "@champion" if label == "serve" else "version=2"
        ), words


def test_no_copied_text_runs_when_it_is_pasted() -> None:
    hostile = "x\nrm -rf ~\x1b[2J"
    snippets = (
        *run_snippets(SERVER, RunDetail(a_run("f" * 32, name=hostile)), {}),
        *version_snippets(SERVER, ModelVersion(hostile, 1), {}),
    )
    assert all("\nrm" not in snippet.text and "\x1b" not in snippet.text for snippet in snippets)


def test_credentials_are_never_copied() -> None:
    for environ in ({}, {"MLFLOW_TRACKING_TOKEN": "s3cret"}, {"MLFLOW_TRACKING_USERNAME": "ada"}):
        snippets = (*run_snippets(SERVER, DETAIL, environ), *version_snippets(SERVER, VERSION, environ))
        everything = "\n".join(snippet.text for snippet in snippets)
        assert not any(snippet.text.endswith("\n") for snippet in snippets), "a paste must not run it"
        assert "hunter2" not in everything
        assert "s3cret" not in everything
        assert "set MLFLOW_TRACKING_URI" in everything
        assert "https://mlflow.example:8443/base/api/2.0/mlflow/runs/get" in everything
    assert (
        "Bearer $MLFLOW_TRACKING_TOKEN"
        in texts(run_snippets(SERVER, DETAIL, {"MLFLOW_TRACKING_TOKEN": "s3cret"}))["curl"]
    )


@pytest.mark.slow
def test_a_server_answers_the_requests(mlflow_server: MlflowServer, mlflow_store: MlflowStore) -> None:
    run = RunDetail(a_run(mlflow_store.runs["trial-23"]))
    version = ModelVersion("classifier", 2)
    found = {
        "run": texts(run_snippets(mlflow_server.tracking, run, {}))["curl"],
        "model_version": texts(version_snippets(mlflow_server.tracking, version, {}))["curl"],
    }
    for key, command in found.items():
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=60)
        assert key in json.loads(done.stdout)
