"""The preparation of columns that precedes every estimator.

Imports scikit-learn, so only training processes import this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from engine.errors import UsageError
from engine.text import safe
from engine.training.data.columns import MOST_ENCODED
from engine.training.spec import Task

if TYPE_CHECKING:
    import pandas as pd

FEW_LEVELS = 20
"""Up to this many levels of a text column have a column each; of more, only the frequent ones."""
MIN_FREQUENCY = 10
STEPS: dict[Task, str] = {"classification": "classifier", "regression": "regressor"}
"""The name of the estimator in the pipeline."""


def preparation(frame: pd.DataFrame) -> Any:
    """An unfitted transformer from raw rows with these columns to numbers.

    Numbers without gaps are scaled. Otherwise gaps in numbers are filled with the median, and a column of
    their own marks them; each level of a text column, a gap included, becomes a column. Levels that were not
    seen in training, and rare ones of columns with many levels, are treated alike.
    """
    numbers, few, many = _by_kind(frame)
    if not few and not many and not frame.isna().to_numpy().any():
        return StandardScaler()
    parts: list[tuple[str, Any, list[str]]] = []
    if numbers:
        filled = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        parts.append(("numbers", Pipeline([("imputer", filled), ("scaler", StandardScaler())]), numbers))
    if few:
        parts.append(("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), few))
    if many:
        encoder = OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            min_frequency=MIN_FREQUENCY,
            max_categories=MOST_ENCODED,
            sparse_output=False,
        )
        parts.append(("many_levels", encoder, many))
    return ColumnTransformer(parts, verbose_feature_names_out=True)


def fitted_transformer(frame: pd.DataFrame, train: pd.DataFrame) -> Any:
    """The transformer for all rows of `frame`, fitted on the training part."""
    return preparation(frame).fit(train)


def step_name(transformer: Any) -> str:
    """The name of a preparation in the pipeline."""
    return "scaler" if isinstance(transformer, StandardScaler) else "columns"


def pipeline(transformer: Any, estimator: Any, task: Task) -> Pipeline:
    return Pipeline([(step_name(transformer), transformer), (STEPS[task], estimator)])


def published_scaler(frame: pd.DataFrame, name: str) -> Any:
    """A scaler fitted on all rows, as recipe `published` has it. Raises `UsageError` for text and gaps."""
    _, few, many = _by_kind(frame)
    gaps = [str(column) for column in frame if frame[column].isna().any()]
    if unfit := [*few, *many, *(column for column in gaps if column not in few + many)]:
        detail = f"In {name}, {safe(unfit[0], 80)} has {'gaps' if unfit[0] in gaps else 'text'}."
        raise UsageError("Recipe published needs numbers without gaps", detail, "Use recipe leak-free.")
    return StandardScaler().fit(frame)


def _by_kind(frame: pd.DataFrame) -> tuple[list[str], list[str], list[str]]:
    """The columns of numbers, of text with few levels, and with many."""
    numbers = list(frame.select_dtypes("number").columns)
    others = [column for column in frame.columns if column not in set(numbers)]
    many = [column for column in others if frame[column].nunique() > FEW_LEVELS]
    return numbers, [column for column in others if column not in many], many
