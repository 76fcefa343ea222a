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


def test_a_run_is_found_by_its_name_in_an_experiment(on_store: Run, mlflow_store: MlflowStore) -> None:
    assert (
        on_store("artifacts", "special", "plots", "-e", "heart", "--json").json["run_id"]
        == (mlflow_store.runs["special"])
    )
    short = on_store("artifacts", "special")
    assert short.status == 1
    assert "With --experiment NAME, its name" in short.err
    missing = on_store("artifacts", "sp", "-e", "heart")
    assert missing.status == 2
    assert "No run has this name" in missing.err


def test_a_download_without_a_dangling_link_says_so(
    run: Run, mlflow_store_copy: MlflowStore, tmp_path: Path
) -> None:
    uri, run_id = mlflow_store_copy.uri, mlflow_store_copy.runs["special"]
    root = tmp_path / "root"
    root.mkdir()
    (root / "here.txt").write_text("here")
    (root / "gone").symlink_to("nowhere")
    with sqlite3.connect(mlflow_store_copy.path) as db:
        db.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (str(root), run_id))
        db.execute("DELETE FROM logged_models")
    done = run("--tracking-uri", uri, "artifacts", run_id, "-o", str(tmp_path / "out"))
    assert done.status == 1
    assert "1 file, 4 B written" in done.out
    assert "Skipped: gone: Artifact gone not found" in done.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["here.txt"]
    again = run("--tracking-uri", uri, "artifacts", run_id, "-o", str(tmp_path / "two"), "--json")
    assert again.status == 1
    assert [entry["path"] for entry in again.json["left_out"]] == ["gone"]
    (root / "gone").unlink()
    (root / "out").symlink_to(tmp_path)
    assert "out  link out of the artifacts, not opened" in run("--tracking-uri", uri, "artifacts", run_id).out
