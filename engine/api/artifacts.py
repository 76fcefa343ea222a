"""The artifacts of runs and of their logged models: list, preview, download."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.jobs import CancelToken, OnProgress, no_progress

if TYPE_CHECKING:
    from engine.api.access import StoreAccess
    from engine.artifacts.download import Download, Downloaded
    from engine.artifacts.preview import Preview
    from engine.artifacts.tree import Listing, Tree


class Artifacts:
    """Paths are relative to a run's artifact root; a logged model of the run is the folder of its name."""

    def __init__(self, access: StoreAccess) -> None:
        self._store = access.store

    def listing(self, run_id: str, path: str = "") -> Listing:
        """The files and folders directly in a folder."""
        from engine.artifacts.tree import listing

        return listing(self._store, run_id, path)

    def tree(self, run_id: str, path: str = "", *, cancel: CancelToken | None = None) -> Tree:
        """Everything below a path, which may be a file. Raises `NotFound`."""
        from engine.artifacts.tree import walk

        return walk(self._store, run_id, path, cancel=cancel)

    def preview(self, run_id: str, path: str) -> Preview:
        """The beginning of a file; a file of any size is read only up to a bound. Raises `NotFound`."""
        from engine.artifacts.preview import preview

        return preview(self._store, run_id, path)

    def plan_download(
        self, run_id: str, path: str, folder: Path, *, cancel: CancelToken | None = None
    ) -> Download:
        """The files below a path, their size, and which of them exist in `folder`. Writes nothing."""
        from engine.artifacts.download import plan_download

        return plan_download(self._store, run_id, path, folder, cancel=cancel)

    def download(
        self,
        plan: Download,
        *,
        replace: bool = False,
        on_progress: OnProgress = no_progress,
        cancel: CancelToken | None = None,
    ) -> Downloaded:
        """Write the files of a plan, all or none; only what is gone or no file is left out. Raises
        `EngineError` if files exist, unless `replace`."""
        from engine.artifacts.download import download

        return download(self._store, plan, replace=replace, on_progress=on_progress, cancel=cancel)

    def model_location(self, uri: str) -> tuple[str, str]:
        """The run and the folder of a registered version: `models:/NAME/VERSION`, `models:/NAME@ALIAS` or
        `models:/NAME/STAGE`. Raises `NotFound`, also for a version without a run."""
        from engine.artifacts.versions import model_location

        return model_location(self._store, uri)
