"""The state kept between sessions, in a file that may be damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.api import RunView
from engine.columns import ColumnKey
from tui.state import State


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = tmp_path / "mlflow-console" / "viewed.json"
    path.parent.mkdir()
    return path


def test_the_state_of_one_store_is_restored(file: Path) -> None:
    state = State("STORE", experiment_id="7")
    state.directions["m"] = "lower"
    state.experiment("7").view = RunView("accuracy > 0.9")
    state.model("churn").view = RunView("alias = champion", columns=(ColumnKey("attribute", "stage"),))
    state.save()
    restored = State("STORE")
    assert restored.load() == ""
    assert (restored.experiment_id, restored.directions) == ("7", {"m": "lower"})
    assert restored.experiment("7").view == RunView("accuracy > 0.9")
    assert restored.model("churn").view == state.model("churn").view
    assert State("OTHER").load() == ""
    assert State("OTHER").model("churn").view == RunView()


@pytest.mark.parametrize("content", ["[" * 200_000, "[]", "7", "{", "\x00"])
def test_a_damaged_file_is_set_aside(file: Path, content: str) -> None:
    file.write_text(content)
    state = State("STORE")
    assert "viewed.json is damaged" in state.load()
    assert file.with_name("viewed.json.damaged").read_text() == content
    state.experiment_id = "7"
    state.save()
    assert json.loads(file.read_text())["STORE"]["experiment_id"] == "7"


@pytest.mark.parametrize(
    "entry", [[], 3, None, "text", {"views": 3, "model_views": [], "directions": [], "experiment_id": {}}]
)
def test_a_damaged_entry_of_a_store_is_ignored(file: Path, entry: object) -> None:
    file.write_text(json.dumps({"STORE": entry, "OTHER": {"experiment_id": "1"}}))
    state = State("STORE")
    assert state.load() == ""
    assert (state.experiment_id, state.directions) == (None, {})
    assert state.experiment("7").view == RunView() == state.model("churn").view
    state.save()
    assert json.loads(file.read_text())["OTHER"] == {"experiment_id": "1"}
