"""Artifacts in local folders, and the check of artifact paths."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from engine.entities import Artifact
from engine.errors import StoreRefused, StoreUnreadable
from engine.text import safe

_UPLOADING = ".artifact.uploading."


def check_path(path: str) -> str:
    """`path`, normalized. Raises `StoreRefused` if it may lead outside its root."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path or "\0" in path:
        raise StoreRefused(
            "Invalid artifact path", safe(path, 200), "Artifact paths are relative, without `..`."
        )
    return "" if pure == PurePosixPath() else str(pure)


def list_folder(root: Path, path: str, prefix: str = "") -> tuple[Artifact, ...]:
    """The files and folders directly in `path` under `root`, by name; empty if it is not a folder. `prefix`,
    the name of the logged model whose root this is, goes before each path."""
    folder = root / path
    try:
        if not folder.resolve().is_relative_to(root.resolve()):
            raise StoreRefused("The path leads outside the run's artifacts", safe(path, 200))
        with os.scandir(folder) as entries:
            found = [_artifact(entry, path, prefix) for entry in entries if not _is_upload(entry.name)]
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except ValueError as error:  # NUL or a lone surrogate
        raise StoreRefused("Invalid artifact path", safe(path or root, 200)) from error
    except (OSError, RuntimeError) as error:
        raise StoreUnreadable("Cannot read the artifacts", f"{safe(folder)}: {error}") from error
    return tuple(sorted(found, key=lambda artifact: artifact.path))


def _artifact(entry: os.DirEntry[str], path: str, prefix: str) -> Artifact:
    where = "/".join(part for part in (prefix, path, entry.name) if part)
    if entry.is_dir():
        return Artifact(where, is_dir=True)
    try:
        return Artifact(where, is_dir=False, size=entry.stat().st_size)
    except OSError:  # a dangling link
        return Artifact(where, is_dir=False)


def _is_upload(name: str) -> bool:
    """Whether MLflow is still writing the file."""
    return name.startswith(_UPLOADING)
