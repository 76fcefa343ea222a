"""Versions of a model side by side, with their signatures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.entities import ModelVersion
from engine.errors import NotFound
from engine.registry.comparison import VersionComparison, read_versions
from engine.registry.signatures import Signature, read_signature, signature_rows
from engine.stores import open_store
from engine.uri import TrackingUri
from tests.conftest import MlflowStore

URI = TrackingUri("sqlite:///unused.db")
NO_STORE = open_store(URI)
"""Not read: the files are local."""


def test_versions_with_their_stages_and_the_metrics_of_their_runs(mlflow_store: MlflowStore) -> None:
    store = open_store(mlflow_store.tracking)
    model = next(m for m in store.registered_models() if len(store.model_versions(m.name)) > 1)
    numbers = sorted(version.version for version in store.model_versions(model.name))
    comparison = read_versions(store, model.name, numbers).comparison()
    assert [column.name for column in comparison.columns] == [f"version {number}" for number in numbers]
    found = {row.id: row for row in comparison.rows}
    by_number = {version.version: version for version in store.model_versions(model.name)}
    assert found["version stage"].values == tuple(by_number[number].stage for number in numbers)
    assert comparison.sections()[0].heading == "VERSION"
    assert comparison.is_of_versions
    assert comparison.merged() is comparison, "versions are never merged"
    with pytest.raises(NotFound, match="Version 99"):
        read_versions(store, model.name, [numbers[0], 99])
    store.close()


def test_a_missing_source_run_is_shown_as_missing() -> None:
    versions = (ModelVersion("m", 1, run_id="f" * 32), ModelVersion("m", 2))
    comparison = VersionComparison(versions, (None, None)).comparison()
    found = {row.id: row for row in comparison.rows}
    assert found["version source run"].texts == ("✗ ffffffff missing", "–")
    assert found["version created"].texts == ("–", "–")
    assert comparison.runs == ()


def model(folder: Path, signature: Mapping[str, object] | None) -> ModelVersion:
    folder.mkdir()
    described = {"flavors": {}, **({"signature": signature} if signature is not None else {})}
    (folder / "MLmodel").write_text(json.dumps(described))  # JSON is YAML
    return ModelVersion("m", 1, source=str(folder))


def test_signatures_are_read_from_the_file_of_the_model(tmp_path: Path) -> None:
    inputs = [
        {"type": "long", "name": "age", "required": True},
        {"type": "double", "name": "oldpeak", "required": False},
        {"type": "array", "name": "codes", "items": {"type": "string"}},
    ]
    outputs = [{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1, 2]}}]
    found = read_signature(
        NO_STORE,
        URI,
        model(tmp_path / "m", {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None}),
        None,
    )
    assert found.inputs == {
        "age": "long",
        "oldpeak": "double optional",
        "codes": 'array of {"type": "string"}',
    }
    assert found.outputs == {"0": "tensor int64 (-1, 2)"}
    assert read_signature(NO_STORE, URI, model(tmp_path / "none", None), None) == Signature(
        problem="no signature"
    )
    absent = ModelVersion("m", 1, source=str(tmp_path / "absent"))
    assert read_signature(NO_STORE, URI, absent, None) == Signature(problem="no MLmodel file")


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    version = model(tmp_path / "m", {})
    (tmp_path / "m" / "MLmodel").write_text("a: [1")
    assert read_signature(NO_STORE, URI, version, None).problem.startswith("MLmodel cannot be read")


def test_only_inputs_and_outputs_that_differ_have_a_row() -> None:
    old = Signature({"age": "long", "sex": "long", "thal": "long"}, {"0": "long"})
    new = Signature({"age": "double", "sex": "long", "ca": "long"}, {"0": "long"})
    found = {row.id: row for row in signature_rows([old, new])}
    assert [key for key in found if "input " in key] == [
        "signature input age",
        "signature input thal",
        "signature input ca",
    ]
    assert found["signature input age"].values == ("long", "double")
    assert found["signature input thal"].values == ("long", None)
    assert found["signature inputs"].texts == ("3 · long", "3 · double, long")
    assert not found["signature outputs"].differs
    unread = [row.id for row in signature_rows([old, Signature(problem="no signature")])]
    assert unread == ["signature inputs", "signature outputs"], "what is unknown does not differ"
