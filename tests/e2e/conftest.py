"""A home folder and a working folder of their own for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.console import faults


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
