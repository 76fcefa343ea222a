"""Cursor and scroll position with a new source, without a widget."""

from __future__ import annotations

from engine.text import Shown
from tui.widgets.table.cursor_and_marks import Viewport
from tui.widgets.table.source import EMPTY, TableColumn, TextRow, TextSource


def table(*keys: int) -> TextSource:
    rows = [TextRow(str(key), (Shown(str(key)),)) for key in keys]
    return TextSource([TableColumn("key", Shown("key"), 4)], rows)


HUNDRED = table(*range(100))


def test_the_cursor_row_keeps_its_line_when_rows_are_inserted_above() -> None:
    assert Viewport(30, 10, 34).over(HUNDRED, table(*range(-7, 100))) == Viewport(37, 10, 41)


def test_at_the_top_the_view_stays_at_the_top() -> None:
    assert Viewport(0, 10, 2).over(HUNDRED, table(*range(-3, 100))) == Viewport(0, 10, 5)


def test_a_cursor_whose_row_is_gone_keeps_its_position() -> None:
    remaining = [key for key in range(100) if key != 34]
    assert Viewport(30, 10, 34).over(HUNDRED, table(*remaining)) == Viewport(30, 10, 34)
    assert Viewport(90, 10, 99).over(HUNDRED, table(*range(50))) == Viewport(40, 10, 49)
    assert Viewport(90, 10, 99).over(HUNDRED, EMPTY) == Viewport(0, 10, 0)


def test_with_the_cursor_out_of_view_the_first_visible_row_keeps_its_line() -> None:
    assert Viewport(50, 10, 3).over(HUNDRED, table(*range(-5, 100))) == Viewport(55, 10, 8)


def test_bringing_the_cursor_into_view_scrolls_as_little_as_possible() -> None:
    assert Viewport(30, 10, 34).top_showing_cursor == 30
    assert Viewport(30, 10, 40).top_showing_cursor == 31
    assert Viewport(30, 10, 12).top_showing_cursor == 12
    assert Viewport(30, 0, 12).top_showing_cursor == 30
