"""Sorting rows: missing values last, NaN before them, ties by newest start and then run id."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, strategies as st

from engine.columns import ColumnKey
from engine.entities import DatasetRef, Run
from engine.runs.frame import RunFrame, SortKey, sorted_rows
from tests.support.runs import START, a_run

ACC, K, NAME = ColumnKey("metric", "acc"), ColumnKey("param", "k"), ColumnKey("attribute", "run_name")


def ids(runs: Sequence[Run], *keys: SortKey, rows: Sequence[int] | None = None) -> str:
    frame = RunFrame.from_runs(runs)
    return " ".join(frame.run_ids[row] for row in sorted_rows(frame, keys, rows))


METRICS = [
    a_run("nan", metrics={"acc": math.nan}),
    a_run("low", metrics={"acc": 0.1}),
    a_run("none"),
    a_run("up", metrics={"acc": math.inf}),
    a_run("high", metrics={"acc": 0.9}),
    a_run("down", metrics={"acc": -math.inf}),
]


def test_metrics_sort_with_nan_and_missing_last_in_both_directions() -> None:
    assert ids(METRICS, SortKey(ACC)) == "down low high up nan none"
    assert ids(METRICS, SortKey(ACC, descending=True)) == "up high low down nan none"


@pytest.mark.parametrize(
    ("values", "order"),
    [
        (["10", "9", None, "1e1", "-1"], "-1 9 10 1e1 None"),
        (["10", "9", "auto", None], "9 10 auto None"),
        (["auto", "13", "0x10", "1", "007", None, "11"], "1 007 11 13 0x10 auto None"),
        (["b", "nan", "2", "a", None, "inf", "-1.5"], "-1.5 2 inf a b nan None"),
        (["b", "B", "a", ""], " B a b"),
        (["nan", "2", None, "1"], "1 2 nan None"),
    ],
)
def test_numeric_texts_sort_as_numbers_before_other_texts(values: list[str | None], order: str) -> None:
    runs = [a_run(str(v), params={} if v is None else {"k": v}) for v in values]
    assert ids(runs, SortKey(K)) == order


def test_descending_order_keeps_missing_values_last() -> None:
    values = ("auto", "10", None, "9", "nan", "best")
    runs = [a_run(str(v), params={} if v is None else {"k": v}) for v in values]
    assert ids(runs, SortKey(K, descending=True)) == "best auto 10 9 nan None"


@pytest.mark.parametrize("distinct", [3, 300])
def test_a_tag_of_numbers_and_texts_sorts_numbers_first_in_many_runs(distinct: int) -> None:
    key = ColumnKey("tag", "size")
    values = [str(n % distinct) if n % 2 else f"v{n % distinct:03}" for n in range(600)]
    frame = RunFrame.from_runs([a_run(f"{n:03}", tags={"size": value}) for n, value in enumerate(values)])
    ascending = [values[row] for row in sorted_rows(frame, [SortKey(key)])]
    numbers = sorted(int(value) for value in values if value.isdigit())
    assert ascending == [*map(str, numbers), *sorted(value for value in values if not value.isdigit())]
    down = [values[row] for row in sorted_rows(frame, [SortKey(key, descending=True)])]
    assert down == ascending[::-1]


def test_a_text_value_added_later_sorts_after_the_numbers() -> None:
    frame = RunFrame.from_runs([a_run(v, params={"k": v}) for v in ("10", "9")])
    grown = frame.extended([a_run(v, params={"k": v}) for v in ("auto", "1")])
    for each, order in ((frame, "9 10"), (grown, "1 9 10 auto"), (frame, "9 10")):
        assert " ".join(each.run_ids[row] for row in sorted_rows(each, [SortKey(K)])) == order


def test_ties_go_to_the_newest_start_then_the_run_id_in_both_directions() -> None:
    runs = [
        a_run("b", start=START, metrics={"acc": 1}),
        a_run("new", start=START + 9, metrics={"acc": 1}),
        a_run("a", start=START, metrics={"acc": 1}),
        a_run("never", start=None, seconds=None, metrics={"acc": 1}),
    ]
    for descending in (False, True):
        assert ids(runs, SortKey(ACC, descending)) == "new a b never"
    assert ids(runs) == "new a b never"


def test_the_first_sort_key_is_the_most_significant() -> None:
    runs = [
        a_run("a", name="x", params={"k": "1"}, metrics={"acc": 0.1}),
        a_run("b", name="y", params={"k": "2"}, metrics={"acc": 0.2}),
        a_run("c", name="x", params={"k": "10"}, metrics={"acc": 0.3}),
        a_run("d", params={"k": "2"}),
    ]
    assert ids(runs, SortKey(NAME), SortKey(K, True)) == "c a b d"
    assert ids(runs, SortKey(K), SortKey(ACC, True), SortKey(NAME)) == "a b d c"


def test_a_subset_of_rows_can_be_sorted() -> None:
    assert ids(METRICS, SortKey(ACC), rows=[4, 2, 0]) == "high nan none"
    assert ids(METRICS, SortKey(ACC), rows=[]) == ""


def test_datasets_sort_as_text() -> None:
    runs = [
        replace(a_run(run_id), datasets=tuple(DatasetRef(name, "d") for name in names))
        for run_id, names in {"w": ("wine",), "hw": ("heart", "wine"), "none": (), "h": ("heart",)}.items()
    ]
    assert ids(runs, SortKey(ColumnKey("dataset", "name"))) == "h hw w none"
    assert ids(runs, SortKey(ColumnKey("dataset", "name"), descending=True)) == "w hw h none"


def test_cached_orders_are_consistent_for_all_rows_and_subsets() -> None:
    rng = Random(5)
    values = [rng.choice((math.nan, None, *(rng.random() for _ in range(9)))) for _ in range(600)]
    runs = [
        a_run(
            f"{n:03}",
            params={"k": str(n % 7)},
            metrics={} if value is None else {"acc": value},
            start=START + n % 3,
        )
        for n, value in enumerate(values)
    ]
    for keys in ((), (SortKey(ACC),), (SortKey(ACC, descending=True),), (SortKey(K), SortKey(ACC, True))):
        frame = RunFrame.from_runs(runs)
        subset = sorted_rows(frame, keys, range(0, 600, 7))
        full_order = sorted_rows(frame, keys)
        assert (
            [row for row in full_order if row % 7 == 0]
            == subset
            == sorted_rows(frame, keys, range(0, 600, 7))
        )
        full_order.reverse()
        assert sorted_rows(frame, keys) == full_order[::-1]


def test_columns_with_few_distinct_values_sort_the_same_way() -> None:
    values = (math.nan, 2.0, None, float("nan"), -math.inf, 1.0, math.inf)
    runs = [
        a_run(f"{n:03}", metrics={} if value is None else {"acc": value, "b": value + n * 1e-9})
        for n, value in enumerate(value for _ in range(70) for value in values)
    ]
    frame = RunFrame.from_runs(runs)
    for descending in (False, True):
        found = [frame.column(ACC)[row] for row in sorted_rows(frame, [SortKey(ACC, descending)])]
        numbers = [-math.inf, 1.0, 2.0, math.inf]
        expected = [v for v in (numbers[::-1] if descending else numbers) for _ in range(70)]
        assert found[:280] == expected
        assert all(value is not None and math.isnan(value) for value in found[280:420])
        assert found[420:] == [None] * 70
        ties = sorted_rows(frame, [SortKey(ACC, descending)])[280:420]
        assert [frame.run_ids[row] for row in ties] == sorted(frame.run_ids[row] for row in ties)


def test_only_the_latest_four_orders_are_cached() -> None:
    frame = RunFrame.from_runs(METRICS)
    for number in range(9):
        sorted_rows(frame, [SortKey(ColumnKey("metric", f"m{number}"))])
    assert len(frame.orders) == 4


def test_sorting_by_an_unknown_column_changes_nothing() -> None:
    assert ids(METRICS, SortKey(ColumnKey("metric", "nope"))) == ids(METRICS)


def test_sorting_reads_only_the_columns_of_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [
        a_run(f"r{n}", metrics={"acc": n, "b": 1, "c": 2}, params={"k": str(n), "z": "1"}) for n in range(9)
    ]
    frame = RunFrame.from_runs(runs)
    read = set()
    for method in ("column", "scan", "numbers", "reader", "sample"):
        original = getattr(RunFrame, method)

        def recording(self, key, *rest, original=original):  # type: ignore[no-untyped-def]
            read.add(str(key))
            return original(self, key, *rest)

        monkeypatch.setattr(RunFrame, method, recording)
    sorted_rows(frame, [SortKey(ACC), SortKey(K)])
    assert read == {"metrics.acc", "params.k", "start_time", "run_id"}


VALUES = st.one_of(st.none(), st.just(math.nan), st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 2.0, math.inf]))


@given(st.lists(st.tuples(VALUES, st.one_of(st.none(), st.integers(0, 2))), max_size=12), st.booleans())
def test_any_rows_are_sorted_as_documented(
    rows: list[tuple[float | None, int | None]], descending: bool
) -> None:
    runs = [
        a_run(f"{n:02}", start=start, seconds=None, metrics={} if value is None else {"acc": value})
        for n, (value, start) in enumerate(rows)
    ]

    def rank(row: int) -> tuple[float, ...]:
        value, start = rows[row]
        group = 2 if value is None else 1 if math.isnan(value) else 0
        weight = 0.0 if group else -value if descending else value  # type: ignore[operator]
        return group, weight, math.inf if start is None else -start, row

    frame = RunFrame.from_runs(runs)
    assert sorted_rows(frame, [SortKey(ACC, descending)]) == sorted(range(len(rows)), key=rank)
