"""The packages that reading imports, each checked in a new process."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import MlflowServer, MlflowStore

CODE = """
import sys
from engine.stores import open_store
from engine.stores.base import RunQuery
from engine.uri import TrackingUri
store = open_store(TrackingUri(sys.argv[1]))
store.experiments(); store.newest_run(); store.registered_models(); store.model_versions("classifier")
runs = store.runs(RunQuery(sys.argv[2])).runs
special = next(run for run in runs if run.run_name == "special")
store.run(special.run_id); store.metric_history(special.run_id, "loss")
store.artifacts(special.run_id); store.artifacts(special.run_id, "model")
store.close()
print(len(runs), *sorted({name.split(".")[0] for name in sys.modules} & set(sys.argv[3:])))
"""


def imported(uri: str, experiment_id: str, *suspects: str) -> list[str]:
    completed = subprocess.run(
        [sys.executable, "-c", CODE, uri, experiment_id, *suspects],
        capture_output=True,
        text=True,
        check=True,
    )
    count, *found = completed.stdout.split()
    assert count == "27"
    return found


def test_reading_sqlite_imports_no_large_packages(mlflow_store: MlflowStore) -> None:
    suspects = (
        "mlflow",
        "pandas",
        "numpy",
        "requests",
        "urllib3",
        "sqlalchemy",
        "textual",
        "rich",
        "sklearn",
    )
    assert imported(mlflow_store.uri, mlflow_store.heart, *suspects) == []


def test_reading_a_database_server_does_not_import_mlflow(postgresql_store: MlflowStore) -> None:
    suspects = ("mlflow", "pandas", "numpy", "requests", "textual", "rich", "sklearn", "alembic")
    assert imported(postgresql_store.uri, postgresql_store.heart, *suspects) == []


def test_reading_over_rest_does_not_import_mlflow(mlflow_server: MlflowServer) -> None:
    suspects = ("mlflow", "pandas", "numpy", "sqlalchemy", "textual", "rich", "sklearn")
    assert imported(mlflow_server.uri, mlflow_server.store.heart, *suspects) == []
