"""`experiments`, `models` and `journal` on a store made by MLflow, directly and over HTTP."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.api import RunView, SortKey
from engine.columns import ColumnKey
from engine.journal import append, new_entry
from engine.runs.saved.store import ViewFile
from engine.uri import TrackingUri
from tests.conftest import MlflowServer, MlflowStore
from tests.support.warm import Warm
from tests.tui.cli.conftest import Run


def test_experiments_are_listed_with_their_run_counts(on_store: Run, mlflow_store: MlflowStore) -> None:
    done = on_store("experiments", "--json")
    found = {entry["name"]: entry for entry in done.json["experiments"]}
    assert (done.status, done.err) == (0, "")
    assert set(found) == {"Default", "heart", "empty"}
    assert found["heart"]["experiment_id"] == mlflow_store.heart
    assert (found["heart"]["run_count"], found["empty"]["run_count"]) == (27, 0)
    assert found["heart"]["tags"]["owner"] == "ada"
    table = on_store("experiments").table
    assert table[0] == ["name", "runs", "last active", "id"]
    assert table[1][:2] == ["heart", "27"]


def test_a_deleted_experiment_is_called_deleted_and_listed_on_request(
    on_store: Run, mlflow_store: MlflowStore
) -> None:
    gone = mlflow_store.experiments["gone"]
    for command in (("runs", "gone"), ("runs", gone), ("best", "gone"), ("compare", "-e", "gone")):
        done = on_store(*command, "--json")
        assert done.status == 1
        assert done.json["error"]["title"] == f"Experiment {command[-1]!r} is deleted"
        assert f"mlflow-console runs {gone} --deleted" in done.json["error"]["hint"]
    (listed,) = on_store("experiments", "--deleted", "--json").json["experiments"]
    assert (listed["name"], listed["run_count"]) == ("gone", 1)
    (run,) = on_store("runs", "gone", "--deleted", "--json").json["runs"]
    assert run["run_name"] == "lost"
    assert on_store("runs", "heart", "--deleted", "--json").json["runs"][0]["run_name"] == "deleted"


def test_models_are_listed_with_versions_stages_and_aliases(on_store: Run, mlflow_store: MlflowStore) -> None:
    models = {model["name"]: model for model in on_store("models", "--json").json["models"]}
    assert set(models) == {"classifier", "unused", 'it\'s "quoted"'}
    classifier = models["classifier"]
    assert classifier["aliases"] == {"champion": 2, "challenger": 3, "fresh": 3}
    versions = {version["version"]: version for version in classifier["versions"]}
    assert {number: version["stage"] for number, version in versions.items()} == {
        1: "Archived",
        2: "Production",
        3: "None",
    }
    assert versions[2]["run_id"] == mlflow_store.runs["trial-10"]
    assert versions[2]["metrics"]["accuracy"] == pytest.approx(0.8)
    rows = on_store("models").table
    assert ["classifier", "3", "2", "–"] in [row[:4] for row in rows]
    assert ["unused", "0", "–", "–", "–"] in [row[:5] for row in rows], "a missing alias is not blank"


def test_the_versions_of_a_model_are_listed_with_the_metrics_of_their_runs(on_store: Run) -> None:
    done = on_store("models", "classifier")
    assert done.table[0] == ["classifier"]
    assert {"version", "stage", "aliases", "accuracy", "cv_mean"} <= set(done.table[2])
    assert done.table[4][:4] == ["2", "Production", "champion", "0.8000"]
    by = done.table[2].index("user")
    assert done.table[4][by] == "ada", "the user of the source run: the store records none for the version"
    assert [m["name"] for m in on_store("models", "unused", "--json").json["models"]] == ["unused"]
    missing = on_store("models", "nobody", "--json")
    assert missing.status == 1
    assert "classifier" in missing.json["error"]["detail"]
    assert missing.json["error"]["hint"]


def test_versions_are_filtered_sorted_and_exported_like_runs(on_store: Run, tmp_path: Path) -> None:
    def numbers(*options: str) -> list[int]:
        (model,) = on_store("models", "classifier", *options, "--json").json["models"]
        return [version["version"] for version in model["versions"]]

    assert numbers() == [3, 2, 1]
    assert numbers("--filter", "stage = 'Production' and accuracy > 0.5") == [2]
    assert numbers("-f", "alias = champion") == [2]
    assert numbers("--sort", "version", "--limit", "2") == [1, 2]
    none = on_store("models", "classifier", "-f", "stage = staging")
    assert "0 of 3 versions" in none.out
    assert "Values of stage: Archived, None, Production." in none.out
    assert "^^^^^" in on_store("models", "classifier", "-f", "acuracy > 1").err
    assert on_store("models", "classifier", "--columns", "version,user").table[2][:2] == ["version", "user"]
    file = tmp_path / "versions.csv"
    assert (
        "1 of 3 versions" in on_store("models", "classifier", "-f", "alias=champion", "--csv", str(file)).out
    )
    head, row = file.read_text().splitlines()
    assert head.startswith("model,version,stage,")
    assert row.startswith("classifier,2,Production,")
    assert "metrics.accuracy" in head
    assert "It applies to versions." in on_store("models", "-f", "stage = staging").err


def test_the_versions_of_a_model_are_listed_by_a_saved_view(
    on_store: Run, mlflow_store: MlflowStore, home: Path
) -> None:
    version, stage = (ColumnKey("attribute", name) for name in ("version", "stage"))
    saved = ViewFile(home / ".config" / "mlflow-console" / "views.toml", "model")
    view = RunView("stage != staging", (SortKey(version),), (stage, version))
    saved.save(mlflow_store.tracking.shown, "classifier", "by stage", view)
    rows = on_store("models", "classifier", "--view", "by stage").table
    assert rows[2:] == [["stage", "version"], ["Archived", "1"], ["Production", "2"], ["None", "3"]]
    assert on_store("models", "classifier", "--view", "by stage", "--limit", "1").table[3][1] == "1"
    assert on_store("models", "classifier", "--view", "by stage", "--columns", "version").table[2] == [
        "version"
    ]
    assert "View 'mine' not found in classifier" in on_store("models", "classifier", "--view", "mine").err


def test_models_are_searched_by_name(on_store: Run) -> None:
    assert [row[0] for row in on_store("models", "--search", "CLASS").table[1:2]] == ["classifier"]
    assert "1 prompt not shown" in on_store("models").out
    assert "No registered model has 'zzz'" in on_store("models", "--search", "zzz").out


def test_a_narrow_terminal_shows_how_many_columns_are_hidden(
    mlflow_store: MlflowStore, warm: Warm, folder: Path, home: Path
) -> None:
    arguments = ("--tracking-uri", mlflow_store.uri, "models", "classifier")
    with warm.open(*arguments, cwd=folder, home=home, cols=80) as terminal:
        assert terminal.wait_exit() == 0
        assert re.search(r"\d columns? hidden: use --json or --columns", terminal.text)


def test_an_empty_journal_says_so(run: Run) -> None:
    assert run("journal", "--json").json == {"entries": []}
    assert run("journal").out == "No journal entries yet.\n"


def test_a_changed_journal_is_found(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(home / ".local/state"))
    assert run("journal", "--verify").out == "✓ The journal is as it was written: 0 lines.\n"
    append(new_entry(TrackingUri("http://127.0.0.1:5000"), "promote", "churn 1 → Production"))
    append(new_entry(TrackingUri("http://127.0.0.1:5000"), "promote", "churn 2 → Production"))
    assert run("journal", "--verify").out == "✓ The journal is as it was written: 2 lines.\n"

    path = home / ".local/state/mlflow-console/journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"churn 1", b"churn 9"))
    done = run("journal", "--verify")
    assert done.status == 1
    assert done.out == "✗ journal.jsonl line 2: The line before it was changed or removed.\n"
    assert run("journal", "--verify", "--json").json["faults"][0]["line"] == 2


def test_the_journal_shows_how_far_an_unfinished_write_got(
    on_store: Run, mlflow_store: MlflowStore, home: Path
) -> None:
    entry = {"entry_id": "e", "time": 1, "user": "u", "host": "h", "server": f"sqlite:///{mlflow_store.path}"}
    run = f"run {mlflow_store.runs['trial-10']}"
    entry |= {"action": "delete", "target": "run trial-10", "before": {run: "active"}}
    entry |= {"after": {run: "deleted"}, "detail": "what happened"}
    path = home / ".local/state/mlflow-console/journal.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(entry) + "\n")

    assert "Unfinished: delete run trial-10\n0 of 1 run deleted.\n" in on_store("journal").out
    assert "what happened" in on_store("journal").out
    shown = on_store("journal", "--json").json["entries"][0]
    assert shown["finding"] == {"text": "0 of 1 run deleted.", "command": ""}
    assert on_store("journal", "--mark-killed").out == "No interrupted sweep left runs RUNNING.\n"


def test_a_server_and_its_database_give_the_same_results(
    run: Run, on_store: Run, mlflow_server: MlflowServer
) -> None:
    for arguments in (("runs", "heart"), ("runs", "heart", "-f", "accuracy > 0.9"), ("models",)):
        remote = run("--tracking-uri", mlflow_server.uri, *arguments, "--json")
        assert (remote.status, remote.err) == (0, "")
        assert remote.json == on_store(*arguments, "--json").json
    experiments = run("--tracking-uri", mlflow_server.uri, "experiments", "--json").json["experiments"]
    assert {entry["name"]: entry["run_count"] for entry in experiments} == {
        "Default": None,
        "heart": None,
        "empty": None,
    }


def test_reading_commands_create_nothing(run: Run, folder: Path) -> None:
    for command in (("experiments",), ("runs", "x"), ("best", "x"), ("models",), ("compare", "a", "b")):
        done = run(*command)
        assert (done.status, done.out) == (1, "")
        assert "MLflow store not found" in done.err
        assert "mlflow-console demo" in done.err
    assert list(folder.iterdir()) == []
