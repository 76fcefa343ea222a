"""What the table costs against a stock DataTable: CPU time and bytes, as ratios.

    .venv/bin/python tests/bench/table.py [--rows 10000] [--columns 30] [--steps 20]

Both show the same cells in the same run, on a screen of 160 by 48. CPU time is the process's own,
from the action to the frame as it would be written; medians over the steps.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from textual.widget import Widget
from textual.widgets import DataTable

from tests.tui.widgets.support import CountingSource, Stage
from tui.widgets.table import Table

SIZE = (160, 48)


@dataclass
class Figures:
    """CPU milliseconds and bytes by what was done."""

    milliseconds: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)


async def measure(widget: Widget, fill: Callable[[], None], steps: int) -> Figures:
    """Fill the widget, then walk about in it."""
    figures = Figures()
    stage = Stage(widget)
    async with stage.run_test(size=SIZE) as pilot:
        widget.focus()
        await pilot.pause()
        stage.take_written()

        async def act(do: Callable[[], object]) -> tuple[float, int]:
            started = time.process_time()
            do()
            await pilot.pause()
            return (time.process_time() - started) * 1000, len(stage.take_written())

        spent, size = await act(fill)
        figures.milliseconds["first frame"], figures.sizes["first frame"] = spent, size
        for name, action in (("page down", "action_page_down"), ("cursor step", "action_cursor_down")):
            done = [await act(getattr(widget, action)) for _ in range(steps)]
            figures.milliseconds[name] = statistics.median(spent for spent, _ in done)
            figures.sizes[name] = statistics.median(size for _, size in done)
    return figures


def own(rows: int, columns: int, steps: int) -> Figures:
    table = Table()
    return asyncio.run(measure(table, lambda: table.set_source(CountingSource(rows, columns)), steps))


def stock(rows: int, columns: int, steps: int) -> Figures:
    table: DataTable[str] = DataTable(cursor_type="row", fixed_columns=1)
    source = CountingSource(rows, columns)

    def fill() -> None:
        for column in source.columns:
            table.add_column(column.label, width=column.width)
        table.add_rows([source.cell(row, at) for at in range(columns)] for row in range(rows))

    return asyncio.run(measure(table, fill, steps))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--steps", type=int, default=20)
    asked = parser.parse_args()
    shape = (asked.rows, asked.columns, asked.steps)
    ours, theirs = own(*shape), stock(*shape)
    print(f"{asked.rows:,} rows of {asked.columns} columns, screen {SIZE[0]} by {SIZE[1]}\n")
    heads = f"{'table ms':>10}{'DataTable ms':>14}{'ratio':>8}{'table B':>10}{'DataTable B':>13}{'ratio':>8}"
    print(f"{'':12}{heads}")
    for name, spent in ours.milliseconds.items():
        other, size, other_size = theirs.milliseconds[name], ours.sizes[name], theirs.sizes[name]
        print(
            f"{name:12}{spent:>10.1f}{other:>14.1f}{spent / other:>8.3f}"
            f"{size:>10,.0f}{other_size:>13,.0f}{size / (other_size or 1):>8.3f}"
        )


if __name__ == "__main__":
    main()
