"""Where the cursor is in a filter, and which part of the text a completion would replace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.errors import FilterError
from engine.filters.lexer import Place, Token, scan, tokens_of, word_end
from engine.filters.parser import name_of, named_by
from engine.filters.syntax import Name

Wanted = Literal[
    "column", "operand", "operator", "negated", "null", "value", "list", "item", "more", "bound", "joint"
]
"""`column` begins a condition and `operand` goes on with arithmetic; `operator` follows them, `negated`
its NOT and `null` its IS. `list` is the parenthesis of IN, `item` a value in it, `more` what follows
one; `bound` is the AND of BETWEEN, `joint` what joins conditions."""


@dataclass(frozen=True, slots=True)
class Spot:
    """`typed` is what stands between `start` and the cursor, without its opening `quote`; all up to
    `end` would be replaced. `column` is what an operator or a value belongs to, None in arithmetic.
    `operator` is in small letters. `groups` counts the parentheses that are open."""

    start: int
    end: int
    typed: str
    quote: str
    wanted: Wanted
    column: Name | None
    operator: str
    groups: int


def spot_at(text: str, cursor: int) -> Spot:
    """What could stand at a cursor, in characters from the start of a text that is not too long."""
    cursor = max(0, min(cursor, len(text)))
    before, current = _split(text, cursor)
    walk = _Walk(before)
    typed = text[current.position : cursor]
    quote = typed[:1] if typed[:1] in ("'", '"', "`") else ""
    return Spot(
        current.position,
        max(cursor, current.end),
        typed[len(quote) :],
        quote,
        walk.wanted,
        walk.column,
        walk.operator,
        walk.groups,
    )


def _split(text: str, cursor: int) -> tuple[list[Token], Place]:
    """The tokens before the part at the cursor, and its place: an empty one where nothing is written."""
    before: list[Token] = []
    try:
        for token in scan(_readable(text, cursor)):
            if token.place.position >= cursor:
                break
            before.append(token)
    except FilterError as error:
        return _whole_name(before, Place(error.position, cursor - error.position))
    if not before or before[-1].place.end < cursor or _is_closed(before[-1]):
        return before, Place(cursor, 0)
    last = before.pop()
    end = word_end(text, last.place.position) if last.kind == "word" else last.place.end
    return _whole_name(before, Place(last.place.position, end - last.place.position))


def _is_closed(token: Token) -> bool:
    """Whether nothing typed behind a token makes it longer."""
    return token.kind in ("(", ")", ",") or (token.kind == "operator" and token.text.endswith("="))


def _whole_name(before: list[Token], place: Place) -> tuple[list[Token], Place]:
    """The part with what goes before it in the same name: ``metrics.`a b` ``."""
    while before and before[-1].place.end == place.position and before[-1].text.endswith("."):
        if before[-1].kind not in ("word", "name"):
            break
        place = before.pop().place.to(place)
    return before, place


def _readable(text: str, cursor: int) -> str:
    """The text, or where it cannot be read the part before the cursor: an open quote there would take
    all that follows."""
    try:
        tokens_of(text)
    except FilterError:
        return text[:cursor]
    return text


class _Walk:
    """Goes through the tokens before the cursor and remembers what comes next. What the grammar
    refuses is taken as far as it makes sense."""

    def __init__(self, tokens: list[Token]) -> None:
        self.wanted: Wanted = "column"
        self.column: Name | None = None
        self.operator = ""
        self.groups = 0
        self._is_right = False
        self._between = False
        end = Token("end", "", Place(0, 0))
        padded = (*tokens, end, end)
        at = 0
        while at < len(tokens):
            at += self._step(padded[at : at + 3])

    def _step(self, ahead: tuple[Token, ...]) -> int:
        """Take what begins with the first of these tokens; how many tokens that were."""
        token = ahead[0]
        if token.kind == "(":
            self._open()
        elif token.kind == ")":
            self._close()
        elif token.is_sign:
            self.wanted, self.column = "operand", None
        elif self.wanted == "operator":
            return self._take_operator(ahead)
        elif self.wanted in ("column", "operand", "value"):
            return self._take_operand(ahead)
        else:
            self._take_rest(token)
        return 1

    def _open(self) -> None:
        if self.wanted == "list":
            self.wanted = "item"
        else:
            self.groups += 1

    def _close(self) -> None:
        if self.wanted in ("item", "more"):
            self.wanted = "joint"
        else:
            self.groups = max(0, self.groups - 1)

    def _take_operand(self, ahead: tuple[Token, ...]) -> int:
        token = ahead[0]
        if token.keyword in ("and", "or", "not") and self.wanted != "value":
            self.wanted, self._is_right = "column", False
            return 1
        length = named_by(*ahead)
        if self.wanted == "value" or self._is_right:
            self.wanted = "bound" if self._between else "joint"
            return length
        arithmetic = self.wanted == "operand"
        self.column = None if arithmetic else _named(ahead[:length])
        self.wanted = "operator"
        return length

    def _take_operator(self, ahead: tuple[Token, ...]) -> int:
        token = ahead[0]
        if token.keyword in ("and", "or"):
            self.wanted = "column"
        elif token.keyword == "not":
            self.wanted = "negated"
        elif token.keyword == "is":
            self.wanted = "null"
        elif token.kind == "operator" or token.keyword in ("like", "ilike", "in", "between"):
            self._compare(token)
        else:  # a word to search for; the next one may be a column
            self.wanted = "column"
            return 0
        return 1

    def _compare(self, token: Token) -> None:
        self.operator = token.keyword or token.text
        self.wanted = "list" if self.operator == "in" else "value"
        self._between = self.operator == "between"
        self._is_right = True

    def _take_rest(self, token: Token) -> None:
        if self.wanted == "negated":
            self._compare(token)
        elif self.wanted == "null" and token.keyword != "not":
            self.wanted = "joint"
        elif self.wanted == "item":
            self.wanted = "more"
        elif self.wanted == "more" and token.kind == ",":
            self.wanted = "item"
        elif self.wanted == "bound" and token.keyword == "and":
            self.wanted, self._between = "value", False
        elif self.wanted == "joint" and token.keyword in ("and", "or"):
            self.wanted, self._is_right, self.column = "column", False, None


def _named(tokens: tuple[Token, ...]) -> Name | None:
    try:
        return name_of(list(tokens))
    except FilterError:
        return None
