"""Where the files of a registered model version are: in a folder of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import NotFound
from engine.stores.references import not_a_reference, parse_reference, referenced
from engine.text import safe

if TYPE_CHECKING:
    from engine.stores.base import Store


def model_location(store: Store, uri: str) -> tuple[str, str]:
    """The run id and the folder of a version's model."""
    reference = parse_reference(uri)
    if not reference.target:
        raise not_a_reference(uri)
    version = referenced(store.model_versions(reference.model), reference)
    if not version.run_id:
        raise NotFound(f"{uri} has no source run", f"Its files are in {safe(version.source, 200)}")
    model_id = version.source.removeprefix("models:/")
    for model in store.run(version.run_id).models:
        if model.model_id == model_id:
            return version.run_id, model.name
    return version.run_id, version.source.rpartition("/artifacts/")[2].strip("/")
