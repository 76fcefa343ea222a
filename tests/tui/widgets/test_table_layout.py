"""Laying out columns in a width: visible, cut and omitted ones."""

from __future__ import annotations

import pytest

from engine.text import Shown
from tui.widgets.table import TableColumn
from tui.widgets.table.layout import GUTTER, arrange, first_showing, first_without_gap


def _columns(*widths: int, numeric: bool = True) -> list[TableColumn]:
    return [
        TableColumn(str(at), Shown(str(at)), width, numeric=numeric and at > 0)
        for at, width in enumerate(widths)
    ]


def _shown(columns: list[TableColumn], width: int, first: int = 1) -> list[tuple[int, int, int]]:
    return [(p.index, p.x, p.width) for p in arrange(columns, width, first, 1).columns]


def test_columns_are_two_cells_apart_after_the_gutter() -> None:
    assert _shown(_columns(8, 6, 6), 40) == [(0, 3, 8), (1, 13, 6), (2, 21, 6)]


def test_a_numeric_column_that_does_not_fit_is_omitted() -> None:
    layout = arrange(_columns(8, 6, 6), 27, 1, 1)
    assert [p.index for p in layout.columns] == [0, 1]
    assert layout.after
    assert not layout.before


def test_a_text_column_that_does_not_fit_is_cut() -> None:
    layout = arrange(_columns(8, 6, 20, numeric=False), 32, 1, 1)
    assert [(p.index, p.width, p.complete) for p in layout.columns][-1] == (2, 10, False)


def test_a_long_name_takes_at_most_half_of_the_width() -> None:
    assert _shown(_columns(60, 10, 10), 40) == [(0, 3, 18), (1, 23, 10)]


def test_a_name_to_keep_takes_as_much_as_it_needs() -> None:
    columns = [TableColumn("name", Shown("name"), 24, keep=True), *_columns(8, 10, 10)[1:]]
    assert _shown(columns, 44) == [(0, 3, 24), (1, 29, 10)]
    assert _shown(columns, 44, first=2) == [(0, 3, 24), (2, 29, 10)]


def test_spare_width_goes_to_columns_that_can_use_it() -> None:
    columns = [TableColumn("a", Shown("a"), 10, full_width=30), TableColumn("b", Shown("b"), 5)]
    assert _shown(columns, 60) == [(0, 3, 30), (1, 35, 5)]
    assert _shown(columns, 30) == [(0, 3, 19), (1, 24, 5)]


@pytest.mark.parametrize("width", range(12))
def test_no_column_exceeds_any_width(width: int) -> None:
    for first in range(4):
        layout = arrange(_columns(8, 6, 6), width, first, 1)
        assert all(p.width > 0 and p.x + p.width <= max(width, GUTTER) for p in layout.columns)


def test_scrolling_stops_when_the_target_is_fully_visible() -> None:
    columns = _columns(8, 6, 6, 6, 6, 6)
    assert first_showing(columns, 30, 1, 1, 2) == 1
    assert first_showing(columns, 30, 1, 1, 4) == 3
    assert first_showing(columns, 30, 3, 1, 1) == 1
    assert first_showing(columns, 30, 3, 1, 0) == 3


def test_a_wider_terminal_leaves_no_gap() -> None:
    columns = _columns(8, 6, 6, 6, 6, 6)
    assert first_without_gap(columns, 30, 5, 1) == 4
    assert first_without_gap(columns, 200, 5, 1) == 1
    assert first_without_gap([], 200, 5, 1) == 0


def test_a_position_maps_to_its_column() -> None:
    layout = arrange(_columns(8, 6, 6), 40, 1, 1)
    assert [layout.column_at(x) for x in (0, 3, 12, 13, 21, 39)] == [None, 0, 0, 1, 2, None]
