"""Completes a filter at the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from engine.columns import PREFIXES, ColumnKey, is_prefix
from engine.errors import FilterError
from engine.filters import options
from engine.filters.cursor import CursorContext, Expected, cursor_context
from engine.filters.lexer import MAX_LENGTH
from engine.filters.names import Names
from engine.filters.options import MAX_OPTIONS, Listing, Option, matching_first

__all__ = ["MAX_OPTIONS", "Completion", "Option", "complete"]

_WORDS: dict[Expected, tuple[str, ...]] = {
    "negated": ("IN", "LIKE", "ILIKE", "BETWEEN"),
    "null": ("NULL", "NOT NULL", "NAN"),
    "list": ("(",),
    "more": (",", ")"),
    "bound": ("AND",),
    "joint": ("AND", "OR"),
}
_RANK = {"metric": 0, "param": 1, "attribute": 2, "dataset": 3, "tag": 4}


@dataclass(frozen=True, slots=True)
class Completion:
    """`options` to replace the text from `start` to `end`, the likeliest first; empty if nothing fits.
    `is_typed`: one of them is already there, and no other one begins with it."""

    start: int
    end: int
    options: tuple[Option, ...] = ()
    is_typed: bool = False


def complete(text: str, cursor: int, table: Listing, *, first: Iterable[ColumnKey] = ()) -> Completion:
    """At most `MAX_OPTIONS` options at the cursor, given in characters from the start.

    The columns `first` are offered before others that fit equally well. Never raises.
    """
    if len(text) > MAX_LENGTH:
        return Completion(cursor, cursor)
    context = cursor_context(text, cursor)
    found = [*islice(_Options(context, table, tuple(first)).found(), MAX_OPTIONS)]
    space = (
        "" if context.expected == "item" or text[context.end : context.end + 1] in (" ", ")", ",") else " "
    )
    return Completion(
        context.start,
        context.end,
        tuple(_spaced(option, space) for option in found),
        _is_typed(found, context),
    )


def _is_typed(found: Iterable[Option], context: CursorContext) -> bool:
    typed = (context.quote + context.typed).lower()
    begun = [option for option in found if option.text.lower().startswith(typed)]
    return len(begun) == 1 and typed == begun[0].text.lower()


def _spaced(option: Option, space: str) -> Option:
    if option.kind == "keyword" and option.text.endswith("."):  # a prefix: the name follows at once
        return option
    if option.kind != "value" and option.text in ("IN", "NOT IN"):
        return replace(option, text=f"{option.text} (")
    return replace(option, text=option.text + space)


class _Options:
    def __init__(self, context: CursorContext, table: Listing, first: tuple[ColumnKey, ...]) -> None:
        self._context = context
        self._table = table
        self._names = Names(table.keys)
        self._first = {key: position for position, key in enumerate(first)}

    def found(self) -> Iterable[Option]:
        context = self._context
        if context.expected == "column":
            return self._conditions()
        if context.expected == "operand":
            return self._columns(numeric=True)
        if context.expected in ("value", "item"):
            return self._values()
        if context.expected == "operator":
            return self._fitting(options.operators(self._key(), self._table))
        closing = (")",) if context.expected == "joint" and context.groups else ()
        return self._fitting(options.keywords((*_WORDS[context.expected], *closing)))

    def _conditions(self) -> Iterator[Option]:
        typed = self._context.typed.lower()
        yield from self._columns()
        if typed and not self._context.quote:
            prefixes = ("metrics.", "params.", "tags.", "attributes.", "datasets.")
            yield from options.keywords(p for p in prefixes if p.startswith(typed) and p != typed)
            yield from options.keywords(k for k in ("NOT",) if k.lower().startswith(typed))

    def _columns(self, *, numeric: bool = False) -> Iterator[Option]:
        """The columns whose names match the typed text."""
        prefix, dot, rest = self._context.typed.partition(".")
        prefixed = bool(dot) and is_prefix(prefix)
        keys = sorted(self._table.keys, key=self._rank)
        if prefixed:
            kind = PREFIXES[prefix.lower()]
            keys = [key for key in keys if key.kind == kind]
        typed = rest.lstrip("`\"'") if prefixed else self._context.typed
        if self._context.expected in ("value", "item"):
            keys = [key for key in keys if key != self._key()]
        for key in matching_first(keys, typed, lambda key: key.name):
            option = options.column(self._names, key, prefixed=prefixed)
            if option is not None and (not numeric or options.is_numeric(key, self._table)):
                yield option

    def _values(self) -> Iterator[Option]:
        context, key = self._context, self._key()
        if key is not None:
            found = options.values(
                key, context.operator, self._table, context.typed, quoted=context.quote != ""
            )
            yield from self._fitting(found)
        orders = context.operator in ("<", "<=", ">", ">=") or (
            key is None and context.operator in ("=", "!=")
        )
        if context.expected == "value" and orders and context.typed and context.quote in ("", "`"):
            yield from self._columns(numeric=True)

    def _fitting(self, options: Iterable[Option]) -> Iterator[Option]:
        return matching_first(options, self._context.typed, lambda option: option.shown)

    def _key(self) -> ColumnKey | None:
        """The column the cursor's operator or value belongs to."""
        if self._context.column is None:
            return None
        try:
            return self._names.resolve(self._context.column)
        except FilterError:
            return None

    def _rank(self, key: ColumnKey) -> tuple[int, int, bool]:
        """Columns of equal rank keep the table's order; MLflow's own tags are last."""
        at = self._first.get(key, len(self._first))
        return at, _RANK[key.kind], key.name.startswith("mlflow.")
