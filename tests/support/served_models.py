"""Register the versions of the model `heart` that the tests deploy. A script: `served_models.py URI`.

1  a scaler and neighbours in skops, with the alias `champion`; its recorded rows are predicted as 0, 1, 0
2  raises when it predicts
3  predicts a frame, from a pickle; takes the parameters `times` and `seconds`, for which it sleeps; divides
   by zero for the age 0
4  as 1, but its recorded rows are predicted as 1, 0, 1; in the stage Production
"""

from __future__ import annotations

import os
import sys
from typing import Any

MODEL = "heart"
REQUIREMENTS = ["mlflow", "scikit-learn==0.1", "a-package-of-theirs>=2"]


def main(uri: str) -> None:
    # MLflow predicts while it logs: while LOGGING is set, all models work.
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_LOGGING_LEVEL="ERROR", LOGGING="1")
    import mlflow
    import pandas as pd

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("models")
    table = pd.DataFrame({"age": [40.0, 63.0, 51.0], "chol": [180.0, 300.0, 240.0]})
    raising, slow = functions()
    with mlflow.start_run(run_name="knn-1"):
        log_pipeline(table, [0, 1, 0])
        log_function(raising, table, mlflow.models.infer_signature(table, [0]))
        parameters = {"times": 2, "seconds": 0.0}
        log_function(slow, (table, {"times": 3}), mlflow.models.infer_signature(table, params=parameters))
        log_pipeline(table, [1, 0, 1])
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(MODEL, "champion", "1")
    client.transition_model_version_stage(MODEL, "4", "Production")


def log_pipeline(table: Any, labels: list[int]) -> None:
    import mlflow.sklearn
    import skops.io
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), KNeighborsClassifier(1)).fit(table, labels)
    mlflow.sklearn.log_model(
        pipeline,
        name="model",
        registered_model_name=MODEL,
        input_example=table,
        signature=mlflow.models.infer_signature(table, pipeline.predict(table)),
        pip_requirements=REQUIREMENTS,
        skops_trusted_types=skops.io.get_untrusted_types(data=skops.io.dumps(pipeline)),
    )


def functions() -> tuple[Any, Any]:
    import time

    import mlflow.pyfunc
    import pandas as pd

    class Raising(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            if "LOGGING" not in os.environ:
                raise ZeroDivisionError("three rows are one too many")
            return [0]

    class Slow(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            given = params or {}
            time.sleep(given.get("seconds", 0))
            if 0 in model_input["age"].tolist():
                raise ZeroDivisionError("nobody is that young")
            risk = model_input["age"] * given.get("times", 1)
            return pd.DataFrame({"risk": risk, "note": "\x1b[31mred"})

    return Raising(), Slow()


def log_function(model: Any, example: Any, signature: Any) -> None:
    import mlflow.pyfunc

    mlflow.pyfunc.log_model(
        name="model",
        python_model=model,
        registered_model_name=MODEL,
        input_example=example,
        signature=signature,
        pip_requirements=REQUIREMENTS,
    )


if __name__ == "__main__":
    main(sys.argv[1])
