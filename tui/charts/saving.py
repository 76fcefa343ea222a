"""Writes a chart to a file of any kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.api import Chart, Sheet, check_format, checked_suffix, draw_file, write_chart, write_sheet
from engine.errors import UsageError

PICTURES = (".png", ".svg", ".txt")
FORMATS = ".png, .svg or .txt; the data as .csv, .json, .md or .parquet"


def check_file(path: Path) -> None:
    """Raises `UsageError` for a file that neither a chart nor its data can be written to."""
    if path.suffix.lower() in PICTURES:
        return
    try:
        check_format(path)
    except UsageError as error:
        what = f"{path} ends in {path.suffix}" if path.suffix else f"{path} has no suffix"
        raise UsageError("A chart cannot be written to this file", what, f"Use {FORMATS}.") from error


def save(chart: Chart, sheet: Callable[[], Sheet], path: Path) -> None:
    """The chart, or its data, by the suffix of the file. Slow; raises `EngineError`."""
    if path.suffix.lower() in PICTURES:
        save_chart(chart, path)
    else:
        write_sheet(sheet(), path)


def save_chart(chart: Chart, path: Path) -> None:
    """As PNG, SVG or text, by the suffix of the file. Slow; raises `EngineError`."""
    if checked_suffix(path) != ".txt":
        draw_file(chart, path)
        return
    from tui.widgets.plot.cells import chart_text

    write_chart(chart_text(chart).encode(), path)
