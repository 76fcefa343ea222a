"""Resolves the filters, columns, sort keys and runs given on the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.errors import FilterError, NotFound, UsageError
from engine.formats import counted, listed
from engine.text import ELLIPSIS, Shown, cell_width, safe

if TYPE_CHECKING:
    from engine.api import Filter, RunFrame, SortKey
    from engine.columns import ColumnKey

_SORT = re.compile(r"(?P<key>.+?)(?:(?::|\s+)(?P<direction>asc|desc))?", re.IGNORECASE | re.DOTALL)


_CONTEXT = 100
"""Characters of a filter shown before and after an error."""


def filter_of(text: str, frame: RunFrame) -> Filter:
    """The compiled filter. Raises `UsageError` that marks the error in `text`."""
    from engine.api import compile_filter

    try:
        return compile_filter(text, frame.keys, frame, partial=not frame.complete)
    except FilterError as error:
        raise UsageError(error.title, _marked(text, error), error.hint) from error


def hint_for(filter_text: str, frame: RunFrame) -> str:
    """How to change a filter that matches no run, given all runs or some; empty if nothing is known."""
    from engine.api import compile_filter, no_match_hint, parse_filter

    if not (filter_text.strip() and len(frame)):
        return ""
    try:
        compile_filter(filter_text, frame.keys, frame, partial=not frame.complete)
    except FilterError as error:  # a server finds nothing in a column that it does not have
        return f"{error.title}. {error.hint}".strip()
    return no_match_hint(parse_filter(filter_text), frame)


def _marked(text: str, error: FilterError) -> str:
    """The text with the offending token underlined by ^; a long text is cut to the part around it."""
    first = max(0, min(error.position - _CONTEXT, len(text) - 2 * _CONTEXT))
    last = first + 2 * _CONTEXT
    lead, trail = ELLIPSIS * (first > 0), ELLIPSIS * (last < len(text))
    before = cell_width(safe(lead + text[first : error.position]))
    width = cell_width(safe(text[error.position : min(error.position + error.length, last)]))
    return f"{safe(lead + text[first:last] + trail)}\n{' ' * before}{'^' * max(1, width)}"


def usual_metric(frame: RunFrame) -> str:
    """The default metric. Raises `NotFound` if no run has one."""
    from engine.api import key_metrics

    names = key_metrics(key.name for key in frame.keys if key.kind == "metric")
    if not names:
        hint = "Use an experiment whose runs have logged metrics."
        raise NotFound("No run has a metric", counted(len(frame), "run"), hint)
    return names[0]


def column_of(text: str, frame: RunFrame, option: str) -> ColumnKey:
    """The column named `text`: `metrics.accuracy`, `params.metric`, `duration`, or just `accuracy` where
    that is unambiguous. Raises `UsageError` that names `option`."""
    from engine.api import column_named

    try:
        return column_named(text, frame.keys)
    except FilterError as error:
        raise UsageError(error.title, f"{option} {text}", error.hint) from error


def columns_of(texts: Sequence[str], frame: RunFrame, option: str = "--columns") -> list[ColumnKey]:
    """The columns of `--columns A,B`, without duplicates, in the order given."""
    return list(dict.fromkeys(column_of(word, frame, option) for word in words_of(texts)))


def words_of(texts: Sequence[str]) -> list[str]:
    """The comma-separated words of `--columns A,B`."""
    words = [word.strip() for text in texts for word in text.split(",")]
    return [word for word in words if word]


def sort_keys(texts: Sequence[str], frame: RunFrame) -> list[SortKey]:
    """The keys of `--sort KEY[:asc|desc]`, most significant first."""
    from engine.api import SortKey

    keys: list[SortKey] = []
    for text in texts:
        match = _SORT.fullmatch(text.strip())
        if match is None:
            raise UsageError("--sort needs a column", hint="Example: --sort accuracy:desc")
        descending = (match["direction"] or "").lower() == "desc"
        try:
            keys.append(SortKey(column_of(match["key"], frame, "--sort"), descending))
        except UsageError:
            name, colon, direction = text.strip().rpartition(":")
            if not colon:
                raise
            key = column_of(name, frame, "--sort")  # raises if this is not a column either
            hint = f"Use {key.name}:asc or {key.name}:desc."
            raise UsageError(f"Unknown sort direction {direction!r}", f"--sort {text}", hint) from None
    return keys


def row_of(text: str, frame: RunFrame, experiment: str) -> int:
    """The row of the run with this id, name, or unique id prefix. Raises `NotFound` if no run or
    several runs match."""
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
        raise NotFound(f"{text!r} matches {len(found)} runs", f"Run ids: {ids}", "Use a run id.")
    raise NotFound(
        f"Run {text!r} not found in {experiment}",
        f"The experiment has {counted(len(frame), 'run')}.",
        "Use a run id, the first characters of one, or a run name.",
    )


def shortest_ids(run_ids: Sequence[str], min_length: int = 8) -> list[Shown]:
    """The ids, cut to the shortest length from `min_length` at which they stay distinct."""
    length = min_length
    while length < 32 and len({run_id[:length] for run_id in run_ids}) < len(set(run_ids)):
        length += 1
    return [safe(run_id[:length]) for run_id in run_ids]
