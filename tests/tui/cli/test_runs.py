"""`mlflow-console runs` on a store made by MLflow, directly and over HTTP."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.columns import ColumnKey
from engine.runs.saved.store import ViewFile
from engine.runs.sorting import SortKey
from engine.runs.view import RunView
from engine.uri import TrackingUri
from tests.conftest import MlflowServer, MlflowStore
from tests.support.console import open_console
from tests.tui.cli.conftest import Ended, Run

Viewed = Callable[..., Ended]

RUN_FIELDS = ["run_id", "run_name", "status", "start_time", "end_time", "params", "metrics", "tags"]


def names(payload: dict[str, list[dict[str, object]]]) -> list[object]:
    return [run["run_name"] for run in payload["runs"]]


def test_runs_as_json_have_the_promised_shape(on_store: Run, mlflow_store: MlflowStore) -> None:
    payload = on_store("runs", "heart", "--json").json
    assert [list(run) for run in payload["runs"]] == [RUN_FIELDS] * 27
    by_name = {run["run_name"]: run for run in payload["runs"]}
    trial = by_name["trial-10"]
    assert trial["run_id"] == mlflow_store.runs["trial-10"]
    assert (trial["status"], trial["end_time"] - trial["start_time"]) == ("FINISHED", 1500)
    assert trial["params"] == {"n_neighbors": "3", "weights": "uniform", "metric": "euclidean"}
    assert trial["metrics"]["accuracy"] == pytest.approx(0.8)
    assert trial["tags"]["python_version"] == "3.11"
    assert by_name["running"]["end_time"] is None
    assert by_name["special"]["metrics"]["nan"] == "NaN"
    assert by_name["special"]["params"]["text"] == "naïve – 实验"


def test_an_experiment_may_be_named_by_its_id(on_store: Run, mlflow_store: MlflowStore) -> None:
    assert len(on_store("runs", mlflow_store.heart, "--json").json["runs"]) == 27


def test_filter_sort_and_limit(on_store: Run) -> None:
    arguments = (
        "--filter",
        "accuracy > 0.85 and weights = uniform",
        "--sort",
        "accuracy:desc",
        "--limit",
        "3",
    )
    assert names(on_store("runs", "heart", *arguments, "--json").json) == ["trial-22", "trial-20", "trial-18"]
    table = on_store("runs", "heart", *arguments)
    assert [row[1] for row in table.table[1:4]] == ["trial-22", "trial-20", "trial-18"]
    assert "3 of 4 that match, of 27 runs of heart · sorted accuracy ↓" in table.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-n", "2"), "2 of 27 runs of heart"),
        (("-f", "accuracy > 0.9"), "3 of 27 runs of heart"),
        (("-f", "accuracy > 0.9", "-n", "3"), "3 of 27 runs of heart"),
        (("-f", "accuracy > 0.9", "-n", "2"), "2 of 3 that match, of 27 runs of heart"),
        (("-f", "accuracy > 0.9", "-n", "2", "--csv", "out.csv"), "2 of 3 that match, of 27 runs written to"),
        (("-g", "weights"), "27 runs in 3 groups"),
        (("-g", "weights", "-n", "3"), "27 runs in 3 groups"),
        (("-g", "weights", "-n", "2"), "2 of 3 groups · 27 runs in all"),
        (("-g", "weights", "-f", "accuracy > 0.9 and weights = uniform"), "1 run in 1 group"),
    ],
)
def test_the_last_line_says_what_a_limit_left_out(
    on_store: Run, arguments: tuple[str, ...], told: str
) -> None:
    last = on_store("runs", "heart", *arguments).out.splitlines()[-1]
    assert last.startswith(told)


def test_a_server_that_answered_the_filter_is_told_of_by_what_matches(
    run: Run, mlflow_server: MlflowServer
) -> None:
    there = ("--tracking-uri", mlflow_server.uri, "runs", "heart", "-f", "metrics.accuracy > 0.9")
    assert run(*there).out.splitlines()[-1] == "3 runs of heart"
    assert run(*there, "-n", "2").out.splitlines()[-1] == "2 of 3 matching runs of heart"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-g", "weights", "-c", "accuracy"), "--group-by and --columns stand together"),
        (("-g", "weights", "--csv", "out.csv"), "Groups are not written as CSV"),
        (("-g", ""), "--group-by names no column"),
        (("-g", " , "), "--group-by names no column"),
        (("-c", ""), "--columns names no column"),
        (("-c", ",", "-c", " "), "--columns names no column"),
        (("--csv", "-"), "use --json for the standard output"),
        (("--csv", ""), "--csv names no file"),
    ],
)
@pytest.mark.parametrize("experiment", ["heart", "empty"])
def test_options_that_would_be_ignored_are_refused(
    on_store: Run, folder: Path, experiment: str, arguments: tuple[str, ...], told: str
) -> None:
    done = on_store("runs", experiment, *arguments)
    assert (done.status, done.out) == (2, "")
    assert told in done.err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("sorts", "first"),
    [
        (["accuracy"], "trial-00"),
        (["metrics.accuracy:ASC"], "trial-00"),
        (["metrics.accuracy DESC"], "trial-23"),
        (["n_neighbors:desc", "accuracy:desc"], "trial-19"),
        (["run_name"], "running"),
        (["start_time"], "sweep"),
    ],
)
def test_sorting(on_store: Run, sorts: list[str], first: str) -> None:
    flags = [part for sort in sorts for part in ("--sort", sort)]
    assert names(on_store("runs", "heart", *flags, "--json").json)[0] == first


@pytest.mark.parametrize("sort", ["accuracy:down", "metrics.accuracy:descending"])
def test_an_unknown_direction_is_told_as_one(on_store: Run, sort: str) -> None:
    done = on_store("runs", "heart", "--sort", sort)
    assert done.status == 2
    assert f"'{sort.partition(':')[2]}' is no direction" in done.err
    assert "accuracy:desc" in done.err


def test_an_unknown_column_is_told_as_one(on_store: Run) -> None:
    done = on_store("runs", "heart", "--sort", "acuracy:down")
    assert done.status == 2
    assert "Unknown column acuracy" in done.err


def test_of_a_long_filter_the_place_of_the_error_is_shown(on_store: Run) -> None:
    done = on_store("runs", "heart", "--filter", "accuracy > 0.5 and " * 30 + "acuracy > 1 or " + "x" * 900)
    assert done.status == 2
    text, pointer = done.err.splitlines()[1:3]
    assert len(text) < 250
    assert text.strip().startswith("…")
    assert text.endswith("…")
    at = pointer.index("^")
    assert text[at : at + pointer.count("^")] == "acuracy"


def test_missing_values_sort_last_in_both_directions(on_store: Run) -> None:
    for direction in ("asc", "desc"):
        last = names(on_store("runs", "heart", "--sort", f"accuracy:{direction}", "--json").json)[-4:]
        assert set(last) == {"sweep", "trial-07", "running", "special"}


def test_columns(on_store: Run) -> None:
    done = on_store(
        "runs", "heart", "--columns", "run_name, params.metric", "--columns", "nan", "-f", "special"
    )
    assert done.table[:2] == [["run_id", "name", "metric", "nan"], [done.table[1][0], "special", "–", "NaN"]]


def test_a_pipe_gets_whole_ids_every_column_and_no_colours(on_store: Run, mlflow_store: MlflowStore) -> None:
    done = on_store("runs", "heart", env={"COLUMNS": "20", "FORCE_COLOR": "1"})
    assert set(mlflow_store.runs.values()) - {mlflow_store.runs[gone] for gone in ("deleted", "lost")} == {
        line.split()[0] for line in done.out.splitlines()[1:-1]
    }
    assert "\x1b" not in done.out
    assert "…" not in done.out
    header = done.out.splitlines()[0].split()
    assert {"accuracy", "cv_mean", "training_time", "n_neighbors", "weights", "metric", "text"} <= set(header)


def test_a_terminal_gets_what_fits_and_is_told_what_does_not(
    mlflow_store: MlflowStore, folder: Path, home: Path
) -> None:
    arguments = ("--tracking-uri", mlflow_store.uri, "runs", "heart", "--sort", "training_time:desc")
    with open_console(*arguments, cwd=folder, home=home, cols=80, rows=40) as terminal:
        assert terminal.wait_exit() == 0
        lines = [line.rstrip() for line in terminal.text.splitlines() if line.strip()]
        assert {"name", "status", "training_time", "accuracy"} <= set(lines[0].split())
        assert "trial-23" in lines[2]
        assert "more columns: --columns or --json" in " ".join(lines[-3:])
        assert b"\x1b[" in terminal.raw


def test_no_colour_where_none_is_wanted(mlflow_store: MlflowStore, folder: Path, home: Path) -> None:
    arguments = ("--tracking-uri", mlflow_store.uri, "runs", "heart")
    env = {"NO_COLOR": "1"}
    with open_console(*arguments, cwd=folder, home=home, cols=100, env=env) as terminal:
        assert terminal.wait_exit() == 0
        assert not {b"\x1b[32m", b"\x1b[31m", b"\x1b[36m"} & set(bytes(terminal.raw).split())
        assert b"[32m" not in terminal.raw


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--filter", "acuracy > 0.9"), "       acuracy > 0.9\n       ^^^^^^^\n"),
        (("--filter", "accuracy >"), "       accuracy >\n                 ^\n"),
        (("--filter", "accuracy > 'x'"), "       accuracy > 'x'\n                  ^^^\n"),
        (("--sort", "nothing"), "       --sort nothing\n"),
        (("--sort", "  "), "names no column"),
        (("--columns", "run_name,nothing"), "       --columns nothing\n"),
    ],
)
def test_a_wrong_filter_sort_or_column_is_shown_where_it_is_wrong(
    on_store: Run, arguments: tuple[str, str], told: str
) -> None:
    done = on_store("runs", "heart", *arguments)
    assert (done.status, done.out) == (2, "")
    assert told in done.err


def test_csv_holds_the_chosen_runs_and_nothing_half_written(on_store: Run, folder: Path) -> None:
    done = on_store("runs", "heart", "-f", "accuracy > 0.9", "-s", "accuracy:desc", "--csv", "out.csv")
    assert done.out == "3 of 27 runs written to out.csv\n"
    rows = list(csv.DictReader((folder / "out.csv").open(encoding="utf-8")))
    assert [row["tags.mlflow.runName"] for row in rows] == ["trial-23", "trial-22", "trial-21"]
    assert list(rows[0])[:3] == ["run_id", "experiment_id", "status"]
    assert [path.name for path in folder.iterdir()] == ["out.csv"]
    failed = on_store("runs", "heart", "--csv", "no/such/folder.csv")
    assert (failed.status, failed.out) == (1, "")
    assert "cannot be written" in failed.err


@pytest.fixture
def viewed(on_store: Run, mlflow_store: MlflowStore, folder: Path) -> Viewed:
    """`viewed(view, "--json")`: the runs as `view`, saved beforehand, has them."""
    settings = folder / "config"

    def run_it(view: RunView, *arguments: str) -> Ended:
        saved = ViewFile(settings / "mlflow-console" / "views.toml")
        saved.save(TrackingUri(mlflow_store.uri).shown, "heart", "mine", view)
        return on_store("runs", "heart", "--view", "mine", *arguments, env={"XDG_CONFIG_HOME": str(settings)})

    return run_it


def test_a_view_of_groups_is_not_written_as_csv(viewed: Viewed, folder: Path) -> None:
    view = RunView(layout="groups", group_by=(ColumnKey("param", "weights"),))
    assert viewed(view).out.splitlines()[-1] == "27 runs in 3 groups"
    done = viewed(view, "--csv", "out.csv")
    assert (done.status, done.out) == (2, "")
    assert "The view mine shows groups" in done.err
    assert not (folder / "out.csv").exists()


def test_a_view_s_filter_order_columns_and_number_formats(viewed: Viewed) -> None:
    accuracy, cv = ColumnKey("metric", "accuracy"), ColumnKey("metric", "cv_mean")
    view = RunView(
        filter_text="accuracy > 0.9",
        sort=(SortKey(accuracy, descending=True),),
        columns=(ColumnKey("attribute", "run_name"), accuracy, cv),
        formats={accuracy: "percent", cv: "2 decimals"},
    )
    head, first, *_ = viewed(view).table
    assert head == ["run_id", "name", "accuracy", "cv_mean"]
    assert first[1:] == ["trial-23", "93.00%", "0.87"]


def test_a_view_s_hidden_constants(viewed: Viewed) -> None:
    view = RunView(filter_text="weights = uniform", constants_hidden=True)
    shown = viewed(view).table[0]
    assert "n_neighbors" in shown
    assert "weights" not in shown
    assert "weights" in viewed(view, "--columns", "run_name,weights").table[0]


def test_an_empty_experiment_is_no_error(on_store: Run) -> None:
    assert on_store("runs", "empty", "--json").json == {"runs": []}
    assert on_store("runs", "empty").out == "0 of 0 runs of empty\n"
