"""The syntax tree of a filter: frozen records with positions in its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.filters.lexer import Span

Operator = Literal["=", "<", "<=", ">", ">=", "like", "ilike", "~"]
Sign = Literal["+", "-", "*", "/"]


@dataclass(frozen=True, slots=True)
class Name:
    """A column as written; `prefix` (`metrics`, `params` …) is None without one."""

    prefix: str | None
    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Operand:
    """A value as written, without its quotes. An unquoted word that is not a valid value for the compared
    column may name another column."""

    text: str
    quoted: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Negative:
    """A minus sign before a part. `name` is the column that a word such as `-loss` may also name."""

    part: Expression
    name: Name | None
    span: Span


@dataclass(frozen=True, slots=True)
class Chain:
    """Parts joined left to right by signs of equal precedence: `a + b - c`."""

    first: Expression
    rest: tuple[tuple[Sign, Expression], ...]
    span: Span


Expression = Name | Operand | Negative | Chain


@dataclass(frozen=True, slots=True)
class Comparison:
    """`negated`: the value exists and the comparison is false (!=, !~, NOT LIKE)."""

    left: Expression
    operator: Operator
    negated: bool
    right: Expression
    operator_place: Span


@dataclass(frozen=True, slots=True)
class Membership:
    left: Expression
    values: tuple[Operand, ...]
    negated: bool
    operator_place: Span


@dataclass(frozen=True, slots=True)
class Between:
    left: Expression
    low: Expression
    high: Expression
    negated: bool


@dataclass(frozen=True, slots=True)
class Presence:
    """`IS NULL`: no value; `IS NAN`: NaN."""

    left: Expression
    what: Literal["null", "nan"]
    negated: bool


@dataclass(frozen=True, slots=True)
class Search:
    """Text to find in the run's name or id."""

    text: str
    span: Span


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
