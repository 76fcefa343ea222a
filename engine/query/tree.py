"""What a filter says, as frozen records that know their place in its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.query.lexer import Place

Operator = Literal["=", "<", "<=", ">", ">=", "like", "ilike", "~"]


@dataclass(frozen=True, slots=True)
class Name:
    """A column as it was written; `prefix` (`metrics`, `params` …) is None where there was none."""

    prefix: str | None
    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Operand:
    """A value as it was written, without its quotes."""

    text: str
    quoted: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Comparison:
    """`negated`: the value is there and does not compare so (!=, !~, NOT LIKE)."""

    name: Name
    operator: Operator
    negated: bool
    value: Operand
    operator_place: Place


@dataclass(frozen=True, slots=True)
class Membership:
    name: Name
    values: tuple[Operand, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Between:
    name: Name
    low: Operand
    high: Operand
    negated: bool


@dataclass(frozen=True, slots=True)
class Presence:
    """`IS NULL`: no value; `IS NAN`: not a number."""

    name: Name
    what: Literal["null", "nan"]
    negated: bool


@dataclass(frozen=True, slots=True)
class Search:
    """A text to be found in the run's name or id."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Not:
    term: Term


@dataclass(frozen=True, slots=True)
class All:
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    terms: tuple[Term, ...]


Term = Comparison | Membership | Between | Presence | Search | Not | All | AnyOf
