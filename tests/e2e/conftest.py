"""A home folder and a working folder of their own for every test; the finished demo."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support.console import faults, run_command


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
    said: CompletedProcess[bytes]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """`mlflow-console demo` without a terminal, for real, in an empty folder: about half a minute,
    once. Never write to the folder: copy it with `own_demo`."""
    folder = tmp_path_factory.mktemp("demo")
    said = run_command("demo", cwd=folder, home=tmp_path_factory.mktemp("demo-home"), within=300)
    return Demo(folder, said)


@pytest.fixture
def own_demo(demo: Demo, folder: Path) -> Path:
    """A working folder with the finished demo in it; the artifacts stay in the original's folder."""
    assert demo.said.returncode == 0, demo.said.stderr.decode()
    shutil.copyfile(demo.folder / "mlflow.db", folder / "mlflow.db")
    return folder
