"""The folders of a sweep's models, as MLflow logs them."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.training.estimators.saved import SavedModel

_DESCRIPTION = "MLmodel"
_DATA = "model.skops"


class ModelFolders:
    """Writes models that differ in nothing but the trained model itself, each as `mlflow.sklearn.save_model`
    would, which a test compares with it.

    That takes 30 ms a model and imports scikit-learn, more than a second, into the process that records;
    nearly all of it is for files that are the same for all models of a sweep. They are made once here.
    `signature` and `example` are those of MLflow, see `payloads.signature`.
    """

    def __init__(self, signature: Any, example: Any) -> None:
        import mlflow.pyfunc
        import mlflow.sklearn
        from mlflow.models import Model

        self._described = Model()
        with tempfile.TemporaryDirectory(prefix="mlflow-console-") as scratch:
            folder = Path(scratch) / "model"
            mlflow.pyfunc.save_model(
                str(folder),
                loader_module="mlflow.sklearn",
                mlflow_model=self._described,
                signature=signature,
                input_example=example,
                # Given explicitly: MLflow would start a process and import everything to infer them.
                pip_requirements=mlflow.sklearn.get_default_pip_requirements(include_skops=True),
            )
            self._files = {
                path.name: path.read_bytes() for path in folder.iterdir() if path.name != _DESCRIPTION
            }
        loaded = self._described.flavors["python_function"]
        self._loaded = {name: loaded[name] for name in ("env", "loader_module", "python_version")}
        self._release = version("scikit-learn")

    def write(self, folder: Path, model: SavedModel, **ids: str) -> None:
        """Write a model into a new folder. `ids` are those of MLflow's `Model`: its run, its logged model and
        where its artifacts will be. Raises `OSError`."""
        from mlflow.models import Model

        folder.mkdir()
        for name, data in {**self._files, _DATA: model.data}.items():
            (folder / name).write_bytes(data)
        described = Model(
            signature=self._described.signature,
            saved_input_example_info=self._described.saved_input_example_info,
            model_size_bytes=self._described.model_size_bytes + len(model.data),
            **ids,
        )
        described.add_flavor("python_function", **self._loaded, model_path=_DATA, predict_fn="predict")
        described.add_flavor(
            "sklearn",
            pickled_model=_DATA,
            sklearn_version=self._release,
            serialization_format="skops",
            code=None,
            skops_trusted_types=list(model.trusted),
        )
        described.save(str(folder / _DESCRIPTION))
