"""`mlflow-console runs` on a store made by MLflow, directly and over HTTP."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.columns import ColumnKey
from engine.runs.saved.store import ViewFile
from engine.runs.sorting import SortKey
from engine.runs.view import RunView
from engine.uri import TrackingUri
from tests.conftest import MlflowServer, MlflowStore
from tests.support.warm import Warm
from tests.tui.cli.conftest import Result, Run

ListWithView = Callable[..., Result]

RUN_FIELDS = ["run_id", "run_name", "status", "start_time", "end_time", "params", "metrics", "tags"]


def names(payload: dict[str, list[dict[str, object]]]) -> list[object]:
    return [run["run_name"] for run in payload["runs"]]


def test_runs_as_json_have_the_documented_shape(on_store: Run, mlflow_store: MlflowStore) -> None:
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


def test_an_experiment_can_be_given_by_id(on_store: Run, mlflow_store: MlflowStore) -> None:
    assert len(on_store("runs", mlflow_store.heart, "--json").json["runs"]) == 27


def test_runs_are_filtered_sorted_and_limited(on_store: Run) -> None:
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
    assert "3 of 4 matching runs in heart (27 in total) · sorted by accuracy ↓" in table.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-n", "2"), "2 of 27 runs in heart"),
        (("-f", "accuracy > 0.9"), "3 of 27 runs in heart"),
        (("-f", "accuracy > 0.9", "-n", "3"), "3 of 27 runs in heart"),
        (("-f", "accuracy > 0.9", "-n", "2"), "2 of 3 matching runs in heart (27 in total)"),
        (
            ("-f", "accuracy > 0.9", "-n", "2", "--csv", "out.csv"),
            "2 of 3 matching runs (27 in total) written to",
        ),
        (("-g", "weights"), "27 runs in 3 groups"),
        (("-g", "weights", "-n", "3"), "27 runs in 3 groups"),
        (("-g", "weights", "-n", "2"), "2 of 3 groups (27 runs in 3 groups)"),
        (("-g", "weights", "-f", "accuracy > 0.9 and weights = uniform"), "1 run in 1 group"),
        (("-f", "weights: unifrom"), "Did you mean uniform?"),
        (("-g", "weights", "-f", "weights = unifrom"), "Did you mean uniform?"),
    ],
)
def test_the_last_line_counts_listed_matching_and_all_runs(
    on_store: Run, arguments: tuple[str, ...], message: str
) -> None:
    last = on_store("runs", "heart", *arguments).out.splitlines()[-1]
    assert last.startswith(message)


def test_a_filter_applied_by_the_server_counts_only_matching_runs(
    run: Run, mlflow_server: MlflowServer
) -> None:
    arguments = ("--tracking-uri", mlflow_server.uri, "runs", "heart", "-f", "metrics.accuracy > 0.9")
    assert run(*arguments).out.splitlines()[-1] == "3 runs in heart"
    assert run(*arguments, "-n", "2").out.splitlines()[-1] == "2 of 3 matching runs in heart"


@pytest.mark.parametrize(
    ("filter_text", "hint"),
    [
        ("params.weights = 'unifrom'", "Did you mean uniform?"),
        ("metrics.accuracy > 5", "The highest accuracy is "),
        ("metrics.acuracy > 0.9", "Unknown metric acuracy. Did you mean accuracy?"),
    ],
)
@pytest.mark.parametrize("layout", [(), ("-g", "weights")])
def test_a_filter_that_a_server_finds_nothing_for_gets_a_hint(
    run: Run, mlflow_server: MlflowServer, filter_text: str, hint: str, layout: tuple[str, ...]
) -> None:
    found = run("--tracking-uri", mlflow_server.uri, "runs", "heart", *layout, "-f", filter_text)
    assert found.out.splitlines()[-1].startswith(hint)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-g", "weights", "-c", "accuracy"), "--group-by and --columns cannot be combined"),
        (("-g", "weights", "--csv", "out.csv"), "--csv exports runs, not groups"),
        (("-g", ""), "--group-by needs a column"),
        (("-g", " , "), "--group-by needs a column"),
        (("-c", ""), "--columns needs a column"),
        (("-c", ",", "-c", " "), "--columns needs a column"),
        (("--csv", "-"), "use --json for standard output"),
        (("--csv", ""), "--csv needs a file name"),
        (("-o", "out.xlsx"), "Tables are written to .csv, .json, .md or .parquet files"),
        (("-o", "out.csv", "--csv", "out.csv"), "--csv and --output cannot be combined"),
    ],
)
@pytest.mark.parametrize("experiment", ["heart", "empty"])
def test_empty_and_conflicting_options_are_refused(
    on_store: Run, folder: Path, experiment: str, arguments: tuple[str, ...], message: str
) -> None:
    done = on_store("runs", experiment, *arguments)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
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
def test_runs_are_sorted_by_the_given_keys(on_store: Run, sorts: list[str], first: str) -> None:
    flags = [part for sort in sorts for part in ("--sort", sort)]
    assert names(on_store("runs", "heart", *flags, "--json").json)[0] == first


@pytest.mark.parametrize("sort", ["accuracy:down", "metrics.accuracy:descending"])
def test_an_unknown_sort_direction_is_reported(on_store: Run, sort: str) -> None:
    done = on_store("runs", "heart", "--sort", sort)
    assert done.status == 2
    assert f"Unknown sort direction '{sort.partition(':')[2]}'" in done.err
    assert "accuracy:desc" in done.err


def test_an_unknown_column_is_reported_before_an_unknown_direction(on_store: Run) -> None:
    done = on_store("runs", "heart", "--sort", "acuracy:down")
    assert done.status == 2
    assert "Unknown column acuracy" in done.err


def test_of_a_long_filter_only_the_part_around_the_error_is_shown(on_store: Run) -> None:
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


def test_only_the_chosen_columns_are_listed(on_store: Run) -> None:
    done = on_store(
        "runs", "heart", "--columns", "run_name, params.metric", "--columns", "nan", "-f", "special"
    )
    assert done.table[:2] == [["run_id", "name", "metric", "nan"], [done.table[1][0], "special", "–", "NaN"]]


def test_piped_output_has_full_ids_all_columns_and_no_colours(
    on_store: Run, mlflow_store: MlflowStore
) -> None:
    done = on_store("runs", "heart", env={"COLUMNS": "20", "FORCE_COLOR": "1"})
    assert set(mlflow_store.runs.values()) - {mlflow_store.runs[name] for name in ("deleted", "lost")} == {
        line.split()[0] for line in done.out.splitlines()[1:-1]
    }
    assert "\x1b" not in done.out
    assert "…" not in done.out
    header = done.out.splitlines()[0].split()
    assert {"accuracy", "cv_mean", "training_time", "n_neighbors", "weights", "metric", "text"} <= set(header)


def test_a_narrow_terminal_shows_how_many_columns_are_hidden(
    mlflow_store: MlflowStore, warm: Warm, folder: Path, home: Path
) -> None:
    arguments = ("--tracking-uri", mlflow_store.uri, "runs", "heart", "--sort", "training_time:desc")
    with warm.open(*arguments, cwd=folder, home=home, cols=80, rows=40) as terminal:
        assert terminal.wait_exit() == 0
        lines = [line.rstrip() for line in terminal.text.splitlines() if line.strip()]
        assert {"name", "status", "training_time", "accuracy"} <= set(lines[0].split())
        assert "trial-23" in lines[2]
        assert "columns hidden: use --columns or --json" in " ".join(lines[-3:])
        assert b"\x1b[" in terminal.raw


def test_no_color_turns_colours_off(mlflow_store: MlflowStore, warm: Warm, folder: Path, home: Path) -> None:
    arguments = ("--tracking-uri", mlflow_store.uri, "runs", "heart")
    env = {"NO_COLOR": "1"}
    with warm.open(*arguments, cwd=folder, home=home, cols=100, env=env) as terminal:
        assert terminal.wait_exit() == 0
        assert not {b"\x1b[32m", b"\x1b[31m", b"\x1b[36m"} & set(bytes(terminal.raw).split())
        assert b"[32m" not in terminal.raw


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--filter", "acuracy > 0.9"), "       acuracy > 0.9\n       ^^^^^^^\n"),
        (("--filter", "accuracy >"), "       accuracy >\n                 ^\n"),
        (("--filter", "accuracy > 'x'"), "       accuracy > 'x'\n                  ^^^\n"),
        (("--sort", "nothing"), "       --sort nothing\n"),
        (("--sort", "  "), "--sort needs a column"),
        (("--columns", "run_name,nothing"), "       --columns nothing\n"),
    ],
)
def test_an_error_in_a_filter_sort_key_or_column_is_located(
    on_store: Run, arguments: tuple[str, str], message: str
) -> None:
    done = on_store("runs", "heart", *arguments)
    assert (done.status, done.out) == (2, "")
    assert message in done.err


def test_csv_has_the_listed_runs_and_leaves_no_partial_file(on_store: Run, folder: Path) -> None:
    done = on_store("runs", "heart", "-f", "accuracy > 0.9", "-s", "accuracy:desc", "--csv", "out.csv")
    assert done.out == "3 of 27 runs written to out.csv\n"
    rows = list(csv.DictReader((folder / "out.csv").open(encoding="utf-8")))
    assert [row["tags.mlflow.runName"] for row in rows] == ["trial-23", "trial-22", "trial-21"]
    assert list(rows[0])[:3] == ["run_id", "experiment_id", "status"]
    assert [path.name for path in folder.iterdir()] == ["out.csv"]
    again = ("runs", "heart", "-n", "1", "--csv", "out.csv")
    refused = on_store(*again)
    assert (refused.status, refused.out) == (2, "out.csv exists and will be replaced.\n")
    assert "Add --yes." in refused.err
    assert len((folder / "out.csv").read_text().splitlines()) == 4
    assert on_store(*again, "--yes").out == "1 of 27 runs written to out.csv\n"
    failed = on_store("runs", "heart", "--csv", "no/such/folder.csv")
    assert (failed.status, failed.out) == (1, "")
    assert "cannot be written" in failed.err


def test_runs_and_groups_are_exported_in_the_format_of_the_suffix(on_store: Run, folder: Path) -> None:
    best = ("runs", "heart", "-s", "accuracy:desc", "-n", "2")
    assert on_store(*best, "-o", "out.json").out == "2 of 27 runs written to out.json\n"
    assert [run["tags.mlflow.runName"] for run in json.loads((folder / "out.json").read_text())] == [
        "trial-23",
        "trial-22",
    ]
    on_store(*best, "-c", "run_name,accuracy", "-o", "out.md")
    assert (folder / "out.md").read_text().splitlines()[0] == "| run_id | run_name | metrics.accuracy |"
    done = on_store("runs", "heart", "-g", "weights", "-o", "groups.csv")
    assert done.out == "3 groups written to groups.csv\n"
    rows = list(csv.DictReader((folder / "groups.csv").open(encoding="utf-8")))
    assert "metrics.accuracy mean" in rows[0]
    assert sum(int(row["run_count"]) for row in rows) == 27


@pytest.fixture
def list_with_view(on_store: Run, mlflow_store: MlflowStore, folder: Path) -> ListWithView:
    """`list_with_view(view, "--json")` saves `view` and lists runs with it."""
    settings = folder / "config"

    def run_it(view: RunView, *arguments: str) -> Result:
        saved = ViewFile(settings / "mlflow-console" / "views.toml")
        saved.save(TrackingUri(mlflow_store.uri).shown, "heart", "mine", view)
        return on_store("runs", "heart", "--view", "mine", *arguments, env={"XDG_CONFIG_HOME": str(settings)})

    return run_it


def test_a_grouped_view_cannot_be_exported_to_csv(list_with_view: ListWithView, folder: Path) -> None:
    view = RunView(layout="groups", group_by=(ColumnKey("param", "weights"),))
    assert list_with_view(view).out.splitlines()[-1] == "27 runs in 3 groups"
    done = list_with_view(view, "--csv", "out.csv")
    assert (done.status, done.out) == (2, "")
    assert "The view mine groups runs" in done.err
    assert not (folder / "out.csv").exists()


def test_a_view_applies_its_filter_order_columns_and_number_formats(list_with_view: ListWithView) -> None:
    accuracy, cv = ColumnKey("metric", "accuracy"), ColumnKey("metric", "cv_mean")
    view = RunView(
        filter_text="accuracy > 0.9",
        sort=(SortKey(accuracy, descending=True),),
        columns=(ColumnKey("attribute", "run_name"), accuracy, cv),
        formats={accuracy: "percent", cv: "2 decimals"},
    )
    head, first, *_ = list_with_view(view).table
    assert head == ["run_id", "name", "accuracy", "cv_mean"]
    assert first[1:] == ["trial-23", "93.00%", "0.87"]


def test_a_view_hides_constant_columns_unless_columns_are_given(list_with_view: ListWithView) -> None:
    view = RunView(filter_text="weights = uniform", constants_hidden=True)
    shown = list_with_view(view).table[0]
    assert "n_neighbors" in shown
    assert "weights" not in shown
    assert "weights" in list_with_view(view, "--columns", "run_name,weights").table[0]


def test_an_empty_experiment_lists_no_runs(on_store: Run) -> None:
    assert on_store("runs", "empty", "--json").json == {"runs": []}
    assert on_store("runs", "empty").out == "0 of 0 runs in empty\n"
