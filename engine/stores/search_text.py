"""Conditions as a filter string in MLflow's search grammar, for REST and client stores.

MLflow parses it with an SQL lexer and has no escapes, so some names and values cannot be expressed.
`mlflow.utils.search_utils.SearchUtils` of MLflow 3.17 defines the operators.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from engine.columns import MLFLOW_PREFIX
from engine.errors import StoreRefused
from engine.stores.base import Condition
from engine.stores.block import DATASET_FIELDS
from engine.stores.records import is_id
from engine.text import safe

MAX_LIST_VALUES = 1000
"""MLflow's lexer gives up at 10,000 tokens, and each value takes two."""

_ORDER = ("=", "!=", "<", "<=", ">", ">=")
_PATTERN = ("LIKE", "ILIKE")
_MEMBERSHIP = ("IN", "NOT IN")
_PRESENCE = ("IS NULL", "IS NOT NULL")
_TEXT = ("=", "!=", *_PATTERN)
_ATTRIBUTES = {
    "run_id": (*_TEXT, *_MEMBERSHIP),
    **dict.fromkeys(("run_name", "status", "user_id", "artifact_uri"), _TEXT),
    **dict.fromkeys(("start_time", "end_time"), _ORDER),
}
_BIGINT = 2**63


MODELS_PER_SEARCH = 100
"""How many logged models one search asks for, which is what MLflow returns at most by default."""


def logged_models_filters(model_ids: Sequence[str]) -> list[str]:
    """Filters of MLflow's search for logged models that find these, in parts of `MODELS_PER_SEARCH`. Ids that
    MLflow would not accept are left out."""
    ids = [f"'{model_id}'" for model_id in model_ids if is_id(model_id)]
    parts = [ids[start : start + MODELS_PER_SEARCH] for start in range(0, len(ids), MODELS_PER_SEARCH)]
    return [f"model_id IN ({', '.join(part)})" for part in parts]


def is_expressible(condition: Condition) -> bool:
    """Whether MLflow's search can express exactly this condition."""
    return _expression(condition) is not None


def search_text(conditions: Iterable[Condition]) -> str:
    """The filter for all of the conditions; empty for none. Raises `StoreRefused` for a condition that the
    grammar cannot express."""
    return " AND ".join(_expression(condition) or _refuse(condition) for condition in conditions)


def _refuse(condition: Condition) -> str:
    raise StoreRefused(
        "MLflow's search does not support this condition",
        safe(f"{condition.kind} {condition.name} {condition.operator} {condition.value!r}", 200),
        "It does not accept text with both kinds of quotes, nor every operator for every column.",
    )


def _expression(condition: Condition) -> str | None:
    """The condition in MLflow's grammar; None if it cannot be expressed."""
    operators = _operators(condition)
    name = _quoted(condition.name, '`"')
    if condition.operator not in operators or name is None or name.startswith('"`'):
        return None
    start = f"{MLFLOW_PREFIX[condition.kind]}.{name} {condition.operator}"
    if condition.operator in _PRESENCE:
        return start if condition.value is None else None
    if operators is _ORDER:
        value = _number(condition.value)
    elif condition.operator in _MEMBERSHIP:
        value = _list(condition.value)
    else:
        value = _text(condition.value, is_pattern=condition.operator in _PATTERN)
    return None if value is None else f"{start} {value}"


def _operators(condition: Condition) -> tuple[str, ...]:
    """The operators that MLflow accepts for the column; `_ORDER` for numbers."""
    if condition.kind == "metric":
        return _ORDER
    if condition.kind == "attribute":
        return _ATTRIBUTES.get(condition.name, ())
    if condition.kind == "dataset":
        return (*_TEXT, *_MEMBERSHIP) if condition.name in DATASET_FIELDS else ()
    return (*_TEXT, *_PRESENCE)


def _number(value: object) -> str | None:
    if isinstance(value, int):
        return str(int(value)) if -_BIGINT <= value < _BIGINT else None
    if isinstance(value, float) and math.isfinite(value):
        return repr(value).replace("e+", "e")  # the lexer does not accept a plus sign
    return None


def _text(value: object, *, is_pattern: bool) -> str | None:
    """A pattern must not contain a backslash: to some databases it is literal, to others an escape."""
    if not isinstance(value, str) or (is_pattern and "\\" in value):
        return None
    return _quoted(value, "'\"")


def _list(values: object) -> str | None:
    """MLflow parses lists as Python literals: a backslash would escape, and a line break end the string."""
    if not isinstance(values, tuple) or not 0 < len(values) <= MAX_LIST_VALUES:
        return None
    texts = [_quoted(value, "'\"") for value in values if not set(value) & set("\\\n\r")]
    quoted = [text for text in texts if text is not None]
    return f"({','.join(quoted)})" if len(quoted) == len(values) else None


def _quoted(text: str, quotes: str) -> str | None:
    """`text` in the first of the `quotes` that it does not contain; None if it contains all.

    A final backslash would escape the closing quote, but only for the lexer. Some databases reject NUL, all
    reject lone surrogates.
    """
    quote = next((quote for quote in quotes if quote not in text), None)
    if quote is None or text.endswith("\\") or "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        return None
    return f"{quote}{text}{quote}"
