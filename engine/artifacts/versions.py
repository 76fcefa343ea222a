"""Where the files of a registered model version are: in a folder of its run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.entities import STAGES, ModelVersion
from engine.errors import NotFound, UsageError
from engine.stores.records import find_version
from engine.text import quoted, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.stores.base import Store

_VERSION = re.compile(r"models:/+(?P<name>[^/@]+)(?:/(?P<version>[^/@]+)|@(?P<alias>[^/@]+))", re.DOTALL)


def model_location(store: Store, uri: str) -> tuple[str, str]:
    """The run id and the folder of a version's model."""
    found = _VERSION.fullmatch(uri)
    if found is None:
        hint = "Use models:/NAME/VERSION, models:/NAME@ALIAS or models:/NAME/STAGE."
        raise UsageError(f"{quoted(uri)} does not name a model version", "", hint)
    version = _version(store.model_versions(found["name"]), found["name"], found["version"], found["alias"])
    if not version.run_id:
        raise NotFound(f"{uri} has no source run", f"Its files are in {safe(version.source, 200)}")
    model_id = version.source.removeprefix("models:/")
    for model in store.run(version.run_id).models:
        if model.model_id == model_id:
            return version.run_id, model.name
    return version.run_id, version.source.rpartition("/artifacts/")[2].strip("/")


def _version(
    versions: Sequence[ModelVersion], name: str, number: str | None, alias: str | None
) -> ModelVersion:
    if number is not None and number.isdecimal():
        return find_version(versions, name, int(number))
    for version in versions:
        if alias is not None and alias in version.aliases:
            return version
        if number is not None and version.stage.lower() == number.lower():
            return version
    what = f"alias {quoted(alias)}" if alias is not None else f"version in stage {quoted(number or '')}"
    stages = ", ".join(STAGES[1:])
    raise NotFound(
        f"{quoted(name)} has no {what}", "", f"Stages are {stages}; see `mlflow-console models {name}`."
    )
