"""A newcomer's path: train the demo, browse and compare its runs, promote and undo."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.console import open_console, run_command
from tests.support.demo import DemoStore
from tests.support.warm import Warm

BEST = "knn-5-euclidean-uniform-auto"

PUBLISHED = {
    # (n_neighbors, metric, algorithm), weights uniform: true and false positives and negatives, accuracy
    ("7", "euclidean", "auto"): (29, 27, 2, 3, 0.9180),
    ("5", "euclidean", "auto"): (29, 27, 2, 3, 0.9180),
    ("3", "chebyshev", "ball_tree"): (24, 22, 7, 8, 0.7541),
    ("3", "chebyshev", "auto"): (25, 22, 7, 7, 0.7705),
}


def test_the_demo_without_a_terminal_prints_a_summary(demo_store: DemoStore) -> None:
    assert demo_store.output.returncode == 0, demo_store.output.stderr.decode()
    said = demo_store.output.stdout.decode()
    for fact in (
        "heart-disease: 60 trials",
        "heart-disease-leak-free: 60 trials",
        "heart_disease_classifier version 1",
        "Archived",
        "heart_disease_classifier version 2",
        "Production",
        f"{BEST}  accuracy 0.9180",
    ):
        assert fact in said
    assert "\x1b" not in said


def test_the_demo_is_safe_to_run_again(own_demo: Path, home: Path) -> None:
    again = run_command("demo", "--json", cwd=own_demo, home=home, within=300)
    assert again.returncode == 0
    report = json.loads(again.stdout)
    assert (report["trained"], report["registered"]) == (0, 0)
    assert report["best"]["run_name"] == BEST


def test_the_published_results_are_reproduced(own_demo: Path, home: Path) -> None:
    listed = run_command("runs", "heart-disease", "--json", cwd=own_demo, home=home)
    assert listed.returncode == 0
    found = {}
    for run in json.loads(listed.stdout)["runs"]:
        params, metrics = run["params"], run["metrics"]
        if params.get("weights") == "uniform":
            counts = ("true_positives", "true_negatives", "false_positives", "false_negatives")
            row = (*(metrics[count] for count in counts), round(metrics["accuracy"], 4))
            found[params["n_neighbors"], params["metric"], params["algorithm"]] = row
    assert {trial: found[trial] for trial in PUBLISHED} == PUBLISHED


def test_best_shows_the_best_run_and_exports_every_run(own_demo: Path, home: Path) -> None:
    best = run_command("best", "heart-disease", "--metric", "accuracy", cwd=own_demo, home=home)
    assert best.returncode == 0
    assert all(word in best.stdout.decode() for word in (BEST, "0.9180", "higher is better", "tied"))
    lines = (own_demo / "experiment_results.csv").read_text().splitlines()
    assert lines[0].startswith("run_id,")
    assert len(lines) == 1 + 61, "60 trials and their parent"


def test_a_newcomer_filters_compares_promotes_and_undoes(
    own_demo: Path, home: Path, warm_writer: Warm
) -> None:
    with open_console("demo", cwd=own_demo, home=home, cols=140, rows=40) as terminal:
        terminal.wait_for("RUNS  heart-disease", "61 of 61", "✓ finished", within=120)
        terminal.press("/")
        terminal.wait_for("/ accuracy > 0.9")  # an example, until something is typed
        terminal.type("accuracy > 0.9 and params.metric = 'euclidean'")
        terminal.wait_until(lambda: "61 of 61" not in terminal.text, "the filter applied")
        terminal.wait_for(" of 61", BEST)
        terminal.press("enter")  # back to the table
        terminal.wait_quiet()
        terminal.press("L", "L", "L", "L", "s")
        terminal.wait_for("sorted accuracy ↓")
        terminal.press("g", "space", "space")
        terminal.wait_for("2 marked")
        terminal.press("c")
        terminal.wait_for("COMPARE  2 runs", "accuracy ↑", "METRICS")
        terminal.press("3")
        terminal.wait_for("heart_disease_classifier", "● Production", "○ Archived", "0.9180")
        terminal.press("j")
        terminal.wait_for("version 1  ○ Archived")
        terminal.press("P")
        terminal.wait_for(
            "Promote heart_disease_classifier 1", "now in Production", "will change", "[● Production]"
        )
        terminal.wait_for("version 2 ● Production → ○ Archived")
        terminal.press("enter", "enter")
        terminal.wait_for("[ Cancel ]")
        terminal.press("enter")  # the default is Cancel
        terminal.wait_gone("will change")
        terminal.press("P")
        terminal.wait_for("✗ class_1_recall >= 0.90: class_1_recall 0.7500", "a reason is needed to force it")
        terminal.press("tab")
        terminal.type("better recall\r")
        terminal.wait_for("better recall", "[ Cancel ]")
        terminal.press("tab")
        terminal.wait_for("[ Promote anyway ]")
        terminal.press("enter")
        terminal.wait_for("done and verified", "version 1     ● Production", within=60)
        terminal.press("escape")
        terminal.wait_for("1  ● Production", "2  ○ Archived")
        terminal.press("6")
        terminal.wait_for("heart_disease_classifier", "done")
        terminal.press("q", "q")  # back to the runs, then quit
        assert terminal.wait_exit() == 0
    versions = warm_writer.run("models", "heart_disease_classifier", "--json", cwd=own_demo, home=home)
    stages = {v["version"]: v["stage"] for m in json.loads(versions.stdout)["models"] for v in m["versions"]}
    assert stages == {1: "Production", 2: "Archived"}
    undone = warm_writer.run("undo", "--yes", cwd=own_demo, home=home)
    assert undone.returncode == 0, undone.stderr.decode()
    versions = warm_writer.run("models", "heart_disease_classifier", "--json", cwd=own_demo, home=home)
    stages = {v["version"]: v["stage"] for m in json.loads(versions.stdout)["models"] for v in m["versions"]}
    assert stages == {1: "Archived", 2: "Production"}
