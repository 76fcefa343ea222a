"""The finished demo, and Python in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.support.demo import DemoStore, build_demo


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory) -> DemoStore:
    """The finished demo. Never write to it: copy it."""
    return build_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def run_python() -> Callable[[str], str]:
    """Run code in a fresh Python; its output."""

    def run(code: str) -> str:
        made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        return made.stdout

    return run
