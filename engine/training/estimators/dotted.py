"""Estimators by dotted name, such as `sklearn.neural_network.MLPClassifier`.

Names are checked anywhere; classes are imported in the training process only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from engine.errors import GridError
from engine.text import quoted
from engine.training.spec import Task, Value

_NAME = re.compile(r"sklearn(\.[a-z][a-z0-9_]*)+\.[A-Z]\w*", re.ASCII)
_HINT = "Use a classifier or regressor of scikit-learn, such as sklearn.neural_network.MLPClassifier."


def module_and_class(name: str) -> tuple[str, str]:
    """The module and the class of a dotted name. Raises `GridError` for a name outside scikit-learn."""
    if not _NAME.fullmatch(name):
        raise GridError(
            f"{quoted(name)} is not a scikit-learn estimator", "Expected sklearn.module.Class.", _HINT
        )
    module, _, class_name = name.rpartition(".")
    return module, class_name


def estimator_class(module: str, name: str, task: Task) -> Any:
    """The class, imported. Raises `GridError` if it does not exist or does not learn to classify (or to
    regress, as `task` says)."""
    dotted = f"{module}.{name}"
    title = f"{quoted(dotted)} is not a scikit-learn estimator"
    module_and_class(dotted)
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise GridError(title, str(error), _HINT) from error
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    if not (isinstance(found, type) and issubclass(found, BaseEstimator)):
        raise GridError(title, f"{name} is no subclass of BaseEstimator.", _HINT)
    tasks = {"classification": ClassifierMixin, "regression": RegressorMixin}
    if not issubclass(found, tuple(tasks.values())):
        raise GridError(title, f"{name} neither classifies nor regresses.", _HINT)
    if not issubclass(found, tasks[task]):
        kind = "regressor" if task == "classification" else "classifier"
        raise GridError(
            f"{name} is a {kind}", f"The target is for {task}.", "Use another estimator or target."
        )
    return found


def parameters(found: Any) -> list[str]:
    """The names of what a class is built with."""
    import inspect

    return [name for name in inspect.signature(found).parameters if name not in ("args", "kwargs")]


def built(found: Any, params: Mapping[str, Value]) -> Any:
    """An unfitted estimator of this class. Raises `GridError` for an unknown parameter, and for a class that
    needs more than plain values."""
    check_names(found.__name__, params, parameters(found))
    try:
        return found(**params)
    except TypeError as error:
        hint = "Estimators that are built from other estimators cannot be swept."
        raise GridError(f"{found.__name__} cannot be built", str(error), hint) from error


def check_names(title: str, names: Iterable[str], known: list[str]) -> None:
    """Raises `GridError` for a name that is not known."""
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, 1)
            hint = f"Did you mean {close[0]}?" if close else "Use one of these, as in n_neighbors=3,5,7."
            raise GridError(f"Unknown parameter {name!r}", f"{title} parameters: {', '.join(known)}", hint)
