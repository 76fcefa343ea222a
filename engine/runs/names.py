"""Short names that tell runs apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

from engine.text import Shown, cell_width, cut, safe

_FEWEST_LETTERS = 3
_DASH = r"(?<!\de)-"
"""A dash, but not that of `1e-3`."""
_SEPARATORS = tuple(
    map(re.compile, (rf"((?:{_DASH}|[/ ])+)", r"([_/ ]+)", rf"((?:{_DASH}|[_/ ]|(?<!\d)\.|\.(?!\d))+)"))
)
"""Between the words of run names, but not within a number; names are split in the first way that gives all as
many words."""


@dataclass(frozen=True, slots=True)
class RunNames:
    """The names of compared runs, one per run. If they leave out words that all runs share, `pattern` has
    these words, with `*` in place of the others; else it is empty."""

    names: tuple[Shown, ...]
    pattern: Shown


def unique_names(runs: Sequence[tuple[str, str]]) -> list[str]:
    """The names of runs, given as name and id. A name that is missing or not unique gets an id prefix. Not
    safe to show."""
    counts = Counter(name for name, _ in runs)
    return [name if name and counts[name] == 1 else f"{name} {run_id[:8]}".lstrip() for name, run_id in runs]


def run_names(runs: Sequence[tuple[str, str]], complete: int, limit: int) -> RunNames:
    """The names of runs, given as name and id, each cut to `limit` cells. If one is longer than `complete`,
    all lose the words that they share. A name that is missing or not unique gets an id prefix."""
    full = unique_names(runs)
    names, pattern = full, ""
    if len(full) > 1 and any(cell_width(safe(name)) > complete for name in full):
        words, pattern = _without_common_words(full)
        names = _joined(words, limit)
    return RunNames(tuple(cut(safe(name.strip()), limit) for name in names), safe(pattern))


def _without_common_words(names: Sequence[str]) -> tuple[list[list[str]], str]:
    """The words `7 unif` and `9 dist` of `knn-7-unif-auto` and `knn-9-dist-auto`, and the pattern
    `knn-*-*-auto`. Names of different numbers of words lose only their common start and end, and what remains
    is one word. The whole names, and no pattern, if they have nothing in common."""
    for separators in _SEPARATORS:
        split = [separators.split(name) for name in names]  # words at even indices, separators between them
        if len({len(words) for words in split}) > 1:
            continue
        differ = [len(set(column)) > 1 for column in zip(*split, strict=True)]
        short = [list(compress(words[::2], differ[::2])) for words in split]
        if not all(differ[::2]) and len(set(map(tuple, short))) == len(names):
            return short, "".join(
                "*" if other else word for word, other in zip(split[0], differ, strict=True)
            )
    least = min(map(len, split)) - 1  # the shortest name keeps a word
    start = _common_length(split, least)
    end = _common_length([words[::-1] for words in split], least - start)
    rest = [["".join(words[start : len(words) - end])] for words in split]
    if start or end:
        return rest, "".join((*split[0][:start], "*", *split[0][len(split[0]) - end :]))
    return [[name] for name in names], ""


def _joined(names: Sequence[Sequence[str]], limit: int) -> list[str]:
    """`7·unif`: each name's words, abbreviated as far as necessary for all names to fit into `limit` cells,
    and as far as possible without making two names equal."""
    longest = max(len(word) for words in names for word in words)
    for letters in range(longest, _FEWEST_LETTERS - 1, -1):
        joined = ["·".join(_abbreviated(word, letters) for word in words) for words in names]
        if len(names[0]) == 1 or len(set(joined)) < len(names):
            break
        if all(cell_width(safe(name)) <= limit for name in joined):
            return joined
    return ["·".join(words) for words in names]


def _abbreviated(word: str, letters: int) -> str:
    """Numbers stay whole."""
    return word if any(map(str.isdigit, word)) else word[:letters]


def _common_length(split: Sequence[Sequence[str]], limit: int) -> int:
    """How many words and separators all start with: at most `limit`, and a whole number of pairs."""
    length = 0
    while length + 2 <= limit and len({tuple(words[length : length + 2]) for words in split}) == 1:
        length += 2
    return length
