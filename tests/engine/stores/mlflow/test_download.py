"""Files that MLflow's repositories download as a whole: they arrive in pieces, and leave nothing behind."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.errors import EngineError, StoreRefused
from engine.stores import open_store
from engine.stores.artifacts import Location
from engine.stores.mlflow import private
from engine.stores.mlflow.download import downloading
from tests.conftest import MlflowStore

pytestmark = pytest.mark.slow


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_file_arrives_complete_and_its_copy_is_removed(tmp_path: Path, scratch: Path) -> None:
    (tmp_path / "art" / "plots").mkdir(parents=True)
    (tmp_path / "art" / "plots" / "a.bin").write_bytes(b"x" * 600_000)
    root = (tmp_path / "art").as_uri()
    repository = private.artifact_repository(root, "sqlite:///unused.db")
    with downloading(repository, Location(root, "plots/a.bin")) as pieces:
        assert len(b"".join(pieces)) == 600_000
    assert list(scratch.iterdir()) == []
    missing = Location(root, "plots/none")
    with (
        pytest.raises(EngineError, match="Cannot read the artifacts"),
        downloading(repository, missing) as pieces,
    ):
        b"".join(pieces)
    assert list(scratch.iterdir()) == []


class Stuck:
    """A repository whose storage does not answer until it is released."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.ended = threading.Event()

    def download_artifacts(self, path: str, folder: str) -> str:
        self.released.wait()
        target = Path(folder) / "late"
        target.write_bytes(b"late")
        self.ended.set()
        return str(target)


def test_a_reader_is_not_held_up_by_storage_that_is_silent(scratch: Path) -> None:
    repository: Any = Stuck()
    with downloading(repository, Location("s3://bucket", "a")) as pieces:
        assert next(pieces) == b""  # a chance to cancel
    repository.released.set()
    thread = next(t for t in threading.enumerate() if t.name == "artifact-download")
    thread.join()
    assert repository.ended.is_set()
    assert list(scratch.iterdir()) == []


def test_artifacts_behind_a_server_need_that_server(mlflow_store_copy: MlflowStore) -> None:
    with closing(sqlite3.connect(mlflow_store_copy.path)) as connection:
        connection.execute("UPDATE runs SET artifact_uri = 'mlflow-artifacts:/1/x' WHERE name = 'special'")
        connection.commit()
    store = open_store(mlflow_store_copy.tracking)
    run_id = mlflow_store_copy.runs["special"]
    with pytest.raises(StoreRefused) as raised:
        store.artifacts(run_id)
    assert "--tracking-uri http://HOST:PORT" in raised.value.hint
    with pytest.raises(StoreRefused), store.open_artifact(run_id, "notes.txt") as content:
        list(content.pieces)
