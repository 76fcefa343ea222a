"""`mlflow-console deploy`, `deployments`, `swap`, `logs`, `unit` and `stop`."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine.services import control
from engine.services.processes import marked_processes
from engine.serving.records import Served
from engine.uri import TrackingUri
from tests.engine.services.conftest import start
from tests.engine.serving.conftest import heart as heart
from tests.support.kills import wait_until
from tests.support.socket_worker import worker_spec
from tests.tui.cli.conftest import Run, on_uri

pytestmark = pytest.mark.slow


@pytest.fixture
def on_heart(run: Run, heart: TrackingUri, home: Path) -> Iterator[Run]:
    """Commands on the store of `tests.support.served_models`; no deployment outlives the test."""
    yield on_uri(run, heart.raw)
    left = [process for value, process in marked_processes() if value.startswith(str(home))]
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=10)


def test_a_version_is_deployed_listed_asked_and_stopped(run: Run, on_heart: Run) -> None:
    assert run("deployments").out == "No deployments. `mlflow-console deploy MODEL@ALIAS` starts one.\n"
    started = on_heart("deploy", "heart")
    assert (started.status, started.err) == (0, "")
    first, *facts = started.out.splitlines()
    url = re.match(r"✓ heart serves heart@champion → 1 at (http://127\.0\.0\.1:\d+)  ready in ", first)
    assert url is not None
    assert "  answered   the 3 rows of its recorded input example" in facts
    assert "  format     skops, runs no code of its own" in facts
    assert any("which differ: scikit-learn==0.1 (installed: 1" in fact for fact in facts)
    assert facts[-1] == "Test it: mlflow-console test --deployment heart"

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    rows = {"dataframe_records": [{"age": 63.0, "chol": 300.0}]}
    request = urllib.request.Request(f"{url[1]}/invocations", json.dumps(rows).encode())
    request.add_header("Content-Type", "application/json")
    with opener.open(request, timeout=30) as response:
        assert response.read() == b'{"predictions": [1]}'

    # Found whatever store the command is run on; what the alias names now is looked up in the deployment's.
    (found,) = run("deployments", "--json").json["deployments"]
    assert (found["name"], found["requested"], found["version"], found["newer_version"]) == (
        *("heart", "@champion"),
        *(1, None),
    )
    assert (found["state"], found["url"], found["restarts"], found["errors"]) == ("serving", url[1], 0, 0)
    assert found["memory"] > 100_000_000
    header, row = run("deployments").table[:2]
    assert header[:5] == ["name", "serves", "state", "where", "up"]
    assert row[:4] == ["heart", "heart@champion → 1", "● serving", url[1]]

    same = on_heart("swap", "heart")
    assert (same.status, same.out) == (0, "No change needed: heart@champion → 1\n")
    pickled = on_heart("swap", "heart", "--version", "3")
    assert (pickled.status, pickled.out.splitlines()[0]) == (2, "! heart version 3 can run arbitrary code")
    assert re.search(r"Going ahead runs the code of \S+'s run knn-1, as this account\.", pickled.out)
    assert re.search(r"hint:  Add --allow-code to run the code of \S+'s run knn-1\.", pickled.err)
    running = on_heart("deploy", "heart/1")
    assert "Stop it first, swap the version that it serves, or choose another name (--name)." in running.err
    refused = run("--read-only", "stop", "heart")
    assert (refused.status, refused.err.splitlines()[0]) == (1, "error: Stopping a deployment is disabled")
    unit = run("unit", "deployment", "heart")
    assert "ExecStart=" in unit.out
    assert "NoNewPrivileges=yes" in unit.out

    stopped = run("stop", "heart")
    assert (stopped.status, stopped.out) == (0, "✓ heart has stopped\n")
    assert run("deployments").table[1] == ["heart", "heart@champion → 1", "○ stopped", *"––––––––"]
    (ended,) = run("deployments", "--json").json["deployments"]
    assert {ended[name] for name in ("requests", "errors", "requests_per_second", "restarts")} == {None}
    assert any("supervisor: stop" in line for line in run("logs", "heart", "--json").json["lines"])
    again = run("stop", "heart")
    assert (again.status, again.err.splitlines()[0]) == (1, "error: heart does not run")
    assert "Add --remove to delete what is left of it" in again.err
    removed = run("stop", "heart", "--remove", "--json")
    assert (removed.json["state"], removed.json["removed"]) == ("stopped", True)
    assert run("deployments", "--json").json == {"deployments": []}
    missing = run("logs", "heart")
    assert (missing.status, missing.err.splitlines()[0]) == (1, "error: No service is named 'heart'")


def test_a_lost_deployment_says_how_to_start_the_same_again(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(home / ".local" / "state"))
    extra = Served("heart", "@champion", 1, "http://elsewhere.example", processes=3).to_json()
    spec = worker_spec(name="pick", extra=extra)
    status = start(spec)
    assert status.pid is not None
    psutil.Process(status.pid).kill()
    wait_until(lambda: control.find("pick").state == "lost")
    command = f"mlflow-console deploy heart@champion --name pick --port {status.port} --workers 3"
    assert command in run("deployments").out
    assert run("stop", "pick").status == 0
