"""Artifacts in local folders, the check of artifact paths, and the content of one file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from engine.entities import Artifact, RunDetail
from engine.errors import NotFound, StoreRefused, StoreUnreadable
from engine.formats import size
from engine.text import safe
from engine.uri import redact

CHUNK_BYTES = 2**18

_UPLOADING = ".artifact.uploading."


@dataclass(frozen=True, slots=True)
class ArtifactContent:
    """The content of a file, in pieces. `size` is None if the store does not report it. A piece is empty
    while the reader waits for the storage, so that the caller can cancel."""

    size: int | None
    pieces: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Location:
    """A path under an artifact root: that of the run, or of the logged model `model_id` of the run, whose
    files are listed under `prefix`, its name."""

    root: str
    path: str
    prefix: str = ""
    model_id: str = ""


def locations(detail: RunDetail, path: str) -> tuple[Location, ...]:
    """Where a path of a run may be: under the run's artifact root, and under that of its newest logged model
    with the name of the first folder."""
    name, _, rest = path.partition("/")
    found = [Location(detail.run.artifact_uri, path)]
    logged = [model for model in detail.models if model.name == name]
    found += [Location(model.artifact_location, rest, name, model.model_id) for model in logged[:1]]
    return tuple(found)


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
            found = [_artifact(entry, root, path, prefix) for entry in entries if not is_upload(entry.name)]
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except ValueError as error:  # NUL or a lone surrogate
        raise StoreRefused("Invalid artifact path", safe(path or root, 200)) from error
    except (OSError, RuntimeError) as error:
        raise StoreUnreadable("Cannot read the artifacts", f"{safe(folder)}: {error}") from error
    return tuple(sorted(found, key=lambda artifact: artifact.path))


@contextmanager
def open_file(root: Path, path: str) -> Iterator[ArtifactContent]:
    """The file `path` under `root`. Raises `NotFound`, `StoreRefused` for a link that leads out of the root
    and for what is not a file, and `StoreUnreadable`."""
    try:
        target = (root / path).resolve()
        if not target.is_relative_to(root.resolve()):
            raise StoreRefused("The path leads outside the run's artifacts", safe(path, 200))
        # A pipe would block until something writes to it.
        descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise artifact_not_found(path) from error
    except ValueError as error:  # NUL or a lone surrogate
        raise StoreRefused("Invalid artifact path", safe(path or root, 200)) from error
    except (OSError, RuntimeError) as error:
        raise _unreadable(path, error) from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        what = "It is a folder" if stat.S_ISDIR(found.st_mode) else "It is a pipe or a device"
        raise StoreRefused("The artifact is not a file", f"{safe(path, 200)}: {what}")
    with os.fdopen(descriptor, "rb") as file:

        def pieces() -> Iterator[bytes]:
            try:
                while piece := file.read(CHUNK_BYTES):
                    yield piece
            except OSError as error:
                raise _unreadable(path, error) from error

        yield ArtifactContent(found.st_size, pieces())


def artifact_not_found(path: str) -> NotFound:
    hint = "Run `mlflow-console artifacts RUN` to list the artifacts of the run."
    return NotFound(f"Artifact {safe(path, 200) or '/'} not found", "", hint)


def too_large_to_fetch(path: str, location: str, known: int, limit: int) -> StoreRefused:
    """The error for a file that can only be read as a whole."""
    detail = f"{safe(path, 200)} has {size(known)}; {redact(location)} cannot be read in part"
    return StoreRefused(f"Files over {size(limit)} are not previewed here", detail, "Download it to read it.")


def _unreadable(path: str, error: Exception) -> StoreUnreadable:
    return StoreUnreadable("Cannot read the artifact", f"{safe(path, 200)}: {error}")


def _artifact(entry: os.DirEntry[str], root: Path, path: str, prefix: str) -> Artifact:
    where = "/".join(part for part in (prefix, path, entry.name) if part)
    try:
        if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root.resolve()):
            return Artifact(where, is_dir=False, leads_out=True)
        if entry.is_dir():
            return Artifact(where, is_dir=True)
        return Artifact(where, is_dir=False, size=entry.stat().st_size)
    except (OSError, RuntimeError):  # a dangling link, or links in a circle
        return Artifact(where, is_dir=False)


def is_upload(name: str) -> bool:
    """Whether MLflow is still writing the file."""
    return name.startswith(_UPLOADING)
