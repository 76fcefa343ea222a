"""Runs grouped by configuration, with statistics of their metrics."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given, strategies as st

from engine.columns import ColumnKey
from engine.entities import DatasetRef, Run
from engine.runs.arrange import Arranged, arrange
from engine.runs.frame import RunFrame
from engine.runs.grouping import RUN_COUNT, Groups, statistics_of
from engine.runs.sorting import SortKey, Statistic
from engine.runs.view import RunView
from tests.support.runs import START, a_run

ACC, LOSS = ColumnKey("metric", "acc"), ColumnKey("metric", "loss")
K, METRIC = ColumnKey("param", "k"), ColumnKey("param", "metric")
NAME, STATUS = ColumnKey("attribute", "run_name"), ColumnKey("attribute", "status")


def seeds(
    k: str | None, *accuracies: float | None, metric: str | None = None, **options: object
) -> list[Run]:
    """Runs of one configuration with different accuracies."""
    params = {name: value for name, value in (("k", k), ("metric", metric)) if value is not None}
    return [
        a_run(
            f"{k}{metric}{n}",
            name=f"run-{k}-{n}",
            params=params,
            metrics={} if accuracy is None else {"acc": accuracy},
            **options,  # type: ignore[arg-type]
        )
        for n, accuracy in enumerate(accuracies)
    ]


RUNS = [*seeds("10", 0.5, 0.7), *seeds("9", 0.9), *seeds(None, 0.1, None), *seeds("2", 0.6, 0.8, 0.7)]


def grouped(
    runs: list[Run],
    *by: ColumnKey,
    sort: tuple[SortKey, ...] = (),
    columns: tuple[ColumnKey, ...] = (),
    opened: tuple[int, ...] = (),
    **options: object,
) -> Arranged:
    view = RunView(sort=sort, columns=columns, layout="groups", group_by=by or (K,), **options)  # type: ignore[arg-type]
    arranged = arrange(RunFrame.from_runs(runs), view, now=START)
    toggled_folds = frozenset(arranged.key_of(line) for line in opened)
    return arrange(arranged.frame, view, now=START, toggled_folds=toggled_folds, before=arranged)


def text_lines(arranged: Arranged) -> list[str]:
    columns = range(len(arranged.columns))
    return [
        " | ".join(arranged.text(line, column) for column in columns) for line in range(len(arranged.lines))
    ]


def order(arranged: Arranged) -> list[str]:
    return [text.split(" | ")[0].removeprefix("▸ ") for text in text_lines(arranged)]


def test_each_group_has_one_line() -> None:
    arranged = grouped(RUNS)
    assert [column.label for column in arranged.columns] == ["k", "runs", "acc mean", "std", "min", "max"]
    assert text_lines(arranged) == [
        "▸ 2 | 3 | 0.7000 | 0.1000 | 0.6000 | 0.8000",
        "▸ 9 | 1 | 0.9000 | – | 0.9000 | 0.9000",
        "▸ 10 | 2 | 0.6000 | 0.1414 | 0.5000 | 0.7000",
        "▸ – | 2 | n=1 0.1000 | – | 0.1000 | 0.1000",
    ]
    assert [arranged.fold_of(line) for line in range(4)] == ["closed"] * 4
    assert [len(arranged.rows_of(line)) for line in range(4)] == [3, 1, 2, 2]
    assert [arranged.row_of(line) for line in range(4)] == [None] * 4


def test_an_open_group_shows_its_runs_in_the_sort_order() -> None:
    arranged = grouped(RUNS, sort=(SortKey(ACC, descending=True),), opened=(1,))
    assert text_lines(arranged)[:5] == [
        "▸ 9 | 1 | 0.9000 | – | 0.9000 | 0.9000",
        "▾ 2 | 3 | 0.7000 | 0.1000 | 0.6000 | 0.8000",
        "    run-2-1 |  | 0.8000 |  |  | ",
        "    run-2-2 |  | 0.7000 |  |  | ",
        "    run-2-0 |  | 0.6000 |  |  | ",
    ]
    assert arranged.key_of(2) == "2None1"
    assert [arranged.value(2, column) for column in range(3)] == ["run-2-1", None, 0.8]
    assert arranged.fold_of(1) == "open"
    assert [arranged.line_of(arranged.key_of(line)) for line in range(7)] == list(range(7))


@pytest.mark.parametrize(
    ("key", "descending", "statistic", "expected"),
    [
        (ACC, True, "mean", "9 2 10 –"),
        (ACC, False, "mean", "– 10 2 9"),
        (ACC, True, "std", "10 2 9 –"),
        (ACC, False, "std", "2 10 9 –"),
        (ACC, False, "min", "– 10 2 9"),
        (ACC, True, "max", "9 2 10 –"),
        (K, True, "mean", "10 9 2 –"),
        (K, False, "mean", "2 9 10 –"),
        (RUN_COUNT, True, "mean", "2 10 – 9"),
        (ColumnKey("metric", "nope"), True, "mean", "2 9 10 –"),
        (ColumnKey("attribute", "start_time"), True, "mean", "2 9 10 –"),
    ],
)
def test_groups_sort_by_a_statistic_a_key_or_their_size(
    key: ColumnKey, descending: bool, statistic: Statistic, expected: str
) -> None:
    assert " ".join(order(grouped(RUNS, sort=(SortKey(key, descending, statistic),)))) == expected


def test_numeric_groups_come_before_text_groups() -> None:
    runs = [run for k in ("auto", "10", None, "9", "0x10") for run in seeds(k, 0.5)]
    assert order(grouped(runs)) == ["9", "10", "0x10", "auto", "–"]
    descending = grouped(runs, sort=(SortKey(K, descending=True),))
    assert order(descending) == ["auto", "0x10", "10", "9", "–"]
    words = [run for k in ("b", None, "a") for run in seeds(k, 0.5)]
    assert order(grouped(words)) == ["a", "b", "–"]


def test_statistics_include_infinities_and_ignore_nan() -> None:
    runs = [*seeds("1", 0.5, math.nan), *seeds("2", 0.5, math.inf), *seeds("3", -math.inf, math.inf)]
    runs += [*seeds("4", 0.1), *seeds("5", None), *seeds("6", math.nan, None, math.nan)]
    assert text_lines(grouped(runs, sort=(SortKey(ACC, descending=True),))) == [
        "▸ 2 | 2 | inf | NaN | 0.5000 | inf",
        "▸ 1 | 2 | n=1 0.5000 | – | 0.5000 | 0.5000",
        "▸ 4 | 1 | 0.1000 | – | 0.1000 | 0.1000",
        "▸ 3 | 2 | NaN | NaN | -inf | inf",
        "▸ 6 | 3 | NaN | – | NaN | NaN",
        "▸ 5 | 1 | – | – | – | –",
    ]


def test_runs_can_be_grouped_by_several_keys_of_any_kind() -> None:
    runs = [
        *seeds("1", 0.1, 0.2, metric="l1"),
        *seeds("1", 0.3, metric="l2", status="FAILED"),
        *seeds("1", 0.4, status="RUNNING"),
        *seeds(None, 0.5),
    ]
    assert [line.rsplit(" | ", 4)[0] for line in text_lines(grouped(runs, K, METRIC, STATUS))] == [
        "▸ 1 | l1 | ✓ finished | 2",
        "▸ 1 | l2 | ✗ failed | 1",
        "▸ 1 | – | ◐ running | 1",
        "▸ – | – | ✓ finished | 1",
    ]


def test_runs_can_be_grouped_by_dataset() -> None:
    def of(run_id: str, *names: str) -> Run:
        refs = tuple(DatasetRef(name, "d", "") for name in names)
        run = a_run(run_id)
        return Run(**{f: getattr(run, f) for f in run.__slots__ if f != "datasets"}, datasets=refs)

    runs = [of("a", "heart"), of("b", "heart", "wine"), of("c", "heart"), of("d")]
    arranged = grouped(runs, ColumnKey("dataset", "name"), opened=(0,))
    assert [arranged.text(line, 0) for line in range(5)] == [
        "▾ heart",
        "    –",
        "    –",
        "▸ heart, wine",
        "▸ –",
    ]
    assert arranged.line_of(arranged.key_of(3)) == 3


def test_runs_with_nan_metrics_form_one_group() -> None:
    runs = [*seeds("1", math.nan), *seeds("2", math.nan), *seeds("3", 0.5)]
    arranged = grouped(runs, ACC, opened=(1,))
    assert [arranged.text(line, 0) for line in range(4)] == [
        "▸ 0.5000",
        "▾ NaN",
        "    run-1-0",
        "    run-2-0",
    ]


def test_the_columns_of_the_view_follow_the_keys() -> None:
    arranged = grouped(RUNS, columns=(NAME, STATUS, ACC, K), opened=(0,))
    assert [column.name for column in arranged.columns] == [
        *("params.k", "run_count", "status"),
        *(f"{statistic} of metrics.acc" for statistic in ("mean", "std", "min", "max")),
    ]
    assert text_lines(arranged)[0].startswith("▾ 2 | 3 |  | 0.7000")
    assert text_lines(arranged)[1].startswith("    run-2-0 |  | ✓ finished | 0.6000 | ")


def test_whole_numbers_have_a_fractional_mean() -> None:
    runs = [*seeds("1", 3.0, 4.0), *seeds("2", 5.0)]
    assert text_lines(grouped(runs)) == ["▸ 1 | 2 | 3.50 | 0.71 | 3 | 4", "▸ 2 | 1 | 5.00 | – | 5 | 5"]


def test_without_keys_the_list_is_flat() -> None:
    view = RunView(layout="groups")
    arranged = arrange(RunFrame.from_runs(RUNS), view, now=START)
    assert arranged.groups is None
    assert len(arranged.lines) == len(RUNS)


def test_only_runs_that_pass_the_filter_are_grouped() -> None:
    assert [line[:11] for line in text_lines(grouped(RUNS, filter_text="acc >= 0.7"))] == [
        *("▸ 2 | 2 | 0", "▸ 9 | 1 | 0", "▸ 10 | 1 | ")
    ]


def test_a_group_keeps_its_key_when_the_frame_grows() -> None:
    before = grouped(RUNS, opened=(0,))
    key = before.key_of(0)
    grown = before.frame.extended(seeds("1", 0.4))
    after = arrange(grown, before.view, now=START, toggled_folds=frozenset({key}), before=before)
    assert [after.text(line, 0) for line in range(3)] == ["▸ 1", "▾ 2", "    run-2-0"]
    assert after.line_of(key) == 1


def test_toggled_keys_of_another_grouping_are_ignored() -> None:
    other = grouped(RUNS, METRIC)
    toggled_folds = frozenset({other.key_of(0)})
    arranged = arrange(
        other.frame, RunView(layout="groups", group_by=(K,)), now=START, toggled_folds=toggled_folds
    )
    assert len(arranged.lines) == 4


def test_the_first_column_fits_run_names_and_is_left_aligned() -> None:
    arranged = grouped([*seeds("1", 0.5), a_run("x", name="a-long-name-of-a-run")])
    assert arranged.columns[0].width == len("    a-long-name-of-a-run")
    assert not arranged.columns[0].numeric


VALUES = st.floats(-1e6, 1e6)


@given(st.lists(st.lists(VALUES | st.none(), max_size=6), max_size=4))
def test_statistics_match_the_standard_library(groups: list[list[float | None]]) -> None:
    found = statistics_of(groups)
    for at, group in enumerate(groups):
        values = [value for value in group if value is not None]
        assert found.present[at] == len(values)
        assert found.min[at] == min(values, default=None)
        assert found.max[at] == max(values, default=None)
        mean, std = found.mean[at], found.std[at]
        assert (mean is None) is (not values)
        assert (std is None) is (len(values) < 2)
        if mean is not None:
            assert mean == pytest.approx(statistics.fmean(values), rel=1e-12, abs=1e-12)
            assert min(values) <= mean <= max(values)
        if std is not None:
            assert std == pytest.approx(statistics.stdev(values), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "mean", "std"),
    [
        ([1e9 + 1, 1e9 + 2, 1e9 + 3], 1e9 + 2, 1.0),
        ([0.1] * 10, 0.1, 0.0),
        ([1e308, 1.5e308], 1.25e308, 1e308 * math.sqrt(0.125)),
        ([1e16, 1.0, -1e16], 1 / 3, 1e16),
    ],
)
def test_statistics_are_numerically_stable(values: list[float], mean: float, std: float) -> None:
    found = statistics_of([values])
    assert found.mean == [pytest.approx(mean, rel=1e-15)]
    assert found.std == [pytest.approx(std, rel=1e-12)]


def test_groups_are_reused_for_the_same_frame_and_rows() -> None:
    before = grouped(RUNS)
    for sort in ((), (SortKey(ACC),)):
        view = RunView(sort=sort, layout="groups", group_by=(K,))
        assert arrange(before.frame, view, now=START, before=before).groups is before.groups
    other = RunView("acc > 0.6", layout="groups", group_by=(K,))
    assert arrange(before.frame, other, now=START, before=before).groups is not before.groups


def test_grouping_no_rows_gives_no_groups() -> None:
    groups = Groups(RunFrame.from_runs(RUNS), [], (K,))
    assert (len(groups), groups.order(()), groups.group_of("x")) == (0, [], None)
    assert text_lines(grouped(RUNS, filter_text="acc > 5")) == []
