"""Where the files of a registered model version are: in a folder of its run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import NotFound
from engine.stores.records import find_version
from engine.stores.references import not_a_reference, parse_reference, referenced
from engine.text import safe
from engine.uri import redact

COPIED = re.compile(r"models:/+([^/@:]+)/(\d{1,9})/?")
"""The source of a version that was copied from another one."""
MAX_COPIES = 10
"""How many copies of copies are followed."""

if TYPE_CHECKING:
    from engine.entities import ModelVersion, RunDetail
    from engine.stores.base import Store


def model_location(store: Store, uri: str) -> tuple[str, str]:
    """The run id and the folder of a version's model."""
    reference = parse_reference(uri)
    if not reference.target:
        raise not_a_reference(uri)
    version = referenced(store.model_versions(reference.model), reference)
    if not version.run_id:
        raise NotFound(f"{uri} has no source run", f"Its files are in {safe(version.source, 200)}")
    folder = version_folder(origin_of(store, version), store.run(version.run_id))
    if folder is None:
        raise NotFound(
            f"{uri} has no files among the artifacts of its run", f"Source: {redact(version.source)}"
        )
    return version.run_id, folder


def origin_of(store: Store, version: ModelVersion) -> ModelVersion:
    """The version that a copy was made from, by whose source its files are found; a version itself if it is
    no copy, or if that one is gone. Raises `StoreError`."""
    for _ in range(MAX_COPIES):
        match = COPIED.fullmatch(version.source)
        if match is None:
            return version
        try:
            version = find_version(store.model_versions(match[1]), match[1], int(match[2]))
        except NotFound:
            return version
    return version


def version_folder(version: ModelVersion, run: RunDetail) -> str | None:
    """The folder of a version's model among the artifacts of its run, where the files of a logged model have
    the folder of its name; None if the version's source does not say."""
    source = version.source
    if source.startswith("models:/"):
        model_id = source.removeprefix("models:/").strip("/")
        return next((model.name for model in run.models if model.model_id == model_id), None)
    if source.startswith("runs:/"):
        return source.removeprefix("runs:/").lstrip("/").partition("/")[2].strip("/")
    _, separator, folder = f"{source}/".rpartition("/artifacts/")
    return folder.strip("/") if separator else None
