"""What loading a model would run: only known scikit-learn classes, or arbitrary code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.formats import listed
from engine.text import Shown, safe

# MLflow reads the types that skops may load from the model itself, so the format alone proves nothing.
# `data` is another path to load from, which may lie outside the model or hold an MLmodel file of its own.
_PYFUNC_KEYS = {"code", "env", "loader_module", "model_path", "predict_fn", "python_version", "streamable"}
_SKLEARN_CLASS = re.compile(r"sklearn(\.\w+)*\.[A-Z]\w*")


@dataclass(frozen=True, slots=True)
class ModelCode:
    """`format` names how a model is stored, such as `cloudpickle`. `is_safe`: loading it runs no code but
    scikit-learn's; otherwise `reason` says what it may run."""

    format: Shown
    is_safe: bool
    reason: str = ""


def model_code(folder: Path) -> ModelCode:
    """Read the `MLmodel` file in a folder, without loading the model. Raises MLflow's errors for a missing or
    malformed file."""
    from mlflow.models import Model

    flavors: Mapping[str, Mapping[str, Any]] = Model.load(str(folder)).flavors
    pyfunc, sklearn = flavors["python_function"], flavors.get("sklearn", {})
    loader, stored = str(pyfunc["loader_module"]), str(sklearn.get("serialization_format", "pickle"))
    if loader != "mlflow.sklearn":
        shown = safe(loader, 80)
        return ModelCode(shown, False, f"It is loaded by {shown}, which can run arbitrary code.")
    if other := sorted(map(str, pyfunc.keys() - _PYFUNC_KEYS)):
        return ModelCode(
            safe(stored, 80), False, f"Its MLmodel file sets {listed(other, 3)}, which may load more."
        )
    if pyfunc.get("code") or sklearn.get("code"):
        return ModelCode(safe(stored, 80), False, "It contains Python files.")
    if stored != "skops":
        return ModelCode(safe(stored, 80), False, "A pickle can run arbitrary code when it is loaded.")
    for name in map(str, sklearn.get("skops_trusted_types") or ()):
        if not _SKLEARN_CLASS.fullmatch(name):
            reason = f"It may load {safe(name, 80)}, which is not a scikit-learn class."
            return ModelCode(safe(stored, 80), False, reason)
    return ModelCode(safe(stored, 80), True)
