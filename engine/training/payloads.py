"""Builds the MLflow objects that a sweep logs."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import TrainingError
from engine.runs.metrics import FOLD_METRIC
from engine.training.datasets import Dataset
from engine.training.estimators import ParameterValue

if TYPE_CHECKING:
    from engine.training.recipes import Split

EXAMPLE_ROWS = 5


def dataset_input(dataset: Dataset) -> Any:
    """The dataset as a run input with the context `training`."""
    import mlflow.data
    from mlflow.data.sources import LocalArtifactDatasetSource
    from mlflow.entities import Dataset as DatasetEntity, DatasetInput, InputTag

    table = dataset.features().assign(**{dataset.target: list(dataset.labels)})
    source = LocalArtifactDatasetSource(str(dataset.path))
    logged = mlflow.data.from_pandas(table, source=source, targets=dataset.target, name=dataset.name)
    return DatasetInput(DatasetEntity(**logged.to_dict()), [InputTag("mlflow.data.context", "training")])


def signature(parts: Split) -> tuple[Any, Any]:
    """(model signature, input example): raw rows in, labels out."""
    from mlflow.models import infer_signature

    example = parts.test.head(EXAMPLE_ROWS).reset_index(drop=True)
    return infer_signature(example, parts.train_labels[:EXAMPLE_ROWS]), example


def trusted_types(model: Any) -> list[str]:
    """The types that skops must trust to load this model, which was trained here. Raises `TrainingError` if
    skops cannot save the model."""
    import skops.io

    try:
        trusted: list[str] = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    except Exception as error:
        raise TrainingError("The model cannot be saved", f"{type(error).__name__}: {error}") from error
    return trusted


def machine_tags() -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "python_version": platform.python_version(),
        "os_name": platform.system(),
        "cpu_count": str(os.cpu_count() or 1),
        "ram_gb": f"{memory / 1024**3:.1f}",
    }


def params(values: Mapping[str, ParameterValue]) -> list[Any]:
    from mlflow.entities import Param

    return [Param(name, str(value)) for name, value in values.items()]


def metrics(values: Mapping[str, float], **links: str) -> list[Any]:
    """Metrics at step 0, timestamped now; `links` tie them to a logged model and a dataset."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(name, value, now, 0, **links) for name, value in values.items()]


def fold_scores(scores: Sequence[float]) -> list[Any]:
    """The scores of cross-validation as the steps of one metric, the folds counted from 0."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(FOLD_METRIC, score, now, fold) for fold, score in enumerate(scores)]
