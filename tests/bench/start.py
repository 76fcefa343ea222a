"""How long the console takes to its first paint and to its first rows, against a bare Textual program.

    .venv/bin/python tests/bench/start.py [--runs 15] [--rows 120]

Each is started on a pseudo-terminal in the same environment, one after the other in turns, so that
whatever else the machine does meets all of them. Two bare programs are the measure:

- one that shows a line of text: its first paint;
- one that shows the same runs in a stock DataTable, read by bare sqlite3: its first rows.

"First paint" is the first output after which the screen is not blank; "first rows" the first after
which the newest run's name is on it. Prints medians in milliseconds and their ratios. The goals
are 1.3 for the paint and 1.6 for the rows. Then the CPU time of `--help` and `--version`; their goal is
0.3 s.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.console import COMMAND, environment
from tests.support.terminal import Terminal

NEWEST = "newest-of-all"

BARE_TEXT = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("bare")

Bare().run()
"""

BARE_TABLE = """
import sqlite3
from textual.app import App
from textual.widgets import DataTable

RUNS = "SELECT run_uuid, name, status, start_time FROM runs ORDER BY start_time DESC"
METRICS = "SELECT run_uuid, key, value FROM latest_metrics"
PARAMS = "SELECT run_uuid, key, value FROM params"

class Bare(App):
    def compose(self):
        yield DataTable()

    def on_mount(self):
        database = sqlite3.connect("file:mlflow.db?mode=ro", uri=True)
        runs = database.execute(RUNS).fetchall()
        values = {}
        for query in (METRICS, PARAMS):
            for run, key, value in database.execute(query):
                values.setdefault(run, {})[key] = value
        keys = sorted({key for found in values.values() for key in found})
        table = self.query_one(DataTable)
        table.add_columns("name", "status", "started", *keys)
        table.add_rows(
            [name, status, start, *(str(values.get(run, {}).get(key, "")) for key in keys)]
            for run, name, status, start in runs
        )

Bare().run()
"""


@dataclass
class Program:
    name: str
    argv: list[str]
    shows: str
    paints: list[float] = field(default_factory=list)
    rows: list[float] = field(default_factory=list)

    def measure(self, folder: Path, home: Path) -> None:
        """Start it once, and note both times in milliseconds."""
        terminal_is = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        with Terminal(self.argv, env=environment(home, **terminal_is), cwd=folder) as terminal:
            terminal.wait_until(lambda: bool(terminal.text.strip()), "a first paint")
            self.paints.append(1000 * terminal.arrivals[-1][1])
            terminal.wait_for(self.shows)
            self.rows.append(1000 * terminal.arrivals[-1][1])
            terminal.press("ctrl+q")
            terminal.wait_exit()


def build_store(folder: Path, rows: int) -> None:
    """`rows` runs with 20 metrics and 4 parameters each: the shape of a sweep of the demo."""
    from mlflow.entities import Metric, Param
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.create_experiment("bench", artifact_location=(folder / "artifacts").as_uri())
    for number in range(rows):
        start = 1_760_000_000_000 + number * 1000
        name = NEWEST if number == rows - 1 else f"run-{number}"
        run_id = client.create_run(experiment, start_time=start, run_name=name).info.run_id
        client.log_batch(
            run_id,
            metrics=[Metric(f"metric_{m:02d}", number / (m + 1), start, 0) for m in range(20)],
            params=[Param(f"param_{p}", str(number % (p + 2))) for p in range(4)],
        )
        client.set_terminated(run_id, end_time=start + 500)


def cpu_seconds(argument: str, home: Path) -> float:
    """User and system time of one `mlflow-console ARGUMENT`."""
    process = subprocess.Popen([COMMAND, argument], env=environment(home), stdout=subprocess.DEVNULL)
    _, process.returncode, used = os.wait4(process.pid, 0)
    return used.ru_utime + used.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description="Start-up of the console against bare Textual programs.")
    parser.add_argument("--runs", type=int, default=15, help="starts of each program")
    parser.add_argument("--rows", type=int, default=120, help="runs in the store")
    options = parser.parse_args()
    console = Program("mlflow-console", [str(COMMAND)], NEWEST)
    text = Program("bare Textual, one line", [sys.executable, "-c", BARE_TEXT], "bare")
    table = Program("bare Textual, DataTable", [sys.executable, "-c", BARE_TABLE], NEWEST)
    with tempfile.TemporaryDirectory(prefix="mlflow-console-bench-") as scratch:
        folder, home = Path(scratch) / "work", Path(scratch) / "home"
        folder.mkdir()
        home.mkdir()
        build_store(folder, options.rows)
        for turn in range(options.runs + 1):  # the first turn fills the caches and does not count
            for program in (console, text, table):
                program.measure(folder, home)
            if turn == 0:
                for program in (console, text, table):
                    program.paints.clear()
                    program.rows.clear()
        light = {
            argument: statistics.median(cpu_seconds(argument, home) for _ in range(options.runs))
            for argument in ("--help", "--version")
        }
    report((console, text, table))
    for argument, seconds in light.items():
        print(f"{argument:26}{seconds:12.2f} s of CPU   goal: 0.3 s")
    return 0


def report(programs: tuple[Program, Program, Program]) -> None:
    console, text, table = programs
    print(f"{'':26}{'first paint':>14}{'first rows':>14}   medians of {len(console.paints)}, ms")
    for program in programs:
        rows = f"{statistics.median(program.rows):14.0f}" if program is not text else f"{'–':>14}"
        print(f"{program.name:26}{statistics.median(program.paints):14.0f}{rows}")
    paint = statistics.median(console.paints) / statistics.median(text.paints)
    rows_ratio = statistics.median(console.rows) / statistics.median(table.rows)
    print(f"{'console / bare':26}{paint:13.2f}×{rows_ratio:13.2f}×   goals: 1.3× and 1.6×")


if __name__ == "__main__":
    sys.exit(main())
