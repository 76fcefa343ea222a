"""Real tracking servers, started and supervised as an operator's are."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from engine.errors import EngineError, NotFound, ServiceError
from engine.jobs import CancelToken
from engine.server import servers
from engine.server.options import ServerOptions
from engine.server.records import StartedServer
from engine.services import control
from engine.services.processes import marked_processes
from tests.support import postgres as postgres_support
from tests.support.terminal import PATIENCE

pytestmark = pytest.mark.slow

EXPERIMENTS = "SELECT name, lifecycle_stage FROM experiments"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of all tests here; none of its services outlives them."""
    folder = tmp_path_factory.mktemp("state")
    yield folder
    left = [process for value, process in marked_processes() if value.startswith(str(folder))]
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=10)


@pytest.fixture(autouse=True)
def in_state(state: Path, clean_environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(state))


def start(state: Path, options: ServerOptions) -> StartedServer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(state))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return servers.start(options, CancelToken())


@pytest.fixture(scope="module")
def plain(state: Path, tmp_path_factory: pytest.TempPathFactory) -> StartedServer:
    """A server with all defaults, on a new database."""
    folder = tmp_path_factory.mktemp("plain")
    return start(state, ServerOptions(port=0, backend_store_uri=str(folder / "mlflow.db")))


@pytest.fixture(scope="module")
def guarded(
    state: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> StartedServer:
    """A server with accounts and a list of hosts, on PostgreSQL if there is one."""
    folder = tmp_path_factory.mktemp("guarded")
    backend = str(folder / "mlflow.db")
    if postgres_support.programs() is not None:
        postgres = request.getfixturevalue("postgres")
        postgres.execute("postgres", "CREATE DATABASE guarded")
        backend = postgres.uri("guarded", driver="")
    hosts = ("mlflow.example.org",)
    options = ServerOptions("guarded", port=0, backend_store_uri=backend, auth=True, allowed_hosts=hosts)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return start(state, options)


def api(url: str, path: str, **content: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(content.pop("method", "GET"), f"{url}/api/2.0/{path}", timeout=60, **content)


def rows(database: str, statement: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
        return connection.execute(statement).fetchall()


def log_of(started: StartedServer) -> str:
    return started.server.service.log.read_text()


def test_a_new_server_has_stored_something_and_removed_all_of_it(plain: StartedServer) -> None:
    facts = plain.server.facts
    assert plain.left == ()
    assert plain.unchecked == ""
    assert "POST /api/2.0/mlflow/experiments/create" in log_of(plain)
    assert "GET /api/2.0/mlflow-artifacts/artifacts/" in log_of(plain)
    assert rows(facts.backend, EXPERIMENTS) == [("Default", "active")]
    assert list(Path(facts.artifacts).iterdir()) == []


def test_it_is_one_process_that_serves_artifacts_itself(plain: StartedServer) -> None:
    service, url = plain.server.service, plain.server.service.url
    assert service.host == "127.0.0.1"
    assert len(service.processes) == 1
    assert service.memory > 100e6
    created = api(url, "mlflow/experiments/create", method="POST", json={"name": "kept"}).json()
    found = api(url, "mlflow/experiments/get", params={"experiment_id": created["experiment_id"]}).json()
    assert found["experiment"]["artifact_location"].startswith("mlflow-artifacts:/")
    path = f"mlflow-artifacts/artifacts/{created['experiment_id']}/a/b.txt"
    assert api(url, path, method="PUT", data=b"content").ok
    assert (Path(plain.server.facts.artifacts) / created["experiment_id"] / "a" / "b.txt").exists()
    assert api(url, path).content == b"content"
    assert requests.get(f"{url}/version", timeout=10).text == plain.server.facts.mlflow_version


def test_it_refuses_a_foreign_host_name(plain: StartedServer) -> None:
    headers = {"Host": "evil.example.org"}
    assert api(plain.server.service.url, "mlflow/experiments/search", headers=headers).status_code == 403


def test_its_status_says_how_it_does(plain: StartedServer) -> None:
    found = servers.status("")
    assert found.name == "server"
    assert found.service.state == "serving"
    assert found.response_seconds is not None
    assert servers.all_servers()[0].facts == plain.server.facts
    with pytest.raises(NotFound, match="'servr' not found"):
        servers.find("servr")


def test_a_second_start_of_a_name_and_of_a_port_is_refused_and_changes_nothing(
    plain: StartedServer, tmp_path: Path
) -> None:
    service, backend = plain.server.service, str(tmp_path / "mlflow.db")
    with pytest.raises(ServiceError, match="server runs already"):
        servers.start(ServerOptions(port=0, backend_store_uri=backend), CancelToken())
    options = ServerOptions("other", port=service.port, backend_store_uri=backend)
    with pytest.raises(ServiceError, match=f"Port {service.port} is in use") as caught:
        servers.start(options, CancelToken())
    assert "server" in caught.value.detail
    assert servers.status("server").service.processes == service.processes
    with pytest.raises(NotFound):
        control.find("other")
    assert not control.folder("other").exists()


def test_a_killed_server_is_back_with_its_data(plain: StartedServer) -> None:
    killed = servers.status("server").service
    os.kill(killed.processes[0], signal.SIGKILL)
    found = _until_serving_again(killed.restarts)
    assert found.processes != killed.processes
    assert api(found.url, "mlflow/experiments/get-by-name", params={"experiment_name": "kept"}).ok
    assert log_of(plain).count("POST /api/2.0/mlflow/experiments/create") == 2  # not checked again


def _until_serving_again(restarts: int) -> control.ServiceStatus:
    pause = CancelToken()
    for _ in range(int(20 * PATIENCE)):
        found = servers.find("server")
        if found.state == "serving" and found.restarts > restarts:
            return found
        pause.wait(0.1)
    raise AssertionError(f"{servers.find('server')}")


def test_stopping_ends_every_process_and_frees_the_port(plain: StartedServer) -> None:
    running = servers.find("server")
    assert running.pid is not None
    stopped = servers.stop("")
    assert stopped.service.state == "stopped"
    assert stopped.response_seconds is None
    assert not any(psutil.pid_exists(pid) for pid in (running.pid, *running.processes))
    assert servers.find("").name == "server"
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{running.url}/health", timeout=10)


def test_a_guarded_server_lets_in_only_the_administrator(guarded: StartedServer) -> None:
    url, login = guarded.server.service.url, ("admin", guarded.password)
    assert (guarded.left, guarded.unchecked) == ((), "")
    search = {"params": {"max_results": 10}}
    assert api(url, "mlflow/experiments/search", **search).status_code == 401
    assert api(url, "mlflow/experiments/search", auth=("admin", "wrong"), **search).status_code == 401
    found = api(url, "mlflow/experiments/search", auth=login, **search).json()["experiments"]
    assert [experiment["name"] for experiment in found] == ["Default"]
    assert rows(guarded.server.facts.auth_database, "SELECT * FROM role_permissions") == []


def test_a_guarded_server_answers_to_added_names(guarded: StartedServer) -> None:
    url, login = guarded.server.service.url, ("admin", guarded.password)
    for header, status in (("mlflow.example.org", 200), ("mlflow.example.org:80", 200), ("evil.org", 403)):
        found = api(url, "mlflow/experiments/get?experiment_id=0", auth=login, headers={"Host": header})
        assert found.status_code == status


def test_its_secrets_are_in_no_argument_log_or_record(guarded: StartedServer) -> None:
    service = servers.status("guarded").service
    password = Path(guarded.server.facts.password_file)
    assert password.read_text().strip() == guarded.password
    secrets = {
        guarded.password,
        (password.parent / "form-key").read_text().strip(),
        postgres_support.PASSWORD,
    }
    assert service.pid is not None
    for pid in (service.pid, *service.processes):
        arguments = " ".join(psutil.Process(pid).cmdline())
        assert not any(secret in arguments for secret in secrets)
    folder = control.folder("guarded")
    for path in (folder / "service.json", *folder.glob("log*")):
        assert not any(secret in path.read_text() for secret in secrets)
    assert not any(secret in repr((guarded, service)) for secret in secrets)
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or path.is_dir()


def test_a_guarded_server_keeps_its_password_when_it_is_started_again(guarded: StartedServer) -> None:
    servers.stop("guarded")
    kept = Path(guarded.server.facts.password_file)
    assert kept.read_text().strip() == guarded.password


def failure(state: Path, options: ServerOptions) -> EngineError:
    """The error of a start, after which nothing is registered."""
    with pytest.raises(EngineError) as caught:
        start(state, options)
    assert not control.folder(options.name).exists()
    assert not any(str(control.folder(options.name)) in value for value, _ in marked_processes())
    return caught.value


def test_an_old_database_is_refused_and_not_upgraded(state: Path, tmp_path: Path, mlflow_store: Any) -> None:
    database = tmp_path / "old.db"
    database.write_bytes(mlflow_store.path.read_bytes())
    rows(str(database), "UPDATE alembic_version SET version_num = '867495a8f9d4'")
    before = database.read_bytes()
    error = failure(state, ServerOptions("old", port=0, backend_store_uri=str(database)))
    assert "older than the installed MLflow" in error.title
    assert "867495a8f9d4" in error.detail
    assert "mlflow db upgrade" in error.hint
    assert database.read_bytes() == before


def test_a_failure_of_the_database_is_reported_in_its_own_words(state: Path) -> None:
    secret = "pa55-word-of-db"
    uri = f"postgresql://ana:{secret}@127.0.0.1:1/mlflow"
    error = failure(state, ServerOptions("unreachable", port=0, backend_store_uri=uri))
    assert "127.0.0.1:1" in error.title
    assert secret not in json.dumps([error.title, error.detail, error.hint])
