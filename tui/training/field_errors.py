"""Errors in the settings of a sweep, and the fields of the dialog that they are about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from engine.errors import EngineError, GridError

if TYPE_CHECKING:
    from engine.api import SweepSpec, Task

_FIELDS = {
    "data": "data",
    "data.target": "target",
    "data.task": "task",
    "data.use": "columns",
    "data.leave_out": "columns",
    "data.types": "columns",
    "split": "split",
    "split.column": "split_column",
    "split.test": "test",
    "split.folds": "folds",
    "split.seed": "seed",
    "search": "search",
    "search.method": "trials",  # what is wrong with a method is that it needs a number of trials
    "search.trials": "trials",
    "search.seed": "seed",
    "limits.trial_timeout": "trial_timeout",
    "limits.time": "time_limit",
    "limits.no_improvement": "no_improvement",
    **{name: name for name in ("experiment", "metric", "curves", "recipe")},
}
"""The field for each setting, or for all settings of a part."""


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


def field_of(error: EngineError) -> str:
    """The field that an error of the engine is about, empty if it is none."""
    part, dot, name = error.setting.partition(".")
    part = part.partition("[")[0]
    if part == "models":
        return "grid" if dot else "estimators"
    setting = f"{part}.{name.partition('.')[0]}"
    return _FIELDS.get(setting, _FIELDS.get(part, ""))


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
