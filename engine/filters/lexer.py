"""Splits filter text into tokens with positions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from engine.errors import FilterError
from engine.text import shortened

TokenKind = Literal["word", "text", "double", "name", "operator", "(", ")", ",", "end"]
"""`text` is single-quoted, `double` double-quoted (a value or a column name), `name` backquoted."""

MAX_LENGTH = 10_000

_QUOTES: dict[str, TokenKind] = {"'": "text", '"': "double", "`": "name"}
_OPERATOR = re.compile(r"<=|>=|<>|!=|!~|==|[=<>~≤≥≠]")
_SAME = {"==": "=", "<>": "!=", "≤": "<=", "≥": ">=", "≠": "!="}
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"""[^\s()'"`,=!<>~≤≥≠]+""")

SIGNS = ("+", "-", "*", "/")
"""Arithmetic operators, as separate tokens: names may contain the same characters."""


@dataclass(frozen=True, slots=True)
class Span:
    """A span of the filter text, in characters."""

    position: int
    length: int

    @property
    def end(self) -> int:
        return self.position + self.length

    def error(self, title: str, hint: str = "") -> FilterError:
        return FilterError(title, self.position, self.length, hint)

    def to(self, end: Span) -> Span:
        return Span(self.position, end.end - self.position)


@dataclass(frozen=True, slots=True)
class Token:
    """`text` has no quotes, and operators are normalised; `joined`: no space before it."""

    kind: TokenKind
    text: str
    span: Span
    joined: bool = False

    @property
    def keyword(self) -> str:
        """The word in lower case if it may be a keyword, else empty."""
        return self.text.lower() if self.kind == "word" else ""

    @property
    def is_sign(self) -> bool:
        return self.kind == "word" and self.text in SIGNS


def short(text: str) -> str:
    """`text` shortened to 40 characters for an error message."""
    return shortened(text, 40)


def tokens_of(text: str) -> tuple[Token, ...]:
    """The tokens; the last has kind `end`. Raises `FilterError` for an open quote or a stray character."""
    return (*scan(text), Token("end", "", Span(len(text), 0)))


def scan(text: str) -> Iterator[Token]:
    """Yield the tokens. Raises `FilterError` at an open quote or a stray character."""
    if len(text) > MAX_LENGTH:
        raise FilterError(
            "The filter is too long",
            MAX_LENGTH,
            len(text) - MAX_LENGTH,
            f"Maximum {MAX_LENGTH:,} characters. For many values use IN (…).",
        )
    last_quotes = {quote: text.rfind(quote) for quote in _QUOTES}
    position = end = 0
    while position < len(text):
        space = _SPACE.match(text, position)
        if space:
            position = space.end()
            continue
        token = _token(text, position, last_quotes)
        yield Token(token.kind, token.text, token.span, joined=position > 0 and end == position)
        position = end = token.span.end


def word_end(text: str, start: int) -> int:
    """The end of the word that starts at `start`."""
    word = _WORD.match(text, start)
    return word.end() if word else start


def _token(text: str, at: int, last_quotes: dict[str, int]) -> Token:
    char = text[at]
    if char in _QUOTES:
        return _quoted(text, at, last_quotes[char])
    if char in "(),":
        return Token(char, char, Span(at, 1))  # type: ignore[arg-type]  # each is its own kind
    if operator := _OPERATOR.match(text, at):
        return Token("operator", _SAME.get(operator[0], operator[0]), Span(at, len(operator[0])))
    if word := _WORD.match(text, at):
        return Token("word", word[0], Span(at, len(word[0])))
    raise Span(at, 1).error(f"Unexpected {char}", "Use NOT or !=, or quote the text.")


def _quoted(text: str, start: int, last: int) -> Token:
    """Quoted text, parsed as MLflow parses it: without escapes. A doubled quote and a quote after a backslash
    do not end the text, and every character is kept."""
    quote = text[start]
    at = start + 1
    while at <= last:
        if text[at] == quote:
            if at + 1 > last or text[at + 1] != quote:
                return Token(_QUOTES[quote], text[start + 1 : at], Span(start, at + 1 - start))
            at += 2
        elif text[at] == "\\" and quote != "`" and text[at + 1 : at + 2] == quote and at + 1 < last:
            at += 2
        else:
            at += 1
    raise Span(start, len(text) - start).error(f"Unclosed quote {quote}", f"Close it with {quote}.")
