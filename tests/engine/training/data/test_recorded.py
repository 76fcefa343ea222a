"""The dataset of an earlier run: found, verified where the run recorded a checksum, and read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.api import Engine
from engine.entities import DatasetInput
from engine.errors import DatasetError
from engine.paths import heart_csv
from engine.training.data.recorded import check_unchanged, file_of
from engine.training.spec import DataSpec
from engine.uri import TrackingUri
from tests.engine.training.conftest import runs_of

HEART = heart_csv().read_text()


@pytest.mark.parametrize("source", ["{0}", '{{"uri": "file://{0}"}}', '{{"uri": "{0}"}}', '{{"url": "{0}"}}'])
def test_the_file_of_a_run_is_found_where_its_source_names_one(tmp_path: Path, source: str) -> None:
    path = tmp_path / "some.csv"
    path.write_text(HEART)
    assert file_of(DatasetInput("some.csv", "d1", "training", source.format(path))) == path
    path.unlink()
    with pytest.raises(DatasetError, match="is gone"):
        file_of(DatasetInput("some.csv", "d1", "", source.format(path)))


@pytest.mark.parametrize("source", ["", "data.csv", '{"tags": {}}', '{"url": "https://example.org/a.csv"}'])
def test_other_sources_are_refused(source: str) -> None:
    with pytest.raises(DatasetError, match="is not a file on this machine"):
        file_of(DatasetInput("some.csv", "d1", "", source))


def test_a_file_with_another_checksum_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"heart\.csv has changed since the run"):
        check_unchanged(heart_csv(), "0" * 64)


@pytest.mark.slow
@pytest.mark.usefixtures("warm_children")
def test_datasets_of_the_demo_and_of_other_programs_are_profiled(
    own_store: TrackingUri, tmp_path: Path
) -> None:
    import mlflow
    import mlflow.data
    import pandas as pd

    path = tmp_path / "patients.csv"
    path.write_text(HEART)
    table = pd.read_csv(path)
    mlflow.set_tracking_uri(own_store.raw)
    mlflow.set_experiment("other programs")
    ids = []
    for source in (str(path), None):
        with mlflow.start_run() as run:
            logged = mlflow.data.from_pandas(table, source=source, targets="target", name=f"from {source}")
            mlflow.log_input(logged, context="training")
        ids.append(run.info.run_id)
    demo = next(run for run in runs_of(own_store, "heart-disease") if run.parent_run_id)
    with Engine(own_store) as engine:
        profile = engine.training.profile(DataSpec(run_id=demo.run_id))
        assert (profile.rows, profile.remarks) == (303, ())
        profile = engine.training.profile(DataSpec(run_id=ids[0]))
        assert profile.rows == 303
        assert "patients.csv was modified after the run" not in profile.remarks[0]
        assert profile.remarks[0].endswith("the run recorded no checksum of it, so it was not verified")
        os.utime(path)
        assert "modified after the run began" in engine.training.profile(DataSpec(run_id=ids[0])).remarks[0]
        with pytest.raises(DatasetError, match="is not a file on this machine"):
            engine.training.profile(DataSpec(run_id=ids[1]))
