"""The rows of a sweep. Needs no scikit-learn: whoever records a sweep imports this module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from engine.training.spec import Task


@dataclass(frozen=True, slots=True)
class DataSplit:
    """The raw rows (the index counts the rows of the file) and labels of the training and the test part.
    `classes` are the labels, of two the positive one last; empty for regression."""

    name: str
    target: str
    task: Task
    classes: tuple[int | str, ...]
    train: pd.DataFrame
    test: pd.DataFrame
    train_labels: Any
    test_labels: Any
