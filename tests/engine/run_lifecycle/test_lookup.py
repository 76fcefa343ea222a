"""Whole ids from their beginnings, on a real store."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engine.errors import NotFound, UsageError
from engine.run_lifecycle.lookup import whole_ids
from tests.conftest import MlflowStore
from tests.engine.run_lifecycle.support import some_runs
from tests.support.registry import Registry


def test_the_beginning_of_an_id_is_enough(registry: Registry) -> None:
    one, gone = some_runs(registry, "one", "gone")
    registry.client.delete_run(gone)
    asked = [one[:8], gone[:12], one]
    assert whole_ids(registry.store, registry.experiment_id, asked) == (one, gone)


def test_an_id_of_another_experiment_is_not_meant(registry: Registry, mlflow_store: MlflowStore) -> None:
    with pytest.raises(NotFound, match="No run of the experiment"):
        whole_ids(registry.store, registry.experiment_id, [mlflow_store.runs["trial-01"]])


def test_a_beginning_that_several_ids_have(registry: Registry, database: Path) -> None:
    (run_id,) = some_runs(registry, "first")
    twin = f"{run_id[:10]}{'0' * 22}"
    with sqlite3.connect(database) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
        rest = ", ".join(column for column in columns if column != "run_uuid")
        connection.execute(
            f"INSERT INTO runs (run_uuid, {rest}) SELECT ?, {rest} FROM runs WHERE run_uuid = ?",
            (twin, run_id),
        )
    with pytest.raises(NotFound) as caught:
        whole_ids(registry.store, registry.experiment_id, [run_id[:8]])
    assert caught.value.title == f"2 runs have ids that begin with {run_id[:8]}"
    assert run_id in caught.value.detail
    assert twin in caught.value.detail
    assert whole_ids(registry.store, registry.experiment_id, [twin, run_id]) == (twin, run_id)


@pytest.mark.parametrize("text", ["", "abc", "1234567"])
def test_a_beginning_has_eight_characters(registry: Registry, text: str) -> None:
    with pytest.raises(UsageError, match="too short to name a run"):
        whole_ids(registry.store, registry.experiment_id, [text])


@pytest.mark.parametrize("text", ["%%%%%%%%", "________", "' OR 1 = 1", "\x1b[31mabcdefgh", "../../../etc"])
def test_what_no_id_begins_with(registry: Registry, text: str) -> None:
    with pytest.raises(NotFound) as caught:
        whole_ids(registry.store, registry.experiment_id, [text])
    assert caught.value.title.isprintable()
