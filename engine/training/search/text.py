"""Grids as one line of text, such as `n_neighbors=3,5,7 C=0.01..100:log`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.errors import GridError
from engine.text import quoted
from engine.training.spec import Choices, Range, Value

_EXAMPLE = "Write it as n_neighbors=3,5,7 weights=uniform,distance"
_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(:log)?", re.ASCII)


def parse_grid(text: str) -> Mapping[str, Choices]:
    """Parse a grid such as `n_neighbors=3,5,7 C=0.01..100:log`.

    Integers, numbers, `true`, `false` and `none` are converted, everything else stays text; `low..high` is a
    range, drawn on a log scale with `:log`. Raises `GridError` for invalid syntax; `trials` checks whether
    the estimator accepts the values.
    """
    grid: dict[str, Choices] = {}
    for part in re.sub(r"\s*([=,])\s*", r"\1", text).split():
        name, equals, values = part.partition("=")
        if not name or not equals:
            raise GridError(f"Invalid grid entry {quoted(part)}", hint=_EXAMPLE)
        if name in grid:
            raise GridError(f"Duplicate parameter {name}", hint=f"List all values together: {name}=3,5,7.")
        words = values.split(",")
        if "" in words or "=" in values:
            raise GridError(f"{name} has an empty value or an extra `=`", f"in {quoted(part)}", _EXAMPLE)
        grid[name] = _parse_range(values) or tuple(_parse_value(word) for word in words)
    if not grid:
        raise GridError("The grid is empty", hint=_EXAMPLE)
    return grid


def grid_text(grid: Mapping[str, Choices]) -> str:
    """A grid as text that `parse_grid` reads back."""
    return " ".join(f"{name}={_choices_text(values)}" for name, values in grid.items())


def _choices_text(values: Choices) -> str:
    if isinstance(values, Range):
        return f"{values.low}..{values.high}{':log' if values.log else ''}"
    return ",".join(map(str, values))


def _parse_range(text: str) -> Range | None:
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    low, high = _parse_value(match[1]), _parse_value(match[2])
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return None
    return Range(low, high, log=match[3] is not None)


def _parse_value(word: str) -> Value:
    match word.lower():
        case "true":
            return True
        case "false":
            return False
        case "none" | "null":
            return None
    if re.fullmatch(r"[+-]?\d+", word, re.ASCII):
        return int(word) if len(word) <= 18 else word
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", word, re.ASCII):
        return float(word)
    return word
