"""`artifacts`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.conftest import MlflowStore
from tests.tui.cli.conftest import Run


def test_artifacts_are_listed_printed_and_downloaded(
    on_store: Run, mlflow_store: MlflowStore, tmp_path: Path
) -> None:
    run_id = mlflow_store.runs["special"]
    listed = on_store("artifacts", run_id)
    assert ["roc.txt", "13 B"] in listed.table
    paths = {
        entry["path"]: entry["size"] for entry in on_store("artifacts", run_id, "--json").json["artifacts"]
    }
    assert paths["plots/deep/points.json"] == 22
    assert "model/MLmodel" in paths
    short = on_store("artifacts", run_id[:10], "plots", "-e", "heart").out
    assert "2 files, 35 B" in short
    assert "flavors:" in on_store("artifacts", run_id, "model/MLmodel").out
    done = on_store("artifacts", run_id, "plots", "-o", str(tmp_path))
    assert "2 files, 35 B" in done.out
    assert (tmp_path / "plots" / "deep" / "points.json").stat().st_size == 22
    again = on_store("artifacts", run_id, "plots", "-o", str(tmp_path))
    assert again.status != 0
    assert "exists and will be replaced" in again.out + again.err


def test_storage_that_cannot_be_listed_is_a_failure_that_is_said_once(
    run: Run, mlflow_store_copy: MlflowStore
) -> None:
    run_id = mlflow_store_copy.runs["special"]
    with sqlite3.connect(mlflow_store_copy.path) as db:
        db.execute("UPDATE runs SET artifact_uri = 'mlflow-artifacts:/1/2' WHERE run_uuid = ?", (run_id,))
    done = run("--tracking-uri", mlflow_store_copy.uri, "artifacts", run_id)
    assert done.status == 1
    assert done.out.count("Cannot list the artifacts") == 1
    assert "model/" in done.out
    payload = run("--tracking-uri", mlflow_store_copy.uri, "artifacts", run_id, "--json").json
    assert len(payload["errors"]) == 1
