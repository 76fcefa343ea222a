"""Conditions in the words of MLflow's search, for the stores that take a text.

MLflow reads them with an SQL lexer and knows no escapes, so some names and values cannot be
written. Which operators it takes: `mlflow.utils.search_utils.SearchUtils` of MLflow 3.17.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from engine.errors import StoreRefused
from engine.stores.base import Condition
from engine.stores.block import DATASET_FIELDS
from engine.text import safe

VALUES_MOST = 1000
"""Values in one list: MLflow's lexer gives up at 10,000 tokens, and each value takes two."""

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
_PREFIX = {
    "attribute": "attributes",
    "metric": "metrics",
    "param": "params",
    "tag": "tags",
    "dataset": "datasets",
}
_BIGINT = 2**63


def can_be_written(condition: Condition) -> bool:
    """Whether MLflow's search can be asked for exactly this."""
    return _written(condition) is not None


def search_text(conditions: Iterable[Condition]) -> str:
    """The filter that means all of the conditions; empty for none. Raises `StoreRefused` for one that
    cannot be written."""
    return " AND ".join(_written(condition) or _refuse(condition) for condition in conditions)


def _refuse(condition: Condition) -> str:
    raise StoreRefused(
        "MLflow's search cannot be asked for this",
        safe(f"{condition.kind} {condition.name} {condition.operator} {condition.value!r}", 200),
        "It takes no text with both kinds of quotes, and not every operator everywhere.",
    )


def _written(condition: Condition) -> str | None:
    """The condition as MLflow reads it; None where it cannot."""
    operators = _operators(condition)
    name = _quoted(condition.name, '`"')
    if condition.operator not in operators or name is None or name.startswith('"`'):
        return None
    beginning = f"{_PREFIX[condition.kind]}.{name} {condition.operator}"
    if condition.operator in _PRESENCE:
        return beginning if condition.value is None else None
    if operators is _ORDER:
        value = _number(condition.value)
    elif condition.operator in _MEMBERSHIP:
        value = _list(condition.value)
    else:
        value = _text(condition.value, is_pattern=condition.operator in _PATTERN)
    return None if value is None else f"{beginning} {value}"


def _operators(condition: Condition) -> tuple[str, ...]:
    """Those that MLflow takes for a column; `_ORDER` are those of numbers."""
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
        return repr(value).replace("e+", "e")  # the lexer knows no plus
    return None


def _text(value: object, *, is_pattern: bool) -> str | None:
    """In a pattern a backslash means itself to some databases, and escapes what follows to others."""
    if not isinstance(value, str) or (is_pattern and "\\" in value):
        return None
    return _quoted(value, "'\"")


def _list(values: object) -> str | None:
    """MLflow reads lists as Python: there a backslash escapes, and a line ends the text."""
    if not isinstance(values, tuple) or not 0 < len(values) <= VALUES_MOST:
        return None
    texts = [_quoted(value, "'\"") for value in values if not set(value) & set("\\\n\r")]
    whole = [text for text in texts if text is not None]
    return f"({','.join(whole)})" if len(whole) == len(values) else None


def _quoted(text: str, quotes: str) -> str | None:
    """`text` in the first of the `quotes` that it does not hold.

    A backslash before the closing quote would escape that for the lexer, and only for it. Some
    databases take no NUL, none takes half of a surrogate pair.
    """
    quote = next((quote for quote in quotes if quote not in text), None)
    if quote is None or text.endswith("\\") or "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        return None
    return f"{quote}{text}{quote}"
