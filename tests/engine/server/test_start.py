"""Real tracking servers, started and supervised as an operator's are."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest
import requests

from engine.api import Servers
from engine.errors import EngineError, NotFound, ServiceError
from engine.jobs import CancelToken
from engine.server import servers, write_check
from engine.server.doctor.doctor import examine
from engine.server.options import ServerOptions, plan
from engine.server.records import StartedServer
from engine.server.upgrade.upgrade import writers_of
from engine.services import control
from engine.services.processes import marked_processes
from engine.uri import TrackingUri
from tests.conftest import MlflowStore
from tests.engine.server.doctor.support import LIMITS
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


@dataclass(frozen=True)
class Guarded:
    """A server with accounts and a list of hosts."""

    started: StartedServer
    options: ServerOptions
    store: Callable[[str], list[tuple[Any, ...]]]
    accounts: Callable[[str], list[tuple[Any, ...]]]
    """Run a statement on its database, and on that of its accounts."""

    @property
    def url(self) -> str:
        return self.started.server.service.url

    @property
    def login(self) -> tuple[str, str]:
        return "admin", self.started.password


@pytest.fixture(scope="module")
def guarded(state: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Guarded:
    """On PostgreSQL if it is installed."""
    folder = tmp_path_factory.mktemp("guarded")
    backend = str(folder / "mlflow.db")
    store, accounts = partial(rows, backend), partial(rows, str(folder / "basic_auth.db"))
    if postgres_support.programs() is not None:
        postgres: postgres_support.Postgres = request.getfixturevalue("postgres")
        postgres.execute("postgres", "CREATE DATABASE guarded")
        backend = postgres.uri("guarded", driver="")
        store = accounts = partial(postgres.execute, "guarded")
    options = ServerOptions(
        "guarded",
        port=0,
        backend_store_uri=backend,
        artifacts_destination=str(folder / "files"),
        auth=True,
        allowed_hosts=("mlflow.example.org",),
    )
    return Guarded(start(state, options), options, store, accounts)


def api(url: str, path: str, **content: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(content.pop("method", "GET"), f"{url}/api/2.0/{path}", timeout=60, **content)


def rows(database: str, statement: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
        return connection.execute(statement).fetchall()


def processes_of(name: str) -> set[int]:
    folder = str(control.folder(name))
    return {process.pid for value, process in marked_processes() if value.startswith(folder)}


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
    assert found.name == "mlflow"
    assert found.service.state == "serving"
    assert found.response_seconds is not None
    assert servers.all_servers()[0].facts == plain.server.facts
    with pytest.raises(NotFound, match="'mlfow' not found"):
        servers.find("mlfow")


def test_the_doctor_finds_nothing_wrong_and_examines_the_database_behind_it(plain: StartedServer) -> None:
    report = examine(TrackingUri(plain.server.service.url), "a test", LIMITS)
    assert report.findings == ()
    facts = report.groups[1].facts
    assert f"{TrackingUri(plain.server.facts.backend).shown} behind it" in facts
    assert any(fact.startswith("schema of MLflow 3.") for fact in facts)


def test_a_server_that_cannot_read_its_store_is_told_from_one_that_can(plain: StartedServer) -> None:
    database = plain.server.facts.backend
    assert servers.store_problem(servers.status("mlflow")) == ""
    rows(database, "ALTER TABLE experiments RENAME TO aside")
    problem = servers.store_problem(servers.status("mlflow"))
    rows(database, "ALTER TABLE aside RENAME TO experiments")
    assert "no such table: experiments" in problem


def test_a_second_server_on_the_same_database_says_so(plain: StartedServer) -> None:
    options = ServerOptions("second", port=0, backend_store_uri=plain.server.facts.backend)
    (told,) = servers.notices_of(plan(options))
    assert told == f"The server mlflow, at {plain.server.service.url}, uses the same database."


def test_a_second_start_of_a_name_and_of_a_port_is_refused_and_changes_nothing(
    plain: StartedServer, tmp_path: Path
) -> None:
    service, backend = plain.server.service, str(tmp_path / "mlflow.db")
    with pytest.raises(ServiceError, match="mlflow runs already"):
        servers.start(ServerOptions(port=0, backend_store_uri=backend), CancelToken())
    options = ServerOptions("other", port=service.port, backend_store_uri=backend)
    with pytest.raises(ServiceError, match=f"Port {service.port} is in use") as caught:
        servers.start(options, CancelToken())
    assert "mlflow" in caught.value.detail
    assert servers.status("mlflow").service.processes == service.processes
    with pytest.raises(NotFound):
        control.find("other")
    assert not control.folder("other").exists()


def test_a_backup_by_its_address_has_its_artifacts_and_an_upgrade_would_name_it(
    plain: StartedServer, tmp_path: Path
) -> None:
    url, facts = plain.server.service.url, plain.server.facts
    run = api(url, "mlflow/runs/create", method="POST", json={"experiment_id": "0"}).json()["run"]["info"]
    kept = f"0/{run['run_id']}/artifacts/note.txt"
    assert api(url, f"mlflow-artifacts/artifacts/{kept}", method="PUT", data=b"kept").ok
    made = Servers(read_only=True).backup(TrackingUri(url), tmp_path / "backup", artifacts=True)
    assert made.manifest.folders[0].source == facts.artifacts
    restored = Servers(read_only=False).restore(made.path, tmp_path / "restored")
    assert restored.served_folder is not None
    assert (restored.served_folder / kept).read_bytes() == b"kept"
    assert rows(restored.uri.raw, "SELECT run_uuid FROM runs") == [(run["run_id"],)]

    database = TrackingUri(facts.backend).sqlite_path
    assert database is not None
    (writer,) = writers_of(database)
    assert writer.stop == "mlflow-console server stop mlflow"


def test_a_killed_server_is_back_with_its_data(plain: StartedServer) -> None:
    killed = servers.status("mlflow").service
    os.kill(killed.processes[0], signal.SIGKILL)
    found = _until_serving_again(killed.restarts)
    assert found.processes != killed.processes
    assert api(found.url, "mlflow/experiments/get-by-name", params={"experiment_name": "kept"}).ok
    assert log_of(plain).count("POST /api/2.0/mlflow/experiments/create") == 2  # not checked again


def _until_serving_again(restarts: int) -> control.ServiceStatus:
    pause = CancelToken()
    for _ in range(int(20 * PATIENCE)):
        found = servers.find("mlflow")
        if found.state == "serving" and found.restarts > restarts:
            return found
        pause.wait(0.1)
    raise AssertionError(f"{servers.find('server')}")


def test_stopping_ends_every_process_and_frees_the_port(plain: StartedServer) -> None:
    running = servers.find("mlflow")
    assert processes_of("mlflow") == {running.pid, *running.processes}
    stopped = servers.stop("")
    assert stopped.service.state == "stopped"
    assert stopped.response_seconds is None
    assert processes_of("mlflow") == set()
    assert servers.find("").name == "mlflow"
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{running.url}/health", timeout=10)


def test_the_doctor_names_the_stopped_server_and_its_log(plain: StartedServer) -> None:
    if servers.find("mlflow").running:
        servers.stop("mlflow")
    (told,) = examine(TrackingUri(plain.server.service.url), "a test", LIMITS).findings
    again = f"mlflow-console server start --backend-store-uri {plain.server.facts.backend} "
    assert told.name == "server-unreachable"
    assert told.command.startswith(again)
    assert "your server 'mlflow', stopped. Start it again; `mlflow-console server logs mlflow`" in told.fix


def test_a_guarded_server_lets_in_only_the_administrator(guarded: Guarded) -> None:
    search = partial(api, guarded.url, "mlflow/experiments/search", params={"max_results": 10})
    assert (guarded.started.left, guarded.started.unchecked) == ((), "")
    assert search().status_code == 401
    assert search(auth=("admin", "wrong")).status_code == 401
    assert [found["name"] for found in search(auth=guarded.login).json()["experiments"]] == ["Default"]
    (told,) = examine(TrackingUri(guarded.url), "a test", LIMITS).findings
    assert told.name == "login-required"
    assert f'$(cat {guarded.started.server.facts.password_file})"' in told.command
    assert guarded.accounts("SELECT username FROM users") == [("admin",)]
    assert guarded.accounts("SELECT * FROM role_permissions") == []


def test_a_backup_of_a_server_on_postgresql_names_its_own_tools(guarded: Guarded, tmp_path: Path) -> None:
    if not guarded.started.server.facts.backend.startswith("postgresql"):
        pytest.skip("PostgreSQL is not installed")
    uri, told = TrackingUri(guarded.url), Servers(read_only=False)
    for what, hint in (
        (lambda: told.backup(uri, tmp_path / "backup"), "pg_dump --host="),
        (lambda: told.plan_upgrade(uri), "mlflow db upgrade"),
    ):
        with pytest.raises(EngineError, match="SQLite only") as caught:
            what()
        assert hint in caught.value.hint


def test_a_guarded_server_answers_to_added_names(guarded: Guarded) -> None:
    for header, status in (("mlflow.example.org", 200), ("mlflow.example.org:80", 200), ("evil.org", 403)):
        path = "mlflow/experiments/get?experiment_id=0"
        assert api(guarded.url, path, auth=guarded.login, headers={"Host": header}).status_code == status


def test_its_secrets_are_in_no_argument_log_or_record(guarded: Guarded) -> None:
    service, folder = servers.status("guarded").service, control.folder("guarded")
    _, password = guarded.login
    assert Path(guarded.started.server.facts.password_file).read_text().strip() == password
    key = (folder / "server" / "form-key").read_text().strip()
    secrets = {password, key, postgres_support.PASSWORD, quote(postgres_support.PASSWORD, safe="")}
    assert service.pid is not None
    shown = [repr((guarded.started, guarded.options, service))]
    shown += [" ".join(psutil.Process(pid).cmdline()) for pid in (service.pid, *service.processes)]
    shown += [path.read_text() for path in (folder / "service.json", *folder.glob("log*"))]
    assert not any(secret in text for text in shown for secret in secrets)
    own = [*folder.rglob("*"), *Path(guarded.options.artifacts_destination).parent.glob("basic_auth.*")]
    assert all(path.stat().st_mode & 0o077 == 0 for path in own)


def test_a_guarded_server_keeps_its_password_and_removes_what_a_killed_check_left(
    state: Path, guarded: Guarded
) -> None:
    create = partial(api, guarded.url, "mlflow/experiments/create", method="POST", auth=guarded.login)
    assert create(json={"name": f"{write_check.NAME} 1234abcd"}).ok
    assert create(json={"name": "kept"}).ok
    guarded.store("UPDATE experiments SET creation_time = 1")
    servers.stop("guarded")
    again = start(state, guarded.options)
    assert (again.password, again.unchecked, again.left) == ("", "", ())  # checked with the same one
    login = ("admin", Path(again.server.facts.password_file).read_text().strip())
    assert login == guarded.login
    found = guarded.store("SELECT name FROM experiments ORDER BY name")
    assert found == [("Default",), ("kept",)]
    servers.stop("guarded")


def test_a_server_that_cannot_open_its_database_says_why_and_leaves_nothing(
    state: Path, tmp_path: Path, mlflow_store: MlflowStore
) -> None:
    database = tmp_path / "damaged.db"
    database.write_bytes(mlflow_store.path.read_bytes())
    rows(str(database), "DROP TABLE webhook_events")
    with pytest.raises(ServiceError) as caught:
        start(state, ServerOptions("damaged", port=0, backend_store_uri=str(database), auth=True))
    assert caught.value.title == "The store lacks tables"
    assert "webhook_events" in caught.value.detail
    assert "backup" in caught.value.hint
    assert not control.folder("damaged").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"damaged.db"}
    assert processes_of("damaged") == set()
