"""`model` and `experiment`, on a copy of a store made by MLflow."""

from __future__ import annotations

import pytest

from tests.tui.cli.conftest import Run

pytestmark = pytest.mark.slow


def test_a_version_is_copied_and_the_copy_deleted(on_copy: Run) -> None:
    copied = on_copy("model", "copy", "classifier", "2", "kopie", "--yes", "--json")
    assert (copied.status, copied.json["name"], copied.json["version"]) == (0, "kopie", 1)
    refused = on_copy("model", "delete", "kopie", "1")
    assert refused.status == 2
    assert "Add --confirm kopie/1." in refused.err
    assert on_copy("model", "delete", "kopie", "1", "--confirm", "kopie").status == 2
    done = on_copy("model", "delete", "kopie", "1", "--confirm", "kopie/1")
    assert "It cannot be undone." in done.out
    assert "✓ Deleted kopie version 1; the model has no versions left" in done.out
    gone = on_copy("model", "delete", "kopie", "--confirm", "kopie", "--json")
    assert (gone.status, gone.json["deleted"], gone.json["left"]) == (0, [], [])
    entry = on_copy("journal", "--json").json["entries"][0]
    undone = on_copy("undo", entry["entry_id"], "--yes")
    assert undone.status == 2
    assert "Cannot undo model delete kopie" in undone.err


def test_an_experiment_is_deleted_and_comes_back_with_undo(on_copy: Run) -> None:
    asked = on_copy("experiment", "delete", "heart")
    assert asked.status == 2
    assert "Add --yes." in asked.err
    assert "deleted with it" in asked.out
    deleted = on_copy("experiment", "delete", "heart", "--yes", "--json").json
    assert (deleted["action"], deleted["experiment"]["lifecycle_stage"]) == ("delete", "deleted")
    missing = on_copy("runs", "heart")
    assert f"mlflow-console experiment restore {deleted['experiment']['experiment_id']}" in missing.err
    back = on_copy("undo", deleted["entry_id"], "--yes", "--json").json
    assert (back["action"], back["runs"]) == ("restore", deleted["runs"])
    assert len(on_copy("runs", "heart", "--json").json["runs"]) == deleted["runs"]
    created = on_copy("experiment", "create", "new", "--tag", "a=b", "--yes", "--json").json
    assert created["experiment"]["tags"] == {"a": "b"}
