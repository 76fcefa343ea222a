"""Fills a folder with a small store, using MLflow itself.

Run it as a script, which keeps MLflow, its globals and its output out of the test process. Arguments: the
folder of the new store, and the URI of an empty database unless it is to be `mlflow.db` in that folder.
Prints one JSON object: the fields of `MlflowStore` in conftest.py. The store holds, with fixed times:

- `heart`: 27 active runs. The parent `sweep`, 24 trials `trial-00` … `trial-23` with parameters,
  metrics and tags (`trial-03` and `trial-04` start in the same millisecond, `trial-05` failed,
  `trial-06` was killed, `trial-07` has no metrics), `running` (no end) and `special` (NaN and both
  infinities, a metric with a history, artifacts in folders, two datasets, a logged model that loads). The run
  `deleted` is deleted.
- `empty`: no runs, two tags. `gone`: a deleted experiment with a run. `Default`: MLflow's default experiment.
- The model `classifier`: version 1 Archived, 2 Production with the alias `champion`, 3 without a
  stage but with the aliases `challenger` and `fresh`; a version 4 was deleted. `it's "quoted"` has one
  version, `unused` none, and `greeting` is a prompt, not a model.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

START = 1_760_000_000_000
MINUTE = 60_000


def main(folder: Path, uri: str) -> None:
    os.chdir(folder)
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_LOGGING_LEVEL="ERROR")
    import mlflow

    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    heart = client.create_experiment("heart", tags={"owner": "ada", "mlflow.note.content": "Two\nlines"})
    empty = client.create_experiment("empty", tags={"team": "β"})
    gone = client.create_experiment("gone")
    runs = log_sweep(client, heart)
    runs["special"] = log_special(client, heart, folder)
    runs["deleted"] = log_run(client, heart, "deleted", 40, metrics={"accuracy": 0.99})
    client.delete_run(runs["deleted"])
    runs["lost"] = log_run(client, gone, "lost", 60)
    client.delete_experiment(gone)
    model_id = log_model(client, runs["special"])
    register(client, runs, model_id)
    answer: dict[str, Any] = {"uri": uri, "runs": runs, "model_id": model_id}
    answer["experiments"] = {"heart": heart, "empty": empty, "gone": gone}
    print(json.dumps(answer))  # noqa: T201


def log_run(
    client: Any,
    experiment: str,
    name: str,
    minute: float,
    *,
    params: dict[str, str] | None = None,
    metrics: dict[str, float] | None = None,
    tags: dict[str, str] | None = None,
    status: str | None = "FINISHED",
) -> str:
    from mlflow.entities import Metric, Param

    start = START + int(minute * MINUTE)
    run_id: str = client.create_run(
        experiment, start_time=start, run_name=name, tags={"mlflow.user": "ada", **(tags or {})}
    ).info.run_id
    client.log_batch(
        run_id,
        metrics=[Metric(key, value, start, 0) for key, value in (metrics or {}).items()],
        params=[Param(key, value) for key, value in (params or {}).items()],
    )
    if status:
        client.set_terminated(run_id, status, end_time=start + 1500)
    return run_id


def log_sweep(client: Any, experiment: str) -> dict[str, str]:
    runs = {"sweep": log_run(client, experiment, "sweep", 0, tags={"sweep": "knn"})}
    statuses = {5: "FAILED", 6: "KILLED"}
    for index in range(24):
        name = f"trial-{index:02d}"
        k, weights = 3 + 2 * (index % 5), ("uniform", "distance")[index % 2]
        metrics = {
            "accuracy": 0.7 + index / 100,
            "cv_mean": 0.69 + index / 128,
            "training_time": 0.01 * index,
        }
        runs[name] = log_run(
            client,
            experiment,
            name,
            1 + (3 if index == 4 else index),
            params={"n_neighbors": str(k), "weights": weights, "metric": "euclidean"},
            metrics={} if index == 7 else metrics,
            tags={"mlflow.parentRunId": runs["sweep"], "python_version": "3.11"},
            status=statuses.get(index, "FINISHED"),
        )
    runs["running"] = log_run(client, experiment, "running", 30, params={"n_neighbors": "9"}, status=None)
    return runs


def log_special(client: Any, experiment: str, folder: Path) -> str:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    specials = {"nan": float("nan"), "up": float("inf"), "down": float("-inf"), "tiny": 1e-300}
    run_id = log_run(
        client, experiment, "special", 31, params={"empty": "", "text": "naïve – 实验"}, metrics=specials
    )
    points = [(0, 1.0), (1, 0.5), (2, float("nan")), (1, 0.55), (3, float("inf")), (4, 0.25)]
    for order, (step, value) in enumerate(points):
        client.log_metric(run_id, "loss", value, timestamp=START + 31 * MINUTE + order, step=step)
    for path in ("notes.txt", "plots/roc.txt", "plots/deep/points.json"):
        local = folder / "upload" / path
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_text(path)
        client.log_artifact(run_id, str(local), str(Path(path).parent) if "/" in path else None)
    for name, context in (("heart.csv", "training"), ("held-out.csv", "validation")):
        data = Dataset(name=name, digest="5c1f2a", source_type="local", source=json.dumps({"uri": name}))
        client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", context)])])
    return run_id


def log_model(client: Any, run_id: str) -> str:
    """A model that loads, with an input example; its files are not in the run's artifact folder."""
    import mlflow
    import pandas as pd

    class Threshold(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context: Any, model_input: Any, params: Any = None) -> list[int]:
            return [int(age > 50) for age in model_input["age"]]

    end, status = client.get_run(run_id).info.end_time, "FINISHED"
    with mlflow.start_run(run_id):
        info = mlflow.pyfunc.log_model(
            name="model",
            python_model=Threshold(),
            pip_requirements=["mlflow"],
            input_example=pd.DataFrame({"age": [40.0, 63.0]}),
        )
    client.set_terminated(run_id, status, end_time=end)
    model_id: str = info.model_id
    return model_id


def register(client: Any, runs: dict[str, str], model_id: str) -> None:
    name = "classifier"
    client.create_registered_model(name, tags={"task": "classification"}, description="Heart disease")
    sources = [
        ("special", f"models:/{model_id}"),
        ("trial-10", f"runs:/{runs['trial-10']}/model"),
        ("trial-23", f"runs:/{runs['trial-23']}/model"),
        ("trial-22", f"runs:/{runs['trial-22']}/model"),
    ]
    for number, (run, source) in enumerate(sources, start=1):
        client.create_model_version(
            name, source, runs[run], tags={"accuracy": f"0.{number}"}, description=f"From {run}"
        )
    client.transition_model_version_stage(name, "1", "Archived")
    client.transition_model_version_stage(name, "2", "Production")
    client.set_registered_model_alias(name, "champion", "2")
    client.set_registered_model_alias(name, "fresh", "3")
    client.set_registered_model_alias(name, "challenger", "3")
    client.delete_model_version(name, "4")
    client.create_registered_model("unused")
    client.create_registered_model('it\'s "quoted"')
    client.create_model_version('it\'s "quoted"', f"models:/{model_id}", runs["special"])
    client.register_prompt("greeting", "Good morning, {{name}}")


if __name__ == "__main__":
    place = Path(sys.argv[1])
    main(place, sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{place / 'mlflow.db'}")
