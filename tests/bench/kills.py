"""Kill the supervisor, the worker, its replacement and the console of real deployments, in every state.

    .venv/bin/python tests/bench/kills.py [--rounds 4]

Each kill is of a deployment of its own, which takes seconds to get ready. Meanwhile all services are listed
again and again. A process that is left behind, or a state that does not follow, ends the run with an error.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from statistics import median
from typing import Any

from engine.api import DeployOptions, Engine
from engine.services import control
from engine.services.records import ServiceSpec, ServiceStatus
from engine.uri import TrackingUri
from tests.support.kills import Subject, kill_everything

ROWS = {"dataframe_split": {"columns": ["age", "chol"], "data": [[40.0, 180.0]]}}
HOLD_SECONDS = 3.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_STATE_HOME"] = f"{name}/state"
        uri = f"sqlite:///{name}/mlflow.db"
        subprocess.run(
            [sys.executable, "-m", "tests.support.served_models", uri],
            cwd=name,
            check=True,
            capture_output=True,
        )
        run(deployed(TrackingUri(uri)), options.rounds)
        control.stop("model")


def deployed(uri: TrackingUri) -> ServiceSpec:
    """The spec of a deployment that stays, as a pattern for the others."""
    with Engine(uri) as engine:
        deployment = engine.deployments.deploy("heart/3", DeployOptions(name="model", allow_code=True))
        return deployment.service.spec


def run(pattern: ServiceSpec, rounds: int) -> None:
    settled: dict[str, list[float]] = defaultdict(list)
    subject = Subject(
        spec=lambda name, _: replace(pattern, name=name), get=request, hold=hold, release=lambda _: None
    )
    watch = kill_everything(
        subject, rounds, lambda name, seconds: settled[name.rpartition("-")[0]].append(seconds)
    )
    for kind, seconds in settled.items():
        state, _, victim = kind.partition("-")
        print(f"{state:<12}{victim:<14}settled after {median(seconds):5.2f} s (at most {max(seconds):.2f})")
    kills = sum(map(len, settled.values()))
    print(f"{kills} kills: 0 orphans, {len(watch.lies)} lies in {watch.samples} lists of all services")


def request(status: ServiceStatus, **params: Any) -> None:
    body = json.dumps({**ROWS, "params": params} if params else ROWS).encode()
    headers = {"Content-Type": "application/json"}
    url = f"{status.url}/invocations"
    urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60).read()


def hold(status: ServiceStatus) -> None:
    def wait() -> None:
        with suppress(OSError):
            request(status, seconds=HOLD_SECONDS)

    threading.Thread(target=wait).start()
    time.sleep(0.5)


if __name__ == "__main__":
    main()
