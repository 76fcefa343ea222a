"""What `insights` costs: CPU seconds of the command, of reading the runs, and of the conclusions alone.

    .venv/bin/python tests/bench/insights.py [--runs 10000] [--repeat 3]

The runs have 8 parameters and 12 metrics. Accuracy, of 1,000 test rows, depends on the optimizer and, with
the schedule, on the batch size; half of the runs have no history, the others 20 steps of it. Each figure is
the best of some repeats, in a new process each.
"""

from __future__ import annotations

import argparse
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.bench.stores import EXPERIMENT, make_store
from tests.support.console import COMMAND, environment

GOAL = 3.0
ROWS = 1000
STEPS = 20
_PHASES = """
import sys, time
from engine.api import Engine
from engine.uri import resolve
with Engine(resolve(sys.argv[1])) as engine:
    frame = engine.runs.feed(engine.runs.experiment(sys.argv[2]).experiment_id).load()
    read = time.process_time()
    engine.evidence.insights(frame, "accuracy")
    print(read, time.process_time() - read)
"""


def plant(path: Path) -> None:
    """Accuracies that depend on parameters, the number of test rows, and histories."""
    chance = random.Random(3)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        params: dict[str, dict[str, str]] = {}
        for run_id, key, value in connection.execute("SELECT run_uuid, key, value FROM params"):
            params.setdefault(run_id, {})[key] = value
        accuracies, counts, histories = [], [], []
        for number, (run_id, chosen) in enumerate(params.items()):
            share = 0.8 + 0.05 * (chosen["optimizer"] == "adam")
            share += 0.02 * (chosen["schedule"] == "cosine") * (chosen["batch_size"] in ("1", "3"))
            right = sum(chance.random() < share for _ in range(ROWS // 20)) * 20
            accuracies.append((right / ROWS, run_id))
            counts.append((run_id, float(ROWS)))
            if number % 2:
                histories += [(run_id, right / ROWS * step / STEPS, step) for step in range(1, STEPS + 1)]
        connection.executemany(
            "UPDATE latest_metrics SET value = ? WHERE run_uuid = ? AND key = 'accuracy'", accuracies
        )
        connection.executemany(
            "INSERT INTO latest_metrics (run_uuid, key, value, is_nan, timestamp, step)"
            " VALUES (?, 'example_count', ?, 0, 0, 0)",
            counts,
        )
        connection.executemany(
            "INSERT INTO metrics (run_uuid, key, value, is_nan, timestamp, step)"
            " VALUES (?, 'accuracy', ?, 0, 0, ?)",
            histories,
        )
        connection.execute("COMMIT")


def cpu_of(*command: str | Path, home: Path) -> tuple[float, str]:
    """The CPU seconds of a process, and its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment(home), capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_store(folder / "bench.db", options.runs)
        plant(folder / "bench.db")
        uri = f"sqlite:///{folder / 'bench.db'}"
        whole, read, alone = [], [], []
        for _ in range(options.repeat):
            command = (COMMAND, "--tracking-uri", uri, "insights", EXPERIMENT, "--metric", "accuracy")
            spent, output = cpu_of(*command, home=folder)
            whole.append(spent)
            _, phases = cpu_of(sys.executable, "-c", _PHASES, uri, EXPERIMENT, home=folder)
            for figure, figures in zip(map(float, phases.split()), (read, alone), strict=True):
                figures.append(figure)
    print(output)
    print(f"{options.runs:,} runs, CPU seconds, best of {options.repeat}")
    print(f"the command         {min(whole):.2f}   goal {GOAL}")
    print(f"  start and reading {min(read):.2f}")
    print(f"  the conclusions   {min(alone):.2f}")


if __name__ == "__main__":
    main()
