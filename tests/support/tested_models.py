"""Log and register models to test, as programs of their own would. A script: `tested_models.py TRACKING_URI`.

All are trained on heart.csv with the published split. `scaled` has one version, neighbours that were trained
on standardised columns: who serves it has to scale. The versions of `plain` take the columns as they are: 1
scales them itself, 2 does not and is worse. `pickled` is the first of them in a pickle, `words` predicts
texts, `nameless` takes arrays, and `pulse` is a regression.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from engine.evidence.classification import classification_metrics
from engine.evidence.predictions import PATH, predictions_text
from engine.paths import heart_csv

REQUIREMENTS = ["mlflow"]
MEANINGS = {"class_0": "disease", "class_1": "no disease"}


def main(uri: str) -> None:
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_LOGGING_LEVEL="ERROR")
    import mlflow
    import pandas as pd
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("models to test")
    heart = pd.read_csv(heart_csv())
    raw, labels = heart.drop(columns="target"), heart["target"]
    scaled = pd.DataFrame(StandardScaler().fit_transform(raw), columns=raw.columns)
    published = KNeighborsClassifier(5)
    words = labels.map({0: "disease", 1: "no disease"})
    log("scaled", published, scaled, labels, heart)
    log("plain", make_pipeline(StandardScaler(), published), raw, labels, heart)
    log("plain", published, raw, labels, heart)
    log("pickled", make_pipeline(StandardScaler(), published), raw, labels, heart, format_="cloudpickle")
    log("words", make_pipeline(StandardScaler(), LogisticRegression()), raw, words, heart)
    arrays = raw.set_axis(range(len(raw.columns)), axis="columns")
    log("nameless", LogisticRegression(max_iter=5000), arrays, labels, heart)
    log("pulse", LinearRegression(), raw.drop(columns="thalach"), heart["thalach"], heart)


def log(name: str, model: Any, rows: Any, labels: Any, heart: Any, format_: str = "skops") -> None:
    import mlflow
    import skops.io
    from sklearn.base import clone
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(rows.index, test_size=0.2, random_state=42)
    model = clone(model).fit(rows.loc[train], labels[train])
    predicted = model.predict(rows.loc[test])
    dataset = mlflow.data.from_pandas(heart, source=str(heart_csv()), targets=labels.name, name="heart.csv")
    trusted = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    options = {"skops_trusted_types": trusted} if format_ == "skops" else {}
    with mlflow.start_run(run_name=f"{name} run"):
        mlflow.log_input(dataset, context="training")
        mlflow.log_param("target", labels.name)
        mlflow.log_metrics(metrics(labels[test].tolist(), predicted.tolist()))
        mlflow.log_text(predictions_text(test, labels[test], predicted), PATH)
        if labels.name == "target" and name != "words":
            mlflow.set_tags(MEANINGS)
        example = rows.loc[test].head(5)
        if name == "nameless":
            example = example.to_numpy()
        mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name=name,
            input_example=example,
            signature=mlflow.models.infer_signature(example, predicted[:5]),
            pip_requirements=REQUIREMENTS,
            serialization_format=format_,
            **options,
        )


def metrics(actual: list[Any], predicted: list[Any]) -> dict[str, float]:
    if isinstance(predicted[0], float):
        from sklearn.metrics import r2_score, root_mean_squared_error

        return {
            "r2": float(r2_score(actual, predicted)),
            "rmse": float(root_mean_squared_error(actual, predicted)),
        }
    return classification_metrics(actual, predicted, sorted({*actual, *predicted}))


if __name__ == "__main__":
    main(sys.argv[1])
