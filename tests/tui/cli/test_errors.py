"""Every failure ends with one clear error message."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from engine.errors import NotFound
from tests.conftest import MlflowStore
from tests.support.console import COMMAND, environment
from tests.support.web import Answer, serving
from tests.tui.cli.conftest import Run
from tui.cli.errors import Problem, problem_of

PASSWORD = "hunter2secret"


def _check_message(err: str) -> None:
    """stderr holds exactly one error message and no traceback."""
    assert err.startswith("error: ")
    assert err.count("error: ") == 1
    assert "Traceback" not in err


def test_a_file_that_is_not_a_database_is_reported(run: Run, folder: Path) -> None:
    (folder / "notes.db").write_text("dear diary")
    done = run("--tracking-uri", "notes.db", "experiments")
    assert (done.status, done.out) == (1, "")
    _check_message(done.err)
    assert "not a database" in done.err
    assert (folder / "notes.db").read_text() == "dear diary"


def test_an_old_schema_is_reported_with_the_upgrade_command(run: Run, mlflow_store_copy: MlflowStore) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as database:
        database.execute("UPDATE alembic_version SET version_num = '0a8213491aaa'")
        database.execute("ALTER TABLE runs RENAME COLUMN lifecycle_stage TO stage")
    database.close()
    done = run("--tracking-uri", mlflow_store_copy.uri, "runs", "heart", "--json")
    assert done.status == 1
    error = done.json["error"]
    assert error["detail"].endswith("lacks runs.lifecycle_stage, which MLflow has had since 2.9")
    assert f"mlflow db upgrade {mlflow_store_copy.uri}" in error["hint"]
    _check_message(done.err)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(401, b"who?"), "MLFLOW_TRACKING_USERNAME"),
        (Answer(403, b"no"), "denied access"),
        (Answer(500, b"<h1>oops</h1>"), "failed"),
        (Answer(200, b"<!DOCTYPE html><title>Sign in</title>"), "did not respond like an MLflow server"),
    ],
)
def test_a_server_error_is_reported_without_the_password(run: Run, answer: Answer, message: str) -> None:
    with serving() as web:
        web.will_answer(answer)
        address = web.uri.replace("//", f"//ada:{PASSWORD}@")
        done = run("--tracking-uri", address, "experiments", "--json")
    assert done.status == 1
    error = done.json["error"]
    assert message in " ".join(error.values())
    assert PASSWORD not in done.out + done.err
    _check_message(done.err)


def test_an_unknown_uri_scheme_is_a_usage_error(run: Run) -> None:
    done = run("--tracking-uri", "foo://bar", "experiments")
    assert (done.status, done.out) == (2, "")
    assert "sqlite:///FILE" in done.err


def test_a_store_in_a_missing_directory_is_reported(run: Run) -> None:
    done = run("--tracking-uri", "sqlite:////nonexistent/dir/x.db", "experiments")
    assert done.status == 1
    assert "Check the path" in done.err
    assert "`mlflow-console demo` creates an example store in the current folder" in done.err


def test_an_unknown_experiment_lists_some_experiments_and_counts_the_rest(
    run: Run, mlflow_store_copy: MlflowStore
) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as database:
        database.execute("DELETE FROM experiments WHERE name != 'Default'")
        database.executemany(
            "INSERT INTO experiments (name, lifecycle_stage, creation_time, last_update_time)"
            " VALUES (?, 'active', ?, ?)",
            [(f"experiment {number:02}", number, number) for number in range(11)],
        )
    done = run("--tracking-uri", mlflow_store_copy.uri, "runs", "nowhere", "--json")
    error = done.json["error"]
    assert error["detail"].endswith("experiment 06 and 4 more")
    assert "mlflow-console experiments" in error["hint"]


def test_a_similar_name_is_suggested_in_quotes_and_on_one_line(
    run: Run, mlflow_store_copy: MlflowStore
) -> None:
    with sqlite3.connect(mlflow_store_copy.path) as database:
        database.execute("DELETE FROM experiments WHERE name NOT IN ('Default', 'heart')")
        database.execute("UPDATE experiments SET name = 'heart\ndisease ' WHERE name = 'heart'")
        database.execute("UPDATE registered_models SET name = 'my model ' WHERE name = 'unused'")
    store = ("--tracking-uri", mlflow_store_copy.uri)
    done = run(*store, "runs", "heart")
    assert done.err.splitlines() == [
        "error: Experiment 'heart' not found",
        "       Experiments in this store: Default, heart␊disease ",
        "hint:  Did you mean 'heart\\ndisease '?",
    ]
    for command in (("models", "my model"), ("promote", "my model", "1", "--stage", "Staging", "--yes")):
        assert "hint:  Did you mean 'my model '?" in run(*store, *command).err.splitlines()


def test_undo_reports_an_unreadable_journal(run: Run, mlflow_store_copy: MlflowStore, folder: Path) -> None:
    undo = ("--tracking-uri", mlflow_store_copy.uri, "undo", "--yes")
    assert "hint:" in run(*undo).err
    (folder / "file").touch()
    done = run(*undo, env={"XDG_STATE_HOME": str(folder / "file")})
    assert done.status == 1
    assert "Cannot read the journal" in done.err
    assert "XDG_STATE_HOME" in done.err


def test_an_unreachable_server_is_reported(run: Run) -> None:
    done = run("--tracking-uri", "http://127.0.0.1:9", "runs", "x")
    assert (done.status, done.out) == (1, "")
    assert "Cannot connect to" in done.err


def test_control_characters_in_errors_are_escaped(run: Run, mlflow_store: MlflowStore) -> None:
    done = run("--tracking-uri", mlflow_store.uri, "runs", "\x1b[31mred\x07\u202e")
    assert done.status == 1
    assert not {"\x1b", "\x07", "\u202e"} & set(done.err)


def test_a_closed_pipe_ends_quietly(mlflow_store: MlflowStore, folder: Path, home: Path) -> None:
    for arguments in (["runs", "heart"], ["runs", "heart", "--json"], ["--help"]):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [COMMAND, "--tracking-uri", mlflow_store.uri, *arguments],
            stdout=writing,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env=environment(home),
            timeout=60,
            check=False,
        )
        os.close(writing)
        assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("json", [[], ["--json"]])
def test_a_full_disk_is_reported(
    mlflow_store: MlflowStore, folder: Path, home: Path, json: list[str]
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [COMMAND, "--tracking-uri", mlflow_store.uri, "experiments", *json],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=environment(home),
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    _check_message(done.stderr.decode())
    assert b"Cannot write the output" in done.stderr


def test_closed_streams_cause_no_error(mlflow_store: MlflowStore, folder: Path, home: Path) -> None:
    command = f"exec '{COMMAND}' --tracking-uri '{mlflow_store.uri}' experiments <&- >&- 2>&-"
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment(home), timeout=60, check=False)
    assert done.returncode == 0


def test_an_internal_error_is_logged_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    try:
        raise RuntimeError(f"cannot open http://ada:{PASSWORD}@host/x?token={PASSWORD}")
    except RuntimeError as error:
        problem = problem_of(error)
    log = tmp_path / "mlflow-console" / "console.log"
    assert problem.status == 1
    assert "RuntimeError: cannot open http://ada:***@host" in problem.detail
    assert str(log) in problem.hint
    assert "Traceback" in log.read_text()
    assert PASSWORD not in log.read_text() + problem.detail
    assert log.stat().st_mode & 0o077 == 0


def test_an_internal_error_is_reported_even_if_the_log_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert "could not be written" in problem_of(ValueError("x")).hint


def test_errors_keep_their_title_detail_hint_and_status() -> None:
    assert problem_of(NotFound("a", "b", "c")) == Problem("a", "b", "c", 1)
    assert problem_of(KeyboardInterrupt()) == Problem("Interrupted", status=130)
    assert problem_of(PermissionError(13, "Permission denied", "/x")) == Problem("Permission denied", "/x")
