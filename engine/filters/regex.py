"""Regular expressions in linear time.

The syntax is Python's, without backreferences and lookaround.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

MAX_PATTERN = 1000
MAX_NESTING = 30

_COUNTS = re.compile(r"\{(\d*)(,?)(\d*)\}", re.ASCII)
_ESCAPE = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[dDwWsStnrfva]|[^a-zA-Z0-9])", re.ASCII | re.DOTALL
)
_ASSERTIONS = {"^": "start", "$": "end", r"\A": "start", r"\Z": "end", r"\b": "edge", r"\B": "no edge"}
_GROUP = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))")


class PatternError(ValueError):
    """An invalid or unsupported pattern; `position` and `length` locate the problem."""

    def __init__(self, title: str, position: int, length: int = 1) -> None:
        super().__init__(title)
        self.title = title
        self.position = position
        self.length = length


@dataclass(frozen=True, slots=True)
class Atom:
    """One character; `source` is its pattern for Python's engine."""

    source: str


@dataclass(frozen=True, slots=True)
class Assertion:
    """`start`, `end`, `edge` (of a word) or `no edge`."""

    what: str


@dataclass(frozen=True, slots=True)
class Series:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`maximum` is None for any number of times."""

    part: Node
    minimum: int
    maximum: int | None


Node = Atom | Assertion | Series | Choice | Repeat


def parse_pattern(pattern: str) -> tuple[Node, int]:
    """The tree and the flags of Python's engine (`(?i)` at the start). Raises `PatternError`."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(
            f"Maximum pattern length is {MAX_PATTERN:,} characters", MAX_PATTERN, len(pattern) - MAX_PATTERN
        )
    flags = re.IGNORECASE if pattern.startswith("(?i)") else 0
    reader = _Reader(pattern, 4 if flags else 0)
    tree = reader.choice(0)
    if reader.at < len(pattern):
        raise PatternError("Unmatched )", reader.at)
    return tree, flags


class _Reader:
    def __init__(self, pattern: str, at: int) -> None:
        self.pattern = pattern
        self.at = at

    def choice(self, depth: int) -> Node:
        parts = [self._series(depth)]
        while self.pattern.startswith("|", self.at):
            self.at += 1
            parts.append(self._series(depth))
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _series(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            part = self._part(depth)
            parts.append(self._repeated(part))
        return parts[0] if len(parts) == 1 else Series(tuple(parts))

    def _part(self, depth: int) -> Node:
        char = self.pattern[self.at]
        if char == "(":
            return self._group(depth)
        if char in "*+?":
            raise PatternError(f"Nothing to repeat before {char}", self.at)
        for source in (char, self.pattern[self.at : self.at + 2]):
            if source in _ASSERTIONS:
                self.at += len(source)
                return Assertion(_ASSERTIONS[source])
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        self.at += 1
        return Atom(char if char == "." else re.escape(char))

    def _group(self, depth: int) -> Node:
        start = self.at
        opening = _GROUP.match(self.pattern, start)
        if opening is None:
            raise PatternError("Unsupported group: use (…) or (?:…), and (?i) at the start", start, 2)
        if depth >= MAX_NESTING:
            raise PatternError("Too many nested groups", start)
        self.at = opening.end()
        inner = self.choice(depth + 1)
        if not self.pattern.startswith(")", self.at):
            raise PatternError("Unclosed (", start)
        self.at += 1
        return Series((inner,))

    def _escape(self) -> Atom:
        found = _ESCAPE.match(self.pattern, self.at)
        if found is None:
            escape = self.pattern[self.at : self.at + 2]
            raise PatternError(f"Unsupported escape {escape}", self.at, len(escape))
        self.at = found.end()
        return Atom(found[0])

    def _class(self) -> Node:
        start = self.at
        negated = self.pattern.startswith("[^", start)
        self.at += 2 if negated else 1
        source = "[^" if negated else "["
        first = True
        while first or not self.pattern.startswith("]", self.at):
            if self.at >= len(self.pattern):
                raise PatternError("Unclosed [", start)
            source += self._class_member()
            first = False
        self.at += 1
        try:
            re.compile(source + "]")
        except re.error as error:
            raise PatternError(f"Invalid character class: {error.msg}", start, self.at - start) from error
        return Atom(source + "]")

    def _class_member(self) -> str:
        char = self.pattern[self.at]
        if char == "\\":
            return self._escape().source
        self.at += 1
        if char == "-" and self.pattern.startswith("-", self.at):
            raise PatternError("Write \\- for a hyphen", self.at - 1, 2)
        # Python reserves these in character classes.
        return "\\" + char if char in "[&~|]" else char

    def _repeated(self, part: Node) -> Node:
        start = self.at
        sign = self.pattern[start : start + 1]
        counts = _COUNTS.match(self.pattern, start)
        if sign in ("*", "+", "?"):
            minimum, maximum = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
            self.at += 1
        elif counts and (counts[1] or counts[2]):
            minimum, maximum = _counted(counts)
            self.at = counts.end()
        else:
            return part
        if isinstance(part, Assertion):
            raise PatternError(f"Nothing to repeat before {sign}", start)
        if self.pattern.startswith("?", self.at):  # as few as possible: the same question
            self.at += 1
        if self.pattern[self.at : self.at + 1] in ("*", "+", "?"):
            raise PatternError("Multiple repeat", self.at)
        return Repeat(part, minimum, maximum)


def _counted(counts: re.Match[str]) -> tuple[int, int | None]:
    """The bounds of `{m}`, `{m,}`, `{,n}` or `{m,n}`."""
    minimum = int(counts[1] or 0) if len(counts[1]) < 6 else 10**6
    maximum = minimum if not counts[2] else int(counts[3]) if counts[3] else None
    if minimum > MAX_PATTERN or (maximum or 0) > MAX_PATTERN:
        raise PatternError(f"Maximum repeat count is {MAX_PATTERN:,}", counts.start(), len(counts[0]))
    if maximum is not None and maximum < minimum:
        raise PatternError("The repeat counts are reversed", counts.start(), len(counts[0]))
    return minimum, maximum


CharKind = Literal["", "word", "other"]
"""What is next to a position in the text: nothing, a word character, or another character."""

MAX_STEPS = 1500
MAX_STATES = 1000
MAX_WORK = 500_000


class TooMuchWork(Exception):
    """The pattern needs too many steps."""


@dataclass(frozen=True, slots=True)
class _One:
    """Matches one character."""

    atom: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Check:
    what: str


@dataclass(slots=True)
class _Fork:
    """Continues at each of these steps."""

    targets: list[int]


@dataclass(slots=True)
class _State:
    """The steps that wait for the next character, and the kind of the last character."""

    waiting: frozenset[int]
    before: CharKind
    moves: dict[str, _State] = field(default_factory=dict)
    at_end: bool | None = None


_FOUND = _State(frozenset(), "")


class Regex:
    """A compiled pattern. Raises `PatternError`."""

    def __init__(self, pattern: str) -> None:
        tree, flags = parse_pattern(pattern)
        self._flags = flags
        self._steps: list[_One | _Check | _Fork | None] = []
        self._emit(tree)
        self._steps.append(None)  # found
        self._plain = _plain_pattern(tree, flags)
        self._states: dict[tuple[frozenset[int], CharKind], _State] = {}
        self._work = 0

    def found_in(self, text: str) -> bool:
        """Whether the pattern matches anywhere in `text`. Raises `TooMuchWork`."""
        if self._plain is not None:
            return self._plain.search(text) is not None
        state = self._state(frozenset((0,)), "")
        for char in text:
            following = state.moves.get(char)
            if following is None:
                following = self._move(state, char)
            if following is _FOUND:
                return True
            state = following
        if state.at_end is None:
            state.at_end = self._open(state.waiting, state.before, "")[1]
        return state.at_end

    def reset_budget(self) -> None:
        """Start a new work budget."""
        self._work = 0

    # ── walking ──────────────────────────────────────────────────────────────

    def _state(self, waiting: frozenset[int], before: CharKind) -> _State:
        state = self._states.get((waiting, before))
        if state is None:
            if len(self._states) >= MAX_STATES:
                self._states.clear()
            state = self._states[waiting, before] = _State(waiting, before)
        return state

    def _move(self, state: _State, char: str) -> _State:
        kind: CharKind = "word" if char.isalnum() or char == "_" else "other"
        ones, found = self._open(state.waiting, state.before, kind)
        if found:
            state.moves[char] = _FOUND
            return _FOUND
        taken = {at + 1 for at, one in ones if one.atom.fullmatch(char)}
        # A match may also start at the next character.
        following = self._state(frozenset(taken | {0}), kind)
        state.moves[char] = following
        return following

    def _open(
        self, waiting: frozenset[int], before: CharKind, after: CharKind
    ) -> tuple[list[tuple[int, _One]], bool]:
        """The steps that may match the next character, and whether the pattern is complete."""
        ones: list[tuple[int, _One]] = []
        seen = set(waiting)
        pending = list(waiting)
        while pending:
            at = pending.pop()
            step = self._steps[at]
            if step is None:
                return ones, True
            if isinstance(step, _One):
                ones.append((at, step))
                continue
            if isinstance(step, _Fork):
                targets = step.targets
            else:
                targets = [at + 1] if _holds(step.what, before, after) else []
            pending += (target for target in targets if target not in seen)
            seen.update(targets)
        self._work += len(seen) + 1
        if self._work > MAX_WORK:
            raise TooMuchWork
        return ones, False

    # ── building ─────────────────────────────────────────────────────────────

    def _add(self, step: _One | _Check | _Fork) -> None:
        if len(self._steps) >= MAX_STEPS:
            raise PatternError("The pattern is too large", 0, 0)
        self._steps.append(step)

    def _emit(self, node: Node) -> None:
        if isinstance(node, Atom):
            self._add(_One(_compiled(node.source, self._flags)))
        elif isinstance(node, Assertion):
            self._add(_Check(node.what))
        elif isinstance(node, Series):
            for part in node.parts:
                self._emit(part)
        elif isinstance(node, Choice):
            self._emit_choice(node)
        else:
            self._emit_repeat(node)

    def _emit_choice(self, node: Choice) -> None:
        fork, ends = _Fork([]), []
        self._add(fork)
        for part in node.parts:
            fork.targets.append(len(self._steps))
            self._emit(part)
            end = _Fork([])
            self._add(end)
            ends.append(end)
        for end in ends:
            end.targets.append(len(self._steps))

    def _emit_repeat(self, node: Repeat) -> None:
        for _ in range(node.minimum):
            before = len(self._steps)
            self._emit(node.part)
            if len(self._steps) == before:
                return  # an empty part, however often
        if node.maximum is None:
            start = len(self._steps)
            loop = _Fork([start + 1])
            self._add(loop)
            self._emit(node.part)
            self._add(_Fork([start]))
            loop.targets.append(len(self._steps))
            return
        skips: list[_Fork] = []
        for _ in range(node.maximum - node.minimum):
            skip = _Fork([len(self._steps) + 1])
            self._add(skip)
            skips.append(skip)
            self._emit(node.part)
        for skip in skips:
            skip.targets.append(len(self._steps))


def _holds(what: str, before: CharKind, after: CharKind) -> bool:
    if what == "start":
        return not before
    if what == "end":
        return not after
    edge = (before == "word") != (after == "word")
    return edge if what == "edge" else not edge


@lru_cache(maxsize=512)
def _compiled(source: str, flags: int) -> re.Pattern[str]:
    return re.compile(source, flags)


def _plain_pattern(tree: Node, flags: int) -> re.Pattern[str] | None:
    """A pattern for Python's engine if it is a plain sequence of characters, which cannot backtrack."""
    parts = tree.parts if isinstance(tree, Series) else (tree,)
    sources = [part.source for part in parts if isinstance(part, Atom)]
    return re.compile("".join(sources), flags) if len(sources) == len(parts) else None
