"""Histories of several runs as a table."""

from __future__ import annotations

from dataclasses import replace

from engine.api import Engine
from tests.conftest import MlflowStore


def test_every_point_of_the_runs_that_still_exist_is_a_row(mlflow_store: MlflowStore) -> None:
    with Engine(mlflow_store.tracking, read_only=True) as engine:
        run = engine.runs.detail(mlflow_store.runs["special"]).run
        gone = replace(run, run_id="f" * 32)
        sheet = engine.runs.histories_sheet([gone, run], ["loss", "nan"])
    assert [column.name for column in sheet.columns] == [
        *("run_id", "run_name", "metric", "step", "time", "value")
    ]
    rows = list(zip(*(column.values for column in sheet.columns), strict=True))
    assert {row[1] for row in rows} == {"special"}
    assert [(row[2], row[3]) for row in rows if row[2] == "loss"] == [
        ("loss", step) for step in (0, 1, 1, 2, 3, 4)
    ]
    assert [row[2] for row in rows].count("nan") == 1
