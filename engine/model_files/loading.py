"""Loads a model: the only place that does, called by child processes only.

`engine.model_files.trust` decides before the files are downloaded; what is on disk is judged again here,
because it may have been replaced since.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ModelFailure
from engine.model_files.trust import model_code

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel


def load_model(folder: Path, *, allow_code: bool) -> PyFuncModel:
    """The model in a folder. Raises `ModelFailure` if it does not load, or can run arbitrary code and
    `allow_code` is False."""
    import mlflow.pyfunc

    code = model_code(folder)
    if not (code.is_safe or allow_code):
        raise ModelFailure(f"The model can run arbitrary code. {code.reason}")
    with model_errors("The model does not load"):
        return mlflow.pyfunc.load_model(str(folder))


@contextmanager
def model_errors(what: str) -> Iterator[None]:
    """Report any error raised by the model's code as a failure of the model."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise ModelFailure(f"{what}: {type(error).__name__}: {error}") from error
