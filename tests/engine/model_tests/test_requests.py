"""Requests to a version in process and to a real scoring server, which answer alike."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from engine.api import FORMS, Engine, Request, Target, converted, curl, request_in
from engine.errors import ModelFailure, ServerTimeout, ServerUnreachable, UsageError
from engine.model_tests import answers
from engine.uri import TrackingUri
from tests.engine.model_tests.conftest import heart, write_rows
from tests.support.scoring import scoring
from tests.support.warm import Warm
from tests.support.web import Answer, serving

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm_children")]

PLAIN = Target("plain", 1)
ROW = {name: value for name, value in heart()[0].items() if name != "target"}
BROKEN = (
    Request("application/json", '{"dataframe_split": {"columns": ["age"], "data": [[63]]}}'),
    Request("application/json", '{"rows": []}'),
    Request("application/json", "[1, 2"),
    Request("text/csv", "age,sex\nold,1\n"),
    Request("text/plain", "63"),
)


@pytest.fixture
def engine(tested_models: TrackingUri) -> Iterator[Engine]:
    with Engine(tested_models) as engine:
        yield engine


@pytest.fixture(scope="module")
def served(
    tested_models: TrackingUri, warm_writer: Warm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with scoring(tested_models, "models:/plain/1", tmp_path_factory.mktemp("scoring"), warm_writer) as url:
        yield url


def test_a_version_in_process_answers_as_mlflow_s_scoring_server(engine: Engine, served: str) -> None:
    template = engine.model_tests.template("plain", 1)
    requests = [template.request(form) for form in FORMS]
    for request in (*requests, *BROKEN):
        here = engine.model_tests.send(PLAIN, request)
        there = engine.model_tests.send(Target("plain", 1, served), request)
        assert here.status == there.status, request
        assert here.message == there.message, request
        assert here.is_ok is (request in requests)
        assert here.seconds > 0
    with pytest.raises(ModelFailure, match=r"The model refuses the request \(HTTP 415\)"):
        _ = here.predictions


def test_labelled_rows_and_files_go_to_a_server_too(engine: Engine, served: str, tmp_path: Path) -> None:
    target = Target("plain", 1, served)
    found = engine.model_tests.labelled(target)
    assert [row.predicted for row in found.rows] == [row.logged for row in found.rows]
    assert engine.model_tests.last("plain", 1) == (), "anything may be served at a URL"
    other = engine.model_tests.labelled(Target("plain", 2, served))
    assert other.is_skewed
    assert other.metrics[0].value > 0.9
    (cause,) = other.causes
    assert cause.text.startswith(
        "Predictions: 17 rows of 61 differ from what the run predicted: another model"
    )
    path = write_rows(tmp_path / "rows.csv", heart())
    table = engine.model_tests.predict(Target(url=served), path)
    assert table.columns == (*heart()[0], "prediction")
    assert len(table.rows) == 303
    assert table.predictions == engine.model_tests.predict(PLAIN, path).predictions
    again = tmp_path / "again.csv"
    again.write_text(table.csv_text())
    assert engine.model_tests.predict(PLAIN, again).columns[-2:] == ("prediction", "prediction_2")


def test_a_request_is_prefilled_and_can_be_written_in_every_form(engine: Engine) -> None:
    template = engine.model_tests.template("plain", 1)
    assert [field.name for field in template.fields] == list(ROW)
    assert (template.fields[0].type, template.fields[9].type) == ("long", "double")
    assert len(template.rows) == 5
    assert template.problem == ""
    split = template.request()
    assert json.loads(split.body)["dataframe_split"]["columns"] == list(ROW)
    for form in FORMS:
        assert converted(converted(split, form), "dataframe_split") == split
    row = template.filled({name: str(value) for name, value in ROW.items()}, "dataframe_records")
    (record,) = json.loads(row.body)["dataframe_records"]
    assert record == {name: json.loads(str(value)) for name, value in ROW.items()}
    assert engine.model_tests.send(PLAIN, row).predictions == (1,)
    with pytest.raises(UsageError, match="age must be of type long") as caught:
        template.filled({**dict.fromkeys(ROW, "1"), "age": "6.5"})
    assert caught.value.detail == "It is '6.5'."
    with pytest.raises(UsageError, match="sex is empty"):
        template.filled({"age": "63"})


def test_texts_are_told_apart_as_json_and_csv() -> None:
    assert request_in(' {"inputs": [1]}\n') == Request("application/json", '{"inputs": [1]}')
    assert request_in("\ufeffage,sex\n63,1").body == "age,sex\n63,1\n"
    with pytest.raises(UsageError, match="The request is empty"):
        request_in(" \n")
    with pytest.raises(UsageError, match="neither JSON nor CSV"):
        request_in('"x"')
    with pytest.raises(UsageError, match="The request is not JSON"):
        converted(Request("application/json", "{"), "csv")


def test_a_refusal_says_what_the_model_raised() -> None:
    trace = "Traceback (most recent call last):\n  File …\nZeroDivisionError: division by zero\n"
    refused = {"error_code": "BAD_REQUEST", "message": "Unexpected error.", "stack_trace": trace}
    found = answers.Answer(400, json.dumps(refused), 0.1)
    assert found.message == "Unexpected error.\nZeroDivisionError: division by zero"
    assert answers.Answer(502, "<html>", 0.1).message == "<html>"
    assert answers.Answer(400, '["message"]', 0.1).message == '["message"]'


def test_the_curl_command_sends_the_request(engine: Engine, served: str) -> None:
    request = engine.model_tests.template("plain", 1).request()
    command = curl(f"{served}/invocations", request)
    done = subprocess.run(shlex.split(command), capture_output=True, check=True)
    assert json.loads(done.stdout) == {
        "predictions": list(engine.model_tests.send(PLAIN, request).predictions)
    }


def test_an_address_that_serves_no_model_is_one_clear_error(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request("application/json", "{}")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setattr(answers, "REQUEST_SECONDS", 0.2)
        with pytest.raises(ServerTimeout, match="does not answer in time"):
            engine.model_tests.send(Target(url=url), request)
    with pytest.raises(ServerUnreachable, match=f"Cannot connect to {url}") as caught:
        engine.model_tests.send(Target(url=url), request)
    assert "Connection refused" in caught.value.detail
    secret = url.replace("//", "//ada:s3cret@")
    with pytest.raises(ServerUnreachable) as caught:
        engine.model_tests.send(Target(url=secret), request)
    assert "s3cret" not in str(caught.value)
    assert curl(secret, request).startswith(f"curl -sS -u ada {url}/invocations ")
    for invalid in ("127.0.0.1:5101", "ftp://host", "http://", "http://host:x"):
        with pytest.raises(UsageError, match="is not a URL of HTTP or HTTPS"):
            engine.model_tests.send(Target(url=invalid), request)
    with serving() as web:
        web.will_answer(Answer(body=b"<html>"), Answer(body=b"[" * 50_000), Answer(body=b"0" * 5000))
        for _ in range(2):
            with pytest.raises(ModelFailure, match="The answer has no predictions"):
                _ = engine.model_tests.send(Target(url=web.uri), request).predictions
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setattr(answers, "MAX_ANSWER_BYTES", 4096)
        with pytest.raises(ModelFailure, match=r"The answer has more than 4.1 kB"):
            engine.model_tests.send(Target(url=web.uri), request)


def test_closing_the_engine_ends_the_processes_with_models(
    tested_models: TrackingUri, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Engine(tested_models) as engine:
        request = engine.model_tests.template("plain", 1).request()
        for target in (PLAIN, PLAIN, Target("plain", 2), Target("words", 1)):
            engine.model_tests.send(target, request)
        assert _working_in(tmp_path) == answers.MAX_PROCESSES
    assert _working_in(tmp_path) == 0
    assert list(tmp_path.iterdir()) == []


def _working_in(folder: Path) -> int:
    """The number of processes with a working folder below this one."""
    found = [process.info["cwd"] or "" for process in psutil.process_iter(["cwd"])]
    return sum(Path(cwd).is_relative_to(folder) for cwd in found)
