"""Errors in the settings of a sweep, and the fields of the dialog that they are about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from engine.errors import DatasetError, EngineError, GridError

if TYPE_CHECKING:
    from engine.api import SweepSpec, Task

_PLACES = (
    ("cannot rank", "metric"),
    ("test size", "test"),
    ("folds", "folds"),
    ("without improvement", "no_improvement"),
    ("number of trials", "trials"),
    ("seed", "seed"),
    ("trial timeout", "trial_timeout"),
    ("time limit", "time_limit"),
    ("search", "search"),
    ("experiment", "experiment"),
    ("split", "split_column"),
)
"""Words in the title of an error, and the field that it is about."""


class WrongField(Exception):
    """An error in what a field says."""

    def __init__(self, field: str, error: EngineError) -> None:
        super().__init__(field)
        self.field, self.error = field, error


@contextmanager
def about(field: str) -> Iterator[None]:
    """Attribute errors to a field."""
    try:
        yield
    except EngineError as error:
        raise WrongField(field, error) from error


def field_of(error: EngineError, target: str) -> str:
    """The field that an error of the engine is about, empty if it is none; `target` is the column to
    predict."""
    title = error.title.lower()
    if isinstance(error, GridError):
        is_name = "unknown estimator" in title or " is not for " in title or "scikit-learn" in title
        return "estimators" if is_name else "grid"
    if not isinstance(error, DatasetError):
        return next((field for words, field in _PLACES if words in title), "")
    if "split" in title or "to split by" in error.detail:
        return "split_column"
    if "as the target" in error.detail or "target" in title or "class" in title:
        return "target"
    if target and f"{target!r}" in error.title:
        return "target"
    return "columns" if "column '" in title else "data"


def known_trials(spec: SweepSpec, task: Task | None) -> int:
    """How many trials a sweep has, its baseline included, as far as it is known without its data; `task` is
    that of the data, if it is known. Raises `UsageError` and `GridError`."""
    from engine.api import check_settings, planned_trials

    check_settings(spec)
    task = spec.data.task or task
    if task is not None:
        return planned_trials(spec, task)
    try:
        return planned_trials(spec, "classification")
    except GridError:
        with suppress(GridError):
            return planned_trials(spec, "regression")
        raise
