"""Other chart widgets with the same data: `chart_peers.py WIDGET DATA.npy` prints, as JSON, the CPU
milliseconds and bytes of the first frame and of redrawing after a zoom, at 120 by 40.

Run by `chart.py` with an interpreter that has the widgets; imports nothing of this project.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.color import ColorSystem
from textual.app import App, ComposeResult
from textual.widget import Widget

SIZE = (120, 40)
ZOOMS = 3


class Stage(App[None]):
    """Shows a widget and keeps what is written to the terminal."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.console._color_system = ColorSystem.TRUECOLOR
        self.widget = widget
        self.written = 0

    def compose(self) -> ComposeResult:
        yield self.widget

    def _display(self, screen: Any, renderable: Any) -> None:
        if renderable is not None and hasattr(renderable, "render_segments"):
            self.written += len(renderable.render_segments(self.console).encode())
        super()._display(screen, renderable)


def textual_plot(
    rows: np.ndarray[Any, Any],
) -> tuple[Widget, Callable[[], object], Callable[[float, float], object]]:
    from textual_hires_canvas import HiResMode
    from textual_plot import PlotWidget

    widget = PlotWidget()
    xs = np.arange(rows.shape[1])
    colours = ("blue", "yellow", "green", "red", "white", "cyan")

    def fill() -> None:
        for place, row in enumerate(rows):
            widget.plot(xs, row, line_style=colours[place % 6], hires_mode=HiResMode.BRAILLE)
        widget.set_xlimits(0, rows.shape[1])

    return widget, fill, widget.set_xlimits


def textual_plotext(
    rows: np.ndarray[Any, Any],
) -> tuple[Widget, Callable[[], object], Callable[[float, float], object]]:
    from textual_plotext import PlotextPlot

    widget = PlotextPlot()
    xs = list(range(rows.shape[1]))

    def fill() -> None:
        for row in rows:
            widget.plt.plot(xs, row.tolist(), marker="braille")
        widget.refresh()

    def zoom(low: float, high: float) -> None:
        widget.plt.xlim(low, high)
        widget.refresh()

    return widget, fill, zoom


async def measure(
    widget: Widget, fill: Callable[[], object], zoom: Callable[[float, float], object], width: int
) -> dict[str, float]:
    stage = Stage(widget)
    async with stage.run_test(size=SIZE) as pilot:
        await pilot.pause()

        async def act(do: Callable[[], object]) -> tuple[float, int]:
            stage.written = 0
            started = time.process_time()
            do()
            await pilot.pause(0.05)
            await pilot.pause()
            return (time.process_time() - started) * 1000, stage.written

        first, size = await act(fill)
        zooms = []
        for turn in range(ZOOMS):
            span = width / 2 ** (turn % 3 + 1)
            low = (width - span) / 2
            zooms.append(await act(lambda low=low, span=span: zoom(low, low + span)))
        return {
            "first": first,
            "first bytes": size,
            "zoom": statistics.median(spent for spent, _ in zooms),
            "zoom bytes": statistics.median(written for _, written in zooms),
        }


if __name__ == "__main__":
    name, path = sys.argv[1:]
    data = np.load(path)
    made = {"textual-plot": textual_plot, "textual-plotext": textual_plotext}[name](data)
    print(json.dumps(asyncio.run(measure(*made, data.shape[1]))))
