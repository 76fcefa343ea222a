"""What is imported when: checked at run time, because a static check cannot see it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest

from engine.uri import TrackingUri
from tests.conftest import MlflowServer, MlflowStore

HEAVY = {"mlflow", "pandas", "numpy", "sklearn", "skops", "scipy", "matplotlib", "sqlalchemy"}
SCREEN = {"textual", "rich"}

LOADED = "import json, sys; print(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"

READ = """
from engine.api import Engine
from engine.uri import resolve

with Engine(resolve({uri!r})) as engine:
    assert engine.runs.experiments()
    frame = engine.runs.feed({experiment!r}).load()
    assert len(frame) > 20
    detail = engine.runs.detail({run!r})
    assert detail.run.run_name == "special"
    assert engine.runs.artifacts({run!r})
    assert engine.runs.metric_history({run!r}, "loss")
    assert engine.charts.overview(detail.run)
    assert engine.models.registered()
    assert engine.models.versions("classifier")
    engine.runs.compare(frame.run_ids[:2])
    engine.evidence.best(frame, "accuracy")
"""


def loaded_after(code: str, environment: Mapping[str, str]) -> set[str]:
    """The top-level modules loaded in a new interpreter after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{LOADED}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture
def bare_environment(clean_environment: Mapping[str, str]) -> dict[str, str]:
    return {**clean_environment, "LANG": "C.UTF-8"}


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_import_neither_textual_nor_mlflow(
    argument: str, bare_environment: dict[str, str]
) -> None:
    code = f"from tui.cli.main import main\nassert main([{argument!r}]) == 0"
    loaded = loaded_after(code, bare_environment)
    assert "tui" in loaded
    assert loaded & (HEAVY | SCREEN | {"requests", "asyncio"}) == set()


def test_importing_the_engine_api_imports_nothing_heavy(bare_environment: dict[str, str]) -> None:
    loaded = loaded_after("import engine, engine.api", bare_environment)
    assert loaded & (HEAVY | SCREEN | {"requests", "click"}) == set()


def test_the_console_starts_without_mlflow(bare_environment: dict[str, str]) -> None:
    loaded = loaded_after("import tui.app", bare_environment)
    assert "textual" in loaded
    assert loaded & (HEAVY | {"requests"}) == set()


def test_the_first_paint_waits_for_neither_stores_nor_views(bare_environment: dict[str, str]) -> None:
    later = {"engine.stores", "engine.entities", "tui.screen", "tui.widgets.table"}
    code = "import sys\nfrom engine.uri import resolve\nfrom tui.app import Console\n"
    code += f"Console(resolve('sqlite:///new.db'))\nassert not {later!r} & sys.modules.keys()"
    assert "textual" in loaded_after(code, bare_environment)


def test_reading_a_database_does_not_import_mlflow(
    mlflow_store: MlflowStore, bare_environment: dict[str, str]
) -> None:
    loaded = loaded_after(_read(mlflow_store, mlflow_store.tracking), bare_environment)
    assert loaded & (HEAVY | SCREEN | {"requests"}) == set()


def test_reading_a_server_does_not_import_mlflow(
    mlflow_server: MlflowServer, bare_environment: dict[str, str]
) -> None:
    loaded = loaded_after(_read(mlflow_server.store, mlflow_server.tracking), bare_environment)
    assert "requests" in loaded
    assert loaded & (HEAVY | SCREEN) == set()


def _read(store: MlflowStore, tracking: TrackingUri) -> str:
    return READ.format(uri=tracking.raw, experiment=store.heart, run=store.runs["special"])
