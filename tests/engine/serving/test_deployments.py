"""A deployment from its start to its end, with real models, workers and clients.

MLflow's own server is what `mlflow models serve --env-manager local` executes: its scoring application under
uvicorn.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from resource import RLIMIT_FSIZE, prlimit
from typing import Any

import psutil
import pytest

from engine.api import Deployments, DeployOptions, Engine, Target
from engine.errors import NotFound, ServiceError, UntrustedModel, UsageError
from engine.journal import read_journal
from engine.services import control
from engine.serving.records import Deployment
from engine.uri import TrackingUri
from tests.engine.services.conftest import processes_end, wait_until
from tests.support.warm import Warm

pytestmark = pytest.mark.slow

ROWS = {"columns": ["age", "chol"], "data": [[40.0, 180.0], [63.0, 300.0], [51.0, 240.0]]}
JSON = {"Content-Type": "application/json"}
CSV = {"Content-Type": "text/csv"}


@dataclass(frozen=True)
class Request:
    """To a scoring server; an invocation with a JSON body unless it says otherwise."""

    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    method: str = "POST"
    path: str = "/invocations"

    @property
    def data(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


REQUESTS = {
    "frame by columns": Request({"dataframe_split": ROWS}),
    "frame by records": Request({"dataframe_records": [{"age": 40, "chol": 180.5}, {"chol": 1, "age": 2}]}),
    "instances": Request({"instances": [{"age": 40.0, "chol": 180.0}, {"age": 63.0, "chol": 300.0}]}),
    "inputs by name": Request({"inputs": {"age": [40.0, 63.0], "chol": [180.0, 300.0]}}),
    "inputs without names": Request({"inputs": [[40.0, 180.0]]}),
    "CSV": Request("age,chol\n40,180\n63,300\n", CSV),
    "CSV with a charset": Request("age,chol\n40,180\n", {"Content-Type": "text/csv; charset=utf-8"}),
    "CSV with text for a number": Request("age,chol\nold,180\n", CSV),
    "CSV that is not UTF-8": Request(b"age,chol\n\xff,180\n", CSV),
    "empty CSV": Request("", CSV),
    "extra and reordered columns": Request(
        {"dataframe_split": {"columns": ["x", "chol", "age"], "data": [[0, 180.0, 40.0]]}}
    ),
    "no rows": Request({"dataframe_split": {"columns": ["age", "chol"], "data": []}}),
    "a missing column": Request({"dataframe_split": {"columns": ["age"], "data": [[40.0]]}}),
    "another type": Request({"dataframe_records": [{"age": "old", "chol": 180.0}]}),
    "a missing value": Request({"dataframe_records": [{"age": None, "chol": 180.0}]}),
    "NaN": Request('{"dataframe_records": [{"age": NaN, "chol": 180.0}]}'),
    "two forms at once": Request({"instances": [], "inputs": []}),
    "no form": Request({"rows": []}),
    "a list": Request([1, 2]),
    "parameters": Request({"dataframe_split": ROWS, "params": {"times": 5}}),
    "a wrong parameter": Request({"dataframe_split": ROWS, "params": {"times": "often", "other": 1}}),
    "malformed JSON": Request('{"dataframe_split": '),
    "invalid UTF-8": Request(b'{"inputs": "\xff"}'),
    "nothing": Request(),
    "another content type": Request("40,180", {"Content-Type": "text/plain"}),
    "a content type with a parameter": Request("{}", {"Content-Type": "application/json; profile=x"}),
    "another charset": Request("{}", {"Content-Type": "application/json; charset=latin-1"}),
    "malformed Parquet": Request(b"PAR1", {"Content-Type": "application/vnd.apache.parquet"}),
    "no content type": Request({"dataframe_split": ROWS}, {}),
    "an age at which it fails": Request({"dataframe_records": [{"age": 0.0, "chol": 180.0}]}),
    "GET of invocations": Request(method="GET"),
    "a slash too many": Request({"dataframe_split": ROWS}, path="/invocations/"),
    "a query": Request({"dataframe_split": ROWS}, path="/invocations?x=1"),
    "ping": Request(method="GET", path="/ping"),
    "health": Request(method="GET", path="/health"),
    "version": Request(method="GET", path="/version"),
    "HEAD of ping": Request(method="HEAD", path="/ping"),
    "another path": Request(method="GET", path="/predict"),
    "too slow a model": Request({"dataframe_split": ROWS, "params": {"seconds": 1.5}}),
}


def answer(port: int, request: Request) -> tuple[int, dict[str, str], str]:
    """Status, headers and body, without what differs from one process to the next: the date, and the order of
    sets."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(request.method, request.path, request.data, dict(request.headers))
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders() if name.lower() != "date"}
        headers = {name: value.replace(str(port), "PORT") for name, value in headers.items()}
        body = re.sub(r"\{('[^{}]*')\}", _sorted, response.read().decode())
        return response.status, headers, body
    finally:
        connection.close()


def _sorted(found: re.Match[str]) -> str:
    return "{" + ", ".join(sorted(found[1].split(", "))) + "}"


@contextmanager
def mlflow_serving(model: Path, warm: Warm, folder: Path, environment: Mapping[str, str]) -> Iterator[int]:
    """MLflow's own server of a model; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    application = "mlflow.pyfunc.scoring_server.app:app"
    arguments = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1", application)
    with (folder / "mlflow.log").open("wb") as log:
        process = warm.call(
            "tests.support.warm:run_module",
            *("uvicorn", *arguments),
            streams=(log.fileno(),) * 3,
            env={**environment, "__pyfunc_model_path__": str(model)},
            cwd=folder,
        )
    try:
        wait_until(lambda: _listens(port))
        yield port
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def served_folder(deployment: Deployment) -> Path:
    """The files of the model that a deployment serves."""
    return Path(deployment.service.spec.command[4])


def check_conformance(
    deployment: Deployment, warm: Warm, folder: Path, environment: Mapping[str, str]
) -> None:
    with mlflow_serving(served_folder(deployment), warm, folder, environment) as theirs:
        for name, request in REQUESTS.items():
            expected = answer(theirs, request)
            assert answer(deployment.service.port, request) == expected, name


class Clients:
    """Send some 50 requests a second, half of them on connections that they keep, and collect what comes
    back."""

    def __init__(self, port: int, number: int = 4) -> None:
        self.failures: list[str] = []
        self.predictions: list[str] = []
        self._port = port
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(keeps % 2 == 0,)) for keeps in range(number)
        ]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, prediction: str) -> None:
        """Wait until the latest answers are this one."""
        wait_until(lambda: self.predictions[-20:] == [prediction] * 20 or self.failures != [])

    def _send(self, keeps: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        data = json.dumps({"dataframe_split": ROWS})
        while not self._ended.wait(0.08):
            try:
                connection.request("POST", "/invocations", data, JSON)
                response = connection.getresponse()
                body = response.read().decode()
                if response.status == 200:
                    self.predictions.append(body)
                else:
                    self.failures.append(f"{response.status} {body}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            if not keeps:
                connection.close()
        connection.close()


FIRST, FOURTH = '{"predictions": [0, 1, 0]}', '{"predictions": [1, 0, 1]}'


def test_a_deployment_from_its_start_to_its_end(
    heart: TrackingUri,
    warm_writer: Warm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    clean_environment: Mapping[str, str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cret-token")
    monkeypatch.setenv("MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT", "1")
    environment = {**clean_environment, "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": "1"}
    notes: list[str] = []
    with Engine(heart) as engine:
        facet = engine.deployments
        options = DeployOptions(processes=2)
        found = facet.deploy(
            "heart@champion", options, on_progress=lambda progress: notes.append(progress.note)
        )
        assert notes == ["Reading version 1 of heart", "Starting heart"]
        check_started(found)
        wait_until(lambda: len(facet.find("heart").service.processes) == 2)
        check_conformance(found, warm_writer, tmp_path, environment)
        wait_until(lambda: facet.find("heart").service.requests >= len(REQUESTS) - 9)
        assert facet.find("heart").service.errors > 10
        assert any("status 400" in line for line in facet.log("heart"))
        check_refusals(facet)
        check_tested(engine, tmp_path / "rows.csv")
        check_swaps(facet, found.service.port)
        slow = facet.swap("heart", 3, allow_code=True)
        assert slow.served.code_owner.endswith("run knn-1")
        check_conformance(slow, warm_writer, tmp_path, environment)
        folders = sorted(path.name.split("-")[0] for path in (control.folder("heart") / "versions").iterdir())
        assert folders == ["1", "3"], "those that are served, or that `back` returns to"
        assert facet.stop("heart").service.state == "stopped"
        processes_end()
        facet.remove("heart")
        assert facet.all() == ()
        assert not control.folder("heart").exists()
    assert [(entry.action, entry.target, entry.outcome) for entry in reversed(read_journal())] == [
        ("deploy", "heart/1 → heart", "done"),
        ("swap", "heart: heart 1 → 2", "failed"),
        ("swap", "heart: heart 1 → 4", "done"),
        ("back", "heart: heart 4 → 1", "done"),
        ("swap", "heart: heart 1 → 3", "done"),
        ("stop", "heart", "done"),
        ("remove", "heart", "done"),
    ]


def check_started(found: Deployment) -> None:
    """It serves the exact version that the alias named, which has answered its recorded rows."""
    assert (found.name, found.serves, found.served.version) == ("heart", "heart@champion → 1", 1)
    assert (found.rows, found.note, found.newer, found.previous) == (3, "", None, None)
    assert (found.service.state, found.service.host) == ("serving", "127.0.0.1")
    assert (found.served.format, found.served.code_owner) == ("skops", "")
    differences = [str(each) for each in found.served.requirements]
    assert differences[0].startswith("scikit-learn==0.1 (installed: 1")
    assert differences[1:] == ["a-package-of-theirs>=2 (installed: no)"]
    for pid in found.service.processes:
        variables = psutil.Process(pid).environ()
        assert not [name for name, value in variables.items() if "s3cret" in value]


def check_refusals(facet: Deployments) -> None:
    """A second one of this name, and a version that brings code, until it is allowed."""
    with pytest.raises(ServiceError, match="heart runs already"):
        facet.deploy("heart/1")
    with pytest.raises(UntrustedModel, match="heart version 2 can run arbitrary code") as caught:
        facet.swap("heart", 2)
    assert caught.value.owner.endswith("run knn-1")


def check_tested(engine: Engine, rows: Path) -> None:
    """It is tested by its name, and compared with a version that is not deployed."""
    target = engine.model_tests.deployed("heart")
    assert (target.model, target.version, target.name) == ("heart", 1, "heart 1 (deployment heart)")
    assert engine.model_tests.target("heart") == target
    assert engine.model_tests.target("heart@champion") == Target("heart", 1)
    answer = engine.model_tests.send(target, engine.model_tests.template("heart", 1).request())
    assert answer.predictions == (0, 1, 0)
    rows.write_text("age,chol\n40,180\n63,300\n51,240\n")
    shadow = engine.model_tests.shadow(target, Target("heart", 4), rows)
    assert shadow.verdict == "heart 1 (deployment heart) and heart 4 disagree on 3 of 3 rows."
    elsewhere = TrackingUri(f"sqlite:///{rows.parent}/mlflow.db")
    with Engine(elsewhere) as other, pytest.raises(UsageError, match="The model of 'heart' is from another"):
        other.model_tests.deployed("heart")


def check_swaps(facet: Deployments, port: int) -> None:
    """A version that fails its recorded rows never serves; no request fails while another one takes over."""
    with Clients(port) as clients:
        with pytest.raises(ServiceError, match="heart was not swapped") as failed:
            facet.swap("heart", 2, allow_code=True)
        assert "three rows are one too many" in failed.value.detail
        assert facet.find("heart").served.version == 1
        swapped = facet.swap("heart", 4)
        assert (swapped.served.version, swapped.previous, swapped.serves) == (4, 1, "heart/4")
        clients.wait_for(FOURTH)
        returned = facet.back("heart")
        assert (returned.served.version, returned.previous, returned.service.port) == (1, 4, port)
        clients.wait_for(FIRST)
    assert clients.failures == []
    assert set(clients.predictions) == {FIRST, FOURTH}


def test_what_cannot_be_deployed_leaves_nothing_behind(heart: TrackingUri) -> None:
    with Engine(heart) as engine:
        deploy = engine.deployments.deploy
        with pytest.raises(NotFound, match="has no alias 'challenger'") as missing:
            deploy("heart@challenger")
        assert missing.value.detail == "It has @champion, /Production, /4, /3, /2, /1"
        with pytest.raises(NotFound, match="Version 9 of 'heart' not found"):
            deploy("heart/9")
        with pytest.raises(UsageError, match=r"Refusing to listen on 0\.0\.0\.0"):
            deploy("heart@champion", DeployOptions(host="0.0.0.0"))
        with pytest.raises(UntrustedModel, match="heart version 3 can run arbitrary code"):
            deploy("heart/3")
        with pytest.raises(UntrustedModel, match="Installing the packages") as installing:
            deploy("heart/1", DeployOptions(environment="virtualenv"))
        assert installing.value.owner.endswith("run knn-1")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(ServiceError, match=r"Port \d+ is in use"):
                deploy("heart@champion", DeployOptions(port=taken.getsockname()[1]))
        soft, hard = prlimit(0, RLIMIT_FSIZE)
        prlimit(0, RLIMIT_FSIZE, (100, hard))  # as on a full disk, files cannot grow
        try:
            with pytest.raises(ServiceError, match="The model cannot be deployed") as full:
                deploy("heart@champion")
        finally:
            prlimit(0, RLIMIT_FSIZE, (soft, hard))
        assert "File too large" in full.value.detail
        assert len(full.value.detail) < 400
        assert engine.deployments.all() == ()
        processes_end()
        assert not control.folder("heart").exists()


def test_a_failed_deployment_says_how_to_remove_it(heart: TrackingUri) -> None:
    with Engine(heart) as engine:
        with pytest.raises(ServiceError, match="heart did not start") as failed:
            engine.deployments.deploy("heart/2", DeployOptions(allow_code=True))
        assert "three rows are one too many" in failed.value.detail
        assert "The model requires" not in failed.value.detail, "that is not why"
        assert failed.value.hint.endswith("To remove what failed: mlflow-console stop heart --remove")
        engine.deployments.remove("heart")
