"""Stores of any size for the other benches, and what reading them costs.

    .venv/bin/python tests/bench/stores.py [--runs 10000 100000] [--repeat 3]

MLflow makes the schema, the rows are put in here in bulk: 100,000 runs take MLflow itself hours. The
measure is the bare SELECTs of the same data, each with `fetchall`, through the same driver; loading is
every page of the store and the growth of a frame with each. Each figure is the best of some repeats.
"""

from __future__ import annotations

import argparse
import gc
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from engine.runs.frame import RunFrame
from engine.stores import open_store
from engine.stores.base import RunQuery, Store
from engine.uri import TrackingUri

START = 1_760_000_000_000
EXPERIMENT = "bench"
_SCHEMA = """
import sys
from mlflow import MlflowClient
print(MlflowClient(sys.argv[1]).create_experiment(sys.argv[2], artifact_location="mlflow-artifacts:/1"))
"""
_METRICS = ("accuracy", "loss", "val_accuracy", "val_loss", "f1", "precision", "recall", "auc")
_PARAMS = ("learning_rate", "batch_size", "optimizer", "seed", "dropout", "layers", "width", "schedule")
_TAGS = ("mlflow.runName", "mlflow.user", "mlflow.source.name", "mlflow.source.type")
_CHOICES = {"optimizer": ("adam", "sgd", "adamw", "lion"), "schedule": ("cosine", "linear", "constant")}
_INSERTS = {
    "runs": "(run_uuid, name, source_type, source_name, user_id, status, start_time, end_time,"
    " lifecycle_stage, artifact_uri, experiment_id) VALUES (?, ?, 'LOCAL', 'train.py', 'ada', ?, ?, ?,"
    " 'active', ?, ?)",
    "latest_metrics": "(run_uuid, key, value, is_nan, timestamp, step) VALUES (?, ?, ?, 0, ?, 100)",
    "params": "(run_uuid, key, value) VALUES (?, ?, ?)",
    "tags": "(run_uuid, key, value) VALUES (?, ?, ?)",
}
_BARE = (
    "SELECT run_uuid, name, experiment_id, status, start_time, end_time, user_id, lifecycle_stage,"
    " artifact_uri FROM runs",
    "SELECT run_uuid, key, value, is_nan FROM latest_metrics",
    "SELECT run_uuid, key, value FROM params",
    "SELECT run_uuid, key, value FROM tags",
)


def make_store(
    path: Path,
    runs: int,
    *,
    metrics: int = 12,
    params: int = 8,
    tags: int = 4,
    children: int = 0,
    seed: int = 7,
) -> str:
    """A new database at `path` with an experiment of so many runs, each with so many metrics,
    parameters and tags; run `i` starts `i` seconds after `START`. With `children`, every run that
    comes first of `children + 1` is the parent of the others. Returns the experiment's id.

    The same arguments make the same rows. The metrics have no history.
    """
    made = subprocess.run(
        [sys.executable, "-c", _SCHEMA, f"sqlite:///{path}", EXPERIMENT],
        capture_output=True,
        text=True,
        check=True,
    )
    experiment_id = made.stdout.strip()
    chance = random.Random(seed)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        connection.execute("BEGIN")
        parent = ""
        for first in range(0, runs, 1000):
            rows: dict[str, list[tuple[object, ...]]] = {table: [] for table in _INSERTS}
            for number in range(first, min(first + 1000, runs)):
                run_id = f"{chance.getrandbits(128):032x}"
                if children and number % (children + 1) == 0:
                    parent = ""
                _add_run(rows, chance, run_id, number, (metrics, params, tags), experiment_id, parent)
                parent = parent or (run_id if children else "")
            for table, insert in _INSERTS.items():
                connection.executemany(f"INSERT INTO {table} {insert}", rows[table])
        connection.execute("COMMIT")
    return experiment_id


def _add_run(
    rows: dict[str, list[tuple[object, ...]]],
    chance: random.Random,
    run_id: str,
    number: int,
    widths: tuple[int, int, int],
    experiment_id: str,
    parent: str,
) -> None:
    start = START + 1000 * number
    name = f"run-{number:06d}"
    status = "FAILED" if chance.random() < 0.03 else "FINISHED"
    end = start + chance.randrange(1000, 3_600_000)
    artifacts = f"mlflow-artifacts:/1/{run_id}/artifacts"
    rows["runs"].append((run_id, name, status, start, end, artifacts, int(experiment_id)))
    metrics, params, tags = (
        list(_names(known, width, prefix))
        for known, width, prefix in zip(
            (_METRICS, _PARAMS, _TAGS), widths, ("metric", "param", "tag"), strict=True
        )
    )
    rows["latest_metrics"] += [(run_id, key, chance.random(), end) for key in metrics]
    rows["params"] += [(run_id, key, _param(key, chance)) for key in params]
    values = {"mlflow.runName": name, "mlflow.user": "ada", "mlflow.source.name": "train.py"}
    rows["tags"] += [(run_id, key, values.get(key, "LOCAL")) for key in tags]
    if parent:
        rows["tags"].append((run_id, "mlflow.parentRunId", parent))


def _names(known: tuple[str, ...], width: int, prefix: str) -> Iterator[str]:
    yield from known[:width]
    for number in range(len(known), width):
        yield f"{prefix}_{number:02d}"


def _param(key: str, chance: random.Random) -> str:
    if key == "learning_rate":
        return repr(10 ** chance.uniform(-5, -1))
    return chance.choice(_CHOICES.get(key, ("1", "3", "5", "7", "9", "16", "32", "64")))


def bare(path: Path) -> int:
    """The SELECTs of everything that a page holds; how many rows there are."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        found = [connection.execute(statement).fetchall() for statement in _BARE]
    return sum(map(len, found))


def load(store: Store, experiment_id: str) -> RunFrame:
    """All pages, each taken into a frame."""
    frame = RunFrame.from_runs((), complete=False)
    token: str | None = None
    while True:
        page = store.runs(RunQuery(experiment_id), page_token=token, max_results=store.page_size)
        token = page.next_token
        frame = frame.extended(page.runs, total=page.total, complete=token is None)
        if token is None:
            return frame


def _seconds(work: Callable[[], object], repeat: int) -> float:
    taken = []
    for _ in range(repeat):
        gc.collect()
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for runs in asked.runs:
            path = Path(folder) / f"{runs}.db"
            experiment_id = make_store(path, runs)
            store = open_store(TrackingUri(f"sqlite:///{path}"))
            least = _seconds(lambda path=path: bare(path), asked.repeat)
            loading = _seconds(lambda s=store, e=experiment_id: load(s, e), asked.repeat)
            print(
                f"{runs:>9,} runs, {path.stat().st_size / 1e6:,.0f} MB: bare SELECTs {least:.2f} s,"
                f" loading in pages of {store.page_size:,} {loading:.2f} s, {loading / least:.2f} ×"
            )


if __name__ == "__main__":
    main()
