"""`lineage`: what a version comes from, and which links are broken."""

from __future__ import annotations

import sqlite3

from tests.conftest import MlflowStore
from tests.tui.cli.conftest import Run


def test_the_lineage_of_a_version_is_printed_with_repairs(run: Run, mlflow_store_copy: MlflowStore) -> None:
    uri, special = mlflow_store_copy.uri, mlflow_store_copy.runs["special"]
    whole = run("--tracking-uri", uri, "lineage", "classifier", "1")
    assert whole.status == 0
    assert "experiment heart" in whole.out
    assert "repair" not in whole.out
    with sqlite3.connect(mlflow_store_copy.path) as database:
        database.execute("UPDATE model_versions SET run_id = '' WHERE name = 'classifier'")
    broken = run("--tracking-uri", uri, "lineage", "classifier", "1")
    tag = f"mlflow-console edit version classifier 1 --tag source_run_id={special}"
    assert broken.out.splitlines()[-1] == f"repair: {tag}"
    stations = run("--tracking-uri", uri, "lineage", "classifier", "1", "--json").json["stations"]
    assert [station["place"]["kind"] for station in stations][:3] == ["version", "logged model", "run"]
    assert next(link for link in stations[0]["links"] if link["label"] == "run")["repair"] == "tag version"
    assert run("--tracking-uri", uri, "lineage", "classifier", "9").status == 1
