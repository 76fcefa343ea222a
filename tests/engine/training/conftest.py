"""The finished demo, a shared training process, and a fresh Python process."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.entities import Run
from engine.stores import open_store
from engine.stores.base import RunQuery
from engine.training.local_process import LocalProcess
from engine.training.spec import DataSpec
from engine.uri import TrackingUri
from tests.support.demo import DemoStore, copy_demo


@pytest.fixture
def own_store(demo_store: DemoStore, tmp_path: Path) -> TrackingUri:
    """A private copy of the demo store: MLflow needs two seconds to create a new store."""
    return copy_demo(demo_store, tmp_path)


@dataclass(frozen=True)
class Workshop:
    """A training process with its own store, in a folder whose files would shadow Python modules."""

    process: LocalProcess
    tracking: TrackingUri


@pytest.fixture(scope="session")
def workshop(demo_store: DemoStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("workshop")
    for name in ("json.py", "random.py", "engine.py"):
        (folder / name).write_text("raise SystemExit('taken from the working folder')\n")
    tracking = copy_demo(demo_store, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        with closing(LocalProcess(tracking)) as process:
            yield Workshop(process, tracking)


@pytest.fixture(scope="session")
def large_csv(tmp_path_factory: pytest.TempPathFactory) -> DataSpec:
    """Enough rows for slow trials, so that tests can interrupt one."""
    path = tmp_path_factory.mktemp("data") / "large.csv"
    rng = random.Random(7)
    names = [f"f{i}" for i in range(12)]
    rows = [[f"{rng.random():.3f}" for _ in names] + [str(i % 2)] for i in range(4000)]
    path.write_text("\n".join(",".join(row) for row in [[*names, "y"], *rows]))
    return DataSpec(str(path), target="y")


@pytest.fixture
def run_python() -> Callable[[str], str]:
    """A function that runs code in a fresh Python and returns its output."""

    def run(code: str) -> str:
        completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert completed.returncode == 0, completed.stderr
        return completed.stdout

    return run


def runs_of(tracking: TrackingUri, experiment: str) -> list[Run]:
    """All runs of an experiment, oldest first; empty if the experiment does not exist."""
    store = open_store(tracking)
    try:
        for found in store.experiments():
            if found.name == experiment:
                return list(store.runs(RunQuery(found.experiment_id)).runs)[::-1]
        return []
    finally:
        store.close()


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    ticks = threading.Event()
    for _ in range(int(seconds * 20)):
        if condition():
            return
        ticks.wait(0.05)
    pytest.fail(f"condition not met within {seconds:g} s")
