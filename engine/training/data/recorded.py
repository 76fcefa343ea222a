"""The dataset of an earlier run: the file that it recorded, and whether it is still the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from engine.errors import DatasetError
from engine.stores.references import source_run
from engine.text import safe
from engine.training.data.tables import file_sha256
from engine.training.spec import DataSpec

if TYPE_CHECKING:
    from engine.entities import DatasetInput, Run
    from engine.stores.base import Store

SHA256_PARAM = "dataset_sha256"
TARGET_PARAM = "target"
"""Parameters of our sweeps: the SHA-256 of the file, and the column that was predicted."""


def resolved(store: Store, data: DataSpec) -> tuple[DataSpec, str]:
    """The settings with the file of the run that they name, and what to know of it; unchanged if they name
    none. The target is the run's own unless another is set.

    The file has to have the SHA-256 that the run recorded. Runs of other programs record no such thing, only
    a digest of the rows as they were loaded then; of those, it is said that the file was not verified.
    Raises `NotFound`, `StoreError`, and `DatasetError` if the run has no dataset, or its file is none on this
    machine, gone or changed.
    """
    if not data.run_id or data.path is not None:
        return data, ""
    detail = store.run(data.run_id)
    run = detail.run
    used = [each for each in detail.datasets if each.context in ("training", "train", "")]
    dataset = next(iter([*used, *detail.datasets]), None)
    if dataset is None:
        raise DatasetError(
            f"Run {safe(run.run_name, 80)} recorded no dataset", run.run_id, "Name the file instead."
        )
    path = file_of(dataset)
    params = _params(store, run)
    note = ""
    if sha256 := params.get(SHA256_PARAM):
        check_unchanged(path, sha256)
    else:
        changed = run.start_time is None or path.stat().st_mtime * 1000 > run.start_time
        when = "was modified after the run began" if changed else "has not been modified since the run began"
        note = f"{safe(path.name, 80)} {when}; the run recorded no checksum of it, so it was not verified"
    target = data.target if data.target != DataSpec().target else params.get(TARGET_PARAM, data.target)
    return replace(data, path=str(path), target=target), note


def file_of(dataset: DatasetInput) -> Path:
    """The file that an earlier run recorded. Raises `DatasetError` unless it is on this machine and still
    exists; `check_unchanged` compares its contents."""
    name = safe(dataset.name, 80)
    path = _local_path(dataset.source)
    if path is None:
        raise DatasetError(
            f"Dataset {name} is not a file on this machine",
            f"Its source: {safe(dataset.source, 200) or 'not recorded'}",
            "Download it and name the file.",
        )
    if not path.is_file():
        raise DatasetError(f"Dataset {name} is gone", str(path), "Restore the file, or name another one.")
    return path


def check_unchanged(path: Path, sha256: str) -> None:
    """Raises `DatasetError` if the file is not the one a run recorded, by its SHA-256 in hexadecimal."""
    found = file_sha256(path)
    if found != sha256.lower():
        raise DatasetError(
            f"{path.name} has changed since the run",
            f"SHA-256 {found[:16]}…; the run recorded {safe(sha256[:16])}…: {path}",
            "Restore the file, or name it to train on what it holds now.",
        )


def _params(store: Store, run: Run) -> Mapping[str, str]:
    """The parameters of a run; those of its parent where it has none of that name."""
    parent = source_run(store, run.parent_run_id or "")
    return run.params if parent is None else {**parent.run.params, **run.params}


def _local_path(source: str) -> Path | None:
    """The path in the source of an MLflow dataset: plain, a file URI, or JSON with either."""
    try:
        found = json.loads(source)
    except ValueError:
        found = source
    if isinstance(found, Mapping):
        found = found.get("uri") or found.get("url") or found.get("path")
    if not isinstance(found, str) or not found or "\0" in found:
        return None
    if found.startswith("file:"):
        try:
            parts = urlsplit(found)
        except ValueError:
            return None
        found = unquote(parts.path) if parts.netloc in ("", "localhost") else ""
    path = Path(found)
    return path if path.is_absolute() else None
