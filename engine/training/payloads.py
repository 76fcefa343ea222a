"""Builds the MLflow objects that a sweep logs."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from engine.training.evaluation.data_split import DataSplit
    from engine.training.evaluation.evaluate import Steps
    from engine.training.facts import DatasetFacts
    from engine.training.spec import Value

EXAMPLE_ROWS = 5


def dataset_input(facts: DatasetFacts, split: DataSplit) -> Any:
    """The dataset as a run input with the context `training`, its profile and its digest."""
    import mlflow.data
    from mlflow.data.sources import LocalArtifactDatasetSource
    from mlflow.entities import Dataset as DatasetEntity, DatasetInput, InputTag

    labels = np.concatenate([split.train_labels, split.test_labels])
    table = pd.concat([split.train, split.test])
    table[facts.target] = labels
    source = LocalArtifactDatasetSource(facts.source)
    logged = mlflow.data.from_pandas(table.sort_index(), source=source, targets=facts.target, name=facts.name)
    return DatasetInput(DatasetEntity(**logged.to_dict()), [InputTag("mlflow.data.context", "training")])


def signature(split: DataSplit) -> tuple[Any, Any]:
    """(model signature, input example): raw rows in, labels out. Columns of text and those with a gap in any
    row, which are float64, take missing values; whole numbers without gaps do not."""
    from mlflow.models import infer_signature

    example = split.test.head(EXAMPLE_ROWS).reset_index(drop=True).copy()
    typed = example.copy()
    for name, values in example.items():
        if isinstance(values.dtype, pd.CategoricalDtype):
            example[name] = values.astype(object)  # as text: a served model is sent text
            # MLflow would infer no type from gaps alone, and from some that the column may be absent.
            typed[name] = example[name].where(values.notna(), "text")
    return infer_signature(typed, np.asarray(split.train_labels[:EXAMPLE_ROWS])), example


def machine_tags() -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "python_version": platform.python_version(),
        "os_name": platform.system(),
        "cpu_count": str(os.cpu_count() or 1),
        "ram_gb": f"{memory / 1024**3:.1f}",
    }


def params(values: Mapping[str, Value]) -> list[Any]:
    from mlflow.entities import Param

    return [Param(name, str(value)) for name, value in values.items()]


def metrics(values: Mapping[str, float], **links: str) -> list[Any]:
    """Metrics at step 0, timestamped now; `links` tie them to a logged model and a dataset."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(name, value, now, 0, **links) for name, value in values.items()]


def step_metrics(steps: Steps) -> Iterable[Any]:
    """Metrics with a value for each step: folds, iterations, numbers of training rows."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(name, value, now, step) for name, points in steps.items() for step, value in points]
