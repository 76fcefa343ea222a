"""What a sweep records of its dataset, without the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.training.data.profile import Label
    from engine.training.data.reading import Dataset
    from engine.training.spec import Task


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """`source` is the absolute path of the file and `sha256` that of its bytes; `rows` counts the usable
    rows, `features` are the columns that models see. `classes` are the labels, sorted; empty for regression.
    `remarks` say what was understood of the data."""

    name: str
    source: str
    sha256: str
    target: str
    task: Task
    rows: int
    features: tuple[str, ...]
    classes: tuple[Label, ...] = ()
    meanings: Mapping[Label, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, dataset: Dataset) -> DatasetFacts:
        return cls(
            dataset.name,
            dataset.source,
            dataset.sha256,
            dataset.target,
            dataset.task,
            len(dataset.frame),
            tuple(map(str, dataset.frame.columns)),
            tuple(dataset.classes),
            dict(dataset.meanings),
            tuple(dataset.profile.remarks) if dataset.profile is not None else (),
        )
