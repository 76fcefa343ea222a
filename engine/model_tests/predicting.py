"""Predictions for the rows of a CSV file, beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.model_tests.answers import Scorer, predict_rows
from engine.model_tests.rows import check_columns, typed
from engine.training.data.tables import read_table

COLUMN = "prediction"


@dataclass(frozen=True, slots=True)
class PredictedTable:
    """The columns of the file as they were written, then one or more with the predictions. `seconds` is how
    long these took."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...] = field(repr=False)
    predictions: tuple[Any, ...] = field(repr=False)
    seconds: float

    def csv_text(self) -> str:
        text = io.StringIO()
        lines = csv.writer(text, lineterminator="\n")
        lines.writerow(self.columns)
        lines.writerows(self.rows)
        return text.getvalue()


def predict_table(
    scorer: Callable[[], Scorer], path: Path, raw: bytes | None, types: Mapping[str, str]
) -> PredictedTable:
    """The file is checked before `scorer` is called, which may have to load a model. `types` are those of the
    model's columns, empty if unknown. Raises `DatasetError` for an unsuitable file, `ModelFailure` with
    MLflow's own message if the model refuses its rows."""
    header, rows, _ = read_table(path, raw)
    check_columns(path, header, types)
    sent = [
        [typed(types.get(name, ""), text) for name, text in zip(header, row, strict=True)] for row in rows
    ]
    predictions, seconds = predict_rows(scorer(), header, sent)
    names, values = _columns(predictions)
    columns = (*header, *(_unused(name, header) for name in names))
    joined = tuple((*row, *more) for row, more in zip(rows, values, strict=True))
    return PredictedTable(columns, joined, predictions, seconds)


def _columns(predictions: Sequence[Any]) -> tuple[list[str], Iterable[Sequence[Any]]]:
    """The names and values of the columns of predictions: several if each is a record or a list."""
    if predictions and all(isinstance(found, dict) for found in predictions):
        names = list(dict.fromkeys(name for found in predictions for name in found))
        return [str(name) for name in names], [[found.get(name) for name in names] for found in predictions]
    if predictions and all(isinstance(found, list) for found in predictions):
        width = max(map(len, predictions))
        if width != 1:
            names = [f"{COLUMN}_{at}" for at in range(width)]
            return names, [[*found, *[None] * (width - len(found))] for found in predictions]
        predictions = [found[0] for found in predictions]
    return [COLUMN], [[found] for found in predictions]


def _unused(name: str, taken: Sequence[str]) -> str:
    """`name`, or with a number if the file has such a column."""
    numbered = (f"{name}_{at}" for at in range(2, len(taken) + 3))
    return next(found for found in (name, *numbered) if found not in taken)
