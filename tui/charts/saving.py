"""Writes a chart to a file of any kind."""

from __future__ import annotations

from pathlib import Path

from engine.api import Chart, checked_suffix, draw_file, write_chart


def save_chart(chart: Chart, path: Path) -> None:
    """As PNG, SVG or text, by the suffix of the file. Slow; raises `EngineError`."""
    if checked_suffix(path) != ".txt":
        draw_file(chart, path)
        return
    from tui.widgets.plot.text import chart_text

    write_chart(chart_text(chart).encode(), path)
