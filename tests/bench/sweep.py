"""What a sweep costs beside fitting and scoring alone, and beside the plain idioms of MLflow.

    .venv/bin/python tests/bench/sweep.py [--plain 5] [--large 40]

All train k-nearest neighbours on the heart data into a SQLite store, in turn, on the same processors:

- the console's sweep of 61 trials, each with model, metrics, predictions and dataset input; the rate counts
  from the first trial's start to the end of the sweep, the first trial from the start of `train`;
- fitting, cross-validating and scoring the same trials alone, in one process, without recording them;
- the plain idiom, `start_run`, `log_params`, `log_metrics` and `log_model` with defaults, `--plain` trials;
- `GridSearchCV` with `mlflow.sklearn.autolog`, which logs the trials' scores and one model;
- the console's sweep again, on a Dask cluster with a worker for each processor.

The overhead is the CPU time of a trial beyond that of fitting and scoring it, of all processes, with the
start of them left out. `--large` then runs that many trials on 100,000 rows × 50 columns and prints the
memory, PSS, of all processes at its highest, beside that of the data.

Goals: 8 trials/s on two processors, 50 × the plain idiom, 60 ms, the first trial after 4 s.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from engine.training.control import SweepControl
from engine.training.events import SweepEvent, SweepStarted, TrialFinished
from engine.training.executors.base import HERE, Execution
from engine.training.executors.pool import usable_processors
from engine.training.local_process import run_sweep
from engine.training.spec import DataSpec, ModelSpec, SweepSpec
from engine.uri import TrackingUri
from tests.support.dask import dask_cluster

ALONE = """
import sys, time
from engine.training.data.reading import read_dataset
from engine.training.evaluation.evaluate import evaluate
from engine.training.evaluation.parts import prepare
from engine.training.search.grid import trials
from engine.training.spec import SweepSpec
spec = SweepSpec("alone")
parts = prepare(read_dataset(spec.data), spec)
every = trials(spec, "classification")
evaluate(parts, spec, every[1])  # imports
start, cpu = time.perf_counter(), time.process_time()
for trial in every:
    evaluate(parts, spec, trial)
print(len(every), time.perf_counter() - start, time.process_time() - cpu)
"""
PLAIN = """
import sys, time
import mlflow, pandas as pd
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.metrics import accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from engine.paths import heart_csv
mlflow.set_tracking_uri(sys.argv[1]); mlflow.set_experiment("plain")
data = pd.read_csv(heart_csv()); y = data.pop("target")
parts = train_test_split(data, y, test_size=0.2, random_state=42)
def train(k):
    with mlflow.start_run():
        model = make_pipeline(StandardScaler(), KNeighborsClassifier(k))
        model.fit(parts[0], parts[2])
        mlflow.log_params({"n_neighbors": k})
        scores = cross_val_score(model, parts[0], parts[2])
        accuracy = accuracy_score(parts[3], model.predict(parts[1]))
        mlflow.log_metrics({"accuracy": accuracy, "cv_mean": scores.mean()})
        mlflow.sklearn.log_model(model, name="model", serialization_format="cloudpickle")
train(1)
start = time.perf_counter()
for k in range(int(sys.argv[2])):
    train(2 + k)
print(int(sys.argv[2]), time.perf_counter() - start)
"""
AUTOLOG = """
import sys, time
import mlflow, pandas as pd
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from engine.paths import heart_csv
mlflow.set_tracking_uri(sys.argv[1]); mlflow.set_experiment("autolog")
data = pd.read_csv(heart_csv()); y = data.pop("target")
parts = train_test_split(data, y, test_size=0.2, random_state=42)
mlflow.sklearn.autolog(max_tuning_runs=None, log_models=False)
model = Pipeline([("scaler", StandardScaler()), ("knn", KNeighborsClassifier())])
grid = {"knn__n_neighbors": [3, 5, 7, 9, 11], "knn__weights": ["uniform", "distance"],
        "knn__metric": ["euclidean", "manhattan", "chebyshev"], "knn__algorithm": ["auto", "ball_tree"]}
start = time.perf_counter()
GridSearchCV(model, grid, cv=5, n_jobs=2).fit(parts[0], parts[2])
print(60, time.perf_counter() - start)
"""


SKIPPED = 10


@dataclass
class Timed:
    """A sweep as it went: seconds since `train` of its first trial's start and end, and of its end; the CPU
    seconds of all processes for a trial in the middle; its highest PSS in bytes."""

    trials: int = 0
    began: float = 0
    first: float = 0
    ended: float = 0
    cpu: float = 0
    memory: int = 0
    moments: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Trials a second, between the end of the first and that of the last."""
        return (self.trials - 1) / (self.moments[-1] - self.moments[0])


def sweep(uri: TrackingUri, spec: SweepSpec, execution: Execution = HERE) -> Timed:
    timed = Timed()
    start = time.perf_counter()
    cpu: list[float] = []
    done = threading.Event()

    def on_event(event: SweepEvent) -> None:
        now = time.perf_counter() - start
        if isinstance(event, SweepStarted):
            timed.began = now
        elif isinstance(event, TrialFinished):
            timed.moments.append(now)
            cpu.append(_cpu())

    watcher = threading.Thread(target=_watch_memory, args=(timed, done))
    watcher.start()
    try:
        result = run_sweep(uri, spec, on_event=on_event, control=SweepControl(), execution=execution)
    finally:
        done.set()
        watcher.join()
    timed.trials, timed.first = result.finished, timed.moments[0]
    timed.ended = time.perf_counter() - start
    if len(cpu) > 2 * SKIPPED:  # the last trials are recorded when the processes that trained them have ended
        timed.cpu = (cpu[-SKIPPED] - cpu[SKIPPED]) / (len(cpu) - 2 * SKIPPED)
    return timed


def _children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _cpu() -> float:
    total = 0.0
    for child in _children():
        try:
            used = child.cpu_times()
        except psutil.Error:
            continue
        total += used.user + used.system
    return total


def _watch_memory(timed: Timed, done: threading.Event) -> None:
    while not done.wait(0.5):
        total = 0
        for child in _children():
            try:
                total += child.memory_full_info().pss
            except psutil.Error:
                continue
        timed.memory = max(timed.memory, total)


def script(folder: Path, code: str, *arguments: str) -> list[float]:
    """The numbers that a script prints, run in a new process."""
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "MLFLOW_DISABLE_TELEMETRY": "true"}
    printed = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        cwd=folder,  # where MLflow puts the artifacts of a new experiment
        stdout=subprocess.PIPE,
        check=True,
    )
    return [float(word) for word in printed.stdout.split()[-3:]]


def large_table(folder: Path, rows: int = 100_000, columns: int = 50) -> Path:
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.normal(size=(rows, columns)), columns=[f"x{n}" for n in range(columns)])
    table["y"] = (table["x0"] + rng.normal(size=rows) > 0).astype(int)
    path = folder / "large.parquet"
    table.to_parquet(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--plain", type=int, default=5)
    parser.add_argument("--large", type=int, default=0, metavar="TRIALS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_STATE_HOME"] = name
        uri = TrackingUri(f"sqlite:///{folder / 'mlflow.db'}")
        sweep(uri, SweepSpec("new store", models=(ModelSpec("knn", {"n_neighbors": (3,)}),)))
        heart = sweep(uri, SweepSpec("heart"))
        alone_trials, alone_seconds, alone_cpu = script(folder, ALONE)
        plain = script(folder, PLAIN, uri.raw, str(options.plain))[-2:]
        autolog = script(folder, AUTOLOG, uri.raw)[-2:]
        per_trial = 1000 * heart.cpu
        alone = 1000 * alone_cpu / alone_trials
        plain_rate, autolog_rate = plain[0] / plain[1], autolog[0] / autolog[1]
        print(f"{'first trial':<34}{heart.first:8.1f} s          goal ≤ 4 s")
        print(f"{'trials a second':<34}{heart.rate:8.1f} 1/s        goal ≥ 8")
        print(
            f"{'  fitting and scoring alone':<34}{alone_trials / alone_seconds:8.1f} 1/s        one process"
        )
        print(f"{'  plain idiom':<34}{plain_rate:8.2f} 1/s {heart.rate / plain_rate:5.0f} ×  goal ≥ 50 ×")
        print(
            f"{'  GridSearchCV with autolog':<34}{autolog_rate:8.1f} 1/s {heart.rate / autolog_rate:5.1f} ×"
        )
        print(f"{'CPU of a trial':<34}{per_trial:8.0f} ms")
        print(f"{'  of it, fitting and scoring':<34}{alone:8.0f} ms")
        print(f"{'  overhead':<34}{per_trial - alone:8.0f} ms         goal ≤ 60 ms")
        _dask(uri, folder, heart.rate)
        if options.large:
            _large(uri, folder, options.large)


def _dask(uri: TrackingUri, folder: Path, pool_rate: float) -> None:
    """The same sweep on a Dask cluster with as many workers as the pool has processes."""
    with dask_cluster(folder) as cluster:
        for _ in range(usable_processors()):
            cluster.start_worker()
        cluster.wait_for_workers(usable_processors())
        execution = Execution(executor="dask", scheduler_file=str(cluster.file))
        rate = sweep(uri, SweepSpec("dask"), execution).rate
    print(f"{'  on Dask workers':<34}{rate:8.1f} 1/s {rate / pool_rate:6.2f} × goal ≥ 0.8 × the pool")


def _large(uri: TrackingUri, folder: Path, trials: int) -> None:
    data = DataSpec(str(large_table(folder)), target="y")
    spec = SweepSpec(
        "large",
        data,
        models=(ModelSpec("naive_bayes", {"var_smoothing": tuple(10.0**-n for n in range(1, trials))}),),
    )
    timed = sweep(uri, spec)
    held = 100_000 * 51 * 8 / 2**20
    print(
        f"{timed.trials} trials on 100,000 × 50: {timed.rate:.1f} 1/s, at most {timed.memory / 2**20:.0f} MB "
        f"of all processes; the data is {held:.0f} MB"
    )


if __name__ == "__main__":
    main()
