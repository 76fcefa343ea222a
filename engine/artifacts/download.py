"""Downloads artifacts: all of what was chosen, or nothing. Only what is no file, such as a dangling link,
is skipped, and every message says so.

Files are collected in a hidden folder inside the target and moved to their places at the end, so that no
half-written file is ever seen under its name. No path of an artifact, and no link in the target, leads out of
the target folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.artifacts.tree import Tree, walk
from engine.entities import Artifact
from engine.errors import EngineError, NotFound, StoreRefused
from engine.files import collecting, put_in_place
from engine.formats import counted, listed, size
from engine.jobs import CancelToken, OnProgress, Progress, no_progress
from engine.text import Shown, safe

if TYPE_CHECKING:
    from engine.stores.base import Store

_REPORT_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Downloaded:
    """The files that were written, their size in bytes, and which artifacts were left out, and why."""

    files: tuple[Path, ...]
    size: int
    left_out: tuple[tuple[Artifact, EngineError], ...]

    @property
    def summary(self) -> str:
        """`12 files, 44.7 MB`."""
        return f"{counted(len(self.files), 'file')}, {size(self.size)}"

    @property
    def sentences(self) -> tuple[Shown, ...]:
        """`Skipped: plots/link: Artifact plots/link not found`, for each."""
        return tuple(
            safe(f"Skipped: {safe(artifact.path, 200)}: {error.title}") for artifact, error in self.left_out
        )


@dataclass(frozen=True, slots=True)
class Download:
    """What a download will write: `files` with their paths below `folder`. `existing` are files in their
    places; they are only replaced on request."""

    run_id: str
    tree: Tree
    folder: Path
    files: tuple[tuple[Artifact, Path], ...]
    existing: tuple[Path, ...]

    @property
    def summary(self) -> str:
        """`12 files, 44.7 MB`."""
        known = f"{counted(len(self.files), 'file')}, {size(self.tree.size)}"
        return known + (f" and {self.tree.unsized} of unknown size" if self.tree.unsized else "")


def plan_download(
    store: Store, run_id: str, path: str, folder: Path, *, cancel: CancelToken | None = None
) -> Download:
    """The files below `path` and where they will be: a file under its own name, a folder as a folder, the
    root without one. Writes nothing. Raises `StoreRefused` if not all of it can be listed."""
    tree = walk(store, run_id, path, cancel=cancel)
    if tree.errors:
        raise tree.errors[0]
    if not tree.complete:
        raise StoreRefused("Too many artifacts to download at once", tree.notes[-1], "Download a folder.")
    above = len(tree.root.path) - len(tree.root.path.rpartition("/")[2])
    files = tuple((artifact, _inside(folder, artifact.path[above:])) for artifact in tree.files)
    if not files:
        raise StoreRefused("There is nothing to download", *tree.notes[:1])
    existing = tuple(target for _, target in files if os.path.lexists(target))
    return Download(run_id, tree, folder, files, existing)


def download(
    store: Store,
    plan: Download,
    *,
    replace: bool = False,
    on_progress: OnProgress = no_progress,
    cancel: CancelToken | None = None,
) -> Downloaded:
    """Write the files of a plan, but for those that are gone or no files: if it has no others, the error of
    the first is raised. Progress is in bytes; its total is None if the storage does not report sizes. On
    another error, and when cancelled, nothing is written."""
    if plan.existing and not replace:
        raise would_replace(plan.existing)
    cancel = cancel or CancelToken()
    total = None if plan.tree.unsized else plan.tree.size
    done = 0
    places: list[tuple[Path, Path]] = []
    left_out: list[tuple[Artifact, EngineError]] = []
    with _writing(plan.folder), collecting(plan.folder) as collected:
        _check_room(plan)
        for number, (artifact, target) in enumerate(plan.files):
            note = safe(artifact.path, 200)
            on_progress(Progress(done, total, note))
            with ExitStack() as stack:
                try:
                    content = stack.enter_context(store.open_artifact(plan.run_id, artifact.path))
                except (NotFound, StoreRefused) as error:
                    left_out.append((artifact, error))
                    continue
                file = stack.enter_context((collected / str(number)).open("xb"))
                places.append((collected / str(number), target))
                reported = done
                for piece in content.pieces:
                    cancel.check("The download")
                    file.write(piece)
                    done += len(piece)
                    if done - reported >= _REPORT_BYTES:
                        on_progress(Progress(done, total, note))
                        reported = done
                file.flush()
                os.fsync(file.fileno())
        if not places:
            raise left_out[0][1]
        put_in_place(places, plan.folder, replace=replace)
    on_progress(Progress(done, done))
    return Downloaded(tuple(target for _, target in places), done, tuple(left_out))


def would_replace(existing: Sequence[Path]) -> EngineError:
    """The error for files that are in the way."""
    names = listed([path.name for path in existing], 4)
    hint = "Choose another folder, or agree to replace them (`--yes` on the command line)."
    return EngineError(f"{counted(len(existing), 'file')} would be replaced", names, hint)


def _inside(folder: Path, path: str) -> Path:
    """The place of an artifact in the target. Raises `StoreRefused` if it were outside."""
    target = folder / path
    if Path(os.path.normpath(target)) != target or not path or not target.is_relative_to(folder):
        raise StoreRefused("The artifact's path leads out of the folder", safe(path, 200))
    return target


def _check_room(plan: Download) -> None:
    free = shutil.disk_usage(plan.folder).free
    if plan.tree.size > free:
        raise EngineError(
            "The disk has too little free space",
            f"{plan.summary}; {size(free)} are free in {safe(plan.folder, 200)}",
            "Choose a folder on another disk, or free some space.",
        )


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise would_replace([Path(error.filename or folder)]) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        hint = "Check that the folder is writable and has free space, or choose another one."
        raise EngineError("The download failed", f"{safe(folder, 200)}: {why}", hint) from error
