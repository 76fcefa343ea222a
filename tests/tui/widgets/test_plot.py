"""The plot widget."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from engine.errors import UsageError
from tests.tui.widgets.support import Stage
from tui.widgets.plot import Plot, Series, SeriesKind

SIZE = (60, 16)
LOSS = [(float(step), math.exp(-step / 20)) for step in range(101)]


async def _ready(pilot: Pilot[None], plot: Plot) -> None:
    plot.focus()
    await pilot.pause()


async def test_a_series_is_drawn_with_its_axes() -> None:
    plot = Plot()
    stage = Stage(plot)
    async with stage.run_test(size=SIZE) as pilot:
        plot.set_series([Series.of("loss", LOSS)], x_label="step")
        await _ready(pilot, plot)
        lines = stage.lines()
        assert any(line.startswith(" 1.0 ┤") for line in lines)
        assert lines[-2].startswith("     └┬──")
        assert lines[-2].endswith("─ step")
        assert lines[-1].split() == ["0", "20", "40", "60", "80", "100"]


async def test_letters_distinguish_the_series() -> None:
    plot = Plot([Series.of("first", LOSS), Series.of("second", [(x, 1 - y) for x, y in LOSS])])
    stage = Stage(plot)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, plot)
        lines = stage.lines()
        assert lines[0].strip() == "A first   B second"
        ends = [line[-1] for line in lines[1:-2] if line[-1] in "AB"]
        assert ends == ["B", "A"]


async def test_series_with_the_same_end_have_letters_side_by_side() -> None:
    plot = Plot([Series.of(name, LOSS) for name in "xyz"])
    stage = Stage(plot)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, plot)
        assert sorted(line[-1] for line in stage.lines()[1:-2] if line[-1:] in {"A", "B", "C"}) == [
            "A",
            "B",
            "C",
        ]


async def test_letters_of_ends_that_are_close_keep_their_order_around_them() -> None:
    ends = (0.1, 0.13, 0.12, 0.11, 0.9)
    plot = Plot([Series.of(str(end), [(0.0, 1.0), (1.0, end)]) for end in ends])
    stage = Stage(plot)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, plot)
        lines = stage.lines()
        rows = {line[-1]: at for at, line in enumerate(lines) if len(line) == SIZE[0] - 1}
        assert "".join(rows)[-5:] == "EBCDA"
        assert [rows[letter] - rows["B"] for letter in "BCDA"] == [0, 1, 2, 3], "the four that end together"
        last = max(at for at, line in enumerate(lines) if "┤" in line or "│" in line)
        assert rows["A"] == last


async def test_scatter_points_are_drawn_as_letters() -> None:
    series = [Series.of("u", [(1, 1), (2, 2)], "scatter"), Series.of("v", [(3, 1), (4, 2)], "scatter")]
    plot = Plot(series)
    stage = Stage(plot)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, plot)
        drawn = "".join(stage.lines()[1:-2])
        assert (drawn.count("A"), drawn.count("B")) == (2, 2)


async def test_log_scale_and_zoom_can_be_set_and_reset() -> None:
    plot = Plot([Series.of("loss", [*LOSS, (101.0, 0.0)])])
    stage = Stage(plot)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, plot)
        await pilot.press("L")
        assert plot.is_log
        assert stage.lines()[0].strip() == "log · 1 at or below 0 not shown"
        await pilot.press("L", "plus")
        assert not plot.is_log
        assert "partial view · 0 resets" in stage.lines()[0]
        assert stage.lines()[-1].split()[0] == "30"
        await pilot.press("left", "left", "left", "left", "left", "left")
        assert stage.lines()[-1].split()[0] == "0"
        await pilot.press("minus")
        assert stage.lines()[0].strip() == ""
        await pilot.press("up")
        assert "partial view" in stage.lines()[0]
        await pilot.press("0")
        assert stage.lines()[0].strip() == ""


async def test_the_cursor_shows_exact_values() -> None:
    plot = Plot()
    stage = Stage(plot)
    async with stage.run_test(size=SIZE) as pilot:
        plot.set_series(
            [Series.of("a", [(1, 0.25), (2, 0.1 + 0.2), (4, math.nan)]), Series.of("b", [(2, 3.0)])],
            x_label="step",
        )
        await _ready(pilot, plot)
        await pilot.press("enter")
        assert stage.lines()[0].strip() == "step 4   A a NaN   B –"
        await pilot.press("left")
        assert stage.lines()[0].strip() == "step 2   A a 0.30000000000000004   B 3"
        assert "▲" in stage.lines()[-2]
        assert sum(line.count("●") for line in stage.lines()) == 2
        await pilot.press("left", "left", "left")
        assert plot.cursor == 1
        await pilot.press("escape")
        assert plot.cursor is None
        assert stage.lines()[0].strip() == "A a   B b"


async def test_escape_is_handled_only_while_the_cursor_is_visible() -> None:
    plot = Plot([Series.of("a", LOSS)])
    async with Stage(plot).run_test(size=SIZE) as pilot:
        await _ready(pilot, plot)
        assert plot.check_action("leave_cursor", ()) is False
        await pilot.press("enter")
        assert plot.check_action("leave_cursor", ()) is True


async def test_new_points_keep_zoom_and_cursor() -> None:
    plot = Plot([Series.of("a", LOSS)])
    stage = Stage(plot)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, plot)
        await pilot.press("plus", "enter", "left")
        plot.set_series([Series.of("a", [*LOSS, (101.0, 0.0)])])
        await pilot.pause()
        assert plot.cursor == 74
        assert stage.lines()[-1].split()[0] == "30"
        plot.set_series([Series.of("a", LOSS)], x_kind="seconds")
        await pilot.pause()
        assert plot.cursor is None
        assert stage.lines()[-1].split()[0] == "0.00s"


async def test_moving_the_cursor_repaints_few_lines_and_idling_none() -> None:
    plot = Plot([Series.of("a", LOSS), Series.of("b", [(x, 1 - y) for x, y in LOSS])])
    stage = Stage(plot)
    async with stage.run_test(size=(140, 40)) as pilot:
        await _ready(pilot, plot)
        await pilot.press("enter", "left")
        await stage.drawn(pilot)
        await pilot.press("left")
        assert len(await stage.drawn(pilot)) < 3_000
        plot.set_series([Series.of("a", LOSS), Series.of("b", [(x, 1 - y) for x, y in LOSS])])
        await pilot.pause()
        assert stage.take_written() == ""


NAN, INF = math.nan, math.inf


ODD: list[list[tuple[float, float]]] = [
    [],
    [(0, 1.0)],
    [(0, NAN)],
    [(0, INF), (1, -INF)],
    [(0, NAN), (1, NAN)],
    [(NAN, 1.0), (INF, 1.0)],
    [(x, 5.0) for x in range(50)],
    [(3, y) for y in range(50)],
    [(x, 1.7976931348623157e308) for x in range(5)],
    [(0, -1e306), (1, 1e306)],
    [(0, 5e-324), (1, 1e-323)],
    [(x, 0.0) for x in range(5)],
    [(1e300, 1.0), (-1e300, 2.0)],
]


def _do_everything(plot: Plot) -> Iterator[None]:
    """Run every action, yielding after each."""
    steps: list[Callable[[], None]] = [
        *(plot.action_toggle_log, plot.action_zoom_in, partial(plot.action_pan, 0, 1)),
        *(partial(plot.action_pan, -1, 0), plot.action_toggle_cursor, partial(plot.action_pan, -1, 0)),
        *(partial(plot.action_pan, 1, 0), plot.action_zoom_out, plot.action_reset_view),
        *(partial(plot.action_pan, 0, -1), plot.action_leave_cursor, plot.action_toggle_log),
    ]
    for step in steps:
        step()
        yield


@pytest.mark.parametrize("kind", ["line", "step", "scatter"])
async def test_every_action_works_on_unusual_series(kind: SeriesKind) -> None:
    plot = Plot()
    stage = Stage(plot)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, plot)
        for points in ODD:
            plot.set_series([Series.of("odd", points, kind), Series.of("more", points[:1], kind)])
            for _ in _do_everything(plot):
                assert stage.lines()


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (2, 3), (5, 5), (8, 4), (24, 6), (30, 7)])
async def test_it_works_at_small_sizes(size: tuple[int, int]) -> None:
    plot = Plot([Series.of("a", LOSS), Series.of("b", LOSS)])
    stage = Stage(plot)
    async with stage.run_test(size=size) as pilot:
        await _ready(pilot, plot)
        for _ in _do_everything(plot):
            await pilot.pause()
            assert all(cell_len(line) <= size[0] for line in stage.lines())


async def test_a_plot_without_points_says_so() -> None:
    plot = Plot([Series.of("a", [])])
    stage = Stage(plot)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, plot)
        assert "\n".join(stage.lines()).strip() == "no values yet"


async def test_a_plot_without_finite_values_has_no_y_labels() -> None:
    plot = Plot([Series.of("a", [(0, INF), (1, NAN)])])
    stage = Stage(plot)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, plot)
        assert stage.lines()[0].strip() == "no finite values"
        assert "▲" in stage.lines()[1]
        assert not any("┤" in line for line in stage.lines())


async def test_the_cursor_names_one_series_and_reads_the_others_nearby() -> None:
    plot = Plot()
    stage = Stage(plot)
    xs = [0.0, 50.0, 100.0]
    async with stage.run_test(size=(100, 16)) as pilot:
        plot.set_series(
            [
                Series("smooth", xs, [1.0, 0.5, 0.25], raw=[1.0, 0.1, 0.4], steps=[0, 7, 9]),
                Series("other", [0.0, 50.1, 90.0], [3.0, 2.0, 1 / 3]),
            ],
            x_kind="number",
        )
        await _ready(pilot, plot)
        await pilot.press("enter", "left", "left")
        assert stage.lines()[0].strip() == "50.1   B other 2   A 0.5 at 7"
        await pilot.press("up")
        assert plot.chosen == 0
        assert stage.lines()[0].strip() == "50.1   A smooth 0.5 raw 0.1 · step 7   B 2"
        await pilot.press("right")
        assert stage.lines()[0].strip() == "90   B other 0.3333333333333333   A –"
        await pilot.press("right")
        assert stage.lines()[0].strip().startswith("100   A smooth 0.25")


async def test_limits_show_exactly_the_range() -> None:
    plot = Plot([Series.of("a", LOSS)])
    stage = Stage(plot)
    async with stage.run_test(size=SIZE) as pilot:
        await _ready(pilot, plot)
        plot.limit((10, 20), (0, 2))
        assert plot.limits == ((10, 20), (0, 2))
        assert stage.lines()[-1].split()[:1] == ["10"]
        await pilot.press("X")
        assert plot.is_log_x
        assert "log x · 1 at or below 0 not shown" in stage.lines()[0]
        with pytest.raises(UsageError, match="The logarithmic x-axis must begin above 0"):
            plot.limit((0, 20), None)
        plot.limit((1, 20), None)
        await pilot.press("0")
        assert plot.set_limits == (None, None)
