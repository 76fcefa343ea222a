"""The cost of a table: cells requested, lines painted and bytes written; counts, not times."""

from __future__ import annotations

import re

from engine.text import Shown
from tests.tui.widgets.support import CountingSource, Stage
from tui.widgets.table import Table

SIZE = (160, 48)
ROWS = 46
COLUMNS = 13  # of 10 cells, visible in SIZE
VISIBLE = ROWS * COLUMNS


async def test_only_visible_cells_of_100_000_rows_are_requested() -> None:
    source = CountingSource(100_000)
    table = Table(source)
    stage = Stage(table)
    async with stage.run_test(size=SIZE) as pilot:
        table.focus()
        await pilot.pause()
        assert 0 < source.take_requests() <= VISIBLE + COLUMNS
        for key, bound in [
            ("j", 2 * COLUMNS),
            ("space", 4 * COLUMNS),
            ("pagedown", VISIBLE + 2 * COLUMNS),
            ("G", VISIBLE + COLUMNS),
            ("ctrl+u", VISIBLE + 2 * COLUMNS),
            ("g", VISIBLE + COLUMNS),
        ]:
            await pilot.press(key)
            await pilot.pause()
            assert source.take_requests() <= bound, key


async def test_a_new_source_of_100_000_rows_is_read_for_one_screen() -> None:
    table = Table(CountingSource(100_000))
    async with Stage(table).run_test(size=SIZE) as pilot:
        table.focus()
        await pilot.press("G", "k")
        fresh = CountingSource(100_000, first=7)
        table.set_source(fresh)
        await pilot.pause()
        assert 0 < fresh.take_requests() <= VISIBLE + COLUMNS
        assert table.cursor_key == "99998"


async def test_scrolling_by_a_line_draws_one_line() -> None:
    source = CountingSource(100_000)
    table = Table(source)
    async with Stage(table).run_test(size=SIZE) as pilot:
        table.focus()
        table.move_to(str(ROWS - 1))
        await pilot.pause()
        source.take_requests()
        await pilot.press("j")
        await pilot.pause()
        assert source.rows_requested <= {ROWS - 1, ROWS}


async def test_moving_writes_few_bytes() -> None:
    table = Table(CountingSource(100_000))
    stage = Stage(table)
    async with stage.run_test(size=SIZE) as pilot:
        table.focus()
        await pilot.press("j")
        await stage.drawn(pilot)

        await pilot.press("j")
        step = await stage.drawn(pilot)
        assert set(re.findall(r"\x1b\[(\d+);\d+H", step)) == {"4", "5"}
        assert len(step) < 800

        await pilot.press("L")
        assert len(await stage.drawn(pilot)) < 800

        await pilot.press("pagedown")
        written = await stage.drawn(pilot)
        assert len(written) < 17_000
        assert not re.search(r"\x1b\[[12];\d+H", written), "the header does not scroll"
        assert not re.search(rf";{SIZE[0]}H\x1b\[[\d;]*m", written), (
            "one page of 100,000 rows does not move the scrollbar"
        )


async def test_the_same_content_writes_nothing() -> None:
    table = Table(CountingSource(100_000))
    stage = Stage(table)
    async with stage.run_test(size=SIZE) as pilot:
        table.focus()
        await pilot.press("pagedown")
        await stage.drawn(pilot)
        table.set_source(CountingSource(100_000))
        table.set_marks(frozenset())
        await pilot.pause()
        assert stage.take_written() == ""


async def test_a_changed_row_writes_only_its_line() -> None:
    class Changed(CountingSource):
        def cell(self, row: int, column: int) -> Shown:
            text = super().cell(row, column)
            return Shown("changed") if (row, column) == (3, 4) else text

    table = Table(CountingSource(100_000))
    stage = Stage(table)
    async with stage.run_test(size=SIZE) as pilot:
        await stage.drawn(pilot)
        table.set_source(Changed(100_000))
        written = await stage.drawn(pilot)
        assert "changed" in written
        assert "r4c" not in written
        assert len(written) < 800
