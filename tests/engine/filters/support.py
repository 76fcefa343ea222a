"""Applies filters to a few runs, identified by their ids."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import pytest

from engine.entities import Run
from engine.errors import FilterError
from engine.filters.compiler import compile_filter
from engine.runs.frame import RunFrame


def matching(text: str, runs: Sequence[Run], now: float | None = None) -> str:
    """The ids of the matching runs, joined: `"a c"`."""
    frame = RunFrame.from_runs(runs)
    rows = compile_filter(text, frame.keys, frame).rows(frame, now=now)
    assert rows == sorted(set(rows))
    return " ".join(frame.run_ids[row] for row in rows)


def rejected(text: str, runs: Sequence[Run]) -> tuple[str, FilterError]:
    """The part of the text that the filter's error points at, and the error."""
    frame = RunFrame.from_runs(runs)
    with pytest.raises(FilterError) as caught:
        compile_filter(text, frame.keys, frame).rows(frame)
    error = caught.value
    assert 0 <= error.position <= len(text)
    assert error.position + error.length <= len(text)
    return text[error.position : error.position + error.length], error


def call_count(action: Callable[[], object]) -> int:
    """The number of function calls that `action` makes."""
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls
