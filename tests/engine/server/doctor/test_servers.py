"""Faults of a tracking server, of what is in front of it, and of the store behind it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.conftest import MlflowStore
from tests.engine.server.doctor.support import (
    CLEAN,
    LIMITS,
    RIVAL,
    Place,
    execute,
    finding,
    names,
    report_on,
    skipped,
)
from tests.support import web
from tests.support.certificates import DAY, self_signed
from tests.support.front import Front, in_front_of
from tests.support.server import serving
from tests.support.warm import Warm
from tests.support.web import Answer

pytestmark = pytest.mark.slow

REMOTE = "http://mlflow.example:5000"
PASSWORD = "s3cret-of-ana"
IMPATIENT = replace(LIMITS, request_seconds=0.5)


@dataclass(frozen=True)
class Stage:
    """A server on the store at `place`, behind `front`."""

    place: Place
    clean: Path
    front: Front


@pytest.fixture(scope="module")
def built(
    mlflow_store: MlflowStore, warm_writer: Warm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("server")
    artifacts = mlflow_store.path.parent / "mlruns"
    shutil.copytree(artifacts, folder / "artifacts")
    clean = folder / "clean.db"
    shutil.copyfile(mlflow_store.path, clean)
    served = "replace({0}, '{1}/', 'mlflow-artifacts:/')"
    columns = (
        *(("experiments", "artifact_location"), ("runs", "artifact_uri")),
        *(("logged_models", "artifact_location"), ("model_versions", "storage_location")),
    )
    moves = (f"UPDATE {table} SET {name} = {served.format(name, artifacts)}" for table, name in columns)
    execute(clean, *CLEAN, *moves)
    place = Place(folder / "mlflow.db")
    shutil.copyfile(clean, place.path)
    with (
        serving(place.uri.raw, folder, warm=warm_writer) as server,
        in_front_of(server.uri.raw) as front,
    ):
        yield Stage(place, clean, front)


@pytest.fixture
def stage(built: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.chdir(tmp_path)
    yield built
    built.front.reset()
    with closing(sqlite3.connect(built.clean)) as clean, closing(sqlite3.connect(built.place.path)) as live:
        clean.backup(live)  # the server has the file open


Environ = Callable[[str, str], None]


def test_nothing_is_found_on_a_server_without_faults_and_nothing_is_written(stage: Stage) -> None:
    before = stage.place.path.read_bytes()
    report = report_on(stage.front.uri)
    assert report.findings == ()
    assert {"no authentication"} <= set(report.groups[0].facts)
    assert set(skipped(report)) == {
        "the schema, and the database behind the server",
        "writing an artifact through the server",
    }
    reads = ("GET ", "POST /api/2.0/mlflow/experiments/search", "POST /api/2.0/mlflow/runs/search")
    reads += ("POST /api/2.0/mlflow/logged-models/search",)
    assert [request for request in stage.front.requests if not request.startswith(reads)] == []
    assert stage.place.path.read_bytes() == before


def plant(stage: Stage, environ: Environ, *faults: str) -> None:
    """Plant faults that leave the server usable."""
    folder = stage.place.folder
    yesterday = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    statements = {
        "artifact-root-of-server": "UPDATE experiments"
        f" SET artifact_location = '{folder}/mlruns/2' WHERE name = 'empty'",
        "artifacts-unreadable": "UPDATE runs SET artifact_uri = 's3://bucket/1' WHERE name = 'special'",
        "stale-runs": "UPDATE runs SET status = 'RUNNING' WHERE name = 'trial-03'",
        "two-in-production": RIVAL,
        "version-run-gone": "UPDATE model_versions SET run_id = printf('%032d', 0)"
        " WHERE name <> 'classifier'",
        "version-files-missing": "UPDATE model_versions SET source = 'runs:/' || run_uuid || '/nothing',"
        " run_id = run_uuid FROM (SELECT run_uuid FROM runs WHERE name = 'trial-10')"
        " WHERE name = 'classifier' AND version = 1",
    }
    for fault in faults:
        if fault in statements:
            stage.place.execute(statements[fault])
        elif fault == "clock-skew":
            stage.front.headers["Date"] = yesterday
        elif fault == "server-outdated":
            stage.front.answers["/version"] = Answer(200, b"2.22.1")
        elif fault == "half-credentials":
            environ("MLFLOW_TRACKING_USERNAME", "ana")
        elif fault == "proxy-for-loopback":
            environ("http_proxy", f"http://ana:{PASSWORD}@127.0.0.1:{stage.front.port}")
        else:
            raise AssertionError(fault)


def test_faults_of_a_usable_server_are_named_with_evidence_and_fix(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {
        "artifact-root-of-server": "The server serves the artifacts of new experiments",
        "artifacts-unreadable": "s3://bucket/1",
        "stale-runs": "'trial-03'",
        "two-in-production": "silently loads 2",
        "version-run-gone": 'it\'s "quoted" 1',
        "version-files-missing": "classifier 1 (Production, @champion)",
        "clock-skew": "behind",
        "server-outdated": "pip install mlflow==2.22.1",
        "half-credentials": "MLFLOW_TRACKING_PASSWORD is not",
        "proxy-for-loopback": 'export NO_PROXY="127.0.0.1,$NO_PROXY"',
    }
    plant(stage, monkeypatch.setenv, *words)
    report = report_on(stage.front.uri)
    assert sorted(names(report)) == sorted(words)
    for found in report.findings:
        assert words[found.name] in f"{found.title} {found.evidence} {found.fix} {found.command}"
        assert "--artifacts-destination" not in f"{found.fix} {found.command}", "the server has it"
        is_error = found.name in ("artifacts-unreadable", "version-files-missing")
        assert found.severity == ("error" if is_error else "warning")
    assert PASSWORD not in str(report)


def test_a_server_elsewhere_needs_authentication_tls_and_artifacts_that_it_serves(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", stage.front.uri)
    plant(stage, monkeypatch.setenv, "artifact-root-of-server")
    report = report_on(REMOTE)
    assert names(report) == ["no-authentication", "artifact-root-of-server"]
    assert "on another machine" in report.findings[1].evidence
    assert report.has_errors
    stage.place.execute(f"UPDATE experiments SET artifact_location = '{stage.place.folder}/mlruns/2'")
    none_served = report_on(REMOTE).findings[1]
    assert none_served.command == "mlflow server --artifacts-destination ./mlartifacts …"
    report = report_on(f"http://{os.uname().nodename}:5000")
    assert names(report) == ["no-authentication", "artifact-root-of-server"]
    assert not report.has_errors
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ana")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    stage.front.answers["experiments/search"] = Answer(401)
    assert names(report_on(REMOTE)) == ["login-required", "credentials-in-clear"]


# ── servers that cannot be used ──────────────────────────────────────────────


@dataclass(frozen=True)
class Fault:
    """A response to requests for a path, and the error that the doctor reports for it, with words of it."""

    name: str
    path: str
    answer: Answer | None
    words: str


FAULTS = [
    Fault("server-silent", "/health", None, "0.5 s"),
    Fault("server-silent", "experiments/search", None, "0.5 s"),
    Fault("server-failing", "/health", Answer(502, b"bad gateway"), "HTTP 502"),
    Fault("server-failing", "experiments/search", Answer(500), "HTTP 500"),
    Fault("server-failing", "experiments/search", Answer(200, b"<html>Sign in"), "login page"),
    Fault(
        "server-unreachable",
        "experiments/search",
        Answer(308, headers={"Location": "http://127.0.0.1:9/login"}),
        "redirected from",
    ),
    Fault("login-required", "experiments/search", Answer(401), "MLFLOW_TRACKING_USERNAME"),
    Fault("access-denied", "experiments/search", Answer(403, b"denied"), "denied access"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.name}-{fault.words}")
def test_a_server_that_cannot_be_used_is_one_error_and_the_rest_is_not_checked(
    fault: Fault, stage: Stage
) -> None:
    if fault.answer is None:
        stage.front.silent.add(fault.path)
    else:
        stage.front.answers[fault.path] = fault.answer
    report = report_on(stage.front.uri, IMPATIENT)
    found = finding(report, fault.name)
    assert found.severity == "error"
    assert fault.words in f"{found.title} {found.evidence} {found.fix}"
    assert {"the store", "the artifacts", "the registry"} <= skipped(report).keys()


def test_wrong_credentials_are_not_missing_ones(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", PASSWORD)
    stage.front.answers["experiments/search"] = Answer(401, f"{PASSWORD} is wrong".encode())
    report = report_on(stage.front.uri)
    assert "refused the token" in finding(report, "login-required").title
    assert PASSWORD not in str(report)


def test_a_name_that_the_server_does_not_accept_is_reported_with_the_option_that_allows_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", stage.front.uri)
    stage.front.keeps_host = True
    found = finding(report_on(REMOTE), "host-rejected")
    assert "--allowed-hosts 'mlflow.example,mlflow.example:*,localhost," in found.command


def test_a_server_that_stops_answering_is_asked_nothing_more(stage: Stage) -> None:
    stage.front.silent.add("registered-models/search")
    report = report_on(stage.front.uri, replace(LIMITS, request_seconds=3))
    assert report.findings == ()
    assert "did not respond" in skipped(report)["the registered models"]
    assert stage.front.requests[-1] == "GET /api/2.0/mlflow/registered-models/search"


def test_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_on("http://127.0.0.1:9")
    assert finding(report, "server-unreachable").evidence == "Connection refused"
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert "The proxy failed" in finding(report_on(REMOTE), "server-unreachable").evidence


def test_an_unusable_state_folder_does_not_hide_that_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null/state")
    assert names(report_on("http://127.0.0.1:9")) == ["server-unreachable", "journal-unwritable"]


@pytest.mark.parametrize(
    ("valid_for", "is_trusted", "name"),
    [
        (90 * DAY, False, "tls-untrusted"),
        (90 * DAY, True, ""),
        (3 * DAY, True, "certificate-expires"),
        (-1 * DAY, True, "tls-untrusted"),
    ],
)
def test_a_certificate_is_examined(
    valid_for: timedelta, is_trusted: bool, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path, valid_for=valid_for)
    if is_trusted:
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    with web.serving(certificate) as secure:
        secure.will_answer(Answer(200, b"OK"), Answer(200, b"3.17.2"), Answer(401))
        report = report_on(f"https://localhost:{secure.port}")
        found = [one for one in report.findings if one.name != "login-required"]
        assert [one.name for one in found] == ([name] if name else [])
        if valid_for < 0 * DAY:
            assert "Renew" in found[0].fix
        if name != "tls-untrusted":
            by_address = finding(report_on(f"https://127.0.0.1:{secure.port}"), "tls-untrusted")
            assert by_address.evidence.endswith("certificate is not valid for '127.0.0.1'.")
            assert "a name that the server's certificate is valid for" in by_address.fix
        monkeypatch.delenv("MLFLOW_TRACKING_SERVER_CERT_PATH", raising=False)
        monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
        assert "tls-not-verified" in names(report_on(f"https://localhost:{secure.port}"))


def test_https_to_a_server_without_tls_is_reported(stage: Stage) -> None:
    report = report_on(stage.front.uri.replace("http:", "https:"))
    told = finding(report, "tls-untrusted")
    assert told.fix == "The server has no TLS: use http://."
    assert told.command == f"export MLFLOW_TRACKING_URI={stage.front.uri}"
