"""`compare` and `best`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.conftest import MlflowStore
from tests.support.warm import Warm
from tests.tui.cli.conftest import Run


def test_runs_are_compared_by_id(on_store: Run, mlflow_store: MlflowStore) -> None:
    ids = [mlflow_store.runs[name] for name in ("trial-10", "trial-23")]
    payload = on_store("compare", *ids, "--json").json
    assert [run["run_id"] for run in payload["runs"]] == ids
    rows = {(row["kind"], row["name"]): row for row in payload["rows"]}
    accuracy = rows["metric", "accuracy"]
    assert accuracy["values"] == pytest.approx([0.8, 0.93])
    assert (accuracy["direction"], accuracy["best"], accuracy["differs"]) == ("higher", [1], True)
    assert (rows["metric", "training_time"]["direction"], rows["metric", "training_time"]["best"]) == (
        "lower",
        [0],
    )
    assert rows["param", "metric"]["differs"] is False


def test_the_best_value_of_a_metric_is_marked(on_store: Run) -> None:
    done = on_store("compare", "-e", "heart", "trial-10", "trial-23")
    lines = {row[0]: row[1:] for row in done.table if row}
    assert lines["trial-10"] == ["trial-23"]
    assert lines["accuracy ↑"] == ["0.8000", "0.9300 ★"]
    assert lines["training_time ↓"][0].endswith("★")
    assert lines["metric"] == ["euclidean", "euclidean"]


def test_only_differences_are_shown_in_the_given_direction(on_store: Run) -> None:
    done = on_store("compare", "-e", "heart", "trial-10", "trial-23", "-x", "--lower", "accuracy")
    lines = {row[0]: row[1:] for row in done.table if row}
    assert lines["accuracy ↓"] == ["0.8000 ★", "0.9300"]
    assert "metric" not in lines
    assert "rows are identical in all runs" in done.out


def test_runs_are_compared_by_id_prefix_and_by_filter(on_store: Run, mlflow_store: MlflowStore) -> None:
    ids = [mlflow_store.runs[name] for name in ("trial-01", "trial-02")]
    short = on_store("compare", "-e", "heart", *(run_id[:12] for run_id in ids), "--json").json
    assert [run["run_id"] for run in short["runs"]] == ids
    found = on_store("compare", "-e", "heart", "--filter", "accuracy > 0.915", "--json").json
    assert {run["run_name"] for run in found["runs"]} == {"trial-22", "trial-23"}


def test_runs_that_do_not_fit_side_by_side_continue_below(
    mlflow_store: MlflowStore, warm: Warm, folder: Path, home: Path
) -> None:
    runs = [f"trial-{number:02d}" for number in range(8, 16)]
    arguments = ("--tracking-uri", mlflow_store.uri, "compare", "-e", "heart", *runs)
    with warm.open(*arguments, cwd=folder, home=home, cols=80, rows=120) as terminal:
        assert terminal.wait_exit() == 0
        heads = [line.split() for line in terminal.lines if line.lstrip().startswith("trial-")]
        assert len(heads) > 1
        assert [name for head in heads for name in head] == runs
        assert sum(line.startswith("accuracy ↑") for line in terminal.lines) == len(heads)
        assert "…" not in terminal.text


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("0" * 32, "1" * 32), 1, f"Run {'0' * 32} not found"),
        (("-e", "heart", "trial-01", "trial-99"), 1, "Run 'trial-99' not found in heart"),
        (("-e", "heart", "--filter", "accuracy > 9"), 1, "At least two runs are needed"),
        (("-e", "heart", "trial-01", "trial-02", "--higher", "acc"), 1, "No run has the metric acc"),
        (("-e", "nowhere", "a", "b"), 1, "Experiment 'nowhere' not found"),
    ],
)
def test_an_invalid_comparison_is_reported(
    on_store: Run, arguments: tuple[str, ...], status: int, message: str
) -> None:
    done = on_store("compare", *arguments)
    assert (done.status, done.out) == (status, "")
    assert message in done.err
    assert "hint:" in done.err


def test_id_prefixes_need_an_experiment(on_store: Run, mlflow_store: MlflowStore) -> None:
    ids = [mlflow_store.runs[name][:12] for name in ("trial-01", "trial-02")]
    done = on_store("compare", *ids)
    assert done.status == 1
    assert "--experiment NAME" in done.err
    assert on_store("compare", "-e", "heart", *ids).status == 0


def test_best_shows_the_best_run_and_exports_all_runs(on_store: Run, folder: Path) -> None:
    done = on_store("best", "heart", "--metric", "accuracy")
    assert done.status == 0
    assert "trial-23  best run of heart" in done.out
    assert "accuracy 0.9300  higher is better" in done.out
    assert ["weights", "distance"] in done.table
    assert done.out.endswith("27 runs written to experiment_results.csv\n")
    again = on_store("best", "heart", "--metric", "accuracy").out
    assert again.endswith("27 runs written to experiment_results.csv; the previous file was replaced\n")
    rows = list(csv.DictReader((folder / "experiment_results.csv").open(encoding="utf-8")))
    assert len(rows) == 27
    assert {"run_id", "metrics.accuracy", "params.n_neighbors", "tags.mlflow.runName"} <= set(rows[0])


def test_best_takes_a_direction_and_a_csv_file(on_store: Run, folder: Path) -> None:
    payload = on_store("best", "heart", "-m", "training_time", "--csv", "all.csv", "--json").json
    assert (payload["run"]["run_name"], payload["direction"]) == ("trial-00", "lower")
    flipped_arguments = ("best", "heart", "-m", "training_time", "--higher", "--csv", "all.csv", "--json")
    assert on_store(*flipped_arguments).status == 2, "it would replace a file"
    flipped = on_store(*flipped_arguments, "--yes").json
    assert (flipped["run"]["run_name"], flipped["direction"], flipped["value"]) == (
        "trial-23",
        "higher",
        0.23,
    )
    assert (flipped["csv"], flipped["runs_written"]) == ("all.csv", 27)
    assert [path.name for path in folder.iterdir()] == ["all.csv"]


def test_best_takes_a_constraint(on_store: Run) -> None:
    done = on_store("best", "heart", "-m", "accuracy", "--where", "n_neighbors <= 9", "--json", "--yes")
    payload = done.json
    assert payload["where"] == "n_neighbors <= 9"
    assert int(payload["run"]["params"]["n_neighbors"]) <= 9
    assert payload["considered"] + len(payload["failing"]) == 21
    assert payload["margin"] == pytest.approx(payload["value"] - payload["runner_up"]["metrics"]["accuracy"])
    wrong = on_store("best", "heart", "--where", "nope > 1")
    assert (wrong.status, "^^^^" in wrong.err) == (2, True)


def test_best_takes_a_metric_with_its_prefix(on_store: Run) -> None:
    done = on_store("best", "heart", "--metric", "metrics.accuracy")
    assert done.status == 0
    assert "accuracy 0.9300  higher is better" in done.out
    unknown = on_store("best", "heart", "--metric", "metrics.acuracy")
    assert unknown.status == 1
    assert "No run has the metric acuracy" in unknown.err
    assert "Metrics: accuracy" in unknown.err


def test_best_lists_tied_runs_and_the_tie_break(on_trained: Run) -> None:
    payload = on_trained("best", "ties", "--json").json
    assert payload["metric"] == "accuracy"
    assert [tied["metrics"]["accuracy"] for tied in payload["tied"]] == [payload["value"]]
    assert payload["tie_break"] == "earliest start"
    done = on_trained("best", "ties")
    assert "1 other run with accuracy" in done.out
    assert "decided by: earliest start" in done.out
    assert payload["tied"][0]["run_id"] in done.out


def test_best_without_a_metric_writes_nothing(on_store: Run, folder: Path) -> None:
    for arguments, message in ((("heart", "-m", "nothing"), "accuracy"), (("empty",), "No run has a metric")):
        done = on_store("best", *arguments)
        assert (done.status, done.out) == (1, "")
        assert message in done.err
    assert list(folder.iterdir()) == []


def test_versions_of_a_model_are_compared(on_store: Run) -> None:
    done = on_store("compare", "--model", "classifier", "1", "2", "3")
    lines = {row[0]: row[1:] for row in done.table if row}
    assert lines["version 1"] == ["version 2", "version 3"]
    assert lines["stage"] == ["Archived", "Production", "None"]
    assert lines["aliases"] == ["–", "@champion", "@challenger @fresh"]
    payload = on_store("compare", "--model", "classifier", "1", "2", "--json").json
    assert [version["version"] for version in payload["versions"]] == [1, 2]
    assert ("signature", "inputs") in {(row["kind"], row["name"]) for row in payload["rows"]}
    for arguments in (["1"], ["1", "x"], ["1", "99"], ["1", "2", "-e", "heart"]):
        assert on_store("compare", "--model", "classifier", *arguments).status in (1, 2)


def test_a_comparison_and_all_runs_are_exported(on_store: Run, folder: Path) -> None:
    done = on_store("compare", "-e", "heart", "trial-10", "trial-23", "-x", "-o", "two.md")
    assert done.out.endswith("rows written to two.md\n")
    assert "| metric | accuracy | higher | 0.8000 | 0.9300 |" in (folder / "two.md").read_text()
    payload = on_store("best", "heart", "-o", "all.json", "--json").json
    assert (payload["csv"], payload["runs_written"]) == ("all.json", 27)
    assert len(json.loads((folder / "all.json").read_text())) == 27
    assert not (folder / "experiment_results.csv").exists()


@pytest.mark.slow
def test_what_may_be_chance_is_said(own_demo: Path, run: Run) -> None:
    arguments = ("compare", "-e", "heart-disease", "-f", "n_neighbors = 9 and algorithm = auto", "-x")
    done = run("--tracking-uri", f"sqlite:///{own_demo}/mlflow.db", *arguments)
    assert "95 %, n=61" in done.out
    assert "≈ p " in done.out
    assert "≈ the difference from the first run may be chance" in done.out
    payload = run("--tracking-uri", f"sqlite:///{own_demo}/mlflow.db", *arguments, "--json").json
    first, *others = payload["evidence"]["accuracy"]
    assert (first["run_id"], first["n"]) == (payload["runs"][0]["run_id"], 61)
    assert {other["method"] for other in others} == {"mcnemar"}
    corrected = run("--tracking-uri", f"sqlite:///{own_demo}/mlflow.db", *arguments, "--correct", "holm")
    assert "95 %, n=61, Holm" in corrected.out
    again = run(
        "--tracking-uri", f"sqlite:///{own_demo}/mlflow.db", *arguments, "--correct", "holm", "--json"
    )
    pairs = list(zip(others, again.json["evidence"]["accuracy"][1:], strict=True))
    assert all(after["p_value"] >= before["p_value"] for before, after in pairs)
    assert any(after["p_value"] > before["p_value"] for before, after in pairs)
    everything = run("--tracking-uri", f"sqlite:///{own_demo}/mlflow.db", "compare", "-e", "heart-disease")
    assert "what may be chance is not tested: there are more than 50 runs" in everything.out
