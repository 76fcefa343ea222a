"""Log and register models of every condition, by MLflow's own hand. A script: `models.py TRACKING_URI`.

Registered are `knn` (a fitted scaler and neighbours, in skops), `widened` (the same, with a type that is not
scikit-learn's on its list), `frame` (predicts a frame, takes a parameter), `bare` (no input example),
`raising` (raises when it predicts), `exiting` (leaves the process when it predicts), `killed` (kills it),
`curious` (predicts what it sees of its process) and `missing` (its package is not installed), each with one
version.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

REQUIREMENTS = ["mlflow"]


def main(uri: str) -> None:
    # MLflow predicts while it logs: while LOGGING is set, all models work.
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", MLFLOW_LOGGING_LEVEL="ERROR", LOGGING="1")
    import mlflow
    import pandas as pd

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("models")
    table = pd.DataFrame({"age": [40.0, 63.0, 51.0], "chol": [180.0, 300.0, 240.0]})
    with mlflow.start_run():
        log_pipeline(table)
        log_functions(table)


def log_pipeline(table: Any) -> None:
    import mlflow.sklearn
    import skops.io
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), KNeighborsClassifier(1)).fit(table, [0, 1, 0])
    trusted = skops.io.get_untrusted_types(data=skops.io.dumps(pipeline))
    for name, more in (("knn", ()), ("widened", ("posix.system",))):
        mlflow.sklearn.log_model(
            pipeline,
            name="model",
            registered_model_name=name,
            input_example=table,
            signature=mlflow.models.infer_signature(table, pipeline.predict(table)),
            pip_requirements=REQUIREMENTS,
            skops_trusted_types=[*trusted, *more],
        )


def functions() -> dict[str, Any]:
    import mlflow.pyfunc
    import pandas as pd

    class Frame(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            times = (params or {}).get("times", 1)
            return pd.DataFrame({"risk": model_input["age"] * times, "note": "\x1b[31mred"})

    class Bare(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            return [0]

    class Raising(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            if "LOGGING" not in os.environ:
                raise ZeroDivisionError("three rows are one too many")
            return [0]

    class Exiting(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            if "LOGGING" not in os.environ:
                sys.exit("leaving")
            return [0]

    class Killed(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            if "LOGGING" not in os.environ:
                os.kill(os.getpid(), 9)
            return [0]

    class Curious(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            sys.stdout.write("printed by the model")
            secrets = [name for name in os.environ if "TOKEN" in name or "PASSWORD" in name]
            return [os.getpid(), os.isatty(0), os.isatty(1), os.path.realpath(os.getcwd()), *secrets]

    return {
        "frame": Frame(),
        "killed": Killed(),
        "curious": Curious(),
        "bare": Bare(),
        "raising": Raising(),
        "exiting": Exiting(),
        "missing": Bare(),
    }


def log_functions(table: Any) -> None:
    import mlflow.pyfunc

    models = functions()
    log = mlflow.pyfunc.log_model
    signature = mlflow.models.infer_signature(table, params={"times": 2})
    log(
        name="model",
        python_model=models["frame"],
        registered_model_name="frame",
        input_example=(table, {"times": 3}),
        signature=signature,
        pip_requirements=REQUIREMENTS,
    )
    log(
        name="model", python_model=models["bare"], registered_model_name="bare", pip_requirements=REQUIREMENTS
    )
    plain = mlflow.models.infer_signature(table, [0])
    for name in ("raising", "exiting", "killed", "curious", "missing"):
        info = log(
            name="model",
            python_model=models[name],
            registered_model_name=name,
            input_example=table,
            signature=plain,
            pip_requirements=REQUIREMENTS,
        )
    forget_package(info)


def forget_package(info: Any) -> None:
    """Let the model's flavour name a loader that is not installed."""
    import mlflow

    folder = Path(mlflow.artifacts.download_artifacts(info.model_uri))
    text = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(text.replace("mlflow.pyfunc.model", "a_package_of_theirs"))
    repository = mlflow.store.artifact.artifact_repository_registry.get_artifact_repository(
        mlflow.get_logged_model(info.model_id).artifact_location
    )
    repository.log_artifact(str(folder / "MLmodel"))


if __name__ == "__main__":
    main(sys.argv[1])
