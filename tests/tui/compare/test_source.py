"""The table of a comparison, without a screen."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from engine.entities import Run
from engine.evidence.difference import Versus
from engine.evidence.statistics import Interval
from engine.runs.compare import Compared, Comparison, compare, text_row
from engine.text import cell_width
from tests.support.runs import a_run
from tui.compare.bars import BarsSource
from tui.compare.cells import BEST, VALUE_LIMIT, Cells, Look
from tui.compare.source import CompareSource, TransposedSource
from tui.widgets.table.layout import arrange
from tui.widgets.table.source import FirstWord

KNN = [
    a_run(
        f"{neighbors}",
        name=f"knn-{neighbors}-euclidean-{weights}-auto",
        params={"k": str(neighbors), "prompt": "words " * 1000 + str(neighbors)},
        metrics={"accuracy": accuracy, "loss": loss, "class_0_support": 29.0},
    )
    for neighbors, weights, accuracy, loss in (
        (5, "uniform", 0.9016, 0.2),
        (7, "distance", 0.9180, math.inf),
        (11, "uniform", 0.8852, 0.1),
    )
]


def source(*runs: Run, baseline: int = 0, width: int = 140, differences: bool = False) -> CompareSource:
    return CompareSource(compare(runs), Look(baseline, differences, width=width))


def cells(shown: CompareSource, key: str) -> list[str]:
    row = shown.row_of(key)
    assert row is not None
    return [shown.cell(row, column) for column in range(1, len(shown.columns))]


def styles(shown: CompareSource, key: str) -> list[object]:
    row = shown.row_of(key)
    assert row is not None
    return [shown.cell_style(row, column) for column in range(1, len(shown.columns))]


def test_no_value_and_no_name_widens_a_column_beyond_the_limit() -> None:
    shown = source(*KNN, width=100)
    assert all(cell_width(cell) == VALUE_LIMIT + 2 and "…" in cell for cell in cells(shown, "params.prompt"))
    named = source(*(a_run(name, name=name * 200) for name in "ab"), width=60)
    assert all(column.width <= VALUE_LIMIT + 2 for column in named.columns)
    assert all(cell_width(cell) == 34 for cell in cells(source(*KNN), "params.prompt")), "room for three"


def test_headings_leave_out_what_all_names_share() -> None:
    shown = source(*KNN, width=100)
    assert [column.label.split() for column in shown.columns[1:]] == [
        ["5·uniform", "◆"],
        ["7·distance"],
        ["11·uniform"],
    ]
    assert shown.pattern == "knn-*-euclidean-*-auto"


def test_the_baseline_is_the_first_column() -> None:
    shown = source(*KNN, baseline=1)
    assert [column.key for column in shown.columns] == ["name", "7", "5", "11"]
    assert [cell.split() for cell in cells(shown, "params.k")] == [["7"], ["5"], ["11"]]


def test_values_and_headings_end_at_the_same_cell() -> None:
    shown = source(*KNN)
    ends = {
        len(cell.rjust(column.width).removesuffix(BEST).removesuffix("  "))
        for key in (
            "params.k",
            "params.prompt",
            "metrics.accuracy",
            "metrics.class_0_support",
            "duration",
            "user_id",
        )
        for cell, column in zip(cells(shown, key), shown.columns[1:], strict=True)
        if column.width == shown.columns[1].width
    }
    labels = {len(c.label.rjust(c.width).removesuffix(" ◆").removesuffix("  ")) for c in shown.columns[1:2]}
    assert ends == labels


def test_the_best_has_a_star_and_differences_are_green_or_red() -> None:
    shown = source(*KNN)
    assert [cell.endswith(BEST) for cell in cells(shown, "metrics.accuracy")] == [False, True, False]
    assert styles(shown, "metrics.accuracy") == [None, "good", FirstWord("bad")]
    assert styles(source(*KNN, baseline=2), "metrics.accuracy") == [None, FirstWord("good"), "good"]
    assert styles(shown, "metrics.loss") == [None, "bad", "good"]
    assert styles(shown, "metrics.class_0_support") == ["muted", "muted", "muted"]


def test_bars_range_from_the_lowest_value_of_a_row_to_its_highest() -> None:
    shown = source(*KNN, width=106)
    assert [cell.count("━") for cell in cells(shown, "metrics.accuracy")] == [5, 10, 0]
    assert [cell.count("╸") for cell in cells(shown, "metrics.accuracy")] == [0, 0, 1]
    assert not any("━" in cell or "╸" in cell for cell in cells(shown, "metrics.class_0_support"))


def test_bars_are_omitted_where_the_runs_would_not_fit_with_them() -> None:
    assert source(*KNN).bars
    narrow = source(*KNN, width=80)
    assert not narrow.bars
    assert [cell.split()[-1] for cell in cells(narrow, "metrics.accuracy")] == ["0.9016", "★", "0.8852"]
    assert sum(column.width + 2 for column in narrow.columns[:3]) < 60
    for width in range(60, 140):
        shown = source(*KNN, width=width)
        room = width - 1  # beside the scrollbar
        assert not shown.bars or arrange(shown.columns, room, 0, 2).columns[-1].complete
        assert not shown.bars or not arrange(shown.columns, room, 0, 2).after


def test_only_rows_that_differ() -> None:
    shown = source(*KNN, differences=True)
    assert shown.row_of("metrics.class_0_support") is None
    assert shown.row_of("metrics.accuracy") is not None


def test_bars_are_longer_where_columns_are_wide() -> None:
    longest = max(cell.count("━") for cell in cells(source(*KNN), "metrics.accuracy"))
    assert longest == 17


def test_transposed_has_one_row_per_run_and_what_differs_first() -> None:
    shown = TransposedSource(compare(KNN), Look(1, width=140))
    assert [shown.cell(row, 0) for row in range(3)] == [
        "knn-7-euclidean-distance-auto ◆",
        "knn-5-euclidean-uniform-auto",
        "knn-11-euclidean-uniform-auto",
    ]
    labels = [column.label.strip() for column in shown.columns]
    assert labels[1:5] == ["k", "prompt", "accuracy ↑", "loss ↓"]
    accuracy = labels.index("accuracy ↑")
    assert [shown.cell(row, accuracy).split() for row in range(3)] == [
        ["0.9180", "★"],
        ["−0.0164", "0.9016"],
        ["−0.0328", "0.8852"],
    ]
    assert shown.compared_row(0, accuracy) is not None
    assert [shown.position(row, accuracy) for row in range(3)] == [1, 0, 2]


def test_bars_of_a_metric_start_at_zero_the_best_first() -> None:
    runs = [
        a_run(name, name=name, metrics={"loss": loss, "gain": gain})
        for name, loss, gain in (("a", 2.0, -1.0), ("b", 1.0, 3.0), ("c", math.nan, 0.0))
    ]
    shown = BarsSource(compare(runs), Look(0, width=80))
    lines = [[shown.cell(row, column).rstrip() for column in range(4)] for row in range(shown.row_count)]
    width = shown.columns[1].width
    assert lines[0] == ["gain ↑", "", "", ""]
    assert [line[0].strip() for line in lines[1:4]] == ["b", "c", "a ◆"]
    assert lines[1][1] == " " * (width // 4) + "━" * (width - width // 4)
    assert lines[3][1] == "━" * (width // 4)
    assert [line[0].strip() for line in lines[4:]] == ["loss ↓", "b", "a ◆", "c"]
    assert [line[2] for line in lines[5:]] == ["1 ★", "2", "NaN"]
    assert (lines[5][1].count("━"), lines[6][1].count("━"), lines[7][1]) == (width // 2, width, "")
    assert shown.cell_style(7, 2) == "bad"


def test_a_long_description_of_a_version_has_several_lines() -> None:
    rows = [text_row("version", "description", ["words " * 30 + "end", "short"])]
    comparison = Comparison(tuple(Compared(n, f"version {n}", None) for n in "12"), tuple(rows))
    shown = CompareSource(comparison, Look(width=140))
    first, second = ([shown.cell(row, c).strip() for row in range(shown.row_count)] for c in (1, 2))
    assert " ".join(first[1:]).split() == ["words"] * 30 + ["end"]
    assert second == ["", "short", "", "", ""]
    cut = CompareSource(comparison, Look(width=60))
    assert cut.cell(cut.row_count - 1, 1).rstrip().endswith("…")


def test_a_tested_metric_has_a_line_that_says_what_may_be_chance() -> None:
    found = {
        "5": Versus("5", 0.9016, Interval(0.8, 0.96), 61),
        "7": Versus("7", 0.9180, Interval(0.82, 0.97), 61, "mcnemar", 0.625),
        "11": Versus("11", 0.8852, Interval(0.7, 0.9), 61, "mcnemar", 0.03),
    }
    look = Look(width=140, evidence={"accuracy": found}, tested=["accuracy"])
    shown = CompareSource(compare(KNN), look)
    line = shown.row_of("metrics.accuracy evidence")
    assert line == (shown.row_of("metrics.accuracy") or 0) + 1
    assert shown.cell(line, 0) == "  95 %, n=61"
    assert [cell.strip() for cell in cells(shown, "metrics.accuracy evidence")] == [
        ".80 – .96",
        "≈ p .62",
        "p .03",
    ]
    assert styles(shown, "metrics.accuracy") == [None, FirstWord("muted", "good"), FirstWord("bad")]
    chance = {**found, "11": replace(found["11"], p_value=0.4)}
    coloured = CompareSource(compare(KNN), Look(width=140, evidence={"accuracy": chance}))
    assert styles(coloured, "metrics.accuracy")[2] == FirstWord("muted"), "no colour for what may be chance"
    assert coloured.row_of("metrics.accuracy evidence") is None


def test_many_runs_are_laid_out_without_drawing_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [
        a_run(f"{at:032}", name=f"r{at}", metrics={f"m{name}": at / 7 + name for name in range(40)})
        for at in range(200)
    ]
    drawn: list[int] = []
    draw = Cells.text
    monkeypatch.setattr(Cells, "text", lambda *args: drawn.append(1) or draw(*args))
    shown = CompareSource(compare(runs), Look(width=140))
    assert drawn == []
    for row in range(shown.row_count):
        for column in (1, 2, 100, 200):
            assert cell_width(shown.cell(row, column)) <= shown.columns[column].width
    drawn.clear()
    layout = arrange(shown.columns, 139, 0, 2)
    for row in range(40):
        for column in layout.columns:
            shown.cell(row, column.index)
    assert 0 < len(drawn) < 40 * 12


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("kind", [BarsSource, TransposedSource])
def test_names_of_rows_leave_room_for_values(kind: type[BarsSource | TransposedSource], width: int) -> None:
    shown = kind(compare(KNN), Look(0, width=width))
    names = shown.columns[0]
    assert names.width <= max(24, width // 2)
    assert bool(shown.pattern) == (width < 140)
    if kind is BarsSource:  # all columns fit
        assert sum(column.width + 2 for column in shown.columns) <= width
        assert all(cell_width(column.label) <= column.width for column in shown.columns)
    row = shown.row_of("7") if kind is TransposedSource else 1
    assert row is not None
    assert ("7·dis" if shown.pattern else "knn-7-euclidean-distance-auto") in shown.cell(row, 0)
