"""The table widget: moving, marking, the mouse, new sources."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.color import Color
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.pilot import Pilot

from engine.text import Shown, safe
from tests.tui.support import holds
from tests.tui.widgets.support import CountingSource, Stage, messages_of
from tui.themes import ANSI, MONOCHROME
from tui.widgets.table import Table, TableColumn, TextRow, TextSource

SIZE = (60, 12)
PAGE = 10  # lines of SIZE below the two-line header


def _names(*names: str) -> TextSource:
    return TextSource([TableColumn("name", Shown("name"), 12)], [TextRow(n, [safe(n)]) for n in names])


async def _ready(pilot: Pilot[None], table: Table) -> None:
    table.focus()
    await pilot.pause()


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        (["j"], 1),
        (["down", "j", "k"], 1),
        (["k"], 0),
        (["G"], 99),
        (["end", "j"], 99),
        (["G", "g"], 0),
        (["end", "home"], 0),
        (["ctrl+d"], 5),
        (["ctrl+d", "ctrl+d", "ctrl+u"], 5),
        (["pagedown"], 9),
        (["pagedown", "pagedown", "pageup"], 9),
        (["G", "pagedown"], 99),
    ],
)
async def test_keys_move_the_cursor(keys: list[str], row: int) -> None:
    table = Table(CountingSource(100))
    async with Stage(table).run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        await pilot.press(*keys)
        assert table.cursor_row == row
        assert table.cursor_key == str(row)
        top = table.scroll_offset.y
        assert top <= row < top + PAGE


async def test_the_cursor_is_a_bar_and_the_header_shows_the_sort_order() -> None:
    columns = [
        TableColumn("name", Shown("name"), 8),
        TableColumn("accuracy", Shown("accuracy"), 10, numeric=True, sort="descending"),
        TableColumn("loss", Shown("loss"), 7, numeric=True, sort="ascending", rank=2),
    ]
    rows = [TextRow("a", [Shown("knn-7"), Shown("0.9180"), Shown("–")])]
    table = Table(TextSource(columns, rows))
    stage = Stage(table)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        header, rule, row = stage.lines()[:3]
        assert header == "   name      accuracy ↓  loss ↑²"
        assert rule == "───" + "━" * 8 + "─" * 49
        assert row == "▌  knn-7         0.9180        –"


@pytest.mark.parametrize("colours", ["16", "none"])
async def test_with_few_colours_the_cursor_row_is_reversed_and_good_cells_are_not_dimmer(
    colours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if colours == "none":
        monkeypatch.setenv("NO_COLOR", "1")
    rows = [TextRow(key, [Shown("plain"), Shown("best")], {1: "good"}) for key in "ab"]
    table = Table(TextSource([TableColumn(name, Shown(name), 8) for name in ("one", "two")], rows))
    stage = Stage(table)
    stage.theme = {"16": ANSI, "none": MONOCHROME}[colours].name
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        cursor, other = (
            [s for s in line if s.text.strip()] for line in table.render_lines(Region(0, 2, 60, 2))
        )
        assert all(segment.style is not None and segment.style.reverse for segment in cursor)
        assert len({segment.style.color for segment in cursor if segment.style is not None}) == 1
        plain, best = other[-2:] if len(other) > 1 else (other[0], other[0])
        assert best.style is not None
        assert best.style.bold or best.style.color != plain.style.color  # type: ignore[union-attr]


async def test_each_row_is_announced_once() -> None:
    seen: list[Message] = []
    table = Table(CountingSource(100))
    async with Stage(table).run_test(size=SIZE, message_hook=seen.append) as pilot:
        await _ready(pilot, table)
        await pilot.press("j", "k", "k", "enter")
        await pilot.pause()
    rows = [m.key for m in messages_of(seen, Table.RowHighlighted)]
    assert rows == ["0", "1", "0"]
    selected = messages_of(seen, Table.RowSelected)
    assert [(m.key, m.row, m.control) for m in selected] == [("0", 0, table)]


async def test_queued_cursor_messages_are_merged_into_the_last() -> None:
    seen: list[Message] = []
    table = Table(CountingSource(100))
    async with Stage(table).run_test(size=SIZE, message_hook=seen.append) as pilot:
        await _ready(pilot, table)
        for _ in range(50):
            table.action_cursor_down()
        await pilot.pause()
    assert [m.key for m in messages_of(seen, Table.RowHighlighted)] == ["0", "50"]


async def test_the_column_cursor_scrolls_by_entire_columns() -> None:
    table = Table(CountingSource(5, columns=12))
    stage = Stage(table)
    seen: list[Message] = []
    async with stage.run_test(size=SIZE, message_hook=seen.append) as pilot:
        await _ready(pilot, table)
        assert stage.lines()[0].split() == ["col0", "col1", "col2", "col3", "›"]
        await pilot.press("L", "right", "L", "L", "L")
        assert table.focused_column == "c5"
        assert stage.lines()[0].split() == ["col0", "‹", "col3", "col4", "col5", "›"]
        assert stage.lines()[2].split() == ["▌", "r0c0", "r0c3", "r0c4", "r0c5"]
        await pilot.press("H", "left", "H", "H")
        assert table.focused_column == "c1"
        assert stage.lines()[0].split() == ["col0", "col1", "col2", "col3", "›"]
        await pilot.press(*["L"] * 30)
        assert table.focused_column == "c11"
        assert stage.lines()[0].split() == ["col0", "‹", "col9", "col10", "col11"]
    assert [m.key for m in messages_of(seen, Table.ColumnFocused)][:3] == ["c1", "c2", "c3"]


async def test_space_marks_and_moves_to_the_next_row() -> None:
    seen: list[Message] = []
    table = Table(CountingSource(100))
    stage = Stage(table)
    async with stage.run_test(size=SIZE, message_hook=seen.append) as pilot:
        await _ready(pilot, table)
        await pilot.press("space", "space", "k", "space")
        assert table.marks == {"0"}
        assert [line[:3] for line in stage.lines()[2:5]] == [" ● ", "   ", "▌  "]
    assert messages_of(seen, Table.MarksChanged)[-1].keys == frozenset({"0"})


async def test_v_marks_from_the_last_mark_to_the_cursor() -> None:
    table = Table(CountingSource(100))
    async with Stage(table).run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        await pilot.press("j", "space", "j", "j", "v")
        assert table.marks == {"1", "2", "3", "4"}
        await pilot.press("g", "v")  # a range can continue upwards
        assert table.marks == {"0", "1", "2", "3", "4"}


async def test_v_without_a_mark_begins_a_range() -> None:
    table = Table(CountingSource(100))
    async with Stage(table).run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        await pilot.press("j", "v", "j", "j", "v")
        assert table.marks == {"1", "2", "3"}


async def test_V_marks_all_and_clears_all() -> None:
    table = Table(CountingSource(50))
    async with Stage(table).run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        table.set_marks({"elsewhere"})
        await pilot.press("V")
        assert len(table.marks) == 51
        await pilot.press("V")
        assert table.marks == {"elsewhere"}


async def test_a_new_source_keeps_cursor_position_marks_and_column() -> None:
    table = Table(CountingSource(100))
    async with Stage(table).run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        await pilot.press("pagedown", "pagedown", "pagedown", "space", "L", "L")
        row, line = table.cursor_row, table.cursor_row - table.scroll_offset.y
        table.set_source(CountingSource(200, first=-50))
        await pilot.pause()
        assert table.cursor_key == str(row)
        assert table.cursor_row == row + 50
        assert table.cursor_row - table.scroll_offset.y == line
        assert table.marks == {str(row - 1)}
        assert table.focused_column == "c2"


async def test_rows_inserted_above_are_visible_while_scrolled_to_the_top() -> None:
    table = Table(CountingSource(100))
    async with Stage(table).run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        table.set_source(CountingSource(103, first=-3))
        await pilot.pause()
        assert (table.cursor_row, table.cursor_key, table.scroll_offset.y) == (3, "0", 0)


async def test_the_cursor_keeps_its_position_when_its_row_is_gone() -> None:
    seen: list[Message] = []
    table = Table(_names("a", "b", "c", "d"))
    async with Stage(table).run_test(size=SIZE, message_hook=seen.append) as pilot:
        await _ready(pilot, table)
        await pilot.press("j", "j")
        table.set_source(_names("a", "b", "d"))
        assert (table.cursor_row, table.cursor_key) == (2, "d")
        await pilot.pause()
        table.set_source(_names("a"))
        assert (table.cursor_row, table.cursor_key) == (0, "a")
        await pilot.pause()
        table.set_source(_names())
        assert (table.cursor_row, table.cursor_key) == (0, None)
        table.set_source(_names("z"))
        await pilot.pause()
    assert [m.key for m in messages_of(seen, Table.RowHighlighted)][-3:] == ["d", "a", "z"]


async def test_a_new_source_keeps_the_position_set_by_the_wheel() -> None:
    table = Table(CountingSource(100))
    async with Stage(table).run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        table.scroll_to(y=40, animate=False)
        table.set_source(CountingSource(120, first=-20))
        await pilot.pause()
        assert table.scroll_offset.y == 60
        assert table.cursor_key == "0"
        await pilot.press("j")  # the next key brings the cursor back into view
        assert table.cursor_key == "1"
        assert table.scroll_offset.y <= table.cursor_row < table.scroll_offset.y + PAGE


async def test_an_empty_table_shows_its_text() -> None:
    table = Table(CountingSource(0, columns=2), empty_text=[Shown("No runs match"), Shown("esc shows all")])
    stage = Stage(table)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        await pilot.press("j", "k", "G", "space", "v", "V", "enter", "pagedown", "L", "H")
        lines = stage.lines()
        assert lines[0].split() == ["col0", "col1"]
        assert [line.strip() for line in lines[2:] if line] == ["No runs match", "esc shows all"]
        assert abs(lines[6].index("N") - (SIZE[0] - len("No runs match")) // 2) <= 1
        table.set_empty_text([Shown("Nothing here")])
        await pilot.pause()
        assert "Nothing here" in "\n".join(stage.lines())


async def test_the_mouse_selects_marks_and_sorts() -> None:
    seen: list[Message] = []
    table = Table(CountingSource(100))
    async with Stage(table).run_test(size=SIZE, message_hook=seen.append) as pilot:
        await _ready(pilot, table)
        await pilot.click(Table, offset=(18, 5))
        assert (table.cursor_row, table.focused_column) == (3, "c1")
        await pilot.click(Table, offset=(1, 6))
        assert table.marks == {"4"}
        await pilot.click(Table, offset=(30, 0))
        assert table.focused_column == "c2"
        await pilot.double_click(Table, offset=(18, 7))
        await pilot.pause()
    assert [m.key for m in messages_of(seen, Table.HeaderClicked)] == ["c2"]
    assert [m.key for m in messages_of(seen, Table.RowSelected)] == ["5"]


@pytest.mark.parametrize(
    ("shift", "kind"), [(False, events.MouseScrollRight), (True, events.MouseScrollDown)]
)
async def test_a_sideways_wheel_moves_the_column_focus(shift: bool, kind: type[events.MouseEvent]) -> None:
    table = Table(CountingSource(100))
    async with Stage(table).run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        turn = kind(table, 5, 5, 0, 0, 0, shift, False, False)
        table.post_message(turn)
        await pilot.pause()
        assert (table.focused_column, table.scroll_offset.y) == ("c1", 0)


async def test_the_wheel_does_not_move_the_cursor() -> None:
    table = Table(CountingSource(100))
    async with Stage(table).run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        table.post_message(events.MouseScrollDown(table, 5, 5, 0, 0, 0, False, False, False))
        await pilot.pause()
        assert table.scroll_offset.y > 0
        assert table.cursor_row == 0


async def test_fewer_rows_leave_no_empty_lines_below() -> None:
    table = Table(CountingSource(100))
    async with Stage(table).run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        await pilot.press("G", "k", "k", "k", "k")
        table.set_source(CountingSource(97))
        await pilot.pause()
        assert (table.cursor_key, table.scroll_offset.y) == ("95", 87)


async def test_the_table_background_is_transparent() -> None:
    table = Table(CountingSource(10))
    stage = Stage(table)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        stage.screen.styles.background = "rgb(1,2,3)"
        await pilot.pause()
        last = next(iter(stage.screen._compositor.render_strips(stage.size)[4]))
        assert last.style is not None
        assert last.style.bgcolor == Color.from_rgb(1, 2, 3)


async def test_rows_without_columns_still_show_cursor_and_marks() -> None:
    table = Table(CountingSource(10, columns=0))
    stage = Stage(table)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        await pilot.press("j", "L", "space")
        assert stage.lines()[:5] == ["", "", "", " ●", "▌"]


async def test_move_to_and_focus_column_report_success() -> None:
    table = Table(CountingSource(100))
    async with Stage(table).run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        assert table.move_to("70")
        assert not table.move_to("700")
        assert table.cursor_row == 70
        assert table.scroll_offset.y <= 70 < table.scroll_offset.y + PAGE
        assert table.focus_column("c4")
        assert not table.focus_column("c400")
        assert table.focused_column == "c4"


async def test_wide_characters_keep_columns_aligned() -> None:
    columns = [TableColumn("name", Shown("name"), 10), TableColumn("n", Shown("n"), 4, numeric=True)]
    names = ["日本語の実験名前", "日本語日本", "👩‍👩‍👧‍👦 x", "é", "plain"]
    rows = [TextRow(n, [safe(n), Shown("1")]) for n in names]
    table = Table(TextSource(columns, rows))
    stage = Stage(table)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        strips = stage.screen._compositor.render_strips(stage.size)[2:7]
        assert [strip.crop(0, 20).text.rstrip()[-1] for strip in strips] == ["1"] * 5
        assert "日本語の …" in strips[0].text


async def test_the_table_follows_the_theme() -> None:
    table = Table(CountingSource(10))
    stage = Stage(table)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, table)
        dark = [segment.style for segment in table.render_line(2)]
        stage.theme = "console-light"
        await pilot.pause()
        light = [segment.style for segment in table.render_line(2)]
        assert dark != light


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (2, 3), (4, 4), (9, 2), (12, 5)])
async def test_it_works_at_small_sizes(size: tuple[int, int]) -> None:
    table = Table(CountingSource(100))
    stage = Stage(table)
    async with stage.run_test(size=size) as pilot:
        await _ready(pilot, table)
        await pilot.press("j", "G", "g", "pagedown", "ctrl+d", "L", "L", "H", "space", "v", "V", "enter")
        table.set_source(CountingSource(3, columns=1))
        table.set_source(CountingSource(0, columns=0))
        table.set_source(CountingSource(100))
        await pilot.pause()
        assert all(cell_len(line) <= size[0] for line in stage.lines())
        await pilot.resize_terminal(80, 24)
        assert await holds(pilot, lambda: "col0" in stage.lines()[0])
