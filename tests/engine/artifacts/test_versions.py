"""Where the files of a registered version are."""

from __future__ import annotations

import pytest

from engine.artifacts.versions import model_location
from engine.errors import NotFound
from engine.stores import open_store
from tests.conftest import MlflowStore
from tests.engine.server.doctor.support import execute


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("models:/{model}", "model"),
        ("runs:/{run}/nested/model", "nested/model"),
        ("s3://bucket/1/{run}/artifacts/model", "model"),
        ("/srv/mlruns/1/{run}/artifacts", ""),
    ],
)
def test_the_folder_of_a_version_is_read_from_its_source(
    source: str, folder: str, mlflow_store_copy: MlflowStore
) -> None:
    run = mlflow_store_copy.runs["special"]
    text = source.format(model=mlflow_store_copy.model_id, run=run)
    execute(mlflow_store_copy.path, f"UPDATE model_versions SET source = '{text}' WHERE version = 1")
    assert model_location(open_store(mlflow_store_copy.tracking), "models:/classifier/1") == (run, folder)


def test_a_version_whose_logged_model_was_deleted_has_no_folder(mlflow_store_copy: MlflowStore) -> None:
    execute(mlflow_store_copy.path, "UPDATE logged_models SET lifecycle_stage = 'deleted'")
    with pytest.raises(NotFound) as caught:
        model_location(open_store(mlflow_store_copy.tracking), "models:/classifier/1")
    assert mlflow_store_copy.model_id in caught.value.detail
