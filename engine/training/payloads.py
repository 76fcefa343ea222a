"""What MLflow's client takes, made from what the engine has."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import TrainingError
from engine.training.datasets import Dataset
from engine.training.estimators import Value

if TYPE_CHECKING:
    from engine.training.recipes import Split

EXAMPLE_ROWS = 5


def dataset_input(dataset: Dataset) -> Any:
    """The data set as an input of a run, with the context `training`."""
    import mlflow.data
    from mlflow.data.sources import LocalArtifactDatasetSource
    from mlflow.entities import Dataset as DatasetEntity, DatasetInput, InputTag

    table = dataset.features().assign(**{dataset.target: list(dataset.labels)})
    source = LocalArtifactDatasetSource(str(dataset.path))
    made = mlflow.data.from_pandas(table, source=source, targets=dataset.target, name=dataset.name)
    return DatasetInput(DatasetEntity(**made.to_dict()), [InputTag("mlflow.data.context", "training")])


def signature(parts: Split) -> tuple[Any, Any]:
    """(model signature, input example): raw rows in, labels out."""
    from mlflow.models import infer_signature

    example = parts.test.head(EXAMPLE_ROWS).reset_index(drop=True)
    return infer_signature(example, parts.train_labels[:EXAMPLE_ROWS]), example


def trusted_types(model: Any) -> list[str]:
    """What skops must be told to trust when it loads this model: it was trained here.
    Raises `TrainingError` for a model that skops cannot write."""
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


def params(values: Mapping[str, Value]) -> list[Any]:
    from mlflow.entities import Param

    return [Param(name, str(value)) for name, value in values.items()]


def metrics(values: Mapping[str, float], **links: str) -> list[Any]:
    """Metrics of step 0, now; `links` tie them to a logged model and a data set."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(name, value, now, 0, **links) for name, value in values.items()]
