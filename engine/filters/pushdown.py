"""Finds the conditions of a filter that MLflow can evaluate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from engine.columns import ColumnKey
from engine.errors import FilterError
from engine.filters.compiler import compile_filter
from engine.filters.literals import value_for
from engine.filters.names import Names
from engine.filters.parsed import ParsedFilter, parse_filter
from engine.filters.predicates import is_text, text_of
from engine.filters.syntax import (
    All,
    Between,
    Comparison,
    Expression,
    Membership,
    Name,
    Operand,
    Presence,
    Term,
)
from engine.stores.base import Condition, ConditionOperator
from engine.stores.block import DATASET_FIELDS
from engine.stores.search_text import is_expressible

_LISTED = ("run_id", *DATASET_FIELDS)
"""Columns for which MLflow supports IN."""
_SPLIT = 20
"""The maximum number of conditions one NOT IN becomes: MLflow joins a table for each."""

_Found = tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Pushed:
    """Every run that matches the filter satisfies all `conditions`. If they are `exact`, the reverse holds
    too, and nothing is left to filter."""

    conditions: tuple[Condition, ...] = ()
    exact: bool = False


def pushdown(source: str | ParsedFilter, keys: Iterable[ColumnKey], *, now: float) -> Pushed:
    """The part of a filter that MLflow can evaluate; empty for an invalid filter.

    `keys` are the columns known so far, used to resolve names without a prefix.
    Relative times count from `now`, milliseconds since the epoch.
    """
    known = tuple(keys)
    parsed = parse_filter(source) if isinstance(source, str) else source
    try:
        compile_filter(parsed, known, partial=True)
    except FilterError:
        return Pushed()
    names = Names(known, partial=True)
    found = [] if parsed.term is None else [_conditions(term, names, now) for term in _all_terms(parsed.term)]
    conditions = tuple(dict.fromkeys(part for parts in found if parts for part in parts))
    return Pushed(conditions, all(parts is not None for parts in found))


def _all_terms(tree: Term) -> Iterator[Term]:
    """The terms joined by AND at the top level."""
    if isinstance(tree, All):
        for term in tree.terms:
            yield from _all_terms(term)
    else:
        yield tree


def _conditions(term: Term, names: Names, now: float) -> _Found | None:
    """Conditions exactly equivalent to a term; None if MLflow cannot express it."""
    if not isinstance(term, Comparison | Membership | Between | Presence) or not isinstance(term.left, Name):
        return None
    key = names.resolve(term.left, may_lack=True)
    found: _Found | None
    match term:
        case Presence(_, "null", negated):
            found = _presence(key, negated)
        case Comparison(_, operator, negated, Operand() as operand):
            found = _comparison(key, operator, negated, operand, now)
        case Between(_, low, high, negated=False):
            found = _numbers(key, ((">=", low), ("<=", high)), now)
        case Membership():
            found = _membership(key, term, now)
        case _:
            return None
    return found if found is not None and all(map(is_expressible, found)) else None


def _presence(key: ColumnKey, negated: bool) -> _Found:
    return (Condition(key.kind, key.name, "IS NOT NULL" if negated else "IS NULL"),)


def _comparison(key: ColumnKey, operator: str, negated: bool, operand: Operand, now: float) -> _Found | None:
    if key.is_number:
        return _numbers(key, (("!=" if negated else operator, operand),), now)
    if operator == "=" and is_text(key, operand):
        return (Condition(key.kind, key.name, "!=" if negated else "=", text_of(key, operand)),)
    if operator == "like" and not negated:
        return (Condition(key.kind, key.name, "LIKE", operand.text),)
    if operator == "ilike" and not negated and operand.text.isascii():
        # Beyond ASCII, databases differ in case folding.
        return (Condition(key.kind, key.name, "ILIKE", operand.text),)
    return None


def _numbers(key: ColumnKey, bounds: Iterable[tuple[str, Expression]], now: float) -> _Found | None:
    """Bounds of a metric or a time."""
    found: list[Condition] = []
    for operator, bound in bounds:
        value = _number(key, operator, bound, now) if key.is_number else None
        if value is None:
            return None
        found.append(Condition(key.kind, key.name, cast(ConditionOperator, operator), value))
    return tuple(found)


def _number(key: ColumnKey, operator: str, bound: Expression, now: float) -> float | None:
    """The number MLflow compares a column with; None if it cannot, such as for another column."""
    if not isinstance(bound, Operand):
        return None
    try:
        value = value_for(key, bound)(now)
    except FilterError:
        return None
    if not key.is_time or not math.isfinite(value):
        return value
    if operator in ("=", "!=") and value != int(value):
        return None
    return math.floor(value) if operator in (">", "<=") else math.ceil(value)


def _membership(key: ColumnKey, term: Membership, now: float) -> _Found | None:
    if key.kind != "metric" and not key.is_time and not all(is_text(key, operand) for operand in term.values):
        return None
    if key.name in _LISTED and key.kind in ("attribute", "dataset"):
        texts = tuple(operand.text for operand in term.values)
        return (Condition(key.kind, key.name, "NOT IN" if term.negated else "IN", texts),)
    if len(term.values) > (_SPLIT if term.negated else 1):
        return None
    found = [_comparison(key, "=", term.negated, operand, now) for operand in term.values]
    return tuple(part for parts in found if parts for part in parts) if None not in found else None
