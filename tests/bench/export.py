"""Exporting 100,000 runs to CSV, against `DataFrame.to_csv` of the same columns.

    .venv/bin/python tests/bench/export.py [--runs 100000] [--repeat 3]

The frame has 34 columns (see frame.py). pandas gets a finished DataFrame of the same values, so that only
its writing is measured; the console's time includes reading its frame. Each figure is the best of some
repeats, in CPU seconds, in turns, in one run.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from engine.export.runs import runs_sheet
from engine.export.writers import FORMATS, write_sheet
from tests.bench.frame import grown


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    frame, _ = grown(options.runs, lambda _: None)
    columns = runs_sheet(frame).columns
    table = pd.DataFrame(
        {
            column.name: pd.to_datetime(column.values, unit="ms", utc=True)
            if column.kind == "time"
            else column.values
            for column in columns
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        ours, theirs = [], []
        for _ in range(options.repeat):
            ours.append(seconds(lambda: write_sheet(runs_sheet(frame), path / "ours.csv")))
            theirs.append(seconds(lambda: table.to_csv(path / "theirs.csv", index=False)))
        same = (path / "ours.csv").read_bytes() == (path / "theirs.csv").read_bytes()
        ratio = min(ours) / min(theirs)
        print(f"{options.runs:,} runs × {len(columns)} columns to CSV: {min(ours):.2f} s")
        print(f"DataFrame.to_csv: {min(theirs):.2f} s; ratio {ratio:.2f} (goal ≤ 1.5); same bytes: {same}")
        for suffix in FORMATS:
            took = seconds(lambda name=f"ours{suffix}": write_sheet(runs_sheet(frame), path / name))
            print(f"{suffix:<9} {took:6.2f} s {(path / f'ours{suffix}').stat().st_size / 1e6:8.1f} MB")


if __name__ == "__main__":
    main()
