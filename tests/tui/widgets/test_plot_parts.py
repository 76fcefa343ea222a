"""Scales, ticks, canvas, series and legend, without a widget."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tui.widgets.plot import Series
from tui.widgets.plot.canvas import FAINT, Canvas
from tui.widgets.plot.legend import exact, packed
from tui.widgets.plot.raster import draw, draw_raw
from tui.widgets.plot.scale import Scale, labels, log_labels, log_ticks, spread, ticks
from tui.widgets.plot.track import Track, x_range, y_range
from tui.widgets.plot.view import View

NAN, INF = math.nan, math.inf


def _track(ys: list[float], kind: str = "line") -> Track:
    return Track.of(Series("a", range(len(ys)), ys, kind), 0)  # type: ignore[arg-type]


def _drawn(track: Track, columns: int = 10, rows: int = 4, low: float = 0.0, high: float = 1.0) -> list[str]:
    canvas = Canvas(columns, rows)
    x_scale = Scale(*x_range([track]), canvas.width)
    draw(canvas, track, x_scale, Scale(low, high, canvas.height), 0, "•")
    return [_text(canvas, row) for row in range(rows)]


def _text(canvas: Canvas, row: int) -> str:
    return "".join(text for text, _ in canvas.row(row))


class TestScale:
    def test_the_ends_map_to_the_first_and_last_pixel(self) -> None:
        scale = Scale(2.0, 4.0, 11)
        assert [scale.at(v) for v in (2.0, 3.0, 4.0, 5.0)] == [0.0, 5.0, 10.0, 15.0]
        assert scale.value(5) == 3.0

    def test_decades_have_equal_length_on_a_logarithmic_scale(self) -> None:
        scale = Scale(0.01, 100.0, 41, log=True)
        assert [round(scale.at(v), 9) for v in (0.01, 0.1, 1.0, 10.0)] == [0.0, 10.0, 20.0, 30.0]
        assert math.isnan(scale.at(0.0))
        assert math.isnan(scale.at(-1.0))

    @pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 1e-320, 1e300, 0.1 + 0.2])
    def test_a_single_value_gets_a_margin(self, value: float) -> None:
        low, high = spread(value, value)
        assert low < value < high
        assert ticks(low, high, 4)


class TestTicks:
    @pytest.mark.parametrize(
        ("low", "high", "count", "expected"),
        [
            (0.0, 1.0, 5, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
            (0.71, 0.93, 5, ["0.75", "0.80", "0.85", "0.90"]),
            (0.0, 4000.0, 4, ["0", "1000", "2000", "3000", "4000"]),
            (-2.0, 2.0, 4, ["-2", "-1", "0", "1", "2"]),
            (0.0, 3e8, 3, ["0", "1e8", "2e8", "3e8"]),
            (0.0, 1.5e8, 3, ["0", "5e7", "1e8", "1.5e8"]),
            (1e-7, 5e-7, 4, ["1e-7", "2e-7", "3e-7", "4e-7", "5e-7"]),
        ],
    )
    def test_ticks_are_round_numbers(self, low: float, high: float, count: int, expected: list[str]) -> None:
        assert labels(ticks(low, high, count)) == expected

    def test_step_ticks_are_integers(self) -> None:
        assert labels(ticks(0, 3, 8, "step"), "step") == ["0", "1", "2", "3"]

    def test_duration_ticks_divide_minutes_and_hours(self) -> None:
        assert labels(ticks(0, 300, 5, "seconds"), "seconds")[1:] == [
            "1m00s",
            "2m00s",
            "3m00s",
            "4m00s",
            "5m00s",
        ]
        assert labels(ticks(0, 86_400 * 3, 4, "seconds"), "seconds")[1:] == ["1d00h", "2d00h", "3d00h"]

    def test_time_ticks_are_clock_times(self) -> None:
        texts = labels(ticks(1_700_000_000_000, 1_700_003_600_000, 4, "moment"), "moment")
        assert texts
        assert all(len(text) == 5 and text[2] == ":" for text in texts)

    @pytest.mark.parametrize(
        ("low", "high", "count", "expected"),
        [
            (0.001, 100.0, 8, ["0.001", "0.01", "0.1", "1", "10", "100"]),
            (0.05, 2e8, 5, ["0.1", "10", "1000", "1e5", "1e7"]),
            (1e-9, 2e-4, 3, ["1e-9", "1e-7", "1e-5"]),
            (0.12, 31.0, 6, ["0.2", "0.5", "1", "2", "5", "10", "20"]),
            (1000.001, 1000.004, 3, ["1000.001", "1000.002", "1000.003", "1000.004"]),
        ],
    )
    def test_logarithmic_ticks_have_the_digits_that_each_needs(
        self, low: float, high: float, count: int, expected: list[str]
    ) -> None:
        assert log_labels(log_ticks(low, high, count)) == expected

    def test_a_logarithmic_axis_in_a_narrow_range_has_ticks(self) -> None:
        assert log_ticks(1.1, 9.0, 4) == [2, 5]
        assert log_ticks(2.1, 2.9, 4)

    @pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (NAN, 1.0), (0.0, 0.0)])
    def test_an_empty_range_has_no_ticks(self, low: float, high: float) -> None:
        assert ticks(low, high, 5) == []

    @pytest.mark.parametrize(("low", "high"), [(-1e306, 1e306), (0.0, 1e-290), (1e15, 1e15 + 4)])
    def test_extreme_ranges_have_few_ticks(self, low: float, high: float) -> None:
        assert len(ticks(low, high, 5)) <= 20


def _ints(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


class TestCanvas:
    def test_dots_in_a_cell_combine_into_one_character(self) -> None:
        canvas = Canvas(1, 1)
        canvas.dots(_ints(0, 1), _ints(0, 3), 0)
        assert canvas.row(0) == [("⡈", 0)]

    def test_points_outside_the_canvas_are_ignored(self) -> None:
        canvas = Canvas(2, 2)
        canvas.dots(_ints(-1, 0, 4, 0), _ints(0, -1, 0, 8), 0)
        canvas.glyphs(np.array([99.0, math.nan]), np.array([0.0, 0.0]), "x", 0)
        assert [canvas.row(row) for row in range(2)] == [[("  ", -1)]] * 2

    def test_a_bar_that_crosses_the_canvas_is_clipped(self) -> None:
        canvas = Canvas(1, 2)
        canvas.bars(_ints(0), _ints(-1000), _ints(1000), 0)
        assert [canvas.row(row) for row in range(2)] == [[("⡇", 0)]] * 2

    def test_a_line_has_as_few_pieces_as_possible(self) -> None:
        canvas = Canvas(6, 1)
        canvas.dots(_ints(0, 2, 4, 6), _ints(0, 0, 0, 0), 1)
        canvas.dots(_ints(5, 7, 11), _ints(0, 0, 0), 0)
        assert canvas.row(0) == [("⡀⡀⣀⣀ ", 1), ("⢀", 0)]


class TestDrawing:
    def test_a_line(self) -> None:
        assert _drawn(_track([0.0, 1.0]), columns=4, rows=2) == ["  ⡠⠊", "⡠⠊  "]

    def test_step_lines_have_corners(self) -> None:
        assert _drawn(_track([0.0, 1.0, 1.0], "step"), columns=4, rows=2) == ["  ⡏⠉", "⣀⣀⡇ "]

    def test_nan_is_a_gap(self) -> None:
        line = _drawn(_track([0.0, 0.0, 0.0, NAN, 0.0, 0.0, 0.0]), columns=13, rows=1)[0]
        assert line == "⣀⣀⣀⣀⡀   ⢀⣀⣀⣀⣀"

    def test_a_point_between_gaps_is_visible(self) -> None:
        assert "•" in _drawn(_track([0.0, NAN, 0.0, NAN, 0.0, 0.0]))[-1]

    def test_infinities_are_marked_at_the_edge(self) -> None:
        rows = _drawn(_track([0.5, INF, 0.5, -INF, 0.5]))
        assert "▲" in rows[0]
        assert "▼" in rows[-1]

    def test_the_largest_double_is_drawn_as_infinite(self) -> None:
        assert "▲" in _drawn(_track([0.5, 1.7976931348623157e308, 0.5]))[0]

    def test_a_peak_among_many_points_is_drawn(self) -> None:
        ys = [0.5] * 10_000
        ys[1234], ys[8000] = 1.0, 0.0
        rows = _drawn(_track(ys))
        assert [rows[0].index("⡇"), rows[-1].index("⢸")] == [1, 7]
        assert sum(char != " " for char in rows[0] + rows[-1]) == 2

    def test_lines_to_points_out_of_view_are_drawn_to_the_edge(self) -> None:
        canvas = Canvas(5, 1)
        draw(canvas, _track([0.0, 1.0]), Scale(0.25, 0.5, 10), Scale(0.0, 0.75, 4), 0, "•")
        assert _text(canvas, 0) == "⠤⠤⠔⠒⠒"

    def test_a_gap_at_the_edge_of_a_column_is_kept(self) -> None:
        ys = [0.0] * 1000
        ys[500:600] = [NAN] * 100
        line = _drawn(_track(ys), columns=10, rows=1)[0]
        assert line == "⣀⣀⣀⣀⣀⢀⣀⣀⣀⣀"

    def test_values_behind_a_line_give_way_to_it(self) -> None:
        track = Track.of(Series("a", [0, 1, 2, 3], [0.0] * 4, raw=[1.0, 0.0, 1.0, 0.0]), 0)
        canvas = Canvas(4, 2)
        x_scale, y_scale = Scale(0, 3, canvas.width), Scale(0, 1, canvas.height)
        draw_raw(canvas, [track], x_scale, y_scale)
        draw(canvas, track, x_scale, y_scale, 0, "•")
        assert canvas.row(1) == [("⣀⣀⣀⣀", 0)]
        assert {owner for text, owner in canvas.row(0) if text.strip()} == {FAINT}

    def test_points_are_placed_on_a_logarithmic_x_axis(self) -> None:
        track = Track.of(Series("a", [0, 1, 10, 100], [0.5] * 4, "scatter"), 0)
        canvas = Canvas(9, 1)
        draw(canvas, track, Scale(1, 100, canvas.width, log=True), Scale(0, 1, canvas.height), 0, "•")
        assert _text(canvas, 0) == "•   •   •"

    @pytest.mark.parametrize("ys", [[], [0.5], [NAN], [INF], [NAN, NAN], [0.5, 0.5], [INF, -INF, NAN]])
    @pytest.mark.parametrize("kind", ["line", "step", "scatter"])
    def test_unusual_series_do_not_fail(self, ys: list[float], kind: str) -> None:
        assert len(_drawn(_track(ys, kind))) == 4

    def test_points_without_a_finite_x_are_ignored(self) -> None:
        track = Track.of(Series.of("a", [(NAN, 1.0), (INF, 2.0), (1.0, 3.0)]), 0)
        assert (track.xs.tolist(), track.ys.tolist()) == ([1.0], [3.0])

    def test_points_are_sorted_by_x(self) -> None:
        assert Track.of(Series.of("a", [(2.0, 1.0), (1.0, 3.0)]), 0).xs.tolist() == [1.0, 2.0]


class TestView:
    def test_zoom_and_pan_stay_within_the_series(self) -> None:
        view = View((_track([float(y) for y in range(101)]),))
        assert view.x_shown == (0.0, 100.0)
        near = view.zoomed(0.5, None)
        assert near.x_shown == (25.0, 75.0)
        assert near.panned(10.0, 0).x_shown == (50.0, 100.0)
        assert near.panned(-10.0, 0).x_shown == (0.0, 50.0)
        assert near.zoomed(4.0, None).x is None

    def test_the_y_range_fits_the_visible_points(self) -> None:
        view = View((_track([float(y) for y in range(101)]),)).zoomed(0.5, None)
        window = view.window()
        assert window.y_low == pytest.approx(25.0, abs=2)
        assert window.y_high == pytest.approx(75.0, abs=2)
        assert view.panned(0, 0.2).window().y_low == pytest.approx(window.y_low + 10.6, abs=0.5)

    def test_a_logarithmic_axis_counts_the_points_it_omits(self) -> None:
        view = View((_track([0.0, -1.0, 1.0, 10.0, NAN]),)).with_log(True)
        assert view.notes() == ["log · 2 at or below 0 not shown"]

    def test_a_logarithmic_x_axis_zooms_by_decades(self) -> None:
        view = View((_track([1.0] * 10_001),)).with_log_x(True)
        assert view.x_shown == pytest.approx((1.0, 10_000.0))
        assert view.notes() == ["log x · 1 at or below 0 not shown"]
        near = view.zoomed(0.5, None)
        assert near.x_shown == pytest.approx((10.0, 1000.0))
        assert near.panned(0.5, 0).x_shown == pytest.approx((100.0, 10_000.0))

    def test_limits_are_shown_as_they_were_typed(self) -> None:
        view = View((_track([1.0, 2.0, 3.0]),)).limited((-5.0, 10.0), (0.0, 9.0))
        window = view.window()
        assert (window.x_low, window.x_high, window.y_low, window.y_high) == (-5.0, 10.0, 0.0, 9.0)

    def test_the_cursor_moves_to_the_next_logged_x(self) -> None:
        other = Track.of(Series.of("b", [(0.5, 1.0)]), 1)
        view = View((_track([1.0, 1.0, 1.0]), other))
        assert [view.next_x(x, 1) for x in (0.0, 0.5, 2.0)] == [0.5, 1.0, 2.0]
        assert [view.next_x(x, -1) for x in (2.0, 0.5, 0.0)] == [1.0, 0.0, 0.0]
        assert view.last_x() == 2.0

    def test_a_plot_without_points_has_default_ranges(self) -> None:
        assert x_range([]) == (0.0, 1.0)
        assert y_range([], 0, 1, log=False) is None
        assert y_range([_track([-1.0])], 0, 1, log=True) is None
        assert View(()).last_x() is None


class TestLegend:
    def test_entries_that_do_not_fit_are_counted(self) -> None:
        entries = [[("abcdef", "x")]] * 5
        lines = ["".join(text for text, _ in line) for line in packed(entries, 20, 1)]
        assert lines == ["abcdef   +4"]
        lines = ["".join(text for text, _ in line) for line in packed(entries, 20, 3)]
        assert lines == ["abcdef   abcdef", "abcdef   abcdef", "abcdef"]

    @pytest.mark.parametrize(
        ("value", "text"),
        [(0.9180327868852459, "0.9180327868852459"), (3.0, "3"), (None, "–"), (NAN, "NaN"), (-INF, "-inf")],
    )
    def test_values_are_exact(self, value: float | None, text: str) -> None:
        assert exact(value) == text
