"""`delete` and `restore`, on a copy of a store made by MLflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MlflowStore
from tests.support.warm import Warm
from tests.tui.cli.conftest import Run

pytestmark = pytest.mark.slow

NOBODY = "0123456789abcdef0123456789abcdef"


def active(run: Run) -> set[str]:
    """Names of the active runs."""
    return {found["run_name"] for found in run("runs", "heart", "--json").json["runs"]}


def test_without_a_terminal_the_plan_is_shown_and_yes_is_required(
    on_copy: Run, mlflow_store_copy: MlflowStore
) -> None:
    runs = mlflow_store_copy.runs
    before = mlflow_store_copy.path.read_bytes()
    done = on_copy("delete", runs["sweep"], runs["trial-10"], runs["running"], runs["deleted"], NOBODY)
    assert done.status == 2
    assert f"Delete 3 runs  on {mlflow_store_copy.tracking.shown}" in done.out
    assert ["trial-10", "FINISHED"] in [row[:2] for row in done.table]
    assert f"already deleted: deleted {runs['deleted']}" in done.out
    assert f"Run {NOBODY} not found" in done.out
    assert "Not finished yet: running." in done.out
    assert "classifier version 2 (Production, @champion) from trial-10" in done.out
    assert "sweep has 23 child runs that will stay active" in done.out
    assert "Add --yes." in done.err
    assert mlflow_store_copy.path.read_bytes() == before
    assert on_copy("journal", "--json").json == {"entries": []}


def test_deleted_runs_can_be_restored(on_copy: Run, mlflow_store_copy: MlflowStore) -> None:
    ids = [mlflow_store_copy.runs[name] for name in ("trial-01", "trial-02")]
    before = active(on_copy)
    done = on_copy("delete", *ids, "--yes", "--reason", "wrong data")
    assert (done.status, done.err) == (0, "")
    assert "✓ 2 runs deleted, verified in the store" in done.out
    assert f"Run `mlflow-console restore {ids[0]} {ids[1]}` to undo." in done.out
    assert active(on_copy) == before - {"trial-01", "trial-02"}
    entry = on_copy("journal", "--json").json["entries"][0]
    assert (entry["action"], entry["outcome"], entry["reason"]) == ("delete", "done", "wrong data")
    assert "2 runs: trial-01, trial-02" in on_copy("journal").out

    many = [mlflow_store_copy.runs[f"trial-{number:02d}"] for number in range(3, 14)]
    assert "`u` in the activity view" not in done.out
    assert "`u` in the activity view" in on_copy("delete", *many, "--yes").out, "the command has ten ids"
    assert on_copy("restore", *many, "--yes").status == 0

    again = on_copy("delete", *ids)
    assert (again.status, again.err) == (0, "")
    assert "No change needed." in again.out

    back = on_copy("restore", *ids, "--yes")
    assert (back.status, back.err) == (0, "")
    assert "✓ 2 runs restored" in back.out
    assert active(on_copy) == before


def test_id_prefixes_are_resolved_in_an_experiment(on_copy: Run, mlflow_store_copy: MlflowStore) -> None:
    run_id = mlflow_store_copy.runs["trial-05"]
    deleted = on_copy("delete", run_id[:8], "--experiment", "heart", "--yes", "--json")
    assert (deleted.status, deleted.err) == (0, "")
    assert deleted.json["changed"] == [run_id]
    restored = on_copy("restore", run_id[:8], "-e", "heart", "--yes", "--json")
    assert restored.json["changed"] == [run_id], "deleted runs are resolved too"


def test_delete_with_json_writes_one_object(on_copy: Run, mlflow_store_copy: MlflowStore) -> None:
    runs = mlflow_store_copy.runs
    done = on_copy("delete", runs["trial-03"], runs["deleted"], NOBODY, "--yes", "--json")
    assert (done.status, done.err) == (1, ""), "one of the runs does not exist"
    payload = done.json
    assert payload["changed"] == [runs["trial-03"]]
    assert payload["already"] == [runs["deleted"]]
    assert payload["missing"] == [NOBODY]
    assert (payload["target"], payload["applied"], payload["verified"]) == ("deleted", True, True)
    assert (payload["failed"], payload["left"], payload["stopped"]) == ({}, [], None)
    assert payload["due"][0]["run_name"] == "trial-03"
    nothing = on_copy("delete", runs["trial-03"], "--json")
    assert (nothing.status, nothing.json["applied"], nothing.json["entry_id"]) == (0, False, "")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((NOBODY,), 1, f"Run {NOBODY} not found"),
        (("deadbeef",), 1, "or --experiment NAME and the first 8 characters"),
        (("deadbeef", "-e", "heart"), 1, "No run in the experiment has an id starting with deadbeef"),
        (("dead", "-e", "heart"), 2, "Run id 'dead' is too short"),
        (("deadbeef", "-e", "nowhere"), 1, "Experiment 'nowhere' not found"),
        ((), 2, "Missing argument 'RUN_ID...'"),
    ],
)
@pytest.mark.parametrize("command", ["delete", "restore"])
def test_unresolvable_runs_are_reported(
    on_store: Run, command: str, arguments: tuple[str, ...], status: int, message: str
) -> None:
    done = on_store(command, *arguments, "--yes")
    assert (done.status, done.out) == (status, "")
    assert message in done.err


@pytest.mark.parametrize("command", ["delete", "restore"])
def test_read_only_refuses_the_change(run: Run, mlflow_store_copy: MlflowStore, command: str) -> None:
    before = mlflow_store_copy.path.read_bytes()
    run_id = mlflow_store_copy.runs["trial-01"]
    done = run("--tracking-uri", mlflow_store_copy.uri, "--read-only", command, run_id, "--yes", "--json")
    assert done.status == 1
    assert "is disabled" in done.json["error"]["title"]
    assert "--read-only" in done.json["error"]["detail"]
    assert mlflow_store_copy.path.read_bytes() == before


@pytest.mark.parametrize(("answer", "status"), [("\r", 1), ("n\r", 1), ("y\r", 0)])
def test_on_a_terminal_the_confirmation_defaults_to_no(
    on_copy: Run,
    mlflow_store_copy: MlflowStore,
    warm_writer: Warm,
    folder: Path,
    home: Path,
    answer: str,
    status: int,
) -> None:
    arguments = ("--tracking-uri", mlflow_store_copy.uri, "delete", mlflow_store_copy.runs["trial-09"])
    with warm_writer.open(*arguments, cwd=folder, home=home) as terminal:
        terminal.wait_for("Go ahead? [y/N]")
        terminal.type(answer)
        assert terminal.wait_exit() == status
        assert ("cancelled" if status else "✓ 1 run deleted") in terminal.text
    assert ("trial-09" in active(on_copy)) == bool(status)


def test_ctrl_c_at_the_prompt_changes_nothing(
    on_copy: Run, mlflow_store_copy: MlflowStore, warm_writer: Warm, folder: Path, home: Path
) -> None:
    arguments = ("--tracking-uri", mlflow_store_copy.uri, "delete", mlflow_store_copy.runs["trial-09"])
    with warm_writer.open(*arguments, cwd=folder, home=home) as terminal:
        terminal.wait_for("Go ahead? [y/N]")
        terminal.press("ctrl+c")
        assert terminal.wait_exit() == 130
    assert "trial-09" in active(on_copy)
