"""Run frames: their contents, how they grow, and that earlier frames never change."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from engine.columns import ColumnKey
from engine.entities import Run
from engine.runs.frame import RunFrame
from tests.support.runs import START, a_run, canonical

ACC, LOSS = ColumnKey("metric", "acc"), ColumnKey("metric", "loss")
K, TEAM = ColumnKey("param", "k"), ColumnKey("tag", "team")
NAME, DURATION = ColumnKey("attribute", "run_name"), ColumnKey("attribute", "duration")

RUNS = [
    a_run("a", name="one", params={"k": "3"}, metrics={"acc": 0.5}, tags={"team": "x"}, seconds=2.5),
    a_run("b", status="RUNNING", seconds=None, metrics={"acc": math.nan, "loss": math.inf}),
    a_run("c", start=None, seconds=None, user="", params={"k": "", "z": "1"}),
]


def test_a_frame_holds_runs_by_column() -> None:
    frame = RunFrame.from_runs(RUNS, total=7, complete=False)
    assert len(frame) == 3
    assert (frame.total, frame.complete) == (7, False)
    assert list(frame.run_ids) == ["a", "b", "c"]
    assert [str(key) for key in frame.keys] == [
        *("run_id", "run_name", "status", "start_time", "end_time", "duration", "user_id"),
        *("metrics.acc", "metrics.loss", "params.k", "params.z", "tags.team"),
    ]
    assert frame.column(K) == ["3", None, ""]
    assert frame.column(LOSS) == [None, math.inf, None]
    assert frame.column(NAME) == ["one", None, None]
    assert frame.column(DURATION) == [2.5, None, None]
    assert frame.row_of("b") == 1
    assert frame.row_of("nobody") is None
    with pytest.raises(KeyError):
        frame.column(ColumnKey("metric", "k"))
    with pytest.raises(KeyError):
        frame.column(ColumnKey("attribute", "team"))


def test_an_empty_frame_has_no_rows() -> None:
    frame = RunFrame.from_runs([])
    assert len(frame) == 0
    assert list(frame.run_ids) == []
    assert frame.column(DURATION) == []
    assert list(frame.newest_first()) == []
    assert not frame.is_numeric(K)


def same(one: Run, other: Run) -> bool:
    return canonical(one) == canonical(other)


def test_a_run_survives_a_round_trip_through_a_frame() -> None:
    frame = RunFrame.from_runs(RUNS)
    assert all(same(frame.run(row), run) for row, run in enumerate(RUNS))
    assert frame.column(ColumnKey("attribute", "artifact_uri"))[0] == "mlflow-artifacts:/1/a/artifacts"
    with pytest.raises(IndexError):
        frame.run(3)
    with pytest.raises(IndexError):
        frame.run(-1)


def test_parameters_are_numeric_if_every_value_is_a_number() -> None:
    runs = [
        a_run("a", params={"n": "3", "mixed": "3", "odd": "1_000", "none": "None"}, tags={"t": "1"}),
        a_run("b", params={"n": "1e-3", "mixed": "auto"}, metrics={"acc": 1.0}),
    ]
    frame = RunFrame.from_runs(runs)
    numeric = {str(key) for key in frame.keys if frame.is_numeric(key)}
    assert numeric == {"metrics.acc", "params.n", "tags.t", "start_time", "end_time", "duration"}
    assert frame.numbers(ColumnKey("param", "mixed")) == [3.0, None]
    assert not frame.is_numeric(ColumnKey("param", "missing"))


def test_growing_leaves_earlier_frames_unchanged() -> None:
    first = RunFrame.from_runs(RUNS[:1], complete=False)
    held = first.column(ACC)
    second = first.extended(RUNS[1:2], total=3, complete=False)
    third = second.extended(RUNS[2:])
    assert (len(first), len(second), len(third)) == (1, 2, 3)
    assert held == first.column(ACC) == [0.5]
    assert [str(key) for key in first.keys if key.kind == "metric"] == ["metrics.acc"]
    assert second.column(LOSS) == [None, math.inf]
    assert second.column(K) == ["3", None]
    assert third.column(K) == ["3", None, ""]
    assert list(second.run_ids) == ["a", "b"]
    assert second.row_of("c") is None
    assert (second.total, third.total) == (3, 3)
    assert (second.complete, third.complete) == (False, True)
    assert K in first
    assert LOSS not in first


def test_two_frames_can_grow_from_the_same_one() -> None:
    root = RunFrame.from_runs(RUNS[:1])
    one = root.extended([a_run("b", metrics={"acc": 1.0})])
    other = root.extended([a_run("x", metrics={"acc": 2.0, "loss": 3.0})])
    further = one.extended([a_run("x", metrics={"acc": 4.0})])
    assert list(one.column(ACC)) == [0.5, 1.0]
    assert list(other.column(ACC)) == [0.5, 2.0]
    assert list(further.column(ACC)) == [0.5, 1.0, 4.0]
    assert (one.row_of("x"), other.row_of("x"), further.row_of("x")) == (None, 1, 2)
    assert root.row_of("b") is None


def test_an_existing_run_is_replaced_in_its_row() -> None:
    before = RunFrame.from_runs(RUNS)
    now_done = a_run("b", name="done", seconds=9, metrics={"acc": 0.8, "f1": 0.7}, params={"k": "5"})
    after = before.extended([now_done, a_run("d", metrics={"acc": 0.9})])
    assert list(after.run_ids) == ["a", "b", "c", "d"]
    assert same(after.run(1), now_done)
    assert same(before.run(1), RUNS[1])
    assert after.column(LOSS) == [None, None, None, None]
    assert after.column(ACC) == [0.5, 0.8, None, 0.9]
    assert before.column(K) == ["3", None, ""]
    again = after.extended([now_done])
    assert same(again.run(1), now_done)
    assert again.column(ACC) is after.column(ACC)  # unchanged, so not copied


def test_a_run_that_appears_twice_in_a_page_keeps_its_last_values() -> None:
    frame = RunFrame.from_runs([a_run("a", metrics={"acc": 1}), a_run("b"), a_run("a", metrics={"acc": 2})])
    assert list(frame.run_ids) == ["a", "b"]
    assert frame.column(ACC) == [2, None]


def test_equal_texts_share_memory() -> None:
    page = [
        a_run(f"r{n}", name="".join(["sa", "me"]), params={"k": "".join(["eu", "clid"])}) for n in range(9)
    ]
    frame = RunFrame.from_runs(page).extended([a_run("z", params={"k": "".join(["eucl", "id"])})])
    assert len({id(value) for value in frame.column(K)}) == 1


def test_thousands_of_rare_columns_are_stored_sparsely() -> None:
    """Each of 3,000 runs has its own metric: 9,000,000 cells, 3,000 values."""
    pages = [
        [a_run(f"{page}-{n}", metrics={f"m{page}-{n}": 1.0, "acc": 0.5}) for n in range(300)]
        for page in range(10)
    ]
    frame = RunFrame.from_runs([])
    for page in pages:
        frame = frame.extended(page)
    rare = [cells for name, cells in frame._columns["metric"].items() if name != "acc"]
    assert len(rare) == 3000
    assert all(cells.is_sparse for cells in rare)
    assert frame.reader(ColumnKey("metric", "m9-299"))(2999) == 1.0
    assert frame.run(1500).metrics == {"m5-0": 1.0, "acc": 0.5}
    assert sum(value is not None for value in frame.column(ColumnKey("metric", "m3-7"))) == 1


def test_a_sparse_column_can_become_dense() -> None:
    frame = RunFrame.from_runs([a_run(f"a{n}", metrics={"acc": 1.0} if n == 5 else {}) for n in range(100)])
    earlier = frame
    frame = frame.extended([a_run(f"b{n}", metrics={"acc": 2.0}) for n in range(100)])
    column = list(frame.column(ACC))
    assert column[5] == 1.0
    assert column[:100].count(None) == 99
    assert column[100:] == [2.0] * 100
    assert list(earlier.column(ACC)) == column[:100]


def test_readers_and_samples_agree_with_the_column() -> None:
    frame = RunFrame.from_runs(RUNS)
    for key in frame.keys:
        read = frame.reader(key)
        assert [repr(read(row)) for row in range(3)] == [repr(value) for value in frame.column(key)]
        present = [repr(value) for value in frame.column(key) if value is not None]
        assert [repr(value) for value in frame.sample(key, 10)] == present


def test_distinct_values_exclude_missing_ones_and_later_frames() -> None:
    early = RunFrame.from_runs([a_run("a", params={"k": "3"}), a_run("b", params={"k": "3"}), a_run("c")])
    late = early.extended([a_run("d", params={"k": "5"})])
    key = ColumnKey("param", "k")
    assert early.distinct(key) == {"3": 2}
    assert late.distinct(key) == {"3": 2, "5": 1}
    with pytest.raises(KeyError):
        early.distinct(ColumnKey("param", "nope"))


def test_growing_does_not_copy_existing_values() -> None:
    """Checked by identity, not time: a new page touches only its own values."""
    frame = RunFrame.from_runs([a_run(f"r{n}", metrics={"acc": 0.5}) for n in range(100)])
    items = frame._columns["metric"]["acc"].at_least(100)
    frame = frame.extended([a_run("more", metrics={"acc": 0.6})])
    assert frame._columns["metric"]["acc"].at_least(101) is items


def test_frames_can_be_read_while_they_grow() -> None:
    """A reader never sees half a page or another frame's rows."""
    frames: list[RunFrame] = [RunFrame.from_runs([])]
    problems: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            frame = frames[-1]
            columns = [frame.column(key) for key in (ACC, K, DURATION) if key in frame]
            if any(len(column) != len(frame) for column in columns) or len(frame.run_ids) != len(frame):
                problems.append(f"{len(frame)}: {[len(column) for column in columns]}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for page in range(60):
        runs = [a_run(f"{page}-{n}", metrics={"acc": float(n)}, params={"k": str(n)}) for n in range(50)]
        frames.append(frames[-1].extended(runs))
    done.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert len(frames[-1]) == 3000


NAMES = st.sampled_from(["acc", "loss", "k", "m"])
SOME_RUN = st.builds(
    a_run,
    st.sampled_from("abcdefgh"),
    name=st.sampled_from(["", "n", "m"]),
    start=st.one_of(st.none(), st.integers(START, START + 3)),
    seconds=st.one_of(st.none(), st.just(1)),
    params=st.dictionaries(NAMES, st.sampled_from(["", "1", "x"])),
    metrics=st.dictionaries(NAMES, st.floats()),
    tags=st.dictionaries(NAMES, st.text(max_size=3)),
)


@pytest.mark.slow
@given(st.lists(st.lists(SOME_RUN, max_size=12), max_size=5), st.data())
def test_every_frame_behaves_like_a_mapping_of_runs(
    pages: Sequence[Sequence[Run]], data: st.DataObject
) -> None:
    """Grown from any earlier frame, read or not, each frame matches a mapping from id to run."""
    grown: list[tuple[RunFrame, dict[str, Run]]] = [(RunFrame.from_runs([]), {})]
    for page in pages:
        frame, known = data.draw(st.sampled_from(grown))
        if data.draw(st.booleans()):
            _ = [frame.column(key) for key in frame.keys]
        grown.append((frame.extended(page), {**known, **{run.run_id: run for run in page}}))
    for frame, known in grown:
        assert list(frame.run_ids) == list(known)
        assert all(same(frame.run(row), run) for row, run in enumerate(known.values()))
        for key in frame.keys:
            assert len(frame.column(key)) == len(known)


@pytest.mark.parametrize(
    "roots",
    [
        ["s3://b/1/a/artifacts", "s3://b/1/b/artifacts"],
        ["s3://b/1/a/artifacts", "s3://elsewhere/b"],
        ["s3://b/1/a/artifacts", "s3://b/1/without"],
        ["s3://without", "s3://b/1/b/artifacts"],
        ["s3://a/a/a", "s3://b/b/b"],
        ["s3://a/1/a", "s3://a/1/b"],
        ["", "s3://b"],
        ["s3://b/\0/a", "s3://b/\0/b"],
    ],
)
def test_artifact_uris_survive_a_round_trip(roots: list[str]) -> None:
    runs = [replace(a_run(name), artifact_uri=root) for name, root in zip("ab", roots, strict=True)]
    frame = RunFrame.from_runs(runs)
    assert [frame.run(row).artifact_uri for row in range(2)] == roots
    assert list(frame.column(ColumnKey("attribute", "artifact_uri"))) == [root or None for root in roots]
