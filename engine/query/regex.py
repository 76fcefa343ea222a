"""Regular expressions in linear time.

Python's own engine backtracks: `(a+)+b` takes for ever on thirty letters. This one walks all
alternatives at once (Thompson's construction, with a state remembered per set of places), so no
pattern and no text can hold up the console. It answers one question: is the pattern found in the
text? There are no back references and no lookaround.

What one character may be (`\\w`, `[a-f]`, `.`) is asked of Python's engine, so it means the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from engine.query.pattern import Assertion, Atom, Choice, Node, PatternError, Repeat, Series, parse_pattern

Kind = Literal["", "word", "other"]
"""What is beside a place in the text: nothing, a character of a word, another one."""

MAX_STEPS = 1500
MAX_STATES = 1000
MAX_WORK = 500_000


class TooMuchWork(Exception):
    """The pattern has so many alternatives that it is given up."""


@dataclass(frozen=True, slots=True)
class _One:
    """Takes one character."""

    atom: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class _Check:
    what: str


@dataclass(slots=True)
class _Fork:
    """Goes on at all of these steps."""

    targets: list[int]


@dataclass(slots=True)
class _State:
    """The steps that wait for the next character, and what the last character was."""

    waiting: frozenset[int]
    before: Kind
    moves: dict[str, _State] = field(default_factory=dict)
    at_end: bool | None = None


_FOUND = _State(frozenset(), "")


class Regex:
    """A pattern, ready to be looked for. Raises `PatternError`."""

    def __init__(self, pattern: str) -> None:
        tree, flags = parse_pattern(pattern)
        self._flags = flags
        self._steps: list[_One | _Check | _Fork | None] = []
        self._emit(tree)
        self._steps.append(None)  # found
        self._plain = _plain_pattern(tree, flags)
        self._states: dict[tuple[frozenset[int], Kind], _State] = {}
        self._work = 0

    def found_in(self, text: str) -> bool:
        """Whether the pattern is found anywhere in `text`. Raises `TooMuchWork`."""
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

    def rest(self) -> None:
        """Begin a new budget of work."""
        self._work = 0

    # ── walking ──────────────────────────────────────────────────────────────

    def _state(self, waiting: frozenset[int], before: Kind) -> _State:
        state = self._states.get((waiting, before))
        if state is None:
            if len(self._states) >= MAX_STATES:
                self._states.clear()
            state = self._states[waiting, before] = _State(waiting, before)
        return state

    def _move(self, state: _State, char: str) -> _State:
        kind: Kind = "word" if char.isalnum() or char == "_" else "other"
        ones, found = self._open(state.waiting, state.before, kind)
        if found:
            state.moves[char] = _FOUND
            return _FOUND
        taken = {at + 1 for at, one in ones if one.atom.fullmatch(char)}
        # The pattern may also begin at the next character.
        following = self._state(frozenset(taken | {0}), kind)
        state.moves[char] = following
        return following

    def _open(
        self, waiting: frozenset[int], before: Kind, after: Kind
    ) -> tuple[list[tuple[int, _One]], bool]:
        """The steps that may take the next character, and whether the end of the pattern is reached."""
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
        for _ in range(node.least):
            before = len(self._steps)
            self._emit(node.part)
            if len(self._steps) == before:
                return  # an empty part, however often
        if node.most is None:
            start = len(self._steps)
            loop = _Fork([start + 1])
            self._add(loop)
            self._emit(node.part)
            self._add(_Fork([start]))
            loop.targets.append(len(self._steps))
            return
        skips: list[_Fork] = []
        for _ in range(node.most - node.least):
            skip = _Fork([len(self._steps) + 1])
            self._add(skip)
            skips.append(skip)
            self._emit(node.part)
        for skip in skips:
            skip.targets.append(len(self._steps))


def _holds(what: str, before: Kind, after: Kind) -> bool:
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
    """The same for Python's engine, where it cannot backtrack: single characters in a row."""
    parts = tree.parts if isinstance(tree, Series) else (tree,)
    sources = [part.source for part in parts if isinstance(part, Atom)]
    return re.compile("".join(sources), flags) if len(sources) == len(parts) else None
