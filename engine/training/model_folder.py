"""The folders of a sweep's models, as MLflow logs them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.training.estimators.saved import SavedModel

_MODEL_FILE = "MLmodel"
_FLAVOR = "sklearn"


class ModelFolders:
    """Writes models that differ in nothing but the trained model itself.

    `mlflow.sklearn.save_model` takes 30 ms a model, most of it for files that are the same for all models of
    a sweep. It writes one here, and `write` adds to these files what differs. A test compares the two.
    `signature` and `example` are those of MLflow, see `payloads.signature`.
    """

    def __init__(self, signature: Any, example: Any) -> None:
        import mlflow.sklearn
        from mlflow.models import Model
        from sklearn.dummy import DummyClassifier

        dummy = DummyClassifier().fit(example, [0] * len(example))
        self._saved = Model()
        with tempfile.TemporaryDirectory(prefix="mlflow-console-") as scratch:
            folder = Path(scratch) / "model"
            mlflow.sklearn.save_model(
                dummy,
                str(folder),
                mlflow_model=self._saved,
                serialization_format="skops",
                skops_trusted_types=[],
                signature=signature,
                input_example=example,
                # Given explicitly: MLflow would start a process and import everything to infer them.
                pip_requirements=mlflow.sklearn.get_default_pip_requirements(include_skops=True),
            )
            files = {path.name: path.read_bytes() for path in folder.iterdir()}
        self._data_file: str = self._saved.flavors[_FLAVOR]["pickled_model"]
        self._other_bytes = self._saved.model_size_bytes - len(files.pop(self._data_file))
        self._files = {name: data for name, data in files.items() if name != _MODEL_FILE}

    def write(self, folder: Path, model: SavedModel, **ids: str) -> None:
        """Write a model into a new folder. `ids` are those of MLflow's `Model`: its run, its logged model and
        where its artifacts will be. Raises `OSError`."""
        from mlflow.models import Model

        folder.mkdir()
        for name, data in {**self._files, self._data_file: model.data}.items():
            (folder / name).write_bytes(data)
        flavors = dict(self._saved.flavors)
        flavors[_FLAVOR] = {**flavors[_FLAVOR], "skops_trusted_types": list(model.trusted)}
        Model(
            flavors=flavors,
            signature=self._saved.signature,
            saved_input_example_info=self._saved.saved_input_example_info,
            model_size_bytes=self._other_bytes + len(model.data),
            **ids,
        ).save(str(folder / _MODEL_FILE))
