"""The types that skops must trust to load a model."""

from __future__ import annotations

from typing import Any

from engine.errors import TrainingError


def trusted_types(model: Any) -> tuple[str, ...]:
    """The types in this model, which was trained here, that skops does not trust by itself. Raises
    `TrainingError` if skops cannot save the model."""
    import skops.io

    try:
        return tuple(skops.io.get_untrusted_types(data=skops.io.dumps(model)))
    except Exception as error:
        raise TrainingError("The model cannot be saved", f"{type(error).__name__}: {error}") from error
