"""Artifacts in local folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.entities import Artifact
from engine.errors import EngineError, StoreRefused
from engine.stores import open_store
from engine.stores.artifacts import check_path, list_folder
from engine.uri import local_root

if TYPE_CHECKING:
    from tests.conftest import MlflowStore


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("/data/mlruns/1", "/data/mlruns/1"),
        ("./mlruns", "mlruns"),
        ("file:///data/ml%20runs", "/data/ml runs"),
        ("file:/data/mlruns", "/data/mlruns"),
        ("file://localhost/data", "/data"),
        ("/data/ml%20runs", "/data/ml runs"),
        ("file://nas/data", None),
        ("s3://bucket/path", None),
        ("mlflow-artifacts:/1/abc/artifacts", None),
        ("dbfs:/x", None),
        ("", None),
    ],
)
def test_only_local_uris_have_a_local_root(uri: str, path: str | None) -> None:
    assert local_root(uri) == (None if path is None else Path(path))


@pytest.mark.parametrize(
    ("path", "clean"), [("", ""), (".", ""), ("a/", "a"), ("./a//b/", "a/b"), ("..a", "..a")]
)
def test_paths_are_normalized(path: str, clean: str) -> None:
    assert check_path(path) == clean


@pytest.mark.parametrize("path", ["/etc", "..", "a/../../b", "a\\b", "a\0b"])
def test_paths_that_lead_out_are_refused(path: str) -> None:
    with pytest.raises(StoreRefused):
        check_path(path)


def test_a_folder_is_listed_by_name(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a.txt").write_text("four")
    (tmp_path / ".artifact.uploading.x").write_text("half")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert list_folder(tmp_path, "", "model") == (
        Artifact("model/a.txt", is_dir=False, size=4),
        Artifact("model/b", is_dir=True),
        Artifact("model/dangling", is_dir=False),
    )
    assert list_folder(tmp_path, "a.txt") == list_folder(tmp_path, "none") == ()


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "out").symlink_to(tmp_path)
    with pytest.raises(StoreRefused):
        list_folder(tmp_path / "run", "out")


def test_links_that_lead_out_are_listed_as_such_and_links_within_as_what_they_lead_to(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (tmp_path / "secret").write_text("four")
    (run / "a").write_text("one")
    (run / "within").symlink_to(run / "a")
    (run / "circle").symlink_to(run / "circle")
    (run / "file").symlink_to(tmp_path / "secret")
    (run / "folder").symlink_to(tmp_path)
    assert list_folder(run, "") == (
        Artifact("a", is_dir=False, size=3),
        Artifact("circle", is_dir=False),
        Artifact("file", is_dir=False, leads_out=True),
        Artifact("folder", is_dir=False, leads_out=True),
        Artifact("within", is_dir=False, size=3),
    )


def test_a_circular_link_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(Exception, match=r"read|out"):
        list_folder(tmp_path, "loop")


def test_remote_storage_is_listed_by_mlflow(mlflow_store_copy: MlflowStore) -> None:

    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(mlflow_store_copy.path)) as connection:
        connection.execute("UPDATE runs SET artifact_uri = 'moon://crater' WHERE name = 'special'")
        connection.execute("UPDATE runs SET artifact_uri = 'http://ana:pw@host/a/b' WHERE name = 'running'")
        connection.commit()
    store = open_store(mlflow_store_copy.tracking)
    with pytest.raises(StoreRefused, match="moon"):
        store.artifacts(mlflow_store_copy.runs["special"])
    with pytest.raises(StoreRefused, match="Cannot list the artifacts") as caught:
        store.artifacts(mlflow_store_copy.runs["running"])
    assert "@host/a/b is not an artifact address of an MLflow server" in caught.value.detail
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("path", ["a\ud800", "x" * 5000])
def test_an_impossible_file_name_is_an_error(tmp_path: Path, path: str) -> None:
    with pytest.raises(EngineError):
        list_folder(tmp_path, path)
