"""What a sweep writes to the store, read back through MLflow's own client and loader."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from engine.entities import Run
from engine.evidence import predictions
from engine.paths import heart_csv
from engine.stores import open_store
from engine.stores.mlflow.client import open_client
from tests.engine.training.conftest import runs_of
from tests.support.demo import DemoStore

# name: true positives, true negatives, false positives, false negatives, accuracy, cv_mean
PUBLISHED = {
    "knn-7-euclidean-uniform-auto": (29, 27, 2, 3, 0.9180, 0.8058),
    "knn-5-euclidean-uniform-auto": (29, 27, 2, 3, 0.9180, 0.8059),
    "knn-3-chebyshev-uniform-ball_tree": (24, 22, 7, 8, 0.7541, 0.7106),
    "knn-3-chebyshev-uniform-auto": (25, 22, 7, 7, 0.7705, 0.7147),
}
LEAK_FREE = {
    "knn-7-euclidean-uniform-auto": (29, 27, 2, 3, 0.9180, 0.8099),
    "knn-5-euclidean-uniform-auto": (28, 27, 2, 4, 0.9016, 0.8141),
    "knn-3-chebyshev-uniform-ball_tree": (25, 25, 4, 7, 0.8197, 0.7067),
    "knn-3-chebyshev-uniform-auto": (26, 24, 5, 6, 0.8197, 0.7315),
}

COUNTS = ("true_positives", "true_negatives", "false_positives", "false_negatives")


@pytest.fixture(scope="module")
def client(demo_store: DemoStore) -> Any:
    return open_client(demo_store.uri)


def trial_named(store: DemoStore, name: str, experiment: str = "heart-disease") -> Run:
    return next(run for run in runs_of(store.tracking, experiment) if run.run_name == name)


@pytest.mark.parametrize(
    ("experiment", "table"), [("heart-disease", PUBLISHED), ("heart-disease-leak-free", LEAK_FREE)]
)
def test_the_store_holds_the_reference_results(
    demo_store: DemoStore, client: Any, experiment: str, table: dict[str, tuple[float, ...]]
) -> None:
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    by_name = {run.info.run_name: run.data.metrics for run in found}
    for name, results in table.items():
        assert tuple(by_name[name][count] for count in COUNTS) == results[:4], name
        assert round(by_name[name]["accuracy"], 4) == results[4]
        assert round(by_name[name]["cv_mean"], 4) == results[5]


def test_each_experiment_has_one_parent_and_sixty_trials(demo_store: DemoStore) -> None:
    for experiment, recipe in (("heart-disease", "published"), ("heart-disease-leak-free", "leak-free")):
        parents = [run for run in runs_of(demo_store.tracking, experiment) if run.parent_run_id is None]
        trials = [run for run in runs_of(demo_store.tracking, experiment) if run.parent_run_id]
        assert [parent.run_name for parent in parents] == ["knn sweep"]
        assert {trial.parent_run_id for trial in trials} == {parents[0].run_id}
        assert len(trials) == len({trial.run_name for trial in trials}) == 60
        assert {run.status for run in (*parents, *trials)} == {"FINISHED"}
        assert {run.tags["recipe"] for run in (*parents, *trials)} == {recipe}


def test_the_parent_never_competes_with_a_trial(demo_store: DemoStore) -> None:
    trial = trial_named(demo_store, "knn-5-euclidean-uniform-auto")
    parent = trial_named(demo_store, "knn sweep")
    assert not set(parent.metrics) & set(trial.metrics)
    assert parent.metrics["trials_finished"] == 60
    assert parent.metrics["best_cv_mean"] >= trial.metrics["cv_mean"]
    assert parent.params["recipe"] == "published"
    assert parent.params["grid"].startswith("n_neighbors=3,5,7,9,11 weights=uniform,distance")


def test_a_trial_records_parameters_metrics_and_tags(demo_store: DemoStore) -> None:
    trial = trial_named(demo_store, "knn-5-euclidean-uniform-auto")
    assert trial.params == {
        "n_neighbors": "5",
        "weights": "uniform",
        "metric": "euclidean",
        "algorithm": "auto",
    }
    per_class = {f"class_{n}_{what}" for n in (0, 1) for what in ("precision", "recall", "f1", "support")}
    averages = {f"{what}_{how}" for what in ("precision", "recall", "f1") for how in ("macro", "weighted")}
    assert set(trial.metrics) == {
        *averages,
        "accuracy",
        *("balanced_accuracy", "roc_auc", "precision_recall_auc", "log_loss", "example_count"),
        *("precision_score", "recall_score", "f1_score"),
        *per_class,
        *COUNTS,
        "cv_mean",
        "cv_score",
        "cv_std",
        "training_time",
    }
    assert 0 < trial.metrics["training_time"] < 5
    for name in ("python_version", "os_name", "cpu_count", "ram_gb", "mlflow.user", "mlflow.source.name"):
        assert trial.tags[name]
    assert trial.user_id == trial.tags["mlflow.user"]
    assert (trial.tags["class_0"], trial.tags["class_1"]) == ("disease", "no disease")
    assert trial.tags["positive_class"] == "1"
    assert "target = 1 means no disease" in trial_named(demo_store, "knn sweep").tags["mlflow.note.content"]


def test_the_dataset_and_the_model_are_linked_to_the_run(demo_store: DemoStore, client: Any) -> None:
    run_id = trial_named(demo_store, "knn-5-euclidean-uniform-auto").run_id
    store = open_store(demo_store.tracking)
    detail = store.run(run_id)
    store.close()
    assert [(data.name, data.context) for data in detail.datasets] == [("heart.csv", "training")]
    assert str(heart_csv()) in detail.datasets[0].source
    assert [(model.name, model.status) for model in detail.models] == [("model", "READY")]
    logged = client.get_logged_model(detail.models[0].model_id)
    assert logged.source_run_id == run_id
    assert logged.params["n_neighbors"] == "5"
    metrics = {metric.key: metric for metric in logged.metrics}
    assert metrics["accuracy"].value == pytest.approx(56 / 61)
    assert metrics["accuracy"].dataset_digest == detail.datasets[0].digest
    assert str(logged.artifact_location).startswith(str(demo_store.folder / "mlruns"))


def test_a_trial_records_its_predictions_and_fold_scores(demo_store: DemoStore, client: Any) -> None:
    """The predictions are those that the metrics count, and the folds those that cv_mean averages."""
    trial = trial_named(demo_store, "knn-5-euclidean-uniform-auto")
    store = open_store(demo_store.tracking)
    assert [artifact.path for artifact in store.artifacts(trial.run_id, "evidence")] == [predictions.PATH]
    folds = store.metric_history(trial.run_id, "cv_score")
    store.close()
    assert [point.step for point in folds] == [0, 1, 2, 3, 4]
    scores = [point.value for point in folds]
    assert sum(scores) / 5 == pytest.approx(trial.metrics["cv_mean"])
    lines = (Path(urlsplit(trial.artifact_uri).path) / predictions.PATH).read_text().splitlines()
    rows = list(csv.DictReader(lines))
    assert [row["actual"] for row in rows].count("1") == trial.metrics["class_1_support"] == 32
    right = [row for row in rows if row["actual"] == row["predicted"]]
    assert (len(right), len(rows)) == (56, 61)
    labels = [line.rpartition(",")[2] for line in heart_csv().read_text().splitlines()[1:]]
    assert all(labels[int(row["row"])] == row["actual"] for row in rows)
    for row in rows:
        likely = float(row["probability_class_1"]) > float(row["probability_class_0"])
        assert likely == (row["predicted"] == "1")


def test_the_logged_model_takes_raw_rows(demo_store: DemoStore, client: Any) -> None:
    import mlflow.pyfunc
    from mlflow.models import Model

    run = client.get_run(trial_named(demo_store, "knn-5-euclidean-uniform-auto").run_id)
    logged = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    metadata = Model.load(logged.artifact_location)
    assert [column.name for column in metadata.signature.inputs][:3] == ["age", "sex", "cp"]
    types = {column.name: column.type.name for column in metadata.signature.inputs}
    assert (types["age"], types["oldpeak"]) == ("long", "double")
    assert metadata.signature.outputs is not None
    example = metadata.load_input_example(logged.artifact_location)
    assert example.shape == (5, 13)
    assert metadata.flavors["sklearn"]["serialization_format"] == "skops"

    model = mlflow.pyfunc.load_model(logged.artifact_location)
    import pandas as pd  # here: this costs each worker seconds while it collects
    from sklearn.model_selection import train_test_split

    heart = pd.read_csv(heart_csv())
    _, rows, _, labels = train_test_split(
        heart.drop(columns="target"), heart["target"], test_size=0.2, random_state=42
    )
    assert len(rows) == 61
    predicted = model.predict(rows)
    assert round(float((predicted == labels).mean()), 3) == 0.918
    assert list(model.predict(example)) == list(predicted[:5])


def test_the_demo_registers_two_versions_with_stages_and_an_alias(demo_store: DemoStore, client: Any) -> None:
    first = client.get_model_version("heart_disease_classifier", "1")
    second = client.get_model_version("heart_disease_classifier", "2")
    assert (first.current_stage, second.current_stage) == ("Archived", "Production")
    assert client.get_run(first.run_id).info.run_name == "knn-3-chebyshev-uniform-ball_tree"
    assert client.get_run(second.run_id).info.run_name == "knn-5-euclidean-uniform-auto"
    assert (first.tags["accuracy"], second.tags["accuracy"]) == ("0.7541", "0.918")
    assert "Accuracy 0.9180" in second.description
    model = client.get_registered_model("heart_disease_classifier")
    assert {name: int(version) for name, version in model.aliases.items()} == {"champion": 2}
    assert "NO disease" in model.description
