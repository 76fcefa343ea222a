"""What every test may use: a store made by MLflow, a real server on it, and a clean environment.

- `mlflow_store` (session): a sqlite store filled by MLflow; its contents are told in
  support/mlflow_store.py. Never write to it: it is shared, and a server reads it.
- `mlflow_store_copy` (test): the same store for tests that write, with ids unchanged. The database
  is the test's own; the artifacts are the shared ones.
- `mlflow_server` (session): a real `mlflow server` on `mlflow_store`, one worker. Takes about 15 s
  to start, once, and only when a test asks for it.
- `postgres`, `mariadb` (session): database servers; `postgresql_store`, `mysql_store` (session): stores
  on them with the contents of `mlflow_store`, under ids of their own. Never write to those either.
- `warm`, `warm_writer` (session): run the command in a process that has imported it, or it and MLflow,
  already, see support/warm.py; `warm_children` (test): the same for the processes that train and load models.
  What tests the start of the command uses `run_command` and `open_console`.
- `home`, `folder` (test): empty folders for a command run as an operator runs it.
- `shared` (session): makes the things above once for all workers, see support/shared.py.
- `demo_store` (session), `own_demo` (test): the finished demo, and a copy of it.
- `kept` (session): makes `mlflow_store` and `demo_store` once for all runs, until what makes them changes.
- `clean_environment` (every test): a home of its own, no `MLFLOW_*`, no proxies, no telemetry.

Tests that need a server, a database server, training, a terminal or the whole console on a store, or that
compare with MLflow's own answers (contract/), are marked `slow`: most get the mark here by their fixtures or
folder, others in their files. `pytest -m "not slow"` leaves them out and keeps one walk through all views
(tui/test_views.py).
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.metadata import version
from inspect import iscoroutinefunction
from itertools import count
from pathlib import Path

import pytest

from engine import child_process
from engine.uri import TrackingUri
from tests.support import mariadb as mariadb_support, postgres as postgres_support, warm as warm_support
from tests.support.console import faults
from tests.support.demo import DemoStore, build_demo, copy_demo, demo_sources
from tests.support.mariadb import MariaDb
from tests.support.postgres import Postgres
from tests.support.server import serving_uri
from tests.support.shared import Shared, shared_folder
from tests.support.warm import Warm
from tui.terminal import prepare

# Compiling the engine and the tests anew in each of some hundred processes would double their CPU.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

SCRIPT = Path(__file__).parent / "support" / "mlflow_store.py"
SCRIPT_MODULE = "tests.support.mlflow_store"
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

    def refuse_run_tags(self) -> None:
        """From now on, no tag of a run can be set."""
        with closing(sqlite3.connect(self.path)) as database:
            database.execute(
                "CREATE TRIGGER refusing BEFORE INSERT ON tags BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )


@dataclass(frozen=True)
class MlflowServer:
    """A real server on `store`, at `http://127.0.0.1:PORT`."""

    tracking: TrackingUri
    store: MlflowStore

    @property
    def uri(self) -> str:
        return self.tracking.raw


SLOW_FIXTURES = {
    *("mlflow_server", "server", "remote", "postgres", "mariadb", "postgresql_store", "mysql_store"),
    *("warm_writer", "warm_children", "tested_models"),
    *("own_demo", "demo_store", "own_store", "workshop", "trained", "hostile_store"),
}
SLOW_KINDS = {"rest", "postgresql", "mysql"}
"""Kinds of store of tests/contract that need a server."""
SLOW_FOLDERS = tuple(Path(__file__).parent / name for name in ("contract", "e2e", "hostile"))
CONSOLE = Path(__file__).parent / "tui"
CONSOLE_FIXTURES = {"mlflow_store", "mlflow_store_copy"}
"""What a coroutine in `CONSOLE` runs the whole console on."""
EVERYDAY = CONSOLE / "test_views.py"


LONGEST = (
    "e2e/test_deployments.py",
    "engine/serving/test_deployments.py",
    *("engine/server/test_start.py", "tui/cli/test_server.py"),
    *("engine/server/test_upgrade.py", "tui/cli/test_upgrade.py"),
    *("engine/services/test_kills.py", "engine/services/test_control.py"),
    *("contract/test_run_queries.py", "engine/training/test_local_process.py", "e2e/test_training_ended.py"),
    *("engine/training/test_demo.py", "tui/models/test_screen.py", "hostile/test_screens.py"),
    *("engine/charts/test_file.py", "tui/widgets/test_plot.py"),
    *("engine/stores/sql/test_servers.py", "tui/models/test_promotion.py", "tui/test_typeahead.py"),
    *("e2e/test_terminal_behavior.py", "tui/runs/test_filter.py", "tui/runs/test_arranging.py"),
    *("tui/cli/test_training.py", "e2e/test_newcomer.py", "engine/registry/test_smoke_test.py"),
    *("contract/test_filter_conformance.py", "tui/runs/test_loading.py", "tui/training/test_screen.py"),
    *("contract/test_store_contract.py", "tui/runs/test_refresh.py", "tui/runs/test_filter_bar.py"),
    *("engine/stores/rest/test_connections.py", "engine/stores/rest/test_transport.py"),
    *("tui/widgets/test_table.py", "tui/runs/dialogs/test_column_picker.py"),
    *("engine/server/doctor/test_servers.py", "engine/server/doctor/test_auth.py"),
)
"""The files that take longest. They run first: whatever ran last, other workers would wait for it."""


def pytest_xdist_auto_num_workers() -> int:
    """Two workers more than processors: a test of the console or of a server waits for much of its time."""
    return len(os.sched_getaffinity(0)) + 2


def pytest_configure() -> None:
    """Set Textual up as the program does, and let its pilot look more often whether the console is idle. It
    looks at least twice for each key: with Textual's own 20 ms, tests would wait two thirds of their time."""
    prepare()
    from textual import _wait

    _wait.SLEEP_GRANULARITY = 1 / 200
    _wait.SLEEP_IDLE = _wait.SLEEP_GRANULARITY / 20


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--old-releases",
        action="store_true",
        help="test upgrades on stores that older releases of MLflow, installed for the test, have just made",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what waits for a server, training, a terminal, a whole console or MLflow's answers."""
    ranks = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))
    paths = {item.path for item in items}
    console = {path for path in paths if path.is_relative_to(CONSOLE) and path != EVERYDAY}
    slow = {path for path in paths if any(path.is_relative_to(folder) for folder in SLOW_FOLDERS)}
    for item in items:
        assert isinstance(item, pytest.Function)
        parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
        whole_console = (
            item.path in console
            and iscoroutinefunction(item.function)
            and CONSOLE_FIXTURES.intersection(item.fixturenames)
        )
        if (
            whole_console
            or SLOW_FIXTURES.intersection(item.fixturenames)
            or SLOW_KINDS.intersection(value for value in parameters if isinstance(value, str))
            or item.path in slow
        ):
            item.add_marker(pytest.mark.slow)


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


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes an empty folder. pytest's own would look through all the others first, for each test."""
    homes, numbers = tmp_path_factory.mktemp("homes"), count()

    def make() -> Path:
        home: Path = homes / str(next(numbers))
        home.mkdir()
        return home

    return make


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, new_home: Callable[[], Path]) -> Mapping[str, str]:
    """An empty home, none of the user's settings. Returns the variables that it set."""
    home = new_home()
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


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Makes what is costly once for all workers."""
    with Shared(shared_folder(tmp_path_factory.getbasetemp())) as shared:
        yield shared


@pytest.fixture(scope="session")
def warm(shared: Shared, server_environment: dict[str, str]) -> Warm:
    """Runs commands that only read, each in a process that need not import them again."""
    return shared.served("warm-reader", warm_support.serving, "reading", environment=server_environment)


@pytest.fixture(scope="session")
def warm_writer(shared: Shared, server_environment: dict[str, str]) -> Warm:
    """The same for commands that import MLflow."""
    return shared.served("warm-writer", warm_support.serving, "writing", environment=server_environment)


@pytest.fixture
def warm_children(warm_writer: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training, and loading models, in processes that need not import MLflow and scikit-learn. The command
    in a process of `warm_writer` has them too."""
    monkeypatch.setattr(child_process, "subprocess", warm_support.forked_children(warm_writer))


@pytest.fixture(scope="session")
def server_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a server, or of a script that fills a store."""
    return _environment(tmp_path_factory.mktemp("server-home"))


@pytest.fixture(scope="session")
def tested_models(shared: Shared, warm_writer: Warm) -> TrackingUri:
    """A store with the registered models of support/tested_models.py; read only."""

    def make(folder: Path) -> TrackingUri:
        uri = f"sqlite:///{folder}/mlflow.db"
        warm_writer.run_script("tests.support.tested_models", uri, folder=folder)
        return TrackingUri(uri)

    return shared.made("tested-models", make)


def _fill(folder: Path, environment: Mapping[str, str]) -> MlflowStore:
    """A store in the folder, with its artifacts."""
    made = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return _filled(folder, made.stdout)


def _filled(folder: Path, answer_of_script: str | bytes) -> MlflowStore:
    answer = json.loads(answer_of_script)
    return MlflowStore(
        path=folder / "mlflow.db",
        tracking=TrackingUri(answer["uri"]),
        experiments=answer["experiments"],
        runs=answer["runs"],
        model_id=answer["model_id"],
    )


@pytest.fixture(scope="session")
def kept(shared: Shared, request: pytest.FixtureRequest) -> Shared:
    """Makes things once for all runs of the tests, in pytest's cache; without a cache, once for this run."""
    cache: pytest.Cache | None = getattr(request.config, "cache", None)
    return shared if cache is None else Shared(cache.mkdir("kept"))


@pytest.fixture(scope="session")
def mlflow_store(kept: Shared, server_environment: dict[str, str]) -> MlflowStore:
    made_by = f"{SCRIPT} {version('mlflow')}".encode() + SCRIPT.read_bytes()
    name = f"mlflow-store-{sha256(made_by).hexdigest()[:16]}"
    return kept.made(name, lambda folder: _fill(folder, server_environment), replaces="mlflow-store-")


@pytest.fixture(scope="session")
def postgres(shared: Shared, server_environment: dict[str, str]) -> Postgres:
    programs = postgres_support.programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (Debian's package is postgresql)")
    serving = postgres_support.serving
    return shared.served("postgresql-server", serving, programs, environment=server_environment)


@pytest.fixture(scope="session")
def postgresql_store(shared: Shared, postgres: Postgres, warm_writer: Warm) -> MlflowStore:
    def make(folder: Path) -> MlflowStore:
        postgres.execute("postgres", "CREATE DATABASE mlflow")
        uri = postgres.uri("mlflow")
        return _filled(folder, warm_writer.run_script(SCRIPT_MODULE, folder, uri, folder=folder))

    # A restarted server is empty and has another port.
    return shared.made(f"postgresql-{postgres.port}", make)


@pytest.fixture(scope="session")
def mariadb(shared: Shared, server_environment: dict[str, str]) -> MariaDb:
    programs = mariadb_support.programs()
    if programs is None:
        pytest.skip("no MariaDB server is installed (Debian's package is mariadb-server)")
    serving = mariadb_support.serving
    return shared.served("mysql-server", serving, programs, environment=server_environment)


@pytest.fixture(scope="session")
def mysql_store(shared: Shared, mariadb: MariaDb, warm_writer: Warm) -> MlflowStore:
    def make(folder: Path) -> MlflowStore:
        mariadb.execute("mysql", "CREATE DATABASE mlflow")
        uri = mariadb.uri("mlflow")
        return _filled(folder, warm_writer.run_script(SCRIPT_MODULE, folder, uri, folder=folder))

    return shared.made(f"mysql-{mariadb.port}", make)


@pytest.fixture(scope="session")
def hostile_store(shared: Shared, warm_writer: Warm) -> str:
    """The tracking URI of a database full of payloads (hostile/store.py). Never write to it."""

    def make(folder: Path) -> str:
        return warm_writer.run_script("tests.hostile.store", folder, folder=folder).decode().strip()

    return shared.made("hostile-store", make)


@pytest.fixture
def mlflow_store_copy(mlflow_store: MlflowStore, tmp_path: Path) -> MlflowStore:
    path = tmp_path / "copy.db"
    shutil.copyfile(mlflow_store.path, path)
    return replace(mlflow_store, path=path, tracking=TrackingUri(f"sqlite:///{path}"))


@pytest.fixture(scope="session")
def mlflow_server(
    shared: Shared,
    mlflow_store: MlflowStore,
    server_environment: dict[str, str],
    warm_writer: Warm,
    tmp_path_factory: pytest.TempPathFactory,
) -> MlflowServer:
    arguments = (mlflow_store.uri, tmp_path_factory.mktemp("server"), warm_writer)
    tracking = shared.served("mlflow-server", serving_uri, *arguments, environment=server_environment)
    return MlflowServer(tracking, mlflow_store)


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


@pytest.fixture(scope="session")
def demo_store(kept: Shared, tmp_path_factory: pytest.TempPathFactory) -> DemoStore:
    """The finished demo, made by the command. Never write to its folder: copy it with `own_demo`."""
    home = tmp_path_factory.mktemp("demo-home")
    return kept.made(f"demo-{demo_sources()}", lambda folder: build_demo(folder, home), replaces="demo-")


@pytest.fixture
def own_demo(demo_store: DemoStore, folder: Path) -> Path:
    """A working folder with the finished demo in it; the artifacts stay in the original's folder."""
    copy_demo(demo_store, folder)
    return folder
