"""Resolving run id prefixes on a real store."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engine.errors import NotFound, UsageError
from engine.run_lifecycle.lookup import resolve_run, resolve_run_ids
from tests.conftest import MlflowStore
from tests.engine.run_lifecycle.support import create_runs
from tests.support.registry import Registry


def test_a_prefix_resolves_to_the_full_id(registry: Registry) -> None:
    one, deleted = create_runs(registry, "one", "deleted")
    registry.client.delete_run(deleted)
    prefixes = [one[:8], deleted[:12], one]
    assert resolve_run_ids(registry.store, registry.experiment_id, prefixes) == (one, deleted)


def test_an_id_from_another_experiment_is_not_found(registry: Registry, mlflow_store: MlflowStore) -> None:
    with pytest.raises(NotFound, match="No run in the experiment"):
        resolve_run_ids(registry.store, registry.experiment_id, [mlflow_store.runs["trial-01"]])


def test_an_ambiguous_prefix_lists_the_matching_ids(registry: Registry, database: Path) -> None:
    (run_id,) = create_runs(registry, "first")
    twin = f"{run_id[:10]}{'0' * 22}"
    with sqlite3.connect(database) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
        rest = ", ".join(column for column in columns if column != "run_uuid")
        connection.execute(
            f"INSERT INTO runs (run_uuid, {rest}) SELECT ?, {rest} FROM runs WHERE run_uuid = ?",
            (twin, run_id),
        )
    with pytest.raises(NotFound) as caught:
        resolve_run_ids(registry.store, registry.experiment_id, [run_id[:8]])
    assert caught.value.title == f"Run id {run_id[:8]} is ambiguous: it matches 2 runs"
    assert run_id in caught.value.detail
    assert twin in caught.value.detail
    assert resolve_run_ids(registry.store, registry.experiment_id, [twin, run_id]) == (twin, run_id)


def test_a_run_is_found_by_its_name_or_the_beginning_of_its_id(registry: Registry) -> None:
    one, twin, other = create_runs(registry, "soloist", "twin", "twin")
    for text in ("soloist", one, one[:8]):
        assert resolve_run(registry.store, registry.experiment_id, text) == one
    with pytest.raises(NotFound, match="2 runs are named twin") as caught:
        resolve_run(registry.store, registry.experiment_id, "twin")
    assert twin in caught.value.detail
    assert other in caught.value.detail
    with pytest.raises(UsageError, match="too short"):
        resolve_run(registry.store, registry.experiment_id, "duo")


def test_a_complete_id_that_is_gone_is_not_called_incomplete(registry: Registry) -> None:
    with pytest.raises(NotFound) as caught:
        registry.store.run("0" * 32)
    assert "deleted permanently" in caught.value.hint
    with pytest.raises(NotFound) as caught:
        registry.store.run("0" * 8)
    assert "copy the complete id" in caught.value.hint


@pytest.mark.parametrize("text", ["", "abc", "1234567"])
def test_a_prefix_needs_eight_characters(registry: Registry, text: str) -> None:
    with pytest.raises(UsageError, match="is too short"):
        resolve_run_ids(registry.store, registry.experiment_id, [text])


@pytest.mark.parametrize("text", ["%%%%%%%%", "________", "' OR 1 = 1", "\x1b[31mabcdefgh", "../../../etc"])
def test_wildcards_and_invalid_characters_match_no_run(registry: Registry, text: str) -> None:
    with pytest.raises(NotFound) as caught:
        resolve_run_ids(registry.store, registry.experiment_id, [text])
    assert caught.value.title.isprintable()
