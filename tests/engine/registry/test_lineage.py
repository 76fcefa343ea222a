"""Lineage: every link of a version, also the broken ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from engine.api import SOURCE_RUN_TAG, Engine, Link, Place, Station, Subject, Wanted
from engine.errors import NotFound
from tests.conftest import MlflowStore


@pytest.fixture
def engine(mlflow_store_copy: MlflowStore) -> Iterator[Engine]:
    with Engine(mlflow_store_copy.tracking) as engine:
        yield engine


def change(store: MlflowStore, statement: str, *values: str) -> None:
    with sqlite3.connect(store.path) as database:
        database.execute(statement, values)


def version(engine: Engine, number: int = 1) -> Station:
    return engine.models.station(Place("version", f"classifier/{number}"))


def link(station: Station, label: str) -> Link:
    return next(link for link in station.links if link.label == label)


def test_a_version_leads_to_its_logged_model_run_experiment_datasets_and_artifacts(
    mlflow_store: MlflowStore,
) -> None:
    with Engine(mlflow_store.tracking) as engine:
        stations = engine.models.lineage("classifier", 1)
        kinds = [station.place.kind for station in stations]
        assert kinds == ["version", "logged model", "run", "experiment", "dataset", "dataset"]
        assert all(link.state == "found" for station in stations for link in station.links)
        assert link(stations[0], "artifacts").place == Place(
            "artifacts", "model", mlflow_store.runs["special"]
        )
        assert [place.key for place in stations[0].siblings] == [
            "classifier/1",
            "classifier/2",
            "classifier/3",
        ]
        with pytest.raises(NotFound):
            engine.models.lineage("classifier", 9)


def test_a_version_without_a_run_finds_it_by_its_logged_model_and_keeps_it_in_a_tag(
    engine: Engine, mlflow_store_copy: MlflowStore
) -> None:
    special = mlflow_store_copy.runs["special"]
    change(mlflow_store_copy, "UPDATE model_versions SET run_id = '' WHERE name = 'classifier'")
    found = link(version(engine), "run")
    assert (found.place, found.state) == (Place("run", special), "found")
    assert (found.repair, found.repairs) == ("tag version", special)
    assert "named by the logged model" in found.note
    by_source = link(version(engine, 2), "run")
    assert by_source.place == Place("run", mlflow_store_copy.runs["trial-10"])

    change(
        mlflow_store_copy,
        f"INSERT INTO model_version_tags (name, version, key, value) VALUES ('classifier', 1, "
        f"'{SOURCE_RUN_TAG}', ?)",
        special,
    )
    found = link(version(engine), "run")
    assert (found.place, found.repair) == (Place("run", special), "")
    assert SOURCE_RUN_TAG in found.note
    assert engine.edits.plan([Subject("version", "classifier/1")], Wanted(tags={SOURCE_RUN_TAG: None})).edits


def test_deleted_and_missing_links_are_told_apart_with_the_repair(
    engine: Engine, mlflow_store_copy: MlflowStore
) -> None:
    special = mlflow_store_copy.runs["special"]
    change(mlflow_store_copy, "UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", special)
    run = link(version(engine), "run")
    assert (run.state, run.repair, run.repairs) == ("deleted", "restore run", special)

    heart = mlflow_store_copy.heart
    change(
        mlflow_store_copy, "UPDATE experiments SET lifecycle_stage = 'deleted' WHERE experiment_id = ?", heart
    )
    run = link(version(engine), "run")
    assert (run.state, run.repair, run.repairs) == ("deleted", "restore experiment", heart)
    station = engine.models.station(Place("run", special))
    assert link(station, "experiment").state == "deleted"

    change(mlflow_store_copy, "UPDATE logged_models SET lifecycle_stage = 'deleted'")
    assert link(version(engine), "logged model").state == "missing"
    with pytest.raises(NotFound):
        engine.models.station(Place("logged model", mlflow_store_copy.model_id))

    change(mlflow_store_copy, "UPDATE model_versions SET run_id = ? WHERE version = 1", "0" * 32)
    station = version(engine)
    assert (link(station, "run").state, link(station, "run").repair) == ("missing", "")
    assert link(station, "artifacts").state == "missing"
    assert [s.place.kind for s in engine.models.lineage("classifier", 1)] == ["version"]

    change(mlflow_store_copy, "UPDATE model_versions SET run_id = '', source = 's3://x/m' WHERE version = 1")
    assert link(version(engine), "run").note == "the version names no run, and its source names none"


def test_a_copied_version_leads_to_the_one_it_was_copied_from(
    engine: Engine, mlflow_store_copy: MlflowStore
) -> None:
    statement = "UPDATE model_versions SET source = 'models:/classifier/1', run_id = ? WHERE version = 3"
    change(mlflow_store_copy, statement, mlflow_store_copy.runs["special"])
    assert link(version(engine, 3), "copied from").place == Place("version", "classifier/1")
    assert link(version(engine, 3), "artifacts") == link(version(engine), "artifacts")
    change(mlflow_store_copy, "UPDATE model_versions SET source = 'models:/classifier/7' WHERE version = 3")
    assert link(version(engine, 3), "copied from").state == "missing"
