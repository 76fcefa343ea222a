"""What a frame of runs costs: growing, sorting, filtering, arranging, and its memory.

    .venv/bin/python tests/bench/frame.py [--runs 100000] [--repeat 5]

The runs have 34 columns: 12 metrics, 11 parameters, a tag, facts of a data set and the attributes; nine
of ten are children of the tenth. Two bare Python passes over one column of the same frame are the
measure: `sorted(range(n), key=column.__getitem__)` for sorting and arranging, and
`[row for row in range(n) if column[row] > 0.5]` for filtering. Each figure is the best of some
repeats, in CPU milliseconds, with its ratio to the bare pass of its kind; "first" is the first time on
a new frame, when nothing is remembered. Growing is told per run, in pages as a store gives them.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

from engine.columns import ColumnKey
from engine.entities import DatasetRef, Run
from engine.filters.compiler import compile_filter
from engine.runs.arrange import arrange
from engine.runs.frame import RunFrame, SortKey, sorted_rows
from engine.runs.grouping import Groups
from engine.runs.table_columns import columns_for, default_keys
from engine.runs.view import RunView
from engine.stores.base import PAGE_SIZE

START = 1_760_000_000_000
METRIC, PARAM, CHOICE = ColumnKey("metric", "m3"), ColumnKey("param", "p3"), ColumnKey("param", "optimizer")
NAME, DATA = ColumnKey("attribute", "run_name"), ColumnKey("dataset", "name")
NOW = START + 3_600_000

SORTS = {
    "a metric": [SortKey(METRIC, descending=True)],
    "a numeric parameter": [SortKey(PARAM)],
    "a text parameter": [SortKey(CHOICE)],
    "the name": [SortKey(NAME)],
    "a data set's name": [SortKey(DATA)],
    "three keys": [SortKey(CHOICE), SortKey(PARAM), SortKey(METRIC, descending=True)],
}
FILTERS = (
    "m3 > 0.5",
    "m3 > 0.5 and optimizer = adam",
    "p3 >= 5",
    "m3 > 0.9 or m4 < 0.1 or optimizer = 'sgd'",
    "not m3 > 0.5",
    "start_time > -7d",
    "duration > 10m",
    "run-99",
    "name like '%99%'",
    "name ~ '-(12|34)[5-9]+$'",
)


def page_of_runs(chance: Random, first: int, count: int) -> list[Run]:
    runs: list[Run] = []
    parent = ""
    for number in range(first, first + count):
        run_id = f"{chance.getrandbits(128):032x}"
        is_parent = number % 10 == 0
        parent = run_id if is_parent else parent
        params = {f"p{n}": str(chance.choice((1, 3, 5, 7, 9, 11))) for n in range(10)}
        runs.append(
            Run(
                run_id=run_id,
                run_name=f"run-{number}",
                experiment_id="1",
                status="FINISHED",
                start_time=START - 1000 * number,
                end_time=START - 1000 * number + chance.randrange(2_000_000),
                user_id="ada",
                artifact_uri=f"mlflow-artifacts:/1/{run_id}/artifacts",
                params={**params, "optimizer": chance.choice(("adam", "sgd", "rmsprop"))},
                metrics={f"m{n}": chance.random() for n in range(12)},
                tags={} if is_parent else {"mlflow.parentRunId": parent},
                datasets=(DatasetRef(chance.choice(("heart", "wine")), "d1", "train"),),
            )
        )
    return runs


def grown(total: int, look: Callable[[RunFrame], object]) -> tuple[RunFrame, float]:
    """A frame grown page by page, and the CPU seconds of growing and looking alone."""
    chance, frame, seconds = Random(7), RunFrame.from_runs([]), 0.0
    for first in range(0, total, PAGE_SIZE):
        page = page_of_runs(chance, first, min(PAGE_SIZE, total - first))
        began = time.process_time()
        frame = frame.extended(page, total=total, complete=first + PAGE_SIZE >= total)
        look(frame)
        seconds += time.process_time() - began
    return frame, seconds


def milliseconds(work: Callable[[], object], repeat: int) -> float:
    taken = []
    for _ in range(repeat):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return 1000 * min(taken)


def resident() -> float:
    """Megabytes that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def line(what: str, value: float, bare: float | None = None) -> None:
    ratio = "" if bare is None else f"{value / bare:8.1f} ×"
    print(f"  {what:<48}{value:9.1f} ms{ratio}")


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--runs", type=int, default=100_000)
    reader.add_argument("--repeat", type=int, default=5)
    asked = reader.parse_args()
    before = resident()
    frame, seconds = grown(asked.runs, lambda _: None)
    gc.collect()
    print(f"{len(frame):,} runs × {len(frame.keys)} columns: {resident() - before:.0f} MB")
    print(
        f"  growing in pages of {PAGE_SIZE}: {1000 * seconds:.0f} ms, {1e6 * seconds / len(frame):.1f} µs/run"
    )
    keys = default_keys(frame)[:12]
    _, watched = grown(asked.runs, lambda f: [f.reader(key)(0) for key in keys])
    print(f"  the same, each frame drawn (12 columns): {1e6 * watched / len(frame):.1f} µs a run")
    sorting(frame, asked.repeat)
    filtering(frame, asked.repeat)
    arranging(frame, asked.repeat)
    print("columns, labels, formats and widths")
    line("of the default table", milliseconds(lambda: columns_for(frame, default_keys(frame)), asked.repeat))


def sorting(frame: RunFrame, repeat: int) -> None:
    column = frame.column(METRIC)
    rows = range(len(frame))
    half = rows[::2]
    bare = milliseconds(lambda: sorted(rows, key=column.__getitem__), repeat)  # type: ignore[arg-type]
    print("sorting")
    line("bare: sorted(range(n), key=column.__getitem__)", bare, bare)
    for what, keys in SORTS.items():
        sort = partial(sorted_rows, keys=keys)
        line(f"{what}, first", on_new_frames(frame, sort, repeat), bare)
        line(f"{what}, first, half of the rows", on_new_frames(frame, partial(sort, rows=half), repeat), bare)
        line(f"{what}, again", milliseconds(partial(sort, frame), repeat), bare)


def on_new_frames(frame: RunFrame, work: Callable[[RunFrame], object], repeat: int) -> float:
    """Milliseconds of work on a frame that remembers nothing."""
    new = [frame.extended((), total=len(frame) + number) for number in range(1, repeat + 1)]
    return milliseconds(lambda: work(new.pop()), repeat)


def arranging(frame: RunFrame, repeat: int) -> None:
    column = frame.column(METRIC)
    bare = milliseconds(lambda: sorted(range(len(frame)), key=column.__getitem__), repeat)  # type: ignore[arg-type]
    sort = (SortKey(METRIC, descending=True),)
    flat, tree = RunView(sort=sort), RunView(sort=sort, layout="tree")
    few = RunView(sort=sort, layout="groups", group_by=(CHOICE, PARAM))
    many = RunView(sort=sort, layout="groups", group_by=tuple(ColumnKey("param", f"p{n}") for n in range(6)))
    typed = RunView("m4 > 0.5", sort=sort)
    print("arranging, sorted by a metric, ready to be drawn")
    line("bare: sorted(range(n), key=column.__getitem__)", bare, bare)
    for what, view in {"flat": flat, "filtered": typed, "tree": tree, "groups": few}.items():
        work = partial(arrange, view=view, now=NOW)
        again = partial(work, frame, before=work(frame))
        line(f"{what}, first", on_new_frames(frame, work, repeat), bare)
        line(f"{what}, again", milliseconds(again, repeat), bare)
    for view in (few, many):
        count = len(Groups(frame, range(len(frame)), view.group_by))
        line(f"{count:,} groups", milliseconds(partial(told, frame, view, 0), repeat), bare)
        line(f"{count:,} groups and 12 metrics", milliseconds(partial(told, frame, view, 12), repeat), bare)


def told(frame: RunFrame, view: RunView, metrics: int) -> None:
    """Group all runs, and compute the statistics of some metrics."""
    groups = Groups(frame, range(len(frame)), view.group_by)
    for number in range(metrics):
        groups.statistics(ColumnKey("metric", f"m{number}"))


def filtering(frame: RunFrame, repeat: int) -> None:
    column = frame.column(METRIC)
    rows = range(len(frame))
    bare = milliseconds(lambda: [row for row in rows if column[row] > 0.5], repeat)  # type: ignore[operator]
    print("filtering, the text read anew each time")
    line("bare: [row for row in range(n) if column[row] > x]", bare, bare)
    for text in FILTERS:

        def work(text: str = text) -> list[int]:
            return compile_filter(text, frame.keys, frame).rows(frame, now=NOW)

        line(text, milliseconds(work, repeat), bare)


if __name__ == "__main__":
    main()
