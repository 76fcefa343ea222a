"""Suggests how to change a filter that matches no run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import cast, get_args

from engine.columns import ColumnKey
from engine.entities import Status
from engine.errors import FilterError
from engine.filters.compiler import compile_filter
from engine.filters.like import like
from engine.filters.literals import plain_number
from engine.filters.names import Names
from engine.filters.options import Listing, text_values, written_value
from engine.filters.parsed import ParsedFilter
from engine.filters.regex import PatternError, Regex, TooMuchWork
from engine.filters.syntax import All, AnyOf, Between, Comparison, Membership, Name, Operand, Search, Term
from engine.formats import duration, moment
from engine.suggestions import DID_YOU_MEAN, closest, did_you_mean

MAX_CONDITIONS = 8
"""The number of conditions that are looked at, and of values that are listed."""
MAX_SEARCHED = 50
"""The number of columns in which a word is looked up."""
SHORTEST = 3
"""Shorter words are not taken for the beginning of a value."""
LONGEST = 24
"""Longer values are not suggested whole."""
_STATUSES = tuple(name.lower() for name in get_args(Status))
_STATUS = ColumnKey("attribute", "status")
_TEXT_ATTRIBUTES = tuple(ColumnKey("attribute", name) for name in ("user_id", "stage", "aliases"))


def no_match_hint(parsed: ParsedFilter, table: Listing) -> str:
    """How to change a valid filter that matches no run, such as `Did you mean euclidean?`, or why it matches
    none, unless the table holds only some runs; empty if nothing is known. May contain untrusted text."""
    hint = "" if parsed.term is None else _Hints(parsed.text, table).hint(parsed.term)
    return hint if table.complete or hint.startswith(DID_YOU_MEAN) else ""


def begins_value(parsed: ParsedFilter, table: Listing) -> bool:
    """Whether a filter ends in the beginning of a value of the column it is compared with."""
    term = parsed.term
    while isinstance(term, (All, AnyOf)):
        term = term.terms[-1]
    if not isinstance(term, Comparison) or term.operator not in ("=", "like", "ilike"):
        return False
    left, right = term.left, term.right
    if not (isinstance(left, Name) and isinstance(right, Operand)) or right.span.end != len(parsed.text):
        return False
    key = _resolved(Names(table.keys), left)
    if key is None or key not in table or right.quoted:
        return False
    word = right.text.lower()
    return any(value.lower().startswith(word) and value.lower() != word for value in _written(key, table))


def _written(key: ColumnKey, table: Listing) -> Iterable[str]:
    """The values of a column as one would type them."""
    counts = table.distinct(key)
    return (repr(value) for value in counts) if key.is_number else text_values(key, counts)


def _resolved(names: Names, name: Name) -> ColumnKey | None:
    try:
        return names.resolve(name)
    except FilterError:
        return None


class _Hints:
    def __init__(self, text: str, table: Listing) -> None:
        self._text = text
        self._table = table
        self._names = Names(table.keys)

    def hint(self, term: Term) -> str:
        """The hint for a term that matches no run."""
        match term:
            case AnyOf(terms):
                return self._first(terms)
            case All(terms):
                words = [part for part in terms if isinstance(part, Search)]
                return self._condition(words) or self._first(
                    [part for part in terms[:MAX_CONDITIONS] if self._is_empty(part)]
                )
            case Search():
                return self._word(term)
            case Comparison(Name(), operator, False, Operand()):
                key = self._key(cast(Name, term.left))
                return "" if key is None else self._comparison(term, key, operator)
            case Membership(Name(), values, False):
                key = self._key(cast(Name, term.left))
                return "" if key is None or key.is_number else did_you_mean(self._close(key, values[0].text))
            case Between(Name(), _, _, False):
                key = self._key(cast(Name, term.left))
                return "" if key is None else self._range(key)
        return ""

    def _first(self, terms: Iterable[Term]) -> str:
        return next(filter(None, map(self.hint, islice(terms, MAX_CONDITIONS))), "")

    def _is_empty(self, term: Term) -> bool:
        """Whether a term matches no run on its own."""
        alone = ParsedFilter(self._text, term)
        return not compile_filter(alone, self._table.keys, self._table).rows(self._table)

    def _key(self, name: Name) -> ColumnKey | None:
        key = _resolved(self._names, name)
        return key if key is not None and key in self._table else None

    def _as_typed(self, name: Name) -> str:
        return self._text[name.span.position : name.span.end]

    # ── comparisons ──────────────────────────────────────────────────────────

    def _comparison(self, term: Comparison, key: ColumnKey, operator: str) -> str:
        name, value = self._as_typed(cast(Name, term.left)), cast(Operand, term.right)
        if operator in ("<", "<=", ">", ">="):
            return self._extreme(key, lowest=operator in ("<", "<="))
        if operator in ("like", "ilike"):
            return self._pattern(key, name, value.text, ignore_case=operator == "ilike")
        if operator == "~":
            return self._regex(key, name, value.text)
        if operator != "=":
            return ""
        return self._near(key, name, value) if key.is_number else self._text_value(key, name, value.text)

    def _near(self, key: ColumnKey, name: str, value: Operand) -> str:
        """The values around a number: cells show rounded numbers, which `=` does not match."""
        number, present = plain_number(value), self._numbers(key)
        if number is None or not present or not math.isfinite(number) or key.is_time:
            return ""
        decimals = len(value.text.partition(".")[2]) if "e" not in value.text.lower() else 0
        half = 0.5 * 10**-decimals
        nearest = min(present, key=lambda known: abs(known - number))
        if abs(nearest - number) > half:
            return f"The nearest value is {_shown(key, nearest)}."
        low, high = (f"{number + sign * half:.{decimals + 1}f}" for sign in (-1, 1))
        return f"Cells show rounded numbers. Use {name} BETWEEN {low} AND {high}."

    def _extreme(self, key: ColumnKey, *, lowest: bool) -> str:
        present = self._numbers(key)
        if not present:
            return ""
        return f"The {'lowest' if lowest else 'highest'} {key.name} is " + (
            f"{_shown(key, min(present) if lowest else max(present))}."
        )

    def _range(self, key: ColumnKey) -> str:
        present = self._numbers(key)
        if not present:
            return ""
        return f"{key.name} ranges from {_shown(key, min(present))} to {_shown(key, max(present))}."

    def _numbers(self, key: ColumnKey) -> list[float]:
        return [v for v in self._table.numbers(key) if v is not None and math.isfinite(v)]

    def _pattern(self, key: ColumnKey, name: str, pattern: str, *, ignore_case: bool) -> str:
        """A pattern without wildcards compares the whole text; LIKE respects case."""
        known = self._texts(key)
        operator = "ILIKE" if ignore_case else "LIKE"
        if "%" not in pattern and "_" not in pattern:
            for choice in (operator, "ILIKE"):
                matches = like(f"%{pattern}%", ignore_case=choice == "ILIKE")
                if any(map(matches, known)):
                    return f"{DID_YOU_MEAN} {name} {choice} {_quoted(f'%{pattern}%')}?"
        elif not ignore_case and any(map(like(pattern, ignore_case=True), known)):
            return f"{DID_YOU_MEAN} {name} ILIKE {_quoted(pattern)}?"
        return ""

    def _regex(self, key: ColumnKey, name: str, pattern: str) -> str:
        """A regular expression respects case unless it begins with (?i)."""
        ignoring_case = f"(?i){pattern}"
        try:
            matches = Regex(ignoring_case).found_in
            found = any(map(matches, self._texts(key)))
        except (PatternError, TooMuchWork):
            return ""
        return f"Case matters. {DID_YOU_MEAN} {name} ~ {_quoted(ignoring_case)}?" if found else ""

    # ── texts ────────────────────────────────────────────────────────────────

    def _texts(self, key: ColumnKey) -> list[str]:
        """The distinct values, most frequent first."""
        return text_values(key, self._table.distinct(key)) if not key.is_number else []

    def _close(self, key: ColumnKey, text: str) -> list[str]:
        """Values like `text`, as written in a filter."""
        known = self._texts(key)
        if key == _STATUS:
            known = [status.lower() for status in known]
        written = (written_value(value) for value in closest(text, known) if len(value) <= LONGEST)
        return [value for value in written if value is not None]

    def _text_value(self, key: ColumnKey, name: str, text: str) -> str:
        known, small = self._texts(key), text.lower()
        holding = [value for value in known if small in value.lower()] if len(small) >= SHORTEST else []
        if holding and (len(holding) > 3 or all(len(value) > LONGEST for value in holding)):
            starts = all(value.startswith(text) for value in holding)
            operator = "LIKE" if any(text in value for value in holding) else "ILIKE"
            return f"{DID_YOU_MEAN} {name} {operator} {_quoted(f'{text}%' if starts else f'%{text}%')}?"
        if close := self._close(key, text):
            return did_you_mean(close)
        if 0 < len(known) <= MAX_CONDITIONS and max(map(len, known)) <= LONGEST:
            shown = [value.lower() for value in known] if key == _STATUS else known
            return f"Values of {name}: {', '.join(sorted(shown, key=_natural))}."
        return "" if any(small in value.lower() for value in known) else f"No {name} contains '{text}'."

    # ── words ────────────────────────────────────────────────────────────────

    def _condition(self, words: Sequence[Search]) -> str:
        """A condition meant by words: `weights: uniform`, `accuracy 0.9`, `metric:euclidean`."""
        parts = [part for word in words for part in word.text.partition(":")[::2] if part]
        for name, value in pairwise(parts):
            key = self._key(Name(None, name, words[0].span))
            if key is None:
                continue
            column = self._names.shortest(key) if key.kind != "attribute" else name
            if key.is_number:
                number = plain_number(Operand(value, False, words[0].span))
                return "" if number is None else f"{DID_YOU_MEAN} {column} > {value}?"
            same = [known for known in self._texts(key) if known.lower() == value.lower()]
            found = _condition(column, key, same[0]) if same else None
            return f"{DID_YOU_MEAN} {found}?" if found else self._text_value(key, column, value)
        return ""

    def _word(self, word: Search) -> str:
        text = word.text
        if (key := self._key(Name(None, text, word.span))) is not None:
            return f"{text} is a column. Add a condition, such as {self._example(text, key)}."
        if found := self._condition([word]) or self._value_of_any(text):
            return found
        close = self._names.close_to(text) if len(text) > SHORTEST else []
        return f"No name or ID contains '{text}'. {did_you_mean(close)}".rstrip()

    def _example(self, column: str, key: ColumnKey) -> str:
        present = sorted(self._numbers(key))
        if present and not key.is_time:
            return f"{column} >= {present[len(present) // 2]:.4g}"
        known = self._texts(key)
        return (known and _condition(column, key, known[0])) or f"{column} IS NOT NULL"

    def _value_of_any(self, word: str) -> str:
        """The condition for a word that is a value, or the beginning of one, in some column."""
        small = word.lower()
        begun = [s for s in _STATUSES if s == small or (len(small) >= SHORTEST and s.startswith(small))]
        if begun:
            return f"{DID_YOU_MEAN} status = {begun[0]}?"
        for starts in (False, True) if len(small) >= SHORTEST else (False,):
            for key in islice(self._searchable(), MAX_SEARCHED):
                for text in self._texts(key):
                    is_meant = text.lower().startswith(small) if starts else text.lower() == small
                    if is_meant and (found := _condition(self._names.shortest(key), key, text)):
                        return f"{DID_YOU_MEAN} {found}?"
        return ""

    def _searchable(self) -> Iterator[ColumnKey]:
        """The columns whose values are words."""
        yield from (key for key in self._table.keys if key.kind == "param")
        yield from (k for k in self._table.keys if k.kind == "tag" and not k.name.startswith("mlflow."))
        yield from (key for key in _TEXT_ATTRIBUTES if key in self._table)


def _condition(column: str, key: ColumnKey, text: str) -> str | None:
    value = written_value(text.lower() if key == _STATUS else text) if len(text) <= LONGEST else None
    return None if value is None else f"{column} = {value}"


def _quoted(text: str) -> str:
    return written_value(text, quoted=True) or f"'{text}'"


def _shown(key: ColumnKey, value: float) -> str:
    if key.is_time:
        return moment(int(value))
    return duration(value) if key.is_duration else f"{value:.6g}"


def _natural(text: str) -> tuple[bool, float, str]:
    """Numbers by size, then words by letter."""
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text
