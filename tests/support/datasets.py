"""Small stand-ins for datasets that were read from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from engine.paths import heart_csv
from engine.training.spec import SweepSpec, Task, Trial, Value

if TYPE_CHECKING:
    import pandas as pd

    from engine.training.data.reading import Dataset


@dataclass(frozen=True)
class Table:
    """What training reads of a dataset."""

    frame: pd.DataFrame
    labels: Any
    task: Task = "classification"
    name: str = "table.csv"
    target: str = "y"
    source: str = "/data/table.csv"
    sha256: str = "0" * 64
    group: Any = None
    order: Any = None
    meanings: Mapping[Any, str] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[Any, ...]:
        return tuple(sorted(set(self.labels))) if self.task == "classification" else ()


def table(frame: pd.DataFrame, labels: Any, task: Task = "classification", **more: Any) -> Dataset:
    return cast("Dataset", Table(frame, labels, task, **more))


def heart() -> Dataset:
    import pandas as pd

    frame = pd.read_csv(heart_csv())
    return table(frame.drop(columns="target"), frame["target"].tolist(), name="heart.csv", target="target")


def mixed(rows: int = 120, task: Task = "classification") -> Dataset:
    """Numbers with gaps, text with gaps, and text of many levels."""
    import pandas as pd

    rng = np.random.default_rng(3)
    size = rng.normal(size=rows)
    colour = rng.choice(["red", "green", "blue"], rows).astype(object)
    frame = pd.DataFrame(
        {
            "size": np.where(rng.random(rows) < 0.1, np.nan, size),
            "age": rng.integers(20, 60, rows),
            "colour": pd.Categorical(np.where(rng.random(rows) < 0.1, None, colour)),
            "town": pd.Categorical([f"town {number}" for number in rng.integers(0, 30, rows)]),
        }
    )
    value = 2 * size + (colour == "red") + rng.normal(scale=0.3, size=rows)
    labels = value.tolist() if task == "regression" else np.where(value > 0.3, "yes", "no").tolist()
    return table(frame, labels, task)


SPEC = SweepSpec(experiment="x")


def trial(estimator: str, **params: Value) -> Trial:
    return Trial(0, estimator, params, estimator)
