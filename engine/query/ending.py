"""What a filter ends with that may become something else when more is typed."""

from __future__ import annotations

from engine.query.parser import parse
from engine.query.tree import All, AnyOf, Not, Search


def search_at_end(text: str) -> str:
    """The unquoted word at the end of a filter that is looked for in names and ids; empty where it ends
    with something else. Raises `FilterError`."""
    term = parse(text)
    while isinstance(term, (Not, All, AnyOf)):
        term = term.term if isinstance(term, Not) else term.terms[-1]
    return term.text if isinstance(term, Search) and text.rstrip().endswith(term.text) else ""
