"""The columns of a run table: labels, alignment, formats and widths."""

from __future__ import annotations

import math

import pytest

from engine.columns import ColumnKey
from engine.entities import Run
from engine.runs.frame import RunFrame
from engine.runs.table_columns import Column, cell_text, columns_for, default_keys
from engine.text import cell_width
from tests.support.runs import START, a_run

HOSTILE = "\x1b[31mred\u202e\n\t[/x]"


def default_columns(frame: RunFrame, *, narrow: bool = False) -> tuple[Column, ...]:
    return columns_for(frame, default_keys(frame, narrow=narrow))


def columns(*runs: Run) -> dict[str, Column]:
    return {str(column.key): column for column in default_columns(RunFrame.from_runs(runs))}


RUNS = [
    a_run("a", name="knn-7", params={"k": "11", "metric": "euclidean"}, metrics={"acc": 0.918, "n": 29.0}),
    a_run("b", name="knn-5", params={"k": "7"}, metrics={"acc": math.nan}, tags={"team": "x"}),
]


def labels(*runs: Run, narrow: bool = False) -> list[str]:
    return [column.label for column in default_columns(RunFrame.from_runs(runs), narrow=narrow)]


def test_distinctive_columns_come_first_and_tags_are_hidden() -> None:
    assert labels(*RUNS) == ["name", "status", "started", "took", "acc", "k", "n", "metric", "user"]
    assert labels(*RUNS, narrow=True)[:6] == ["name", "status", "acc", "started", "took", "k"]
    many = a_run("c", metrics={"z": 1, "a": 1, "accuracy": 1, "f1": 1}, params={"b": "1"})
    assert labels(many)[4:] == ["accuracy", "f1", "a", "z", "b", "user"]
    assert labels(a_run("d", params={"p": "1"}), a_run("e", user="bo"))[4:] == ["user", "p"]


def test_numbers_are_right_aligned() -> None:
    assert {key for key, column in columns(*RUNS).items() if column.numeric} == {
        *("duration", "metrics.acc", "metrics.n", "params.k")
    }


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("run_name", "knn-7", "knn-7"),
        ("run_name", None, "–"),
        ("run_name", HOSTILE, "␛[31mred�␊␉[/x]"),
        ("status", "FINISHED", "✓ finished"),
        ("status", "FAILED", "✗ failed"),
        ("status", "RUNNING", "◐ running"),
        ("status", "SCHEDULED", "◌ scheduled"),
        ("status", "KILLED", "⊘ killed"),
        ("status", "ODD\x1b", "ODD␛"),
        ("start_time", START - 8000, "8 s ago"),
        ("start_time", None, "–"),
        ("duration", 0.31, "0.31s"),
        ("duration", None, "–"),
        ("metrics.acc", 0.5, "0.5000"),
        ("metrics.acc", math.nan, "NaN"),
        ("metrics.acc", -math.inf, "-inf"),
        ("metrics.acc", None, "–"),
        ("metrics.n", 30.0, "30"),
        ("metrics.n", 30.5, "30.5000"),
        ("params.k", "0.10", "0.10"),
        ("params.metric", "", ""),
    ],
)
def test_a_cell_shows_its_value(key: str, value: str | float | None, shown: str) -> None:
    assert cell_text(columns(*RUNS)[key], value, START) == shown


def test_a_column_fits_its_label_and_sampled_values_within_limits() -> None:
    long = a_run(
        "c", name="n" * 90, params={"text": "t" * 90, "p" * 60: "1"}, metrics={"class_1_precision": 0.5}
    )
    wide = a_run("d", name="模型" * 4, params={"k": "7"})
    found = columns(long, wide)
    assert found["run_name"].width == 40
    assert found["params.text"].width == 24
    assert found["params." + "p" * 60].width == 28
    assert found["metrics.class_1_precision"].width == len("class_1_precision")
    assert found["params.k"].width == 1
    assert columns(wide)["run_name"].width == cell_width(found["run_name"].label) + 12 == 16
    assert found["status"].width == len("◌ scheduled")
    assert found["start_time"].width == len("59 min ago")


def test_the_sample_is_spread_over_the_whole_table() -> None:
    runs = [a_run(f"r{n}", metrics={"loss": 1.0 if n < 900 else 123.25}) for n in range(1000)]
    assert columns(*runs)["metrics.loss"].width == len("123.2500")
    rare = [a_run(f"r{n}", metrics={"rare": 0.25} if n == 777 else {}) for n in range(1000)]
    assert columns(*rare)["metrics.rare"].width == len("0.2500")


def test_equal_names_get_prefixes_as_in_a_filter() -> None:
    found = columns(a_run("a", params={"lr": "0.1", "name": "x"}, metrics={"lr": 0.1, "f1": 0.5}))
    for key in ("run_name", "metrics.lr", "params.lr", "params.name"):
        assert found[key].label == key
    assert found["metrics.f1"].label == "f1"


def test_labels_are_safe_to_show() -> None:
    found = columns(a_run("a", params={HOSTILE: HOSTILE}, metrics={"\u200bm": 1}))
    assert {c.label for c in found.values()} >= {"�m", "␛[31mred�␊␉[/x]"}


def test_an_empty_frame_has_columns() -> None:
    assert labels() == ["name", "status", "started", "took", "user"]


def test_any_column_can_be_shown() -> None:
    frame = RunFrame.from_runs(RUNS)
    keys = [ColumnKey("tag", "team"), ColumnKey("attribute", "run_id"), ColumnKey("metric", "gone")]
    assert [(c.label, c.width) for c in columns_for(frame, keys)] == [("team", 4), ("run_id", 6), ("gone", 4)]


def test_the_sample_per_column_shrinks_with_many_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = RunFrame.from_runs(
        [a_run(f"r{n}", metrics={f"m{m}": 0.5 for m in range(600)}) for n in range(60)]
    )
    limits = set()
    original = RunFrame.sample
    monkeypatch.setattr(
        RunFrame, "sample", lambda self, key, limit: (limits.add(limit), original(self, key, limit))[1]
    )
    assert len(default_columns(frame)) == 605
    assert 49 in limits
