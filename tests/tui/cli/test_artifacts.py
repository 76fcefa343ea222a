"""`artifacts`."""

from __future__ import annotations

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
