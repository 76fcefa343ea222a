"""Whether a registry has stages. MLflow will remove them; Unity Catalog never had them.

A server without them answers the calls about stages with 404 or 501, or refuses them and says so.
Reading the latest version of each stage asks without changing anything; a refused transition says it too.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from engine.errors import EngineError, NotFound, StagesUnsupported

SAYS_NO_STAGES = re.compile(
    r"(?:\bstages?\b|transition_model_version_stage|get_latest_versions).{0,80}?"
    r"(?:unsupported|not supported|not implemented|no longer|removed|disabled|has no attribute)"
    r"|(?:unsupported|not supported|no attribute|does not support|removed).{0,80}?"
    r"(?:\bstages?\b|transition_model_version_stage|get_latest_versions)",
    re.IGNORECASE | re.DOTALL,
)
"""What MLflow, Unity Catalog and managed servers say of stages that they do not have."""
_NO_SUCH_CALL = re.compile(
    r"\bHTTP (?:404|501)\b|error code (?:404|501)\b|NotImplementedError|ENDPOINT_NOT_FOUND"
)


class StageSupport:
    """What one store says about stages. Asked once, and again only after an error that does not tell."""

    def __init__(self, ask: Callable[[str], object] | None) -> None:
        """`ask` reads the latest versions of a model by stage, and fails where there are none; it is None for
        a store that has stages."""
        self._ask = ask
        self._answer: StagesUnsupported | None = None
        self._is_known = ask is None

    def problem(self, model: str) -> StagesUnsupported | None:
        """The error of a store without stages; None if it has them, or does not tell."""
        if not self._is_known and self._ask is not None:
            try:
                self._ask(model)
            except NotFound:
                return None  # the model
            except EngineError as error:
                self._answer = stages_unsupported(error)
                self._is_known = self._answer is not None
            else:
                self._is_known = True
        return self._answer

    def record(self, error: StagesUnsupported) -> None:
        """A transition was refused."""
        self._answer, self._is_known = error, True


def stages_unsupported(error: EngineError, cause: BaseException | None = None) -> StagesUnsupported | None:
    """The error of a call about stages, if it means that the store has none. `cause` is MLflow's own."""
    if isinstance(error, StagesUnsupported):
        return error
    cause = error.__cause__ if cause is None else cause
    text = f"{error.title}: {error.detail} {getattr(cause, 'error_code', '')}"
    if not (SAYS_NO_STAGES.search(text) or _NO_SUCH_CALL.search(text)):
        return None
    said = error.detail or error.title
    return StagesUnsupported(
        "This server has no model stages", said, "Use an alias instead, such as @champion for Production."
    )
