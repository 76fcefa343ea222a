"""Runs are read by id with few requests."""

from __future__ import annotations

import pytest

from engine.errors import NotFound
from engine.runs.loading.by_id import runs_by_id
from engine.stores import open_store
from tests.conftest import MlflowStore


def test_runs_of_one_experiment_come_with_one_query(
    mlflow_store: MlflowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(mlflow_store.tracking)
    calls: list[str] = []
    for name in ("run", "runs"):
        original = getattr(store, name)
        monkeypatch.setattr(
            store, name, lambda *a, _name=name, _o=original, **k: calls.append(_name) or _o(*a, **k)
        )
    ids = [mlflow_store.runs[f"trial-{number:02d}"] for number in (23, 0, 12, 7)]
    found = runs_by_id(store, ids)
    assert [run.run_id for run in found] == ids
    assert found == tuple(store.run(run_id).run for run_id in ids)
    assert calls[:2] == ["run", "runs"]
    assert calls[2:] == ["run"] * 4, "those of this test"
    with pytest.raises(NotFound):
        runs_by_id(store, [ids[0], "0" * 32, ids[1]])
    store.close()
