"""Finds what the grammar expects at the cursor, and which part of the text a completion replaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.errors import FilterError
from engine.filters.lexer import Span, Token, scan, tokens_of, word_end
from engine.filters.parser import name_of, named_by
from engine.filters.syntax import Name

Expected = Literal[
    "column", "operand", "operator", "negated", "null", "value", "list", "item", "more", "bound", "joint"
]
"""`column` starts a condition and `operand` continues arithmetic; `operator` follows them, `negated` follows
NOT and `null` follows IS. `list` is the parenthesis of IN, `item` a value in it, `more` what follows a value;
`bound` is the AND of BETWEEN, `joint` joins conditions."""


@dataclass(frozen=True, slots=True)
class CursorContext:
    """`typed` is the text from `start` to the cursor, without its opening `quote`; everything up to `end`
    would be replaced. `column` is the column an operator or value belongs to, None in arithmetic. `operator`
    is in lower case. `groups` counts the open parentheses."""

    start: int
    end: int
    typed: str
    quote: str
    expected: Expected
    column: Name | None
    operator: str
    groups: int


def cursor_context(text: str, cursor: int) -> CursorContext:
    """What the grammar expects at `cursor`, in characters from the start. `text` must not be too long."""
    cursor = max(0, min(cursor, len(text)))
    before, current = _split(text, cursor)
    walk = _Walk(before)
    typed = text[current.position : cursor]
    quote = typed[:1] if typed[:1] in ("'", '"', "`") else ""
    return CursorContext(
        current.position,
        max(cursor, current.end),
        typed[len(quote) :],
        quote,
        walk.expected,
        walk.column,
        walk.operator,
        walk.groups,
    )


def _split(text: str, cursor: int) -> tuple[list[Token], Span]:
    """The tokens before the part at the cursor, and the part's span, which may be empty."""
    before: list[Token] = []
    try:
        for token in scan(_readable(text, cursor)):
            if token.span.position >= cursor:
                break
            before.append(token)
    except FilterError as error:
        return _whole_name(before, Span(error.position, cursor - error.position))
    if not before or before[-1].span.end < cursor or _is_closed(before[-1]):
        return before, Span(cursor, 0)
    last = before.pop()
    end = word_end(text, last.span.position) if last.kind == "word" else last.span.end
    return _whole_name(before, Span(last.span.position, end - last.span.position))


def _is_closed(token: Token) -> bool:
    """Whether typing after a token cannot extend it."""
    return token.kind in ("(", ")", ",") or (token.kind == "operator" and token.text.endswith("="))


def _whole_name(before: list[Token], span: Span) -> tuple[list[Token], Span]:
    """The part together with the tokens before it in the same name: ``metrics.`a b` ``."""
    while before and before[-1].span.end == span.position and before[-1].text.endswith("."):
        if before[-1].kind not in ("word", "name"):
            break
        span = before.pop().span.to(span)
    return before, span


def _readable(text: str, cursor: int) -> str:
    """The text, or if it cannot be tokenised, the part before the cursor: an open quote would otherwise
    extend to the end."""
    try:
        tokens_of(text)
    except FilterError:
        return text[:cursor]
    return text


class _Walk:
    """Walks the tokens before the cursor and tracks what is expected next. Tolerates invalid filters."""

    def __init__(self, tokens: list[Token]) -> None:
        self.expected: Expected = "column"
        self.column: Name | None = None
        self.operator = ""
        self.groups = 0
        self._is_right = False
        self._between = False
        end = Token("end", "", Span(0, 0))
        padded = (*tokens, end, end)
        at = 0
        while at < len(tokens):
            at += self._step(padded[at : at + 3])

    def _step(self, ahead: tuple[Token, ...]) -> int:
        """Consume the construct that starts at the first of these tokens; return its number of tokens."""
        token = ahead[0]
        if token.kind == "(":
            self._open()
        elif token.kind == ")":
            self._close()
        elif token.is_sign:
            self.expected, self.column = "operand", None
        elif self.expected == "operator":
            return self._take_operator(ahead)
        elif self.expected in ("column", "operand", "value"):
            return self._take_operand(ahead)
        else:
            self._take_rest(token)
        return 1

    def _open(self) -> None:
        if self.expected == "list":
            self.expected = "item"
        else:
            self.groups += 1

    def _close(self) -> None:
        if self.expected in ("item", "more"):
            self.expected = "joint"
        else:
            self.groups = max(0, self.groups - 1)

    def _take_operand(self, ahead: tuple[Token, ...]) -> int:
        token = ahead[0]
        if token.keyword in ("and", "or", "not") and self.expected != "value":
            self.expected, self._is_right = "column", False
            return 1
        length = named_by(*ahead)
        if self.expected == "value" or self._is_right:
            self.expected = "bound" if self._between else "joint"
            return length
        arithmetic = self.expected == "operand"
        self.column = None if arithmetic else _named(ahead[:length])
        self.expected = "operator"
        return length

    def _take_operator(self, ahead: tuple[Token, ...]) -> int:
        token = ahead[0]
        if token.keyword in ("and", "or"):
            self.expected = "column"
        elif token.keyword == "not":
            self.expected = "negated"
        elif token.keyword == "is":
            self.expected = "null"
        elif token.kind == "operator" or token.keyword in ("like", "ilike", "in", "between"):
            self._compare(token)
        else:  # a word to search for; the next one may be a column
            self.expected = "column"
            return 0
        return 1

    def _compare(self, token: Token) -> None:
        self.operator = token.keyword or token.text
        self.expected = "list" if self.operator == "in" else "value"
        self._between = self.operator == "between"
        self._is_right = True

    def _take_rest(self, token: Token) -> None:
        if self.expected == "negated":
            self._compare(token)
        elif self.expected == "null" and token.keyword != "not":
            self.expected = "joint"
        elif self.expected == "item":
            self.expected = "more"
        elif self.expected == "more" and token.kind == ",":
            self.expected = "item"
        elif self.expected == "bound" and token.keyword == "and":
            self.expected, self._between = "value", False
        elif self.expected == "joint" and token.keyword in ("and", "or"):
            self.expected, self._is_right, self.column = "column", False, None


def _named(tokens: tuple[Token, ...]) -> Name | None:
    try:
        return name_of(list(tokens))
    except FilterError:
        return None
