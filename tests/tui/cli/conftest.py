"""The installed command in a folder and a home of its own, as a script or a shell runs it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MlflowStore
from tests.support.console import run_command
from tests.support.shared import Shared


@dataclass(frozen=True)
class Ended:
    """What a command wrote and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout as the one JSON object that it must be."""
        assert self.out.endswith("\n")
        assert self.out.count("\n") == 1
        payload = json.loads(self.out, parse_constant=_no_constant)
        assert isinstance(payload, dict)
        return payload

    @property
    def table(self) -> list[list[str]]:
        """The lines of stdout, cut where two blanks or more stand."""
        return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in self.out.splitlines()]


def _no_constant(name: str) -> None:
    pytest.fail(f"{name} is not JSON")


Run = Callable[..., Ended]


@pytest.fixture
def run(folder: Path, home: Path) -> Run:
    """`run("runs", "x", env={…})`: the command without a terminal, in `folder`."""

    def run_it(*arguments: str, env: Mapping[str, str] | None = None) -> Ended:
        return _ended(run_command(*arguments, cwd=folder, home=home, env=env))

    return run_it


def _ended(done: subprocess.CompletedProcess[bytes]) -> Ended:
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def on_store(run: Run, mlflow_store: MlflowStore) -> Run:
    """`run` on the store that MLflow made; for reading only."""
    return _on(run, mlflow_store.uri)


@pytest.fixture
def on_copy(run: Run, mlflow_store_copy: MlflowStore) -> Run:
    """`run` on a copy of that store, for writing."""
    return _on(run, mlflow_store_copy.uri)


@dataclass(frozen=True)
class Trained:
    """A folder with a store that `train --json` made: the sweep `ties`, and what the command wrote."""

    folder: Path
    ended: Ended


@pytest.fixture(scope="session")
def trained(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Two weightings of one neighbour: the nearest decides alone, so both agree on every row."""
    home = tmp_path_factory.mktemp("trained-home")
    grid = "n_neighbors=1 weights=uniform,distance"
    arguments = ("train", "-e", "ties", "--name", "first sweep", "--grid", grid, "--json")

    def make(folder: Path) -> Trained:
        return Trained(folder, _ended(run_command(*arguments, cwd=folder, home=home)))

    return shared.made("trained", make)


@pytest.fixture
def on_trained(run: Run, trained: Trained) -> Run:
    """`run` on that store."""
    return _on(run, f"sqlite:///{trained.folder / 'mlflow.db'}")


def _on(run: Run, uri: str) -> Run:
    def run_it(*arguments: str, env: Mapping[str, str] | None = None) -> Ended:
        return run("--tracking-uri", uri, *arguments, env=env)

    return run_it
