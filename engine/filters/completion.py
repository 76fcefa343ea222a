"""What could stand at the cursor of a filter that is being typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from engine.columns import PREFIXES, ColumnKey, is_prefix
from engine.errors import FilterError
from engine.filters import options
from engine.filters.cursor import Spot, Wanted, spot_at
from engine.filters.lexer import MAX_LENGTH
from engine.filters.names import Names
from engine.filters.options import MOST, Listing, Option, fitting

__all__ = ["MOST", "Completion", "Option", "complete"]

_WORDS: dict[Wanted, tuple[str, ...]] = {
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
    """`options` for the part of the text from `start` to `end`, the likeliest first; none where
    nothing is to be offered."""

    start: int
    end: int
    options: tuple[Option, ...] = ()


def complete(text: str, cursor: int, table: Listing, *, first: Iterable[ColumnKey] = ()) -> Completion:
    """At most `MOST` options for the place of the cursor, which counts characters from the start.

    The columns `first` are offered before others that fit as well. Never raises, whatever the text.
    """
    if len(text) > MAX_LENGTH:
        return Completion(cursor, cursor)
    spot = spot_at(text, cursor)
    found = _Options(spot, table, tuple(first)).found()
    space = "" if spot.wanted == "item" or text[spot.end : spot.end + 1] in (" ", ")", ",") else " "
    return Completion(spot.start, spot.end, tuple(_spaced(option, space) for option in islice(found, MOST)))


def _spaced(option: Option, space: str) -> Option:
    if option.kind == "keyword" and option.text.endswith("."):  # a prefix: the name follows at once
        return option
    if option.kind != "value" and option.text in ("IN", "NOT IN"):
        return replace(option, text=f"{option.text} (")
    return replace(option, text=option.text + space)


class _Options:
    def __init__(self, spot: Spot, table: Listing, first: tuple[ColumnKey, ...]) -> None:
        self._spot = spot
        self._table = table
        self._names = Names(table.keys)
        self._first = {key: place for place, key in enumerate(first)}

    def found(self) -> Iterable[Option]:
        spot = self._spot
        if spot.wanted == "column":
            return self._conditions()
        if spot.wanted == "operand":
            return self._columns(numeric=True)
        if spot.wanted in ("value", "item"):
            return self._values()
        if spot.wanted == "operator":
            return self._fitting(options.operators(self._key(), self._table))
        closing = (")",) if spot.wanted == "joint" and spot.groups else ()
        return self._fitting(options.keywords((*_WORDS[spot.wanted], *closing)))

    def _conditions(self) -> Iterator[Option]:
        typed = self._spot.typed.lower()
        yield from self._columns()
        if typed and not self._spot.quote:
            prefixes = ("metrics.", "params.", "tags.", "attributes.", "datasets.")
            yield from options.keywords(p for p in prefixes if p.startswith(typed) and p != typed)
            yield from options.keywords(k for k in ("NOT",) if k.lower().startswith(typed))

    def _columns(self, *, numeric: bool = False) -> Iterator[Option]:
        """The columns whose names fit what was typed."""
        prefix, dot, rest = self._spot.typed.partition(".")
        prefixed = bool(dot) and is_prefix(prefix)
        keys = sorted(self._table.keys, key=self._rank)
        if prefixed:
            kind = PREFIXES[prefix.lower()]
            keys = [key for key in keys if key.kind == kind]
        typed = rest.lstrip("`\"'") if prefixed else self._spot.typed
        if self._spot.wanted in ("value", "item"):
            keys = [key for key in keys if key != self._key()]
        for key in fitting(keys, typed, lambda key: key.name):
            option = options.column(self._names, key, prefixed=prefixed)
            if option is not None and (not numeric or options.is_numeric(key, self._table)):
                yield option

    def _values(self) -> Iterator[Option]:
        spot, key = self._spot, self._key()
        if key is not None:
            found = options.values(key, spot.operator, self._table, spot.typed, quoted=spot.quote != "")
            yield from self._fitting(found)
        orders = spot.operator in ("<", "<=", ">", ">=") or (key is None and spot.operator in ("=", "!="))
        if spot.wanted == "value" and orders and spot.typed and spot.quote in ("", "`"):
            yield from self._columns(numeric=True)

    def _fitting(self, options: Iterable[Option]) -> Iterator[Option]:
        return fitting(options, self._spot.typed, lambda option: option.shown)

    def _key(self) -> ColumnKey | None:
        """The column that the spot belongs to."""
        if self._spot.column is None:
            return None
        try:
            return self._names.resolve(self._spot.column)
        except FilterError:
            return None

    def _rank(self, key: ColumnKey) -> tuple[int, int, bool]:
        """Columns of the same rank stay in the table's order, MLflow's own tags come last."""
        at = self._first.get(key, len(self._first))
        return at, _RANK[key.kind], key.name.startswith("mlflow.")
