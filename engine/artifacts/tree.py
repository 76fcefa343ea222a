"""The artifacts of a run as one tree: its own files, and each logged model as a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.entities import Artifact, RunDetail
from engine.errors import EngineError, NotFound, StoreRefused
from engine.formats import count, counted, listed
from engine.jobs import CancelToken
from engine.stores.artifacts import check_path
from engine.text import Shown, safe
from engine.uri import local_root, redact

if TYPE_CHECKING:
    from engine.stores.base import Store

MAX_ENTRIES = 100_000
"""The most files and folders that are walked through at once."""
LEADS_OUT = Shown("link out of the artifacts, not opened")
"""Follows the name of a link that leads out of the artifact root."""
MAX_DEPTH = 64
"""The deepest folder that is walked through: a link may lead back up."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is directly in a folder: folders first, then by name. `notes` say what is missing and why;
    `errors` are of storage that could not be listed."""

    path: str
    artifacts: tuple[Artifact, ...]
    notes: tuple[Shown, ...] = ()
    errors: tuple[EngineError, ...] = ()


def listing(store: Store, run_id: str, path: str = "") -> Listing:
    """A folder of the tree; the root has the path "". If only some of the root's storage can be listed, the
    errors of the rest are in the result."""
    path = check_path(path)
    if path:
        return _checked(path, store.artifacts(run_id, path))
    detail = store.run(run_id)
    found: dict[str, Artifact] = {}
    failed: list[EngineError] = []
    try:
        found = {artifact.path: artifact for artifact in store.artifacts(run_id)}
    except EngineError as error:
        failed.append(error)
    for model in detail.models:
        if model.name and "/" not in model.name:
            found.setdefault(model.name, Artifact(model.name, is_dir=True))
    return _checked("", tuple(found.values()), tuple(_root_notes(detail, bool(found))), tuple(failed))


def _checked(
    path: str,
    artifacts: tuple[Artifact, ...],
    notes: tuple[Shown, ...] = (),
    errors: tuple[EngineError, ...] = (),
) -> Listing:
    """Only entries that are directly in the folder: a server may send any path."""
    inside = [artifact for artifact in artifacts if _is_inside(artifact.path, path)]
    if hidden := len(artifacts) - len(inside):
        paths = counted(hidden, "artifact")
        notes = (*notes, Shown(f"Not listed: {paths} whose path leads elsewhere."))
    ordered = sorted(inside, key=lambda artifact: (not artifact.is_dir, artifact.path))
    return Listing(path, tuple(ordered), notes, errors)


def _is_inside(path: str, folder: str) -> bool:
    parent, _, name = path.rpartition("/")
    try:
        return bool(name) and parent == folder and check_path(path) == path
    except StoreRefused:
        return False


def _root_notes(detail: RunDetail, any_found: bool) -> Iterator[Shown]:
    """Logged models that share their name with a newer one, and local artifact roots that should exist but do
    not: they may be on another machine."""
    for name, number in Counter(model.name for model in detail.models).items():
        if number > 1:
            models = f"{counted(number, 'logged model')} of this run are named {safe(name, 80)}"
            yield Shown(f"{models}; {safe(name, 80)}/ has the files of the newest.")
    roots = [model.artifact_location for model in detail.models]
    if not any_found:
        roots.append(detail.run.artifact_uri)
    for root in roots:
        folder = local_root(root)
        if folder is not None and not folder.exists():
            yield safe(f"{redact(root)} does not exist on this machine; it may be on the server's.", 400)


def artifact_at(store: Store, run_id: str, path: str) -> Artifact:
    """The file or folder at a path. Raises `NotFound`."""
    path = check_path(path)
    if not path:
        return Artifact("", is_dir=True)
    found = listing(store, run_id, path.rpartition("/")[0])
    for artifact in found.artifacts:
        if artifact.path == path:
            return artifact
    if found.errors:
        raise found.errors[0]
    names = [artifact.path for artifact in found.artifacts]
    raise NotFound(
        f"Artifact {safe(path, 200)} not found",
        f"The folder has: {listed(names, 12)}" if names else "The folder is missing or empty.",
        "Run `mlflow-console artifacts RUN` to list all artifacts of the run.",
    )


@dataclass(frozen=True, slots=True)
class Tree:
    """Files and folders, depth first, from `root` down. `errors` are of folders that could not be listed,
    each once. `complete` is False if there are more entries than `MAX_ENTRIES`, or folders deeper than
    `MAX_DEPTH`."""

    root: Artifact
    artifacts: tuple[Artifact, ...]
    notes: tuple[Shown, ...] = ()
    errors: tuple[EngineError, ...] = ()
    complete: bool = True

    @property
    def files(self) -> tuple[Artifact, ...]:
        return tuple(artifact for artifact in self.artifacts if not artifact.is_dir)

    @property
    def size(self) -> int:
        """The sum of the sizes that the storage reports, in bytes."""
        return sum(artifact.size or 0 for artifact in self.artifacts)

    @property
    def unsized(self) -> int:
        """The number of files whose size the storage does not report."""
        return sum(artifact.size is None for artifact in self.files)


def walk(
    store: Store,
    run_id: str,
    path: str = "",
    *,
    cancel: CancelToken | None = None,
    limit: int = MAX_ENTRIES,
) -> Tree:
    """Everything below a path, which may be a file. Raises `NotFound`, and `StoreError` if not even the
    folder itself can be listed."""
    root = artifact_at(store, run_id, path)
    if not root.is_dir:
        return Tree(root, (root,))
    first = listing(store, run_id, root.path)
    if first.errors and not first.artifacts:
        raise first.errors[0]
    found: list[Artifact] = []
    notes, errors, complete = list(first.notes), list(first.errors), True
    stack = list(reversed(first.artifacts))
    while stack and len(found) < limit:
        if cancel is not None:
            cancel.check("Listing the artifacts")
        found.append(artifact := stack.pop())
        if artifact.is_dir and artifact.path.count("/") >= MAX_DEPTH:
            complete = False
        elif artifact.is_dir:
            inner = _tried(store, run_id, artifact.path)
            notes += inner.notes
            errors += inner.errors
            stack += reversed(inner.artifacts)
    complete = complete and not stack
    if not complete:
        notes.append(
            Shown(f"The list is incomplete: more than {count(limit)} entries, or very deep folders.")
        )
    different = {str(error): error for error in errors}  # the root and a model often fail alike
    return Tree(root, tuple(found), tuple(notes), tuple(different.values()), complete)


def _tried(store: Store, run_id: str, path: str) -> Listing:
    try:
        return listing(store, run_id, path)
    except EngineError as error:
        return Listing(path, (), (), (error,))
