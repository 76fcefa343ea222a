"""`train` and `demo`: output, errors and signals."""

from __future__ import annotations

import re
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
    assert (payload["finished"], payload["failed"], payload["killed"], payload["total"]) == (3, 0, 0, 3)
    baseline, *trials = payload["trials"]
    assert [trial["params"]["weights"] for trial in trials] == ["uniform", "distance"]
    assert (payload["metric"], baseline["estimator"]) == ("accuracy", "dummy")
    assert payload["baseline_run_id"] == baseline["run_id"]
    assert payload["best_run_id"] == trials[0]["run_id"]
    assert "sweep  3/3  accuracy" in trained.result.err
    runs = {entry["run_id"]: entry for entry in on_trained("runs", "ties", "--json").json["runs"]}
    assert len(runs) == 4
    assert runs[payload["parent_run_id"]]["run_name"] == "first sweep"
    assert {runs[t["run_id"]]["status"] for t in payload["trials"]} == {"FINISHED"}
    assert (trained.folder / "mlflow.db").exists()


def test_train_prints_the_counts_and_the_best_trial(on_trained: Run) -> None:
    done = on_trained("train", "--grid", "n_neighbors=5 metric=euclidean", "--recipe", "published")
    assert done.status == 0
    assert "✓ 2 trials finished in " in done.out
    assert re.search(
        r"^best  accuracy 0\.\d{4} ± 0\.\d{3}  knn-5-euclidean  run \w{32}$", done.out, re.MULTILINE
    )
    assert "n_neighbors=5" in done.out
    assert "0.9180 on the test rows" in done.out
    assert "baseline  accuracy 0.5" in done.out
    assert "mlflow-console best heart-disease-sweeps" in done.out


def test_the_dataset_of_a_run_can_be_trained_on(on_trained: Run, trained: Trained) -> None:
    run_id = trained.result.json["best_run_id"]
    done = on_trained("train", "--data", f"run:{run_id}", "-e", "again", "--check", "--json")
    assert done.json["profile"]["rows"] == 303


BAD_DATA = {
    "no target": ("a,b\n" + "1,2\n" * 20, "Unknown column 'target'"),
    "text": ("a,target\n" + "1,0\n2,1\n" * 30 + "x,1\n", "contains text"),
    "one class": ("a,target\n" + "1,0\n" * 20, "only one class"),
    "empty": ("", "is empty"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_is_refused_before_anything_is_written(run: Run, folder: Path, case: str) -> None:
    text, message = BAD_DATA[case]
    (folder / "bad.csv").write_text(text)
    done = run("train", "--data", "bad.csv", "--check", "--json")
    assert done.status == 1
    assert message in done.json["error"]["title"]
    assert "bad.csv" in done.err
    assert [path.name for path in folder.iterdir()] == ["bad.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--estimator", "knm"), "Unknown estimator 'knm'"),
        (("--estimator", "knn", "--estimator", "svc", "--grid", "C=1"), "C of which estimator?"),
        (("--split", "time"), "A split by time needs a column"),
        (("--trial-timeout", "soon"), "Invalid time 'soon'"),
        (("--data", "run:abc"), "The sweep needs an experiment"),
        (("--metric", "beauty"), "'beauty' cannot rank trials"),
        (("--test", "2"), "Invalid test size"),
        (("--scheduler", "tcp://127.0.0.1:1"), "A scheduler is for --executor dask"),
        (("--executor", "dask"), "--executor dask needs one of"),
        (("--resume", "abc", "--folds", "3"), "--resume continues a sweep as it was"),
        (("nowhere.yaml",), "Cannot read sweep file"),
    ],
)
def test_a_sweep_that_means_nothing_is_refused(
    run: Run, folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = run("train", *arguments, "--check", "--json")
    assert done.status == 2
    assert message in done.json["error"]["title"]
    assert not list(folder.iterdir())


def test_a_sweep_is_written_to_a_file_and_previewed_with_options_that_override_it(
    run: Run, folder: Path
) -> None:
    rows = "".join(f"{row},{row % 3},{'ab'[row % 2]}\n" for row in range(60))
    (folder / "plants.csv").write_text("height,site,kind\n" + rows)
    options = ("--data", "plants.csv", "--target", "kind", "--estimator", "knn", "--estimator", "naive_bayes")
    written = run("train", *options, "--grid", "knn.n_neighbors=3,5,7", "--write-file", "sweep.yaml")
    assert "mlflow-console train sweep.yaml" in written.out
    plain = run("train", "sweep.yaml", "--check", "--json").json
    assert (plain["experiment"], plain["trials"]) == ("plants", 1 + 3 + 4)
    done = run(
        "train", "sweep.yaml", "--type", "site=category", "--no-baseline", "--estimator", "knn", "--check"
    )
    assert "60 rows" in done.out
    assert "2 classes: a (30), b (30)" in done.out
    assert done.table[3][:3] == ["site", "category", "3"]
    assert "3 trials of knn, into experiment plants" in done.out
    assert sorted(path.name for path in folder.iterdir()) == ["plants.csv", "sweep.yaml"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--data", "nowhere.csv"), 1, "File nowhere.csv not found"),
        (("--estimator", "sklearn.nothing.MLPClassifier"), 2, "is not a scikit-learn estimator"),
        (
            ("--executor", "dask", "--scheduler", "tcp://127.0.0.1:1", "--record-in", "workers"),
            2,
            "Let this machine record them (--record-in client)",
        ),
    ],
)
def test_a_refused_sweep_writes_nothing_and_is_not_journalled(
    run: Run, folder: Path, arguments: tuple[str, ...], status: int, message: str
) -> None:
    done = run("train", *arguments)
    assert (done.status, done.out) == (status, "")
    assert message in done.err
    assert list(folder.iterdir()) == []
    assert run("journal", "--json").json["entries"] == []


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
        terminal.wait_for("/61", "best 0.", within=120)
        terminal.send_signal(number)
        assert terminal.wait_exit() == status
        assert "⊘ stopped" in terminal.text
        assert "mlflow-console train --resume " in terminal.text
        assert terminal.private_modes().get(25, True), "the cursor must be shown again"
    _check_stopped(on_trained, name)
    entry = on_trained("journal", "--json").json["entries"][0]
    assert entry["outcome"] == "cancelled"
    assert " of 61 trials finished, " in entry["detail"]
    assert " not started" in entry["detail"]


def test_a_closed_terminal_keeps_finished_runs_and_kills_the_rest(
    on_trained: Run, trained: Trained, warm_writer: Warm, home: Path
) -> None:
    with warm_writer.open("train", "-e", "hung up", cwd=trained.folder, home=home, cols=100) as terminal:
        terminal.wait_for("/61", "best 0.", within=120)
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
