"""Charts across runs in cells: aligned, cut with marks, and every value readable at a spot."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import Axis, Bars, Caption, ChartRequest, Curve, Curves, MetricBars, across
from engine.columns import ColumnKey
from engine.runs.frame import RunFrame
from engine.text import cell_width
from tests.support.runs import a_run
from tui.widgets.plot.bars import bar_text, draw_bars
from tui.widgets.plot.boxes import draw_boxes
from tui.widgets.plot.cells import draw_across
from tui.widgets.plot.curves import draw_curves
from tui.widgets.plot.drawing import Drawing, text_of
from tui.widgets.plot.heat import draw_heat
from tui.widgets.plot.scatter import Part, draw_scatter, zoomed

FRAME = RunFrame.from_runs(
    a_run(
        f"{kind}{k}{seed}",
        name=f"knn-{kind}-{k}-{seed}",
        params={"kind": kind, "k": str(k)},
        metrics={
            "acc": {"euclidean": 0.9, "chebyshev[/x]\x1b[31m": 0.7}[kind] + k / 100 + seed / 1000,
            "loss": 1 / k,
        },
    )
    for kind in ("euclidean", "chebyshev[/x]\x1b[31m")
    for k in (3, 5, 11)
    for seed in range(5)
)


def chart(kind: Any, *metrics: str, x: str | None = None, frame: RunFrame = FRAME, **options: Any) -> Any:
    key = None if x is None else ColumnKey("param", x)
    return across(frame, range(len(frame)), ChartRequest(kind, metrics, key, **options))


def every(width: int) -> list[Drawing]:
    return [
        draw_bars(chart("bar", "acc"), width),
        draw_bars(chart("bar", "acc", "loss"), width),
        draw_bars(chart("rank", "acc", "loss"), width),
        draw_boxes(chart("box", "acc", x="kind"), width),
        draw_heat(chart("heat", "acc"), width),
        draw_scatter(chart("scatter", "acc", x="k"), width, 20),
        draw_scatter(chart("scatter", "acc", x="kind"), width, 20),
    ]


@pytest.mark.parametrize("width", [40, 80, 140])
def test_lines_fit_hold_nothing_unsafe_and_spots_lie_within_them(width: int) -> None:
    for drawing in every(width):
        for line in (*drawing.head, *drawing.body, *drawing.foot):
            text = text_of(line)
            assert cell_width(text) <= width
            assert text.isprintable()
            for spot in line.spots:
                assert 0 <= spot.start < spot.end <= width
                assert spot.reading.isprintable()


def test_every_run_can_be_read_in_bars_and_in_points() -> None:
    ids = set(FRAME.run_ids)
    bars = draw_bars(chart("bar", "acc"), 80)
    assert {spot.run_id for line in bars.body for spot in line.spots} == ids
    assert bars.body[0].spots[0].reading == "★ knn-euclidean-11-4  acc 1.014"
    for line in draw_scatter(chart("scatter", "acc", x="kind"), 120, 40).body:
        for spot in line.spots:
            assert spot.run_id in ids


@pytest.mark.parametrize("kind", ["bar", "rank"])
def test_the_cursor_covers_no_bar_as_it_would_then_look_full(kind: str) -> None:
    for line in draw_bars(chart(kind, "acc"), 80).body:
        (spot,) = line.spots
        covered = text_of(line)[spot.start : spot.end]
        assert covered.strip()
        assert not set(covered) & set("━╸╺")


def test_a_value_and_its_bar_stand_in_columns() -> None:
    lines = [text_of(line) for line in draw_bars(chart("bar", "acc"), 60).body]
    ends = {len(line) for line in lines}
    assert len(ends) == 1, "the values are right-aligned"
    assert lines[0].count("━") > lines[-1].count("━")


@pytest.mark.parametrize(
    ("value", "low", "high", "scale", "text"),
    [
        (10.0, 0.0, 10.0, "zero", "━━━━━━━━━━"),
        (5.5, 0.0, 10.0, "zero", "━━━━━╸"),
        (0.0, 0.0, 10.0, "zero", ""),
        (0.01, 0.0, 10.0, "zero", "╸"),
        (-5.0, -10.0, 10.0, "zero", "  ╺━━"),
        (5.0, -10.0, 10.0, "zero", "     ━━╸"),
        (1.0, 1.0, 2.0, "range", "╸"),
        (2.0, 1.0, 2.0, "range", "━━━━━━━━━━"),
        (None, 0.0, 10.0, "zero", ""),
        (float("nan"), 0.0, 10.0, "zero", ""),
        (float("inf"), 0.0, 10.0, "zero", ""),
    ],
)
def test_a_bar_reaches_from_its_start_to_the_value(
    value: float | None, low: float, high: float, scale: Any, text: str
) -> None:
    assert bar_text(MetricBars("m", "higher", scale, low, high), value, 10) == text


def test_metrics_that_do_not_fit_follow_below() -> None:
    names = [f"metric_{at}" for at in range(6)]
    frame = RunFrame.from_runs(
        a_run(i, name=i, metrics={name: 0.123 * at for at, name in enumerate(names, 1)}) for i in "ab"
    )
    drawing = draw_bars(chart("bar", *names, frame=frame), 60)
    text = "\n".join(text_of(line) for line in (*drawing.head, *drawing.body))
    assert all(name in text for name in names)


def test_parameters_that_do_not_fit_are_named() -> None:
    drawing = draw_bars(chart("rank", "acc", "loss"), 50)
    assert any("do not fit: kind" in note for note in drawing.notes)


def test_bars_say_where_they_start() -> None:
    assert draw_bars(chart("bar", "loss"), 80).notes[0] == "bars start at zero"
    ranged = draw_bars(chart("bar", "acc"), 80)
    assert ranged.notes[0] == "bars range from the lowest to the highest value, not from zero"
    ends = text_of(ranged.head[1]).split()
    assert ends == ["0.7300", "1.0140"]


def test_a_box_is_drawn_with_its_median_n_and_outliers() -> None:
    frame = RunFrame.from_runs(
        a_run(str(at), name=f"run-{at}", params={"k": "1" if at < 8 else "2"}, metrics={"m": value})
        for at, value in enumerate([10.0, 11, 12, 13, 14, 15, 16, 100, 50, 60])
    )
    drawing = draw_boxes(chart("box", "m", x="k", frame=frame), 70)
    first, second = (text_of(line) for line in drawing.body)
    assert first.split()[:3] == ["1", "8", "13.5"]
    assert first.count("┃") == 1
    assert first.count("∘") == 1
    assert second.count("•") == 2, "fewer than five values are drawn one by one"
    assert drawing.body[0].spots[1].reading == "run-7  m 100"
    assert drawing.body[0].spots[1].run_id == "7"
    assert "median 13.5" in drawing.body[0].spots[0].reading


def test_a_heat_map_marks_the_best_and_shows_empty_cells() -> None:
    frame = RunFrame.from_runs(
        a_run(f"{a}{b}", params={"a": str(a), "b": str(b)}, metrics={"loss": a + b / 10})
        for a in range(3)
        for b in range(3)
        if (a, b) != (2, 2)
    )
    heat = chart("heat", "loss", x="b", frame=frame, y=ColumnKey("param", "a"))
    drawing = draw_heat(heat, 80)
    lines = [text_of(line) for line in drawing.body]
    assert "██ 0.0000★" in lines[0]
    assert lines[2].endswith("–")
    assert drawing.body[2].spots[2].reading == "a 2  b 2  no run"
    assert drawing.notes == ("n = 1 in each cell",)
    assert "↓" in text_of(drawing.foot[-1])


def test_cells_of_different_sizes_have_their_n() -> None:
    frame = RunFrame.from_runs(
        a_run(str(at), params={"a": str(at % 2), "b": str(at % 3 // 2)}, metrics={"m": float(at)})
        for at in range(10)
    )
    lines = [text_of(line) for line in draw_heat(chart("heat", "m", frame=frame), 80).body]
    assert any("×4" in line for line in lines)


def test_wide_heat_maps_continue_below() -> None:
    frame = RunFrame.from_runs(
        a_run(f"{a}-{b}", params={"a": f"a{a:02}", "b": f"b{b}"}, metrics={"m": a * b / 7})
        for a in range(12)
        for b in range(2)
    )
    drawing = draw_heat(chart("heat", "m", x="a", frame=frame, y=ColumnKey("param", "b")), 60)
    text = "\n".join(text_of(line) for line in (*drawing.head, *drawing.body))
    assert all(f"a{a:02}" in text for a in range(12))


def test_runs_in_one_cell_are_counted_and_read_together() -> None:
    frame = RunFrame.from_runs(
        a_run(str(at), name=f"run-{at}", params={"k": "1" if at < 3 else "2"}, metrics={"m": 1.0 + (at > 2)})
        for at in range(15)
    )
    drawing = draw_scatter(chart("scatter", "m", x="k", frame=frame), 60, 16)
    text = "\n".join(text_of(line) for line in drawing.body)
    assert "3" in text
    assert "#" in text
    readings = [spot.reading for line in drawing.body for spot in line.spots]
    assert any("run-0" in reading and "run-1, run-2" in reading for reading in readings)
    assert any("2 … 9, #" in note for note in drawing.notes)


def test_part_of_a_scatter_plot_says_how_many_runs_it_shows() -> None:
    part = draw_scatter(chart("scatter", "acc", x="k"), 80, 20, Part((4.0, 6.0), (0.6, 1.1)))
    assert "partial view: 10 of 30 runs" in part.notes


def test_a_logarithmic_axis_leaves_out_what_is_not_positive() -> None:
    frame = RunFrame.from_runs(
        a_run(str(at), params={"k": str(at)}, metrics={"m": float(at - 1)}) for at in range(4)
    )
    drawing = draw_scatter(chart("scatter", "m", x="k", frame=frame), 60, 16, log_y=True)
    assert "2 runs at or below 0 not shown on a logarithmic axis" in drawing.notes
    assert draw_scatter(chart("scatter", "m", x="k", frame=frame), 60, 16).notes == ()


def test_one_run_and_equal_values_are_drawn() -> None:
    one = RunFrame.from_runs([a_run("a", name="only", params={"k": "1", "w": "2"}, metrics={"m": 0.0})])
    bars: Bars = chart("bar", "m", frame=one)
    assert "only" in text_of(draw_bars(bars, 80).body[0])
    points = chart("scatter", "m", x="k", frame=one)
    assert sum("•" in text_of(line) for line in draw_scatter(points, 80, 20).body) == 1
    assert draw_boxes(chart("box", "m", x="k", frame=one), 80).body
    assert draw_heat(chart("heat", "m", x="k", frame=one, y=ColumnKey("param", "w")), 80).body


def test_a_part_of_the_points_is_zoomed_in_on_and_out_of() -> None:
    points = chart("scatter", "acc", x="k")
    near = zoomed(points, None, 0.5, "euclidean30")
    assert near is not None
    assert near.x is not None
    assert near.x[1] - near.x[0] == pytest.approx(4.24)
    assert near.x[0] <= 3 <= near.x[1]
    shown = draw_scatter(points, 80, 20, near)
    assert any("partial view" in note for note in shown.notes)
    assert zoomed(points, near, 4, "euclidean30") is None
    strip = zoomed(chart("scatter", "acc", x="kind"), None, 0.5, None)
    assert strip is not None
    assert strip.x is None, "categories stay in view"


def test_more_bars_than_anyone_reads_are_cut_and_counted() -> None:
    frame = RunFrame.from_runs(a_run(str(at), name=f"r{at}", metrics={"m": float(at)}) for at in range(1200))
    drawing = draw_bars(chart("bar", "m", frame=frame), 60)
    assert len(drawing.body) == 1000
    assert drawing.notes[0] == "the first 1,000 of 1,200 runs are drawn"


def test_few_values_of_a_parameter_are_the_ticks_of_its_axis() -> None:
    drawing = draw_scatter(chart("scatter", "acc", x="k"), 80, 20)
    assert text_of(drawing.foot[1]).split() == ["3", "5", "11"]


@pytest.mark.parametrize(
    "values",
    [
        (1.7e308, -1.7e308, 1e308, 0.0, 5.0),
        (5e-324, 1e-320, 0.0, 2e-323, 1e-310),
        (0.0, 0.0, 0.0, 0.0, 0.0),
        (1.0, 1.0 + 1e-16, 1.0 + 2e-16, 1.0, 1.0),
        (float("nan"), float("inf"), float("-inf"), 1.0, 2.0),
    ],
    ids=["huge", "denormal", "zero", "close", "not finite"],
)
@pytest.mark.parametrize("kind", ["bar", "rank", "scatter", "box", "heat"])
def test_extreme_values_are_drawn_or_counted(kind: Any, values: tuple[float, ...]) -> None:
    frame = RunFrame.from_runs(
        a_run(f"{at}{seed}", params={"k": repr(value), "i": str(at), "w": "ab"[at % 2]}, metrics={"m": value})
        for seed in range(2)
        for at, value in enumerate(values)
    )
    for x in {"bar": (None,), "rank": (None,), "heat": ("i",)}.get(kind, ("k", "w")):
        made = chart(kind, "m", frame=frame, x=x)
        for width, height in ((80, 24), (20, 5)):
            drawing = draw_across(made, width, height)
            assert all(cell_width(text_of(line)) <= max(width, 40) for line in drawing.body)
        left_out = sum(abs(value) > 1e150 or value != value for value in values)
        if left_out and kind != "bar" and kind != "rank":
            assert made.caption.subject == f"{10 - 2 * left_out} of 10 runs"


def test_too_large_values_are_left_out_with_the_reason() -> None:
    frame = RunFrame.from_runs(a_run(str(v), params={"k": str(v)}, metrics={"m": v}) for v in (1e200, 1.0))
    assert chart("scatter", "m", x="k", frame=frame).caption.notes == (
        "excluded: 1 run whose m is beyond 1e+150",
    )


def test_each_metric_of_histories_has_a_panel_that_names_its_runs() -> None:
    made = Curves(
        Caption("m over steps", "2 runs"),
        Axis("step"),
        Axis("m", direction="lower"),
        "step",
        (
            Curve("first", "m", (0.0, 1.0, 2.0), (3.0, float("nan"), 1.0), (3.0, float("nan"), 2.0)),
            Curve("second", "m", (0.0, 2.0), (1.0, float("inf"))),
            Curve("second", "acc", (0.0, 1.0), (1.0, 2.0)),
        ),
    )
    lines = [text_of(line) for line in draw_curves(made, 60, 30).body]
    assert [lines[0], lines[1].strip()] == ["m ↓", "A first   B second"]
    assert "acc ↑  second" in lines
    assert any("▲" in line for line in lines), "an infinite value is a mark"
