"""The installed command, run in a temporary directory with a temporary home."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MlflowStore
from tests.support.demo import DemoStore
from tests.support.shared import Shared
from tests.support.warm import Warm


@dataclass(frozen=True)
class Result:
    """The output and exit status of a command."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout, which must be exactly one JSON object."""
        assert self.out.endswith("\n")
        assert self.out.count("\n") == 1
        payload = json.loads(self.out, parse_constant=_no_constant)
        assert isinstance(payload, dict)
        return payload

    @property
    def table(self) -> list[list[str]]:
        """The lines of stdout, split at runs of two or more spaces."""
        return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in self.out.splitlines()]


def _no_constant(name: str) -> None:
    pytest.fail(f"{name} is not JSON")


Run = Callable[..., Result]


@pytest.fixture
def run(warm: Warm, folder: Path, home: Path) -> Run:
    """`run("runs", "x", env={…})` runs the command in `folder`, without a terminal."""
    return _in(warm, folder, home)


@pytest.fixture
def write(warm_writer: Warm, folder: Path, home: Path) -> Run:
    """The same for commands that import MLflow."""
    return _in(warm_writer, folder, home)


def _in(warm: Warm, folder: Path, home: Path) -> Run:
    def run_it(*arguments: str, env: Mapping[str, str] | None = None) -> Result:
        return _result(warm.run(*arguments, cwd=folder, home=home, env=env))

    return run_it


def _result(done: subprocess.CompletedProcess[bytes]) -> Result:
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def on_store(run: Run, mlflow_store: MlflowStore) -> Run:
    """`run` on the shared store made by MLflow; read only."""
    return on_uri(run, mlflow_store.uri)


@pytest.fixture
def on_copy(write: Run, mlflow_store_copy: MlflowStore) -> Run:
    """`write` on a writable copy of that store."""
    return on_uri(write, mlflow_store_copy.uri)


@pytest.fixture
def on_demo(run: Run, demo_store: DemoStore) -> Run:
    """`run` on the finished demo; read only."""
    return on_uri(run, demo_store.uri)


@dataclass(frozen=True)
class Trained:
    """A directory with the store that `train --json` made, and the result of that command."""

    folder: Path
    result: Result


@pytest.fixture(scope="session")
def trained(shared: Shared, warm_writer: Warm, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A sweep with a tie: with one neighbour, both weightings give the same predictions."""
    home = tmp_path_factory.mktemp("trained-home")
    grid = "n_neighbors=1 weights=uniform,distance"
    arguments = ("train", "-e", "ties", "--name", "first sweep", "--grid", grid, "--json")

    def make(folder: Path) -> Trained:
        return Trained(folder, _result(warm_writer.run(*arguments, cwd=folder, home=home)))

    return shared.made("trained", make)


@pytest.fixture
def on_trained(write: Run, trained: Trained) -> Run:
    """`write` on the store of `trained`."""
    return on_uri(write, f"sqlite:///{trained.folder / 'mlflow.db'}")


def on_uri(run: Run, uri: str) -> Run:
    """`run` on the store at `uri`."""

    def run_it(*arguments: str, env: Mapping[str, str] | None = None) -> Result:
        return run("--tracking-uri", uri, *arguments, env=env)

    return run_it
