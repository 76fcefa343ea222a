"""Which models are loaded without a question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.model_files.trust import ModelCode, model_code

PYFUNC: dict[str, Any] = {
    "env": {"conda": "conda.yaml"},
    "loader_module": "mlflow.sklearn",
    "model_path": "model.skops",
    "predict_fn": "predict",
    "python_version": "3.11.7",
}
SKLEARN: dict[str, Any] = {
    "code": None,
    "pickled_model": "model.skops",
    "serialization_format": "skops",
    "skops_trusted_types": ["sklearn.neighbors._kd_tree.KDTree"],
}


def code_of(folder: Path, pyfunc: dict[str, Any], sklearn: dict[str, Any] | None) -> ModelCode:
    flavors = {"python_function": PYFUNC | pyfunc} | (
        {} if sklearn is None else {"sklearn": SKLEARN | sklearn}
    )
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": flavors, "model_uuid": "m"}))
    return model_code(folder)


@pytest.mark.slow
def test_a_skops_model_of_scikit_learn_classes_is_safe(tmp_path: Path) -> None:
    code = code_of(tmp_path, {}, {})
    assert (code.format, code.is_safe, code.reason) == ("skops", True, "")


@pytest.mark.parametrize(
    ("pyfunc", "sklearn", "reason"),
    [
        ({"data": "sub"}, {}, "sets data, which may load more"),
        ({"data": "/elsewhere/model"}, {}, "sets data, which may load more"),
        ({"config": {"a": 1}, "resources": []}, {}, "sets config, resources, which may load more"),
        ({"loader_module": "theirs"}, {}, "loaded by theirs"),
        ({"loader_module": "mlflow.pyfunc.model"}, None, "loaded by mlflow.pyfunc.model"),
        ({"code": "code"}, {}, "contains Python files"),
        ({}, {"code": "code"}, "contains Python files"),
        ({}, {"serialization_format": "cloudpickle"}, "pickle can run arbitrary code"),
        ({}, {"serialization_format": "SKOPS"}, "pickle can run arbitrary code"),
        ({}, None, "pickle can run arbitrary code"),
        ({}, {"skops_trusted_types": ["os.system"]}, "may load os.system"),
        ({}, {"skops_trusted_types": ["sklearn.datasets._base.urlretrieve"]}, "may load sklearn.datasets"),
    ],
)
def test_any_other_model_may_run_code(
    tmp_path: Path, pyfunc: dict[str, Any], sklearn: dict[str, Any] | None, reason: str
) -> None:
    code = code_of(tmp_path, pyfunc, sklearn)
    assert not code.is_safe
    assert reason in code.reason


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ({"python_model": "python_model.pkl", "cloudpickle_version": "3.1.0"}, "cloudpickle"),
        ({"model_code_path": "model.py"}, "Python code"),
        ({}, "mlflow.pyfunc.model"),
    ],
)
def test_the_format_of_a_python_model_is_how_it_is_stored(
    tmp_path: Path, stored: dict[str, Any], name: str
) -> None:
    code = code_of(tmp_path, {"loader_module": "mlflow.pyfunc.model", **stored}, None)
    assert (code.format, code.is_safe) == (name, False)
