"""Create runs with MLflow's own client and record what MLflow returns for them.

Run as a script with the new store's folder as its argument and a JSON object on standard input: `{"orders":
[text, …]}`. Prints one JSON object: the store's `uri`, the `experiment` id, the run ids for each order as
returned by `MlflowClient.search_runs`, and the `csv` of `mlflow.search_runs(...).to_csv()`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

START = 1_760_000_000_000

PARAMS: tuple[dict[str, str], ...] = (
    {"metric": "euclidean", "k": "3", "lr": "0.1"},
    {"metric": "Euclidean", "k": "10", "lr": "1e-1"},
    {"metric": "manhattan", "k": "9", "lr": "auto"},
    {"metric": "100%", "k": "3.0", "quoted": "it's", "both": "it''s"},
    {"metric": "a_c", "k": "", "double": 'say "hi"', "line": "one\ntwo", "comma": "a,b"},
    {"metric": "abc", "k": "nan", "my key": "x", "a/b": "y"},
    {"metric": "naïve", "k": "3"},
    {},
)
METRICS: tuple[dict[str, float], ...] = (
    {"acc": 0.9, "loss": 0.1},
    {"acc": 0.5, "loss": float("nan")},
    {"acc": float("inf"), "loss": -1.0, "train/acc": 0.25},
    {"acc": float("-inf"), "loss": 0.0},
    {"acc": float("nan"), "loss": 1e-300},
    {"acc": 0.9, "val acc": 123456.789},
    {"loss": 0.1},
    {},
)
TAGS: tuple[dict[str, str], ...] = (
    {"team": "red", "mlflow.parentRunId": "0" * 32},
    {"team": "Red"},
    {"x.y": "z"},
    {},
)
STATUSES = ("FINISHED", "FINISHED", "FAILED", "KILLED", None, "FINISHED")


def main(folder: Path, request: dict[str, list[str]]) -> None:
    os.chdir(folder)
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_LOGGING_LEVEL="ERROR")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    import mlflow

    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("reference")
    for number in range(24):
        log_run(client, experiment, number)
    frame = mlflow.search_runs([experiment])
    answer = {
        "uri": uri,
        "experiment": experiment,
        "orders": {text: search(client, experiment, text) for text in request["orders"]},
        "csv": frame.to_csv(index=False),
    }
    print(json.dumps(answer))  # noqa: T201


def log_run(client: Any, experiment: str, number: int) -> None:
    from mlflow.entities import Metric, Param

    start = START + 1000 * (number // 2) + (number == 5)
    tags = {"mlflow.user": ("ada", "bo")[number % 2], **TAGS[number % 4]}
    name = ("knn-{}", "KNN {}", "svm_{}")[number % 3].format(number)
    run_id = client.create_run(experiment, start_time=start, run_name=name, tags=tags).info.run_id
    metrics, params = METRICS[number % 8], PARAMS[number * 5 // 3 % 8]
    client.log_batch(
        run_id,
        metrics=[Metric(key, value, start, 0) for key, value in metrics.items()],
        params=[Param(key, value) for key, value in params.items()],
    )
    if status := STATUSES[number % 6]:
        client.set_terminated(run_id, status, end_time=start + 250 * number)


def search(client: Any, experiment: str, order: str) -> list[str]:
    return [run.info.run_id for run in client.search_runs([experiment], order_by=[order])]


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.load(sys.stdin))
