"""Which runs and columns are meant by what stands on the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.errors import FilterError, NotFound, UsageError
from engine.formats import listed
from engine.text import ELLIPSIS, Shown, cell_width, safe

if TYPE_CHECKING:
    from engine.api import Filter, RunFrame, SortKey
    from engine.columns import ColumnKey

_SORT = re.compile(r"(?P<key>.+?)(?:(?::|\s+)(?P<direction>asc|desc))?", re.IGNORECASE | re.DOTALL)


_AROUND = 100
"""Characters before and after the place of an error in a filter that are shown."""


def filter_of(text: str, frame: RunFrame) -> Filter:
    """The filter. Raises `UsageError` that points at the place in `text`."""
    from engine.api import compile_filter

    try:
        return compile_filter(text, frame.keys, frame, partial=not frame.complete)
    except FilterError as error:
        raise UsageError(error.title, _pointed_at(text, error), error.hint) from error


def _pointed_at(text: str, error: FilterError) -> str:
    """The text, or of a long one what is around the offending token, and a mark under each of the token's
    characters."""
    first = max(0, min(error.position - _AROUND, len(text) - 2 * _AROUND))
    last = first + 2 * _AROUND
    lead, trail = ELLIPSIS * (first > 0), ELLIPSIS * (last < len(text))
    before = cell_width(safe(lead + text[first : error.position]))
    under = cell_width(safe(text[error.position : min(error.position + error.length, last)]))
    return f"{safe(lead + text[first:last] + trail)}\n{' ' * before}{'^' * max(1, under)}"


def column_of(text: str, frame: RunFrame, option: str) -> ColumnKey:
    """The column called `metrics.accuracy`, `params.metric`, `duration`, or just `accuracy` where
    that is clear. Raises `UsageError` that names `option`."""
    from engine.api import column_named

    try:
        return column_named(text, frame.keys)
    except FilterError as error:
        raise UsageError(error.title, f"{option} {text}", error.hint) from error


def columns_of(texts: Sequence[str], frame: RunFrame, option: str = "--columns") -> list[ColumnKey]:
    """The columns of `--columns A,B`, each once, in the order given."""
    return list(dict.fromkeys(column_of(word, frame, option) for word in words_of(texts)))


def words_of(texts: Sequence[str]) -> list[str]:
    """What stands between the commas of `--columns A,B`."""
    words = [word.strip() for text in texts for word in text.split(",")]
    return [word for word in words if word]


def sort_keys(texts: Sequence[str], frame: RunFrame) -> list[SortKey]:
    """The keys of `--sort KEY[:asc|desc]`, the weightiest first."""
    from engine.api import SortKey

    keys: list[SortKey] = []
    for text in texts:
        match = _SORT.fullmatch(text.strip())
        if match is None:
            raise UsageError("--sort names no column", hint="Write it as accuracy:desc")
        descending = (match["direction"] or "").lower() == "desc"
        try:
            keys.append(SortKey(column_of(match["key"], frame, "--sort"), descending))
        except UsageError:
            name, colon, way = text.strip().rpartition(":")
            if not colon:
                raise
            key = column_of(name, frame, "--sort")  # says what is wrong where this is no column either
            hint = f"Write {key.name}:asc or {key.name}:desc."
            raise UsageError(f"{way!r} is no direction", f"--sort {text}", hint) from None
    return keys


def row_of(text: str, frame: RunFrame, experiment: str) -> int:
    """The run with this id, the beginning of an id, or this name. Raises `NotFound`, also where
    several runs are meant."""
    exact = frame.row_of(text)
    if exact is not None:
        return exact
    from engine.columns import ColumnKey

    names = frame.column(ColumnKey("attribute", "run_name"))
    found = [row for row, name in enumerate(names) if name == text]
    if not found and len(text) >= 4:
        found = [row for row, run_id in enumerate(frame.run_ids) if run_id.startswith(text.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        ids = listed([frame.run_ids[row] for row in found], 5)
        raise NotFound(f"{len(found)} runs are called {text!r}", f"Ids: {ids}", "Name one by its id.")
    raise NotFound(
        f"There is no run {text!r} in {experiment}",
        f"It has {len(frame)} runs.",
        "Give an id, the beginning of one, or a name.",
    )


def shortest_ids(run_ids: Sequence[str], least: int = 8) -> list[Shown]:
    """The ids cut to the length, at least `least`, at which they still differ."""
    length = least
    while length < 32 and len({run_id[:length] for run_id in run_ids}) < len(set(run_ids)):
        length += 1
    return [safe(run_id[:length]) for run_id in run_ids]
