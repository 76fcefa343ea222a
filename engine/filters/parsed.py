"""A filter text, parsed once and reused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.columns import ColumnKey
from engine.errors import FilterError
from engine.filters.parser import parse
from engine.filters.syntax import All, AnyOf, Not, Search, Term


@dataclass(frozen=True, slots=True)
class ParsedFilter:
    """`term` is the parsed `text`, None for a blank text or a syntax error. `last_word` is an unquoted word
    at the end that is searched for in names and ids; empty if the text ends in anything else.
    """

    text: str = ""
    term: Term | None = None
    last_word: str = ""
    syntax_error: FilterError | None = None

    def check_syntax(self) -> None:
        """Raises a copy of the syntax error, so that callers can add to its hint."""
        if (error := self.syntax_error) is not None:
            raise FilterError(error.title, error.position, error.length, error.hint)

    def ends_in_column(self, keys: Iterable[ColumnKey], *, exact: bool) -> bool:
        """Whether the last word begins the name of one of these columns; with `exact`, whether it is one."""
        word = self.last_word.lower()
        names = (key.name.lower() for key in keys)
        return bool(word) and any(name == word if exact else name.startswith(word) for name in names)


def parse_filter(text: str) -> ParsedFilter:
    """Parse a filter; a syntax error is kept in the result."""
    try:
        term = parse(text)
    except FilterError as error:
        return ParsedFilter(text, syntax_error=error.with_traceback(None))
    return ParsedFilter(text, term, _last_word(text, term))


def _last_word(text: str, term: Term | None) -> str:
    while isinstance(term, (Not, All, AnyOf)):
        term = term.term if isinstance(term, Not) else term.terms[-1]
    return term.text if isinstance(term, Search) and text.rstrip().endswith(term.text) else ""
