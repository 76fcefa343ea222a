"""`mlflow-console server start`, `status`, `logs` and `stop`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from engine.services.processes import marked_processes
from tests.tui.cli.conftest import Result, Run


@pytest.fixture
def servers(run: Run, home: Path) -> Iterator[Run]:
    """`run("server", …)`; no server outlives the test."""
    yield lambda *arguments, **how: run("server", *arguments, **how)
    left = [process for value, process in marked_processes() if value.startswith(str(home))]
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=10)


def line(result: Result, label: str) -> str:
    """The text beside a label."""
    found = re.search(rf"^  {label} +(.*)$", result.out, re.MULTILINE)
    assert found is not None, result
    return found[1]


@pytest.mark.slow
def test_a_server_is_started_found_again_and_stopped(
    run: Run, servers: Run, folder: Path, home: Path
) -> None:
    started = servers("start", "--port", "0", "--auth")
    assert (started.status, started.err) == (0, "")
    url = re.search(r"^✓ Tracking server mlflow is ready at (\S+)", started.out, re.MULTILINE)
    assert url is not None
    assert line(started, "backend") == f"sqlite:///{folder}/mlflow.db"
    assert line(started, "artifacts") == f"{folder}/mlartifacts, served by the server"
    assert line(started, "checked") == "an experiment and an artifact were written, read back and removed"
    assert line(started, "version").startswith("MLflow 3.")
    assert "--workers" in line(started, "workers")
    assert "--jobs" in line(started, "jobs")
    assert f"  export MLFLOW_TRACKING_URI={url[1]}\n" in started.out
    assert "  ssh -N -L " in started.out

    password, file = line(started, "password").split()[0], line(started, "").removeprefix("kept in ")
    assert Path(file).read_text().strip() == password
    with requests.Session() as session:
        session.trust_env = False
        session.auth = ("admin", password)
        assert session.get(f"{url[1]}/api/2.0/mlflow/experiments/get?experiment_id=0", timeout=30).ok

    again = servers("start", "--port", "0", "--auth")
    assert again.status == 1
    assert again.err.startswith("error: mlflow runs already\n")

    status = servers("status", "--json")
    (found,) = status.json["servers"]
    assert (status.status, found["state"], found["url"]) == (0, "serving", url[1])
    assert found["response_seconds"] < 10
    assert found["password_file"] == file
    assert password not in status.out
    shown = servers("status")
    assert line(shown, "accounts") == f"basic-auth, in sqlite:///{folder}/basic_auth.db"
    assert line(shown, "password") == f"of admin, in {file}"
    assert f'TRACKING_PASSWORD="$(cat {file})"\n  mlflow-console --tracking-uri {url[1]}\n' in shown.out
    assert "Uvicorn running on" in servers("logs", "--lines", "50").out
    assert servers("logs", "--lines", "1").out.count("\n") == 1

    text = servers("unit").out
    assert "mlflow-console server stop mlflow\n" in text
    assert f'ReadWritePaths="{home}' in text
    assert f'"{folder}/mlartifacts"' in text
    assert password not in text

    assert servers("stop").out == "✓ mlflow has stopped\n"
    assert servers("status", "mlflow").status == 1
    stopped = servers("status")
    assert stopped.status == 0
    assert stopped.out.startswith("○ mlflow  stopped\n")
    assert re.match("mlflow-console server start --backend-store-uri .* --auth$", line(stopped, "start"))
    assert servers("stop").status == 1
    entries = [(entry["action"], entry["outcome"]) for entry in run("journal", "--json").json["entries"]]
    assert entries == [
        ("server stop", "failed"),
        ("server stop", "done"),
        ("server start", "failed"),
        ("server start", "done"),
    ]
    assert servers("stop", "--remove").out == "✓ mlflow removed\n"
    assert servers("status", "--json").json == {"servers": []}
    assert (folder / "basic_auth.db").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["start", "--host", "0.0.0.0"], 2, "Refusing to listen on 0.0.0.0 without authentication"),
        (["start", "--backend-store-uri", "no/where.db"], 1, "The folder of the database does not exist"),
        (["start", "--name", "../x"], 2, "cannot be the name of a service"),
        (["start", "--port", "70000"], 2, "--port"),
        (["stop"], 1, "This account runs no tracking server"),
        (["logs", "x"], 1, "Tracking server 'x' not found"),
        (["status", "x"], 1, "Tracking server 'x' not found"),
    ],
)
def test_what_cannot_be_done_is_one_error_that_changes_nothing(
    servers: Run, arguments: list[str], status: int, message: str, home: Path, folder: Path
) -> None:
    done = servers(*arguments)
    assert (done.status, done.out) == (status, "")
    assert message in done.err
    assert done.err.count("error: ") == 1
    assert list(folder.iterdir()) == []
    assert not (home / ".local").exists() or not list(home.glob(".local/state/mlflow-console/services/*"))


def test_a_password_in_the_arguments_is_warned_of_and_not_shown(servers: Run) -> None:
    uri, warning = "postgresql://ana:s3cret-word@127.0.0.1:1/mlflow", "can read the database's password"
    done = servers("start", "--backend-store-uri", uri)
    assert done.status == 1
    assert warning in done.err
    assert "s3cret-word" not in done.err
    assert warning not in servers("start", env={"MLFLOW_BACKEND_STORE_URI": uri}).err
    assert warning not in servers("start", "--backend-store-uri", "no/where.db").err


def test_without_servers_the_status_says_how_to_start_one(servers: Run) -> None:
    done = servers("status")
    assert (done.status, done.err) == (0, "")
    assert "`mlflow-console server start` starts one" in done.out
    assert servers("status", "--json").json == {"servers": []}


def test_read_only_and_tracking_uri_do_not_start_a_server(run: Run) -> None:
    done = run("--read-only", "server", "start")
    assert done.status == 1
    assert "Starting a server is disabled" in done.err
    done = run("--tracking-uri", "x.db", "server", "start")
    assert done.status == 2
    assert "--backend-store-uri" in done.err
