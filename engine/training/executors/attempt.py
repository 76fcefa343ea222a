"""One attempt to train a trial, in the process of whichever executor."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.training.evaluation.evaluate import Evaluation
    from engine.training.evaluation.parts import Parts
    from engine.training.spec import SweepSpec, Trial


def attempt(parts: Parts, spec: SweepSpec, trial: Trial) -> Evaluation | str:
    """The evaluation of a trial, or the traceback of what it raised: exceptions of other packages may not
    survive the way to another process."""
    from engine.training.evaluation.evaluate import evaluate

    try:
        return evaluate(parts, spec, trial)
    except EngineError as error:
        return str(error)
    except MemoryError:
        return "MemoryError: the machine has too little memory for this trial"
    except Exception:
        return traceback.format_exc()
