"""An experiment whose runs hold values that are difficult for filters, created by MLflow's own client."""

from __future__ import annotations

import sqlite3
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

START = 1_760_000_000_000
RUNS = 42

TEXTS = (
    *("euclid", "Euclid", "EUCLID", "euclidean", "", " ", "a_c", "abc", "a%c", "100%", "%", "_"),
    *("it's", "it''s", 'say "hi"', 'say ""hi""', "3", "3.0", "1e3", "nan", "NULL", "a b", " a b ", "a,b"),
    *(
        "naïve",
        "É",
        "é",
        "日本語",
        "line\nbreak",
        "tab\t",
        "C:\\dir",
        "C:\\",
        "a\\%b",
        "(a)",
        "a.*",
        "x" * 5000,
    ),
)
NUMBERS = (
    *(0.9, 0.5, float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1e-300, 123456.789, 1e308),
    *(-1.0, 1.0, 0.1 + 0.2, 0.3, -1e-3, 2.0**53 + 2),
)
METRICS = ("acc", "loss", "train/acc", "val acc", "a.b.c", "a-b", "µ", "ACC", "order", "max", "1st", "lr")
PARAMS = ("metric", "k", "my key", "a/b", "a.b", "naïve", "type", "K", "user", "lr")
TAGS = ("team", "x.y", "a b", "release-1", "5", "select")
DATASETS = ("heart", "Heart", "iris 2", "100%", "o'hara", "a_c")
CONTEXTS = ("train", "Train", "eval 1", None)
STATUSES = ("FINISHED", "FAILED", "KILLED", None, "SCHEDULED")

ODD_KEYS = ('q"q', "q`q", "it's", "a@b", "a=b", "(x)")
"""Names that MLflow refuses today but older servers accepted."""


def build(client: MlflowClient, path: Path) -> str:
    """Create the experiment in the store of `client`, whose database is at `path`; returns its id."""
    experiment: str = client.create_experiment("filtered")
    numbers = count()
    for number in range(RUNS):
        _log_run(client, experiment, number, numbers)
    with sqlite3.connect(path) as database:
        ids = [
            row[0]
            for row in database.execute(
                "SELECT run_uuid FROM runs WHERE experiment_id = ? ORDER BY start_time, run_uuid",
                (experiment,),
            )
        ]
        for place, key in enumerate(ODD_KEYS):
            for run_id in ids[place::7]:
                database.execute("INSERT INTO params VALUES (?, ?, ?)", (key, TEXTS[place], run_id))
    database.close()
    return experiment


def _log_run(client: MlflowClient, experiment: str, number: int, numbers: count[int]) -> None:
    from mlflow.entities import Metric, Param, RunTag

    start = START + 1000 * (number // 3)  # three runs start at the same time
    tags = {"mlflow.user": ("ada", "bo", "", "Ada")[number % 4]}
    name = (TEXTS[number % len(TEXTS)].strip() or f"run {number}")[:200]
    run_id = client.create_run(experiment, start_time=start, run_name=name, tags=tags).info.run_id

    def some(names: tuple[str, ...], every: int) -> list[str]:
        """The names that this run has: each run lacks different ones."""
        return [key for place, key in enumerate(names) if (number + place) % every]

    client.log_batch(
        run_id,
        metrics=[Metric(key, NUMBERS[next(numbers) % len(NUMBERS)], start, 0) for key in some(METRICS, 3)],
        params=[Param(key, TEXTS[next(numbers) % len(TEXTS)]) for key in some(PARAMS, 4)],
        tags=[RunTag(key, TEXTS[next(numbers) % len(TEXTS)]) for key in some(TAGS, 3)],
    )
    _log_datasets(client, run_id, number)
    if status := STATUSES[number % len(STATUSES)]:
        client.set_terminated(run_id, status, end_time=start + 250 * number)


def _log_datasets(client: MlflowClient, run_id: str, number: int) -> None:
    """Zero to three datasets."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    for place in range(number % 4):
        name, context = DATASETS[(number + place) % 6], CONTEXTS[(number // 2 + place) % 4]
        data = Dataset(name=name, digest=f"d{number % 5}", source_type="local", source="{}")
        tags = [InputTag("mlflow.data.context", context)] if context else []
        client.log_inputs(run_id, [DatasetInput(data, tags)])
