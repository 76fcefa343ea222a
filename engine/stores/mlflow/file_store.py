"""Reads file stores through MLflow without creating anything.

MLflow's file stores create `.trash` and `models` when they are opened, and for the model of a version they
open the global tracking store, which creates `mlflow.db` in the current folder. They also take a run for
missing if it has no `artifacts` folder: git keeps no empty folders, so clones lack them.

Like `engine.stores.mlflow.private`, this depends on undocumented API; `test_file_store.py` shows what an
upgrade of MLflow broke. Importing this module imports MLflow.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.store.model_registry.abstract_store import AbstractStore as AbstractRegistry
from mlflow.store.model_registry.file_store import FileModelVersion, FileStore as FileRegistry
from mlflow.store.tracking.abstract_store import AbstractStore
from mlflow.store.tracking.file_store import FileStore
from mlflow.tracking._model_registry.utils import _get_store_registry
from mlflow.tracking._tracking_service.utils import _tracking_store_registry
from mlflow.utils.file_utils import path_to_local_file_uri

SCHEME = "console-file"
"""Selects these stores in MLflow's registries, in this process only."""


class ReadingFileStore(FileStore):  # type: ignore[misc]
    def __init__(self, root: str) -> None:
        AbstractStore.__init__(self)
        self.root_directory = root
        self.artifact_root_uri = path_to_local_file_uri(root)
        self.trash_folder = os.path.join(root, FileStore.TRASH_FOLDER_NAME)

    def _get_deleted_experiments(self, full_path: bool = False) -> Any:
        return super()._get_deleted_experiments(full_path) if os.path.isdir(self.trash_folder) else []

    def _get_experiment_path(
        self, experiment_id: str, view_type: int = ViewType.ALL, assert_exists: bool = False
    ) -> Any:
        if view_type == ViewType.ALL and not os.path.isdir(self.trash_folder):
            view_type = ViewType.ACTIVE_ONLY
        return super()._get_experiment_path(experiment_id, view_type, assert_exists)

    def _is_valid_run_directory(self, run_dir: str) -> bool:
        """MLflow's check, which keeps out run folders that someone logged as artifacts, without the folders
        that git leaves out."""
        parents = Path(run_dir).parent.relative_to(self.root_directory).parts
        return FileStore.ARTIFACTS_FOLDER_NAME not in parents


class ReadingFileRegistry(FileRegistry):  # type: ignore[misc]
    def __init__(self, root: str) -> None:
        AbstractRegistry.__init__(self)
        self.root_directory = root

    def _get_all_registered_model_paths(self) -> Any:
        return super()._get_all_registered_model_paths() if os.path.isdir(self.models_directory) else []

    def _get_file_model_version_from_dir(self, directory: str) -> Any:
        meta = FileRegistry._read_yaml(directory, FileRegistry.META_DATA_FILE_NAME)
        tags = self._get_model_version_tags_from_dir(directory)
        aliases = self._get_model_version_aliases(directory)
        return FileModelVersion.from_dictionary({**meta, "tags": tags, "aliases": aliases})


def reading_client(folder: Path) -> MlflowClient:
    """MLflow's client for a file store and its registry, for reading only. `folder` is absolute."""
    _register()
    uri = f"{SCHEME}://{folder}"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@cache
def _register() -> None:
    def path(uri: str) -> str:
        return uri.removeprefix(f"{SCHEME}://")

    _tracking_store_registry.register(SCHEME, lambda store_uri, **_: ReadingFileStore(path(store_uri)))
    _get_store_registry().register(SCHEME, lambda store_uri, **_: ReadingFileRegistry(path(store_uri)))
