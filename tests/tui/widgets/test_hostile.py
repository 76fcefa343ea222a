"""Text from a store reaches the terminal as plain text, even if unsanitized."""

from __future__ import annotations

from typing import cast

from rich.cells import cell_len

from engine.runs.metrics import Confusion
from engine.text import Shown
from tests.hostile.payloads import PAYLOADS
from tests.hostile.stream import unexpected_output
from tests.tui.widgets.support import Stage
from tui.widgets.confusion import ConfusionMatrix
from tui.widgets.empty import EmptyState
from tui.widgets.key_value import KeyValue, Pair, Section
from tui.widgets.plot import Plot, Series
from tui.widgets.table import Table, TableColumn, TextRow, TextSource

SIZE = (120, 24)
RAW = [cast("Shown", payload.text) for payload in PAYLOADS]


def _clean(written: str) -> None:
    assert written
    assert unexpected_output(written.encode("utf-8", "surrogateescape")) == []


async def test_table_cells_are_plain_text() -> None:
    columns = [TableColumn("name", Shown("name"), 30), TableColumn("end", Shown("end"), 5, numeric=True)]
    table = Table(TextSource(columns, [TextRow(text, [text, Shown("END")]) for text in RAW]))
    stage = Stage(table)
    async with stage.run_test(size=SIZE) as pilot:
        table.focus()
        await pilot.press("G", "space", "k", "v", "enter")
        await pilot.pause()
        rows = stage.screen._compositor.render_strips(stage.size)[2 : 2 + len(RAW)]
        ends = [cell_len(row.text[: row.text.rindex("END")]) for row in rows]
        assert ends == [ends[0]] * len(RAW)
        assert all(row.cell_length == SIZE[0] for row in rows)
        _clean(stage.take_written())


async def test_headers_and_empty_texts_are_plain_text() -> None:
    columns = [TableColumn(text, text, 8) for text in RAW]
    table = Table(TextSource(columns, []), empty_text=RAW)
    stage = Stage(table)
    async with stage.run_test(size=SIZE) as pilot:
        table.focus()
        await pilot.press(*["L"] * len(RAW))
        await pilot.pause()
        _clean(stage.take_written())


async def test_plots_are_plain_text() -> None:
    plot = Plot([Series.of(text, [(0, 1.0), (1, 2.0)]) for text in RAW])
    stage = Stage(plot)
    async with stage.run_test(size=SIZE) as pilot:
        plot.focus()
        for text in RAW:
            plot.set_series(
                [Series.of(text, [(0, 1.0), (1, 2.0)]), Series.of(text, [(0, 1.0)])], x_label=text
            )
            await pilot.press("enter")
            await pilot.pause()
        _clean(stage.take_written())


async def test_other_widgets_show_plain_text() -> None:
    empty, pane, matrix = EmptyState(), KeyValue(), ConfusionMatrix()
    stage = Stage(pane, empty, matrix)
    async with stage.run_test(size=SIZE) as pilot:
        for text in RAW:
            empty.show(text, [text], [(text, text)])
            pane.show([Section(text, [Pair(text, text)], text), Section(text, [], text)])
            matrix.set_counts(Confusion(1, 2, 3, 4, text, text))
            await pilot.pause()
        _clean(stage.take_written())
