"""`chart`: plain text without a terminal, and files."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.conftest import MlflowStore
from tests.tui.cli.conftest import Run


def test_a_sweep_is_ranked_with_the_parameters_that_vary(on_demo: Run) -> None:
    done = on_demo("chart", "heart-disease", "--metric", "accuracy")
    title, head, _, first, *_ = done.out.splitlines()
    assert title == "Runs ranked by accuracy  heart-disease, 60 of 61 runs"
    assert head.split() == ["#", "run", "accuracy", "↑", "metric", "algorithm", "weights", "n_neighbors"]
    assert first.split()[0] == "1"
    assert "━ 0.9180  euclidean" in first
    assert "\x1b" not in done.out
    assert "excluded: 1 run without accuracy" in done.out
    assert "names: knn-*-*-*-*" in done.out


@pytest.mark.parametrize(
    ("arguments", "title", "line"),
    [
        (("--x", "n_neighbors"), "accuracy by n_neighbors", "└"),
        (("--x", "metric"), "accuracy by metric", "euclidean  20  0.8852"),
        (("--x", "metric", "--kind", "scatter"), "accuracy by metric", "chebyshev"),
        (("--x", "cv_mean"), "accuracy against cv_mean", "cv_mean ↑"),
        (
            ("--x", "n_neighbors", "--y", "metric"),
            "Mean accuracy by n_neighbors and metric",
            "██ 0.9098★",
        ),
        (
            ("--filter", "n_neighbors = 5"),
            "accuracy of each run",
            "heart-disease filtered by n_neighbors = 5, 12 runs",
        ),
        (("--filter", "n_neighbors = 5"), "accuracy of each run", "bars range from the lowest"),
        (("--kind", "line"), "accuracy over steps", "20 of 61 runs"),
    ],
)
def test_the_kind_follows_from_what_is_asked(
    on_demo: Run, arguments: tuple[str, ...], title: str, line: str
) -> None:
    done = on_demo("chart", "heart-disease", "--metric", "accuracy", *arguments)
    assert done.status == 0
    assert done.out.startswith(f"{title}  heart-disease")
    assert line in done.out
    assert all(len(each) <= 120 for each in done.out.splitlines() if "━" in each or "─" in each)


def test_a_history_is_drawn_even_if_only_the_oldest_run_has_one(
    run: Run, mlflow_store_copy: MlflowStore
) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as db:
        db.execute("UPDATE runs SET start_time = 1 WHERE run_uuid = ?", (mlflow_store_copy.runs["special"],))
    done = run("--tracking-uri", mlflow_store_copy.uri, "chart", "heart", "--metric", "loss")
    assert done.out.startswith("loss over steps  heart, 1 of ")


def test_a_grid_has_a_chart_for_each_metric_with_steps(run: Run, mlflow_store_copy: MlflowStore) -> None:
    runs = mlflow_store_copy.runs
    with sqlite3.connect(mlflow_store_copy.path) as db:
        db.execute("DELETE FROM metrics WHERE key IN ('loss', 'system/cpu')")
        for key in ("system/cpu", "loss"):
            db.executemany(
                "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)"
                " VALUES (?, ?, ?, ?, ?, 0)",
                [(key, 1 / (1 + step), 1_760_001_860_000 + step, runs["special"], step) for step in range(9)],
            )
            db.execute(
                "INSERT OR REPLACE INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
                " VALUES (?, 0.1, 1760001860008, 8, 0, ?)",
                (key, runs["special"]),
            )
    command = ("--tracking-uri", mlflow_store_copy.uri, "chart", runs["special"], "--kind", "grid")
    done = run(*command)
    assert done.status == 0
    lines = done.out.splitlines()
    heads = [at for at, line in enumerate(lines) if line.startswith(("loss", "system/cpu"))]
    assert [lines[at].split()[0] for at in heads[1:]] == ["loss", "system/cpu"], "the first is the title"
    assert "with one step not shown" in done.out
    assert run(*command, "--json").json["kind"] == "grid"
    assert "works only with --kind heat" in run(*command, "--y", "k").err


def test_json_has_the_data(on_demo: Run) -> None:
    payload = on_demo("chart", "heart-disease", "--kind", "box", "--x", "metric", "--json").json
    assert payload["kind"] == "box"
    assert [(box["label"], box["n"]) for box in payload["boxes"]] == [
        ("euclidean", 20),
        ("manhattan", 20),
        ("chebyshev", 20),
    ]
    assert payload["caption"]["notes"] == ["excluded: 1 run without accuracy"]


def test_a_metric_is_drawn_over_the_versions_of_a_model(on_store: Run, folder: Path) -> None:
    command = ("chart", "--model", "classifier", "--metric", "accuracy")
    done = on_store(*command)
    assert done.out.startswith("accuracy over versions  classifier, 3 versions")
    assert "● Production" in done.out
    assert on_store(*command, "1", "2").out.startswith("accuracy over versions  classifier, 2 versions")
    payload = on_store(*command, "--filter", "version > 1", "--json").json
    assert payload["kind"] == "line"
    assert [curve["label"] for curve in payload["curves"]] == ["accuracy", "● Production"]
    assert payload["curves"][0]["xs"] == [2, 3]
    assert on_store(*command, "-o", "versions.svg").out == "accuracy over versions written to versions.svg\n"
    assert (folder / "versions.svg").read_text().startswith("<?xml")
    assert "classifier has no version 9" in on_store(*command, "9").err
    assert "No version has the metric" in on_store("chart", "--model", "classifier", "-m", "acuracy").err
    assert "--kind and --model cannot be combined" in on_store(*command, "--kind", "box").err
    assert "chart needs an experiment or runs" in on_store("chart").err


def test_run_ids_are_drawn_as_bars(on_demo: Run) -> None:
    runs = on_demo("runs", "heart-disease", "--filter", "n_neighbors = 5", "--limit", "2", "--json").json
    ids = [run["run_id"] for run in runs["runs"]]
    done = on_demo("chart", *ids, "--metric", "accuracy")
    assert done.out.startswith("accuracy of each run  heart-disease, 2 runs")
    by_prefix = on_demo("chart", "-e", "heart-disease", *(i[:8] for i in ids), "--metric", "accuracy")
    assert by_prefix.out == done.out
    short = on_demo("chart", *(i[:8] for i in ids))
    assert short.status == 1
    assert "complete run ids" in short.err


@pytest.mark.slow
def test_a_file_is_written_and_replaced_only_when_confirmed(on_demo: Run, folder: Path) -> None:
    command = ("chart", "heart-disease", "--kind", "box", "-o", "chart.svg")
    done = on_demo(*command)
    assert done.out == "accuracy by metric written to chart.svg\n"
    content = (folder / "chart.svg").read_bytes()
    assert content.rstrip().endswith(b"</svg>")
    (folder / "chart.svg").write_text("mine")
    refused = on_demo(*command)
    assert (refused.status, (folder / "chart.svg").read_text()) == (2, "mine")
    assert "Add --yes" in refused.err
    assert on_demo(*command, "--yes").status == 0
    assert (folder / "chart.svg").read_bytes() == content
    assert on_demo("chart", "heart-disease", "--kind", "box", "-o", "chart.txt").status == 0
    text = (folder / "chart.txt").read_text()
    assert text.startswith("accuracy by metric  heart-disease, 60 of 61 runs\n")
    assert "euclidean  20  0.8852" in text


@pytest.mark.parametrize(
    ("arguments", "status", "error"),
    [
        (("-o", "x.gif"), 2, "Charts are written to .png, .svg or .txt files"),
        (("-o", "-"), 2, "--output needs a file name"),
        (("-o", "missing/x.txt"), 1, "The file cannot be written"),
        (("-m", "accuracyy"), 1, "Did you mean 'accuracy'"),
        (("-x", "nope"), 2, "nope"),
        (("--kind", "pie"), 2, "'pie' is not one of"),
        (("--kind", "bar", "-x", "metric"), 2, "--kind bar has no x-axis"),
        (("--kind", "line", "-x", "metric"), 2, "A line is drawn over step, time or wall"),
        (("--kind", "box", "-x", "step"), 2, "--x step works only with --kind line"),
        (("--kind", "box", "--y", "metric"), 2, "--y works only with --kind heat"),
        (("--kind", "box", "--smooth", "0.5"), 2, "--smooth works only with --kind line"),
        (("--filter", "accuracy > 2"), 1, "No matching runs"),
        (
            ("--filter", "metric = euclidean and n_neighbors = 5 and weights = uniform", "--kind", "heat"),
            1,
            "Only algorithm differs",
        ),
    ],
)
def test_what_cannot_be_drawn_is_an_error(
    on_demo: Run, arguments: tuple[str, ...], status: int, error: str
) -> None:
    done = on_demo("chart", "heart-disease", *arguments)
    assert (done.status, done.out) == (status, "")
    assert error in done.err
