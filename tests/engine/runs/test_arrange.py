"""A frame arranged by a view: filtered, sorted, with the view's columns."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from engine.columns import ColumnKey
from engine.entities import DatasetRef
from engine.errors import FilterError
from engine.runs import arrange as arranging, grouping
from engine.runs.arrange import Arranged, arrange
from engine.runs.frame import RunFrame
from engine.runs.grouping import statistics_of
from engine.runs.sorting import SortKey
from engine.runs.table_columns import constant_columns, pickable
from engine.runs.view import RunView
from tests.support.runs import SECOND, START, a_run

ACC, LR, TEAM = ColumnKey("metric", "acc"), ColumnKey("param", "lr"), ColumnKey("tag", "team")
NAME, STATUS = ColumnKey("attribute", "run_name"), ColumnKey("attribute", "status")
STARTED, TOOK = ColumnKey("attribute", "start_time"), ColumnKey("attribute", "duration")
DATA = ColumnKey("dataset", "name")

RUNS = [
    a_run("a", name="knn-7", params={"lr": "0.1", "opt": "adam"}, metrics={"acc": 0.918, "n": 3.0}),
    a_run("b", name="knn-5", params={"lr": "1e-05", "opt": "adam"}, metrics={"acc": 0.5, "n": 3.0}),
    a_run("c", name="svm", params={"lr": "auto", "opt": "adam"}, metrics={"n": 3.0}, tags={"team": "x"}),
]
FRAME = RunFrame.from_runs(RUNS)


def shown(view: RunView, frame: RunFrame = FRAME, **options: bool) -> Arranged:
    return arrange(frame, view, now=START + 9 * SECOND, **options)


def cells(arranged: Arranged) -> list[str]:
    columns = range(len(arranged.columns))
    return [
        " | ".join(arranged.text(line, column) for column in columns) for line in range(len(arranged.lines))
    ]


def test_rows_are_filtered_and_sorted_by_the_view() -> None:
    view = RunView("name ~ knn", sort=(SortKey(ACC),), columns=(NAME, ACC, STARTED))
    arranged = shown(view)
    assert cells(arranged) == ["knn-5 | 0.5000 | 9 s ago", "knn-7 | 0.9180 | 9 s ago"]
    assert arranged.lines is arranged.matching
    assert list(arranged.depths) == []
    assert [arranged.key_of(line) for line in range(2)] == ["b", "a"]
    assert [arranged.line_of(key) for key in ("a", "b", "c", "\0[]", "")] == [1, 0, None, None, None]
    assert [(arranged.row_of(line), arranged.rows_of(line)) for line in range(2)] == [(1, (1,)), (0, (0,))]
    assert [arranged.fold_of(0), arranged.is_orphan(0), arranged.groups] == ["", False, None]


def test_the_default_columns_depend_on_the_width() -> None:
    arranged = shown(RunView())
    labels = [column.label for column in arranged.columns]
    assert labels == ["name", "status", "started", "took", "acc", "lr", "n", "opt", "user"]
    assert [c.label for c in shown(RunView(), narrow=True).columns][:4] == [
        "name",
        "status",
        "acc",
        "started",
    ]


def test_the_columns_of_the_view_include_one_that_no_run_has() -> None:
    missing = ColumnKey("metric", "missing")
    arranged = shown(RunView(columns=(missing, TEAM, NAME), widths={TEAM: 2, missing: 30}))
    assert cells(arranged) == ["– | – | knn-7", "– | – | knn-5", "– | x | svm"]
    assert [column.width for column in arranged.columns] == [30, 2, 5]
    assert [column.name for column in arranged.columns] == ["metrics.missing", "tags.team", "run_name"]
    assert arranged.value(0, 0) is None


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        ({}, ["0.9180 | 0.1 | 1.0s", "0.5000 | 1e-05 | 1.0s"]),
        ({ACC: "percent", LR: "4 decimals"}, ["91.80% | 0.1000 | 1.0s", "50.00% | 1e-05 | 1.0s"]),
        ({LR: "scientific", ACC: "raw"}, ["0.918 | 1.000e-01 | 1.0s", "0.5 | 1.000e-05 | 1.0s"]),
        ({TOOK: "2 decimals", ACC: "auto"}, ["0.9180 | 0.1 | 1.00", "0.5000 | 1e-05 | 1.00"]),
    ],
)
def test_the_view_sets_number_formats(formats: dict[ColumnKey, str], expected: list[str]) -> None:
    unit = formats.get(TOOK) is None
    found = cells(shown(RunView(columns=(ACC, LR, TOOK), formats=formats)))
    assert found == [*expected, f"– | auto | {'1.0s' if unit else '1.00'}"]


def test_texts_and_times_ignore_number_formats() -> None:
    frame = RunFrame.from_runs([a_run("7", name="7")])
    keys = (NAME, STARTED, ColumnKey("attribute", "run_id"))
    assert cells(shown(RunView(columns=keys, formats=dict.fromkeys(keys, "percent")), frame)) == [
        "7 | 9 s ago | 7"
    ]


def test_a_chosen_format_determines_the_width() -> None:
    view = RunView(columns=(NAME, ACC), formats={ACC: "raw"})
    frame = RunFrame.from_runs([a_run("a", metrics={"acc": 0.9180327868852459})])
    assert shown(view, frame).columns[1].width == len("0.9180327868852459")


def test_datasets_are_shown_by_name() -> None:
    refs = (DatasetRef("heart", "d1", "train"), DatasetRef("wine\x1b", "d2", "eval"))
    frame = RunFrame.from_runs([replace(RUNS[0], datasets=refs), RUNS[1]])
    view = RunView(columns=(DATA, ColumnKey("dataset", "context")), sort=(SortKey(DATA),))
    assert cells(shown(view, frame)) == ["heart, wine␛ | train, eval", "– | –"]


def test_constant_columns_can_be_hidden() -> None:
    labels = [column.label for column in shown(RunView(constants_hidden=True)).columns]
    assert labels == ["name", "acc", "lr"]
    kept = RunView(constants_hidden=True, sort=(SortKey(STATUS),), columns=(TOOK, STATUS, ACC, NAME))
    assert [c.label for c in shown(kept).columns] == ["took", "status", "acc", "name"]
    filtered = RunView("name = svm", constants_hidden=True)
    assert [c.label for c in shown(filtered).columns] == ["name"]
    nothing = RunView("name = nobody", constants_hidden=True)
    assert [c.label for c in shown(nothing).columns] == ["name"]


def test_constant_columns_include_all_nan_and_all_missing() -> None:
    runs = [
        a_run("a", metrics={"nan": math.nan, "mixed": math.nan, "some": 1.0, "same": 2.0}),
        a_run("b", metrics={"nan": float("nan"), "mixed": 1.0, "same": 2.0}),
    ]
    frame = RunFrame.from_runs(runs)
    constant = constant_columns(frame, range(2))
    assert {key.name for key in constant if key.kind == "metric"} == {"nan", "same"}
    assert ColumnKey("attribute", "run_id") not in constant
    assert constant_columns(frame, [0]) == frozenset(pickable(frame))
    keys = (ColumnKey("metric", "missing"), ColumnKey("metric", "some"))
    assert constant_columns(frame, range(2), keys) == {keys[0]}


def test_selectable_columns_are_sorted_by_kind_and_name() -> None:
    tags = {"z": "1", "mlflow.user": "ada", "a": "1"}
    run = replace(
        a_run("a", params={"k": "1"}, metrics={"m": 1.0}, tags=tags), datasets=(DatasetRef("h", "d"),)
    )
    found = [str(key) for key in pickable(RunFrame.from_runs([run]))]
    assert found[:2] == ["run_id", "run_name"]
    assert found[7:] == [
        *("metrics.m", "params.k", "tags.a", "tags.z", "tags.mlflow.user"),
        *("datasets.context", "datasets.digest", "datasets.name"),
    ]


def test_an_invalid_filter_is_an_error() -> None:
    with pytest.raises(FilterError):
        shown(RunView("acc >"))


def test_an_unknown_column_is_an_error_only_once_all_runs_are_loaded() -> None:
    view = RunView("metrics.late > 1")
    with pytest.raises(FilterError):
        shown(view)
    early = RunFrame.from_runs(RUNS, complete=False)
    assert cells(shown(view, early)) == []


def test_relative_times_count_from_now() -> None:
    view = RunView("start_time > -10s", columns=(NAME,))
    first = arrange(FRAME, view, now=START + 9 * SECOND)
    assert len(first.lines) == 3
    later = arrange(FRAME, view, now=START + 11 * SECOND, before=first)
    assert len(later.lines) == 0


def test_columns_are_computed_once_per_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    first = shown(RunView())
    monkeypatch.setattr(arranging, "chosen_columns", lambda *_, **__: pytest.fail("again"))
    view = RunView("acc > 0.1", sort=(SortKey(ACC),), constants_hidden=True, layout="tree")
    again = arrange(FRAME, view, now=START, before=first)
    assert again.chosen is first.chosen
    monkeypatch.undo()
    other = arrange(FRAME, replace(view, widths={ACC: 30}), now=START, before=again)
    assert next(c.width for c in other.columns if c.key == ACC) == 30
    narrow = arrange(FRAME, view, now=START, before=again, narrow=True)
    assert narrow.chosen != again.chosen
    grown = FRAME.extended([a_run("d", metrics={"late": 1.0})])
    assert ColumnKey("metric", "late") in {
        c.key for c in arrange(grown, view, now=START, before=again).chosen
    }


def test_an_empty_frame_has_columns_and_no_lines() -> None:
    empty = RunFrame.from_runs(())
    for layout in ("flat", "tree", "groups"):
        arranged = shown(RunView(layout=layout, group_by=(LR,)), empty)  # type: ignore[arg-type]
        assert (len(arranged.lines), arranged.line_of("a")) == (0, None)
        assert arranged.columns


def test_prepared_statistics_are_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    computed = []
    monkeypatch.setattr(
        grouping,
        "statistics_of",
        lambda groups: computed.append(1) or statistics_of(groups),  # type: ignore[func-returns-value]
    )
    metrics = {f"m{number}": float(number) for number in range(3 * arranging.EAGER_METRICS)}
    frame = RunFrame.from_runs([a_run("a", metrics=metrics), a_run("b", metrics=metrics)])
    arranged = shown(RunView(layout="groups", group_by=(STATUS,)), frame)
    assert len(computed) == arranging.EAGER_METRICS
    arranged.prepare()
    prepared = len(computed)
    assert prepared > arranging.EAGER_METRICS
    cells(arranged)
    assert len(computed) == prepared


def test_a_number_that_does_not_fit_its_column_is_not_cut() -> None:
    frame = RunFrame.from_runs([a_run("a", name="big", metrics={"acc": -123456.789})])
    arranged = shown(RunView(columns=(NAME, ACC), widths={ACC: 5}), frame)
    assert cells(arranged) == ["big | -1e5"]


def test_a_statistic_to_sort_by_is_dropped_with_the_groups() -> None:
    grouped = RunView(sort=(SortKey(ACC, True, "min"),), layout="groups", group_by=(TEAM,))
    assert grouped.sort[0].statistic == "min"
    assert replace(grouped, layout="flat").sort == (SortKey(ACC, True),)
