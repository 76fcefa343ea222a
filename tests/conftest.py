"""What every test may use: a store made by MLflow, a real server on it, and a clean environment.

- `mlflow_store` (session): a sqlite store filled by MLflow; its contents are told in
  support/mlflow_store.py. Never write to it: it is shared, and a server reads it.
- `mlflow_store_copy` (test): the same store for tests that write, with ids unchanged. The database
  is the test's own; the artifacts are the shared ones.
- `mlflow_server` (session): a real `mlflow server` on `mlflow_store`, one worker. Takes about 15 s
  to start, once, and only when a test asks for it.
- `postgres`, `mariadb` (session): database servers; `postgresql_store`, `mysql_store` (session): stores
  on them with the contents of `mlflow_store`, under ids of their own. Never write to those either.
- `home`, `folder` (test): empty folders for a command run as an operator runs it.
- `demo` (session), `own_demo` (test): the finished demo, and a copy of it.
- `clean_environment` (every test): a home of its own, no `MLFLOW_*`, no proxies, no telemetry.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from engine.uri import TrackingUri
from tests.support import mariadb as mariadb_support
from tests.support import postgres as postgres_support
from tests.support.console import faults, run_command
from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres

SCRIPT = Path(__file__).parent / "support" / "mlflow_store.py"
LOOPBACK = "127.0.0.1"
START_SECONDS = 120


@dataclass(frozen=True)
class MlflowStore:
    """A store made by MLflow: `runs` and `experiments` map names to ids; `model_id` is the logged
    model of the run `special`."""

    path: Path
    tracking: TrackingUri
    experiments: Mapping[str, str]
    runs: Mapping[str, str]
    model_id: str

    @property
    def uri(self) -> str:
        return self.tracking.raw

    @property
    def heart(self) -> str:
        """Id of the experiment with the runs."""
        return self.experiments["heart"]


@dataclass(frozen=True)
class MlflowServer:
    """A real server on `store`, at `http://127.0.0.1:PORT`."""

    tracking: TrackingUri
    store: MlflowStore
    pid: int

    @property
    def uri(self) -> str:
        return self.tracking.raw


def _environment(home: Path) -> dict[str, str]:
    """The environment of a child process: ours without MLflow's variables, proxies and home."""
    foreign = ("MLFLOW_", "XDG_", "DATABRICKS_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(foreign) and not name.lower().endswith("_proxy")
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, "HOME": str(home), "PATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, str]:
    """An empty home, none of the user's settings. Returns the variables that it set."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "DATABRICKS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    variables = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def _filled(factory: pytest.TempPathFactory, *uri: str) -> MlflowStore:
    """A store in a new folder, or in the empty database at `uri`; its artifacts lie in the folder."""
    folder = factory.mktemp("store")
    made = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), *uri],
        env=_environment(factory.mktemp("store-home")),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    return MlflowStore(
        path=folder / "mlflow.db",
        tracking=TrackingUri(told["uri"], "--tracking-uri"),
        experiments=told["experiments"],
        runs=told["runs"],
        model_id=told["model_id"],
    )


@pytest.fixture(scope="session")
def mlflow_store(tmp_path_factory: pytest.TempPathFactory) -> MlflowStore:
    return _filled(tmp_path_factory)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    programs = postgres_support.programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (Debian's package is postgresql)")
    with postgres_support.serving(programs) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql_store(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> MlflowStore:
    postgres.execute("postgres", "CREATE DATABASE mlflow")
    return _filled(tmp_path_factory, postgres.uri("mlflow"))


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    programs = mariadb_support.programs()
    if programs is None:
        pytest.skip("no MariaDB server is installed (Debian's package is mariadb-server)")
    with mariadb_support.serving(programs) as running:
        yield running


@pytest.fixture(scope="session")
def mysql_store(mariadb: MariaDb, tmp_path_factory: pytest.TempPathFactory) -> MlflowStore:
    mariadb.execute("mysql", "CREATE DATABASE mlflow")
    return _filled(tmp_path_factory, mariadb.uri("mlflow"))


@pytest.fixture
def mlflow_store_copy(mlflow_store: MlflowStore, tmp_path: Path) -> MlflowStore:
    path = tmp_path / "copy.db"
    shutil.copyfile(mlflow_store.path, path)
    return replace(mlflow_store, path=path, tracking=TrackingUri(f"sqlite:///{path}", "--tracking-uri"))


@pytest.fixture(scope="session")
def mlflow_server(
    mlflow_store: MlflowStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MlflowServer]:
    folder = tmp_path_factory.mktemp("server")
    environment = _environment(folder) | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    port = _free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(port)]
    command += ["--backend-store-uri", mlflow_store.uri, "--workers", "1"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_until_healthy(process, port, log)
        tracking = TrackingUri(f"http://{LOOPBACK}:{port}", "--tracking-uri")
        yield MlflowServer(tracking, mlflow_store, process.pid)
    finally:
        _end(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(START_SECONDS * 5):
        if _is_healthy(port):
            return
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
        break
    pytest.fail(f"mlflow server did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _is_healthy(port: int) -> bool:
    connection = HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and its workers: they are a process group of their own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


NOBODY = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
"""A server that is not there."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty home folder; afterwards the console's log in it must hold no traceback."""
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    assert faults(folder) == ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to work in."""
    here = tmp_path / "work"
    here.mkdir()
    return here


@dataclass(frozen=True)
class Demo:
    """What the first command of the README has left behind: its folder and what it said."""

    folder: Path
    said: subprocess.CompletedProcess[bytes]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """`mlflow-console demo` without a terminal, for real, in an empty folder, while the environment
    names a server: about half a minute, once. Never write to the folder: copy it with `own_demo`."""
    folder, home = tmp_path_factory.mktemp("demo"), tmp_path_factory.mktemp("demo-home")
    said = run_command("demo", cwd=folder, home=home, env=NOBODY, within=300)
    return Demo(folder, said)


@pytest.fixture
def own_demo(demo: Demo, folder: Path) -> Path:
    """A working folder with the finished demo in it; the artifacts stay in the original's folder."""
    assert demo.said.returncode == 0, demo.said.stderr.decode()
    shutil.copyfile(demo.folder / "mlflow.db", folder / "mlflow.db")
    return folder
