"""Stores made by older releases of MLflow, for the tests of upgrades.

The everyday tests rebuild them from the dumps in `old_stores/`, which this script writes. To write them anew,
or for another release, run it in the root of the project (a minute; it installs each release from the package
index into a folder of its own):

    python -m tests.support.old_stores

`pytest tests/engine/server/test_upgrade.py --old-releases` uses stores that the releases have just made.

Run by the Python of a release, with the path of a database, it fills that database.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

RELEASES = ("2.9.2", "2.19.0", "3.0.0")
DUMPS = Path(__file__).parent / "old_stores"
ROOT = "/srv/mlruns"
"""Where the artifacts are said to be."""
INSTALL_SECONDS = 300


def dump_of(release: str) -> Path:
    return DUMPS / f"mlflow-{release}.sql"


def from_dump(release: str, path: Path) -> None:
    """Rebuild the store of a release from its dump."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump_of(release).read_text())


def install(release: str, folder: Path) -> Path:
    """Install a release into a new virtual environment; returns its Python. Raises `CalledProcessError` if
    the package index cannot be reached."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    # The smallest set that has the database stores. Each release allows SQLAlchemy 2.0.
    packages = [f"mlflow-skinny=={release}", "sqlalchemy<2.1", "alembic"]
    command = [python, "-m", "pip", "install", "-q", "--no-compile", *packages]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    return python


def make(python: Path, path: Path) -> None:
    """Let a release make and fill the new store `path`."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(path.parent), "MLFLOW_DISABLE_TELEMETRY": "true"}
    script = path.with_name("train.py")  # MLflow logs its name, and the repository that it is in
    shutil.copyfile(__file__, script)
    command = [python, "-P", script.name, path]
    done = subprocess.run(
        command, cwd=path.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def fill(path: Path) -> None:
    """Called with the MLflow of the release: only what that has."""
    import mlflow
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    uri = f"sqlite:///{path}"
    SqlAlchemyStore(uri, "mlflow-artifacts:/")  # the client would make a folder for artifacts
    Registry(uri)
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient(uri)
    experiment = client.create_experiment("heart", artifact_location=f"{ROOT}/1", tags={"owner": "Zoë"})
    gone = client.create_experiment("gone", artifact_location=f"{ROOT}/2")
    runs = []
    for number in range(3):
        run = client.create_run(experiment, start_time=1_700_000_000_000 + number, run_name=f"run-{number}")
        runs.append(run.info.run_id)
        now = int(time.time())
        points = [Metric("loss", 1 / (step + 1), now, step) for step in range(20)]
        special = [Metric("nan", float("nan"), now, 0), Metric("inf", float("inf"), now, 0)]
        client.log_batch(runs[-1], [*points, *special], [Param("k", str(number)), Param("text", "x" * 500)])
        client.set_terminated(runs[-1], "FINISHED" if number else "FAILED")
    dataset = Dataset("heart.csv", "5c1f2a", "local", json.dumps({"uri": "heart.csv"}))
    client.log_inputs(runs[0], [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
    client.delete_run(runs[2])
    client.delete_experiment(gone)
    client.create_registered_model("classifier", tags={"task": "x"}, description="Heart disease – 实验")
    for number in range(2):
        source = f"{ROOT}/1/{runs[number]}/artifacts/model"
        client.create_model_version("classifier", source, runs[number], tags={"n": str(number)})
    client.transition_model_version_stage("classifier", "1", "Production")
    client.set_registered_model_alias("classifier", "champion", "1")
    client.delete_model_version("classifier", "2")
    if hasattr(client, "start_trace"):  # since 2.14; ending it would write to the artifact root
        client.start_trace("question", experiment_id=experiment, tags={"by": "ada"})
    if hasattr(client, "create_logged_model"):
        model = client.create_logged_model(experiment, name="model", source_run_id=runs[0], params={"k": "1"})
        client.finalize_logged_model(model.model_id, "READY")


def main() -> None:
    DUMPS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for release in RELEASES:
            path = Path(folder) / f"{release}.db"
            make(install(release, Path(folder) / release), path)
            with closing(sqlite3.connect(path)) as connection:
                dump_of(release).write_text("\n".join(connection.iterdump()) + "\n")


if __name__ == "__main__":
    fill(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
