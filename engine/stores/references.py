"""References to model versions: `MODEL@ALIAS`, `MODEL/STAGE`, `MODEL/VERSION`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.entities import STAGES, ModelVersion, RunDetail
from engine.errors import NotFound, UsageError
from engine.formats import listed
from engine.stores.records import find_version
from engine.text import quoted

if TYPE_CHECKING:
    from engine.stores.base import Store

_LOGGED = re.compile(r"models:/+(m-[\w-]+)/?")
_REFERENCE = re.compile(r"(?:models:/+)?(?P<model>[^/@:]+)(?P<target>[/@][^/@:]+)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ModelReference:
    """What a person asked for: `target` is `@ALIAS`, `/STAGE` or `/VERSION`, or empty for a bare name."""

    model: str
    target: str

    def __str__(self) -> str:
        return f"{self.model}{self.target}"

    @property
    def moves(self) -> bool:
        """Whether it may name another version later."""
        return self.target.startswith("@") or not self.target[1:].isdecimal()


def parse_reference(text: str) -> ModelReference:
    """`MODEL[@ALIAS|/STAGE|/VERSION]`, also after `models:/`. Raises `UsageError`."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise not_a_reference(text)
    return ModelReference(found["model"], found["target"] or "")


def not_a_reference(text: str) -> UsageError:
    hint = "Use models:/NAME/VERSION, models:/NAME@ALIAS or models:/NAME/STAGE."
    return UsageError(f"{quoted(text)} does not name a model version", "", hint)


def referenced(versions: Sequence[ModelVersion], reference: ModelReference) -> ModelVersion:
    """The version that a reference names now; as in MLflow, of several in a stage the highest, and
    `/latest` the highest of all. Raises `NotFound`."""
    model, sign, name = reference.model, reference.target[:1], reference.target[1:]
    if sign == "/" and name.isdecimal():
        return find_version(versions, model, int(name))
    for version in sorted(versions, key=lambda version: version.version, reverse=True):
        if name in version.aliases if sign == "@" else name.lower() in ("latest", version.stage.lower()):
            return version
    what = f"alias {quoted(name)}" if sign == "@" else f"version in stage {quoted(name)}"
    raise NotFound(f"{quoted(model)} has no {what}", *_choices(versions, model))


def preferred(versions: Sequence[ModelVersion], model: str) -> ModelReference:
    """What the bare name of a model stands for: the alias `champion` if it is set, else the stage Production.
    Raises `NotFound` if it has neither."""
    for target in ("@champion", "/Production"):
        reference = ModelReference(model, target)
        try:
            referenced(versions, reference)
        except NotFound:
            continue
        return reference
    title = f"{quoted(model)} has neither the alias champion nor a version in Production"
    raise NotFound(title, *_choices(versions, model))


def logged_model_id(version: ModelVersion) -> str:
    """The id of the logged model that a version was registered from; empty if its source names none."""
    match = _LOGGED.fullmatch(version.source)
    return match[1] if match else ""


def source_run(store: Store, run_id: str) -> RunDetail | None:
    """The run that a version names as its source; None if it names none or the run is gone."""
    try:
        return store.run(run_id) if run_id else None
    except NotFound:
        return None


def _choices(versions: Sequence[ModelVersion], model: str) -> tuple[str, str]:
    """What could be asked for instead: the detail and the hint of an error."""
    aliases = [f"@{alias}" for version in versions for alias in version.aliases]
    stages = [f"/{stage}" for stage in STAGES[1:] if any(version.stage == stage for version in versions)]
    numbers = [f"/{version.version}" for version in versions]
    detail = f"It has {listed([*aliases, *stages, *numbers], 12)}" if versions else "It has no versions"
    return detail, f"See `mlflow-console models {model}`."
