"""What loading a model would run: only known scikit-learn classes, or arbitrary code; and whose it is.

Every model that the console loads, or lets a child process load, comes from `trusted_files`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.entities import ModelVersion, Run, RunDetail
from engine.errors import ModelFailure, UntrustedModel
from engine.formats import listed, moment, size
from engine.model_files.files import MLMODEL, ModelFiles, model_files
from engine.stores.records import find_version
from engine.stores.references import source_run
from engine.text import Shown, safe
from engine.uri import TrackingUri, redact

if TYPE_CHECKING:
    from engine.stores.base import Store

# MLflow reads the types that skops may load from the model itself, so the format alone proves nothing.
# `data` is another path to load from, which may lie outside the model or hold an MLmodel file of its own.
_PYFUNC_KEYS = {"code", "env", "loader_module", "model_path", "predict_fn", "python_version", "streamable"}
_SKLEARN_CLASS = re.compile(r"sklearn(\.\w+)*\.[A-Z]\w*")


@dataclass(frozen=True, slots=True)
class ModelCode:
    """`format` names how a model is stored, such as `cloudpickle`. `is_safe`: loading it runs no code but
    scikit-learn's; otherwise `reason` says what it may run. `size` is in bytes, None if unknown."""

    format: Shown
    is_safe: bool
    reason: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """A model version before it is loaded. `run` is its source run, None if it has none or it is gone;
    `source` is where the registry says that its files are, without passwords."""

    version: ModelVersion
    run: Run | None
    code: ModelCode
    source: Shown

    @property
    def owner(self) -> str:
        """Whose code it is, as a person would write it: `ana's run knn-7`; raw text."""
        user = (self.run.user_id if self.run else "") or self.version.user_id or "an unknown user"
        if self.run is None:
            return f"{user}'s model"
        return f"{user}'s run {self.run.run_name or self.run.run_id}"

    @property
    def sentence(self) -> Shown:
        """How it is stored, how large it is, when and by whom it was registered, and from which run."""
        version = self.version
        by = f" by {safe(version.user_id, 80)}" if version.user_id else ""
        run = f" from run {safe(version.run_id, 80)}" if version.run_id else ""
        if self.run is not None:
            run += f" ({safe(self.owner, 160)})"
        large = "" if self.code.size is None else f", {size(self.code.size)}"
        return Shown(
            f"Stored as {self.code.format}{large} in {self.source}, "
            f"registered {moment(version.creation_time)}{by}{run}."
        )


@dataclass(frozen=True, slots=True)
class TrustedFiles:
    """The complete files of a model version that may be loaded, in `folder`. Downloads are removed when the
    context of `trusted_files` ends."""

    description: ModelDescription
    folder: Path


@contextmanager
def trusted_files(
    uri: TrackingUri, store: Store, model: str, version: int, *, allow_code: bool = False
) -> Iterator[TrustedFiles]:
    """The files of a version, downloaded if they are not on this machine.

    Raises `UntrustedModel`, before anything but the `MLmodel` file is downloaded, if loading the model can
    run arbitrary code, unless `allow_code`; `ModelFailure` for missing or malformed files; `NotFound` for a
    missing version; `StoreError`.
    """
    found = find_version(store.model_versions(model), model, version)
    run = source_run(store, found.run_id)
    with model_files(uri, found, run) as files:
        if not allow_code:
            check_trust(_described(files, files.description(), found, run))
        folder = files.folder()
        description = _described(files, folder, found, run)
        if not allow_code:  # again, for what was downloaded
            check_trust(description)
        yield TrustedFiles(description, folder)


def describe_model(uri: TrackingUri, store: Store, model: str, version: int) -> ModelDescription:
    """What would be loaded, from the `MLmodel` file alone. Raises as `trusted_files`."""
    found = find_version(store.model_versions(model), model, version)
    run = source_run(store, found.run_id)
    with model_files(uri, found, run) as files:
        return _described(files, files.description(), found, run)


def _described(
    files: ModelFiles, folder: Path, version: ModelVersion, run: RunDetail | None
) -> ModelDescription:
    return ModelDescription(version, run.run if run else None, model_code(folder), redact(files.location))


def check_trust(description: ModelDescription) -> None:
    """Raises `UntrustedModel` if loading the model can run arbitrary code."""
    version, code = description.version, description.code
    if not code.is_safe:
        raise UntrustedModel(
            f"{safe(version.name, 80)} version {version.version} can run arbitrary code",
            f"{description.sentence} {code.reason}",
            f"Load it only if you trust {safe(description.owner, 160)}.",
            owner=description.owner,
        )


def model_code(folder: Path) -> ModelCode:
    """Read the `MLmodel` file in a folder, without loading the model. Raises `ModelFailure` for a missing or
    malformed file."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        model = yaml.load((folder / MLMODEL).read_bytes(), Loader=loader)
        flavors: Mapping[str, Mapping[str, Any]] = model["flavors"]
        return _code(flavors["python_function"], flavors.get("sklearn", {}), model.get("model_size_bytes"))
    except Exception as error:
        raise ModelFailure(
            f"The model's MLmodel file cannot be read: {type(error).__name__}: {error}"
        ) from error


def _code(pyfunc: Mapping[str, Any], sklearn: Mapping[str, Any], size: int | None) -> ModelCode:
    loader, stored = str(pyfunc["loader_module"]), str(sklearn.get("serialization_format", "pickle"))
    if loader != "mlflow.sklearn":
        shown = safe(loader, 80)
        reason = f"It is loaded by {shown}, which can run arbitrary code."
        if loader == "mlflow.pyfunc.model" and "python_model" in pyfunc:
            return ModelCode(Shown("cloudpickle"), False, reason, size)
        if loader == "mlflow.pyfunc.model" and "model_code_path" in pyfunc:
            return ModelCode(Shown("Python code"), False, reason, size)
        return ModelCode(shown, False, reason, size)
    format_ = safe(stored, 80)
    if other := sorted(map(str, pyfunc.keys() - _PYFUNC_KEYS)):
        reason = f"Its MLmodel file sets {listed(other, 3)}, which may load more."
        return ModelCode(format_, False, reason, size)
    if pyfunc.get("code") or sklearn.get("code"):
        return ModelCode(format_, False, "It contains Python files.", size)
    if stored != "skops":
        return ModelCode(format_, False, "A pickle can run arbitrary code when it is loaded.", size)
    for name in map(str, sklearn.get("skops_trusted_types") or ()):
        if not _SKLEARN_CLASS.fullmatch(name):
            reason = f"It may load {safe(name, 80)}, which is not a scikit-learn class."
            return ModelCode(format_, False, reason, size)
    return ModelCode(format_, True, size=size)
