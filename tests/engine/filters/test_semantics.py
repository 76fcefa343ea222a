"""What each operator means for present, missing, NaN and infinite values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from engine.columns import ColumnKey, Value
from engine.filters.compiler import compile_filter
from engine.runs.frame import RunFrame
from tests.engine.filters.support import matching
from tests.support.runs import START, a_run

DAY = 86_400_000

METRICS = [
    a_run("low", metrics={"acc": 0.5}),
    a_run("high", metrics={"acc": 0.9}),
    a_run("nan", metrics={"acc": math.nan}),
    a_run("up", metrics={"acc": math.inf}),
    a_run("down", metrics={"acc": -math.inf}),
    a_run("none"),
]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("acc > 0.5", "high up"),
        ("acc >= 0.5", "low high up"),
        ("acc < 0.9", "low down"),
        ("acc <= .9", "low high down"),
        ("acc = 0.9", "high"),
        ("acc == 9e-1", "high"),
        ("acc != 0.9", "low nan up down"),
        ("acc <> 0.9", "low nan up down"),
        ("acc ≥ 0.9", "high up"),
        ("acc ≤ 0.5", "low down"),
        ("acc ≠ 0.5", "high nan up down"),
        ("acc in (0.5, 0.9)", "low high"),
        ("acc not in (0.5)", "high nan up down"),
        ("acc between 0.5 and 0.9", "low high"),
        ("acc not between 0.6 and 1", "low up down"),
        ("acc is null", "none"),
        ("acc is not null", "low high nan up down"),
        ("acc IS NAN", "nan"),
        ("acc is not nan", "low high up down"),
        ("acc = inf", "up"),
        ("acc > -inf", "low high up"),
        ("not acc > 0.5", "low nan down none"),
        ("not (acc > 0.5 or acc is null)", "low nan down"),
        ("not not acc > 0.5", "high up"),
        ("acc > -1e400", "low high up"),
    ],
)
def test_metric_comparisons_handle_missing_nan_and_infinite_values(text: str, ids: str) -> None:
    assert matching(text, METRICS) == ids


PARAMS = [
    a_run("three", params={"k": "3"}),
    a_run("ten", params={"k": "10"}),
    a_run("float", params={"k": "3.0"}),
    a_run("auto", params={"k": "auto"}),
    a_run("Auto", params={"k": "Auto"}),
    a_run("empty", params={"k": ""}),
    a_run("not-a-number", params={"k": "nan"}),
    a_run("none"),
]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("k = '3'", "three"),
        ('k = "3"', "three"),
        ("k = 3", "three float"),
        ("k != 3", "ten auto Auto empty not-a-number"),
        ("k != '3'", "ten float auto Auto empty not-a-number"),
        ("k >= 5", "ten"),
        ("k < 10", "three float"),
        ("k between 3 and 9", "three float"),
        ("k not between 4 and 11", "three float"),
        ("k in (3, auto)", "three float auto"),
        ("k in ('3', 'Auto')", "three Auto"),
        ("k not in (3, auto)", "ten Auto empty not-a-number"),
        ("k = auto", "auto"),
        ("k = ''", "empty"),
        ("k = nan", "not-a-number"),
        ("k like 'a%'", "auto"),
        ("k ilike 'A%'", "auto Auto"),
        ("k not like '%'", ""),
        ("k not ilike 'a%'", "three ten float empty not-a-number"),
        ("k ~ '^[0-9]+$'", "three ten"),
        ("k !~ '[0-9]'", "auto Auto empty not-a-number"),
        ("k ~ '(?i)^AUTO$'", "auto Auto"),
        ("k is null", "none"),
        ("k is not null and not k > 0", "auto Auto empty not-a-number"),
        ("k is nan", "not-a-number"),
    ],
)
def test_parameters_compare_as_text_when_quoted_and_as_numbers_when_not(text: str, ids: str) -> None:
    assert matching(text, PARAMS) == ids


ATTRIBUTES = [
    a_run("aa01", name="knn-5", status="FINISHED", start=START, seconds=0.25, user="ada"),
    a_run("aa02", name="KNN-7", status="RUNNING", start=START + DAY, seconds=None, user="bo"),
    a_run("bb03", name="svm", status="FAILED", start=START + 2 * DAY, seconds=5400, user=""),
    a_run("cc04", status="KILLED", start=None, seconds=None),
]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("status = running", "aa02"),
        ("status = 'RUNNING'", "aa02"),
        ("status != Finished", "aa02 bb03 cc04"),
        ("status in (failed, killed)", "bb03 cc04"),
        ("status in ('FAILED', \"KILLED\", Running)", "aa02 bb03 cc04"),
        ("status ilike 'f%' and status ~ '^FI'", "aa01"),
        ("status LIKE 'F%'", "aa01 bb03"),
        ("attributes.status = finished", "aa01"),
        ("attr.status = finished or run.status = failed", "aa01 bb03"),
        ("run_name = 'svm'", "bb03"),
        ("name = svm", "bb03"),
        ("name like 'knn%'", "aa01"),
        ("run_name is null", "cc04"),
        ("id = aa01", "aa01"),
        ("run_id IN ('aa01', 'bb03')", "aa01 bb03"),
        ("run_id not in ('aa01')", "aa02 bb03 cc04"),
        ("user = ada", "aa01 cc04"),
        ("user_id != 'ada'", "aa02 bb03"),
        ("user = ''", "bb03"),
        ("user is null", "bb03"),
        ("duration < 1", "aa01"),
        ("duration < 500ms", "aa01"),
        ("duration > 10m", "bb03"),
        ("duration > 5000S and duration < 2H", "bb03"),
        ("took >= 1h30m", "bb03"),
        ("duration between 1h and 2h", "bb03"),
        ("duration is null", "aa02 cc04"),
        ("end_time is null", "aa02 cc04"),
        (f"start_time >= {START + DAY}", "aa02 bb03"),
        (f"created = {START}", "aa01"),
        ("start_time > -7d", "aa01 aa02 bb03"),
        ("started > -36h", "bb03"),
        ("started > -7D", "aa01 aa02 bb03"),
        ("started < -1d12h", "aa01 aa02"),
        ("started between -60h and -1d", "aa02 bb03"),
        ("started in (-3d)", "aa01"),
        ("started != -3d", "aa02 bb03"),
        ("artifact_uri LIKE '%/bb03/%'", "bb03"),
        ("experiment_id = 1", "aa01 aa02 bb03 cc04"),
    ],
)
def test_attributes_times_and_durations_compare_in_their_own_units(text: str, ids: str) -> None:
    assert matching(text, ATTRIBUTES, now=START + 3 * DAY) == ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("2025-10-09T08:53:20+00:00", "aa02 bb03"),
        ("'2025-10-09 08:53:20+00:00'", "aa02 bb03"),
        ("2025-10-11T00:00Z", "bb03"),
        ("2099-01-01", ""),
    ],
)
def test_dates_are_in_local_time(text: str, ids: str) -> None:
    assert matching(f"start_time > {text}", ATTRIBUTES) == ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("knn", "aa01 aa02"),
        ("KNN 5", "aa01"),
        ("'knn-5'", "aa01"),
        ('"m"', "bb03"),
        ("knn or svm", "aa01 aa02 bb03"),
        ("not knn", "bb03 cc04"),
        ("(knn) and status = running", "aa02"),
        ("AA0", "aa01 aa02"),
        ("cc04", "cc04"),
        ("nothing-like-this", ""),
        ("", "aa01 aa02 bb03 cc04"),
        (" \n\t ", "aa01 aa02 bb03 cc04"),
    ],
)
def test_bare_words_search_names_and_ids(text: str, ids: str) -> None:
    assert matching(text, ATTRIBUTES) == ids


def test_and_binds_closer_than_or() -> None:
    runs = [a_run("a", params={"x": "1", "y": "1"}), a_run("b", params={"x": "2", "y": "1"}), a_run("c")]
    assert matching("x = 1 or x = 2 and y = 2", runs) == "a"
    assert matching("(x = 1 or x = 2) and y = 1", runs) == "a b"
    assert matching("x IS NULL OR NOT x = 1", runs) == "b c"


def test_a_column_without_values_is_null_in_every_run() -> None:
    runs = [a_run("a"), a_run("b", tags={"mlflow.parentRunId": "a"})]
    assert matching("tags.mlflow.parentRunId IS NULL", runs) == "a"
    assert matching("tags.`no such` IS NULL", runs) == "a b"
    assert matching("params.none IS NOT NULL", runs) == ""


def test_a_filter_can_be_applied_to_frames_without_its_columns() -> None:
    with_y = RunFrame.from_runs([a_run("a", metrics={"x": 1}), a_run("b", metrics={"y": 1})])
    compiled = compile_filter("x > 0 or params.z is null and y > 0", with_y.keys)
    assert compiled.rows(with_y) == [0, 1]
    assert compiled.rows(RunFrame.from_runs([a_run("c"), a_run("d", metrics={"y": 2})])) == [1]
    assert compiled.rows(RunFrame.from_runs([])) == []


def test_only_the_named_columns_are_read() -> None:
    table = WatchedTable(RunFrame.from_runs(METRICS))
    compiled = compile_filter("acc > 0.5 and status = finished and tags.x is null", table.frame.keys)
    compiled.rows(table)
    assert table.looked == {"metrics.acc", "status", "tags.x"} == {str(key) for key in compiled.keys}


class WatchedTable:
    """A table that records which columns are read."""

    def __init__(self, frame: RunFrame) -> None:
        self.frame = frame
        self.looked: set[str] = set()

    def __len__(self) -> int:
        return len(self.frame)

    def scan(self, key: ColumnKey) -> Sequence[Value]:
        self.looked.add(str(key))
        return self.frame.scan(key)

    def numbers(self, key: ColumnKey) -> Sequence[float | None]:
        self.looked.add(str(key))
        return self.frame.numbers(key)
