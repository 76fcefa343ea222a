"""A fitted model as skops saves it, and the types that skops must trust to load it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.errors import TrainingError


@dataclass(frozen=True, slots=True)
class SavedModel:
    """A fitted model in the format of skops, and the types in it that skops does not trust by itself."""

    data: bytes
    trusted: tuple[str, ...]


def saved_model(model: Any) -> SavedModel:
    """Save a model that was trained here. Raises `TrainingError` if skops cannot."""
    import skops.io

    try:
        data = skops.io.dumps(model)
        return SavedModel(data, tuple(skops.io.get_untrusted_types(data=data)))
    except Exception as error:
        raise TrainingError("The model cannot be saved", f"{type(error).__name__}: {error}") from error
