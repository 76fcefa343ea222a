"""Charts across runs: what is drawn, what is left out, and why."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.charts.across import ChartRequest, across, by_effect
from engine.charts.kinds import Bars, Boxes, HeatMap, Scatter
from engine.columns import ColumnKey
from engine.errors import NotFound, UsageError
from engine.runs.frame import RunFrame
from tests.support.runs import a_run


def param(name: str) -> ColumnKey:
    return ColumnKey("param", name)


def metric(name: str) -> ColumnKey:
    return ColumnKey("metric", name)


def chart(frame: RunFrame, kind: Any, *metrics: str, **options: Any) -> Any:
    return across(frame, range(len(frame)), ChartRequest(kind, metrics, experiment="exp", **options))


SWEEP = RunFrame.from_runs(
    a_run(
        f"{kind}{k}{seed}",
        name=f"{kind}-{k}-{seed}",
        params={"kind": kind, "k": str(k), "seed": "7"},
        metrics={"acc": {"a": 0.9, "b": 0.7}[kind] + k / 1000 + seed / 10_000, "loss": 1 / k},
    )
    for kind in ("b", "a")
    for k in (3, 5, 11)
    for seed in range(5)
)

TROUBLE = RunFrame.from_runs(
    [
        a_run("good", name="good", params={"k": "1"}, metrics={"acc": 0.5}),
        a_run("nan", name="nan", params={"k": "2"}, metrics={"acc": math.nan}),
        a_run("inf", name="inf", params={"k": "2"}, metrics={"acc": math.inf}),
        a_run("none", name="none", params={"k": "3"}),
        a_run("text", name="text", params={"k": "3", "acc": "high"}),
    ]
)


def test_bars_are_sorted_best_first_and_equal_values_share_a_rank() -> None:
    frame = RunFrame.from_runs(
        a_run(name, name=name, metrics={"loss": loss})
        for name, loss in (("one", 3.0), ("two", 1.0), ("three", 1.0), ("four", 2.0))
    )
    bars: Bars = chart(frame, "bar", "loss")
    assert [(row.name, row.rank) for row in bars.rows] == [("two", 1), ("three", 1), ("four", 3), ("one", 4)]


@pytest.mark.parametrize(
    ("values", "scale", "low", "high"),
    [
        ((0.90, 0.95), "range", 0.90, 0.95),
        ((0.1, 0.9), "zero", 0.0, 0.9),
        ((-0.5, 0.9), "zero", -0.5, 0.9),
        ((-0.9, -0.8), "range", -0.9, -0.8),
        ((0.5, 0.5), "zero", 0.0, 0.5),
        ((-1.7e140, 1.7e140), "zero", -1.7e140, 1.7e140),
    ],
)
def test_bars_start_at_zero_unless_they_would_look_equal(
    values: tuple[float, ...], scale: str, low: float, high: float
) -> None:
    frame = RunFrame.from_runs(a_run(str(at), metrics={"m": value}) for at, value in enumerate(values))
    bars: Bars = chart(frame, "bar", "m")
    scaled = bars.metrics[0]
    assert (scaled.scale, scaled.low, scaled.high) == (scale, low, high)
    assert [scaled.share(each) for each in (low, high)] == [0, 1]
    assert chart(frame, "bar", "m", scale="zero").metrics[0].scale == "zero"


def test_bars_keep_runs_that_diverged_and_count_those_without_the_metric() -> None:
    bars: Bars = chart(TROUBLE, "bar", "acc")
    assert [row.name for row in bars.rows] == ["good", "inf", "nan"]
    assert [row.rank for row in bars.rows] == [1, None, None]
    assert bars.caption.subject == "exp, 3 of 5 runs"
    assert bars.caption.notes == (
        "excluded: 1 run without acc",
        "excluded: 1 run that logged acc as a parameter, not as a metric",
    )
    assert (bars.metrics[0].low, bars.metrics[0].high) == (0, 0.5)


def test_a_ranking_has_the_parameters_that_vary_strongest_first() -> None:
    ranking: Bars = chart(SWEEP, "rank", "acc")
    assert ranking.params == ("kind", "k")
    assert ranking.rows[0].params == ("a", "11")
    assert [key.name for key in by_effect(SWEEP, range(len(SWEEP)), "loss")] == ["k", "kind"]


def test_points_of_a_numeric_parameter_are_on_an_axis_of_numbers() -> None:
    points: Scatter = chart(SWEEP, "scatter", "acc", x=param("k"))
    assert points.x.categories == ()
    assert {point.x for point in points.points} == {3.0, 5.0, 11.0}
    assert points.caption.title == "acc by k"
    assert not points.x.log


def test_a_parameter_over_decades_gets_a_logarithmic_axis() -> None:
    frame = RunFrame.from_runs(
        a_run(str(at), params={"lr": text}, metrics={"acc": at / 10})
        for at, text in enumerate(("1e-4", "0.001", "1e-2"))
    )
    assert chart(frame, "scatter", "acc", x=param("lr")).x.log


def test_a_parameter_of_words_gives_a_strip_for_each() -> None:
    points: Scatter = chart(SWEEP, "scatter", "acc", x=param("kind"))
    assert points.x.categories == ("a", "b")
    assert {point.x for point in points.points if point.name.startswith("b")} == {1.0}


def test_few_numbers_with_a_word_between_are_categories_in_the_order_of_numbers() -> None:
    frame = RunFrame.from_runs(
        a_run(str(at), params={"depth": text}, metrics={"acc": 0.5 + at})
        for at, text in enumerate(("10", "9", "None", "9.0"))
    )
    points: Scatter = chart(frame, "scatter", "acc", x=param("depth"))
    assert points.x.categories == ("9", "10", "None")
    assert [point.x for point in points.points] == [1, 0, 2, 0]


def test_a_metric_against_another_counts_runs_that_lack_either() -> None:
    frame = RunFrame.from_runs(
        [
            a_run("a", name="a", metrics={"acc": 0.5, "loss": 1.0}),
            a_run("b", name="b", metrics={"acc": 0.6}),
            a_run("c", name="c", metrics={"acc": 0.7, "loss": math.nan}),
        ]
    )
    points: Scatter = chart(frame, "scatter", "acc", x=metric("loss"))
    assert [(point.x, point.y) for point in points.points] == [(1.0, 0.5)]
    assert points.caption.notes == ("excluded: 1 run without loss", "excluded: 1 run whose loss is NaN")
    assert points.caption.title == "acc against loss"
    assert points.x.direction == "lower"


def test_boxes_have_the_quartiles_of_numpy_and_tukeys_whiskers() -> None:
    values = [0.1, 1.0, 1.1, 1.2, 1.35, 1.4, 9.0]
    frame = RunFrame.from_runs(
        a_run(str(at), name=f"run {at}", params={"k": "1" if at < 7 else "2"}, metrics={"m": value})
        for at, value in enumerate([*values, 2.0, 3.0])
    )
    boxes: Boxes = chart(frame, "box", "m", x=param("k"))
    first, second = boxes.boxes
    assert (first.q1, first.median, first.q3) == pytest.approx(np.percentile(values, [25, 50, 75]))
    assert (first.low, first.high) == (1.0, 1.4)
    assert [point.name for point in first.outliers] == ["run 0", "run 6"]
    assert first.mean == pytest.approx(np.mean(values))
    assert (second.n, second.is_box, [point.y for point in second.points]) == (2, False, [2.0, 3.0])
    assert boxes.caption.notes == ("fewer than 5 values are drawn as points",)


def test_boxes_of_words_are_sorted_by_their_medians_best_first() -> None:
    assert [box.label for box in chart(SWEEP, "box", "acc", x=param("kind")).boxes] == ["a", "b"]
    flipped = chart(SWEEP, "box", "acc", x=param("kind"), directions={"acc": "lower"})
    assert [box.label for box in flipped.boxes] == ["b", "a"]


def test_many_numbers_are_grouped_into_ranges_of_their_scale() -> None:
    frame = RunFrame.from_runs(
        a_run(str(at), params={"lr": f"{10 ** (-4 + 3 * at / 39):.6g}"}, metrics={"m": float(at)})
        for at in range(40)
    )
    boxes: Boxes = chart(frame, "box", "m", x=param("lr"))
    assert [box.n for box in boxes.boxes] == [5] * 8
    assert boxes.boxes[0].label == "0.0001 – 0.000237"
    assert sum(box.n for box in boxes.boxes) == 40


def test_rare_words_are_left_out_and_counted() -> None:
    frame = RunFrame.from_runs(
        a_run(f"{word}{at}", params={"p": f"w{word:02}"}, metrics={"m": float(at)})
        for word in range(14)
        for at in range(3 if word < 12 else 1)
    )
    boxes: Boxes = chart(frame, "box", "m", x=param("p"))
    assert len(boxes.boxes) == 12
    assert boxes.caption.subject == "exp, 36 of 38 runs"
    assert "excluded: 2 runs with 2 rarer values of p: w12, w13" in boxes.caption.notes


def test_a_heat_map_has_mean_and_n_and_its_empty_cells() -> None:
    rows = [row for row in range(len(SWEEP)) if not SWEEP.run_ids[row].startswith("b11")]
    request = ChartRequest("heat", ("acc",), param("k"), param("kind"))
    heat = across(SWEEP, rows, request)
    assert isinstance(heat, HeatMap)
    assert (heat.rows, heat.columns) == (("a", "b"), ("3", "5", "11"))
    assert heat.cells[1][2] is None
    cell = heat.cells[0][0]
    assert cell is not None
    assert (cell.n, cell.mean) == (5, pytest.approx(0.9032))
    assert heat.caption.notes == ("1 of 6 combinations have no run",)
    assert (heat.shade(max(heat.means)), heat.shade(min(heat.means))) == (1, 0)


def test_the_usual_parameters_are_those_with_the_largest_effects() -> None:
    heat: HeatMap = chart(SWEEP, "heat", "acc")
    assert (heat.column_param, heat.row_param) == ("kind", "k")
    assert chart(SWEEP, "box", "loss").param == "k"


def test_nothing_to_draw_is_an_error_that_says_why() -> None:
    same = RunFrame.from_runs(a_run(i, params={"k": "1"}, metrics={"acc": 0.5}) for i in "ab")
    one = RunFrame.from_runs([a_run("a", params={"k": "1"}, metrics={"acc": 0.5})])
    hopeless = RunFrame.from_runs(
        [a_run("a", metrics={"acc": math.nan}), a_run("b", metrics={"acc": math.inf})]
    )
    for frame, kind, name, title, detail in (
        (SWEEP, "bar", "accc", "No run has the metric 'accc'", "30 runs"),
        (same, "box", "acc", "No parameter varies", "All 2 runs have the same parameters."),
        (
            hopeless,
            "scatter",
            "acc",
            "No run has a finite acc",
            "1 run whose acc is NaN; 1 run whose acc is infinite",
        ),
        (one, "heat", "acc", "One run cannot be compared by its parameters", ""),
        (RunFrame.from_runs([]), "bar", "acc", "No runs to draw", "exp"),
    ):
        with pytest.raises(NotFound) as caught:
            chart(frame, kind, name)
        assert (caught.value.title, caught.value.detail) == (title, detail)
        assert caught.value.hint
    with pytest.raises(NotFound, match="Did you mean 'acc'"):
        chart(SWEEP, "bar", "accc")
    with pytest.raises(UsageError, match="k was given twice"):
        chart(SWEEP, "heat", "acc", x=param("k"), y=param("k"))


def test_a_heat_map_of_one_varying_parameter_says_so() -> None:
    frame = RunFrame.from_runs(a_run(str(k), params={"k": str(k)}, metrics={"acc": 0.5}) for k in range(3))
    with pytest.raises(NotFound) as caught:
        chart(frame, "heat", "acc")
    assert caught.value.detail == "Only k differs between these 3 runs."


def test_a_metric_that_is_a_parameter_in_all_runs_is_named_as_one() -> None:
    frame = RunFrame.from_runs(a_run(i, params={"acc": "high"}, metrics={"loss": 1.0}) for i in "ab")
    with pytest.raises(NotFound) as caught:
        chart(frame, "bar", "acc")
    assert caught.value.detail == "2 runs that logged acc as a parameter, not as a metric"
