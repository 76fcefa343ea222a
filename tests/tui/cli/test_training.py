"""`train` and `demo`: output, errors and signals."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.support.demo import NO_SERVER, DemoStore
from tests.support.warm import Warm
from tests.tui.cli.conftest import Run, Trained

pytestmark = pytest.mark.slow


def test_train_with_json_lists_every_trial(on_trained: Run, trained: Trained) -> None:
    assert trained.result.status == 0
    payload = trained.result.json
    assert (payload["finished"], payload["failed"], payload["killed"], payload["total"]) == (2, 0, 0, 2)
    assert [trial["params"]["weights"] for trial in payload["trials"]] == ["uniform", "distance"]
    assert payload["best_run_id"] == payload["trials"][0]["run_id"]
    assert "ties  2/2  accuracy" in trained.result.err
    runs = {entry["run_id"]: entry for entry in on_trained("runs", "ties", "--json").json["runs"]}
    assert len(runs) == 3
    assert runs[payload["parent_run_id"]]["run_name"] == "first sweep"
    assert {runs[t["run_id"]]["status"] for t in payload["trials"]} == {"FINISHED"}
    assert (trained.folder / "mlflow.db").exists()


def test_train_prints_the_counts_and_the_best_trial(on_trained: Run) -> None:
    done = on_trained("train", "--grid", "n_neighbors=5 metric=euclidean", "--recipe", "published")
    assert done.status == 0
    assert "✓ 1 trial finished in " in done.out
    assert "best  accuracy 0.9180  run " in done.out
    assert "n_neighbors=5" in done.out
    assert "mlflow-console runs heart-disease-sweeps --sort accuracy:desc" in done.out


BAD_DATA = {
    "no target": ("a,b\n" + "1,2\n" * 20, "Unknown column 'target'"),
    "text": ("a,target\n" + "1,0\n2,1\n" * 10 + "x,1\n", "contains text"),
    "one class": ("a,target\n" + "1,0\n" * 20, "only one class"),
    "empty": ("", "is empty"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_is_refused_before_anything_is_written(run: Run, folder: Path, case: str) -> None:
    text, message = BAD_DATA[case]
    (folder / "bad.csv").write_text(text)
    done = run("train", "--data", "bad.csv", "--json")
    assert done.status == 1
    assert message in done.json["error"]["title"]
    assert "bad.csv" in done.err
    assert [path.name for path in folder.iterdir()] == ["bad.csv"]


def test_a_missing_data_file_is_reported(run: Run) -> None:
    done = run("train", "--data", "nowhere.csv")
    assert (done.status, done.out) == (1, "")
    assert "File nowhere.csv not found" in done.err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_keeps_finished_runs_and_kills_the_rest(
    on_trained: Run,
    trained: Trained,
    warm_writer: Warm,
    home: Path,
    number: signal.Signals,
    status: int,
) -> None:
    name = f"stopped by {number.name}"
    with warm_writer.open("train", "-e", name, cwd=trained.folder, home=home, cols=100) as terminal:
        terminal.wait_for("/60", "best 0.", within=120)
        terminal.send_signal(number)
        assert terminal.wait_exit() == status
        assert "⊘ stopped" in terminal.text
        assert terminal.private_modes().get(25, True), "the cursor must be shown again"
    _check_stopped(on_trained, name)
    entry = on_trained("journal", "--json").json["entries"][0]
    assert entry["outcome"] == "cancelled"
    assert " of 60 trials finished, " in entry["detail"]
    assert " not started" in entry["detail"]


def test_a_closed_terminal_keeps_finished_runs_and_kills_the_rest(
    on_trained: Run, trained: Trained, warm_writer: Warm, home: Path
) -> None:
    with warm_writer.open("train", "-e", "hung up", cwd=trained.folder, home=home, cols=100) as terminal:
        terminal.wait_for("/60", "best 0.", within=120)
        terminal.hang_up()
        assert terminal.wait_exit() != 0
    _check_stopped(on_trained, "hung up")


def _check_stopped(run: Run, experiment: str) -> None:
    statuses = [entry["status"] for entry in run("runs", experiment, "--json").json["runs"]]
    assert statuses.count("FINISHED") >= 1
    assert set(statuses) == {"FINISHED", "KILLED"}


def test_the_demo_ignores_the_tracking_uri_of_the_environment_and_is_safe_to_run_again(
    run: Run, demo_store: DemoStore, own_demo: Path, warm_writer: Warm, home: Path
) -> None:
    assert demo_store.output.returncode == 0
    first = demo_store.output.stdout.decode()
    assert f"store sqlite:///{demo_store.folder / 'mlflow.db'}" in first
    assert "Experiment heart-disease: 60 trials, 60 trained now" in first
    assert "best  knn-" in first
    again = run("demo", "--json", env=NO_SERVER)
    assert again.status == 0
    assert (again.json["trained"], again.json["registered"]) == (0, 0)
    assert again.json["best"]["metrics"]["accuracy"] == pytest.approx(0.918, abs=1e-3)
    with warm_writer.open("demo", cwd=own_demo, home=home, env=NO_SERVER) as terminal:
        terminal.wait_for("heart-disease", "61 of 61")
        terminal.press("q")
        assert terminal.wait_exit() == 0
