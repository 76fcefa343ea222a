"""Parts of a worker, without its process: the example that makes it ready, its counts, its threads."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.serving.worker import (
    PATIENCE,
    Message,
    ModelFault,
    Receive,
    ScoringThreads,
    Send,
    Traffic,
    answer_example,
)

EXAMPLE = {"dataframe_split": {"columns": ["age"], "data": [[40.0], [63.0]]}, "params": {"times": 2}}


class Model:
    """What the worker reads of a loaded model."""

    def __init__(self, info: dict[str, str] | None) -> None:
        self.metadata = self
        self.saved_input_example_info = info


class Application:
    """An application that gives one answer, and notes what it was asked."""

    def __init__(self, body: str, status: int = 200) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self._body = body
        self._status = status

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        self.asked.append((scope["method"], scope["path"], json.loads(body) if body else None))
        await send({"type": "http.response.start", "status": self._status, "headers": [(b"x", b"y")]})
        await send({"type": "http.response.body", "body": self._body.encode()})


@pytest.fixture
def recorded(tmp_path: Path) -> Model:
    (tmp_path / "serving_input_example.json").write_text(json.dumps(EXAMPLE))
    return Model({"serving_input_path": "serving_input_example.json"})


async def test_the_application_answers_the_recorded_request(recorded: Model, tmp_path: Path) -> None:
    application = Application('{"predictions": [{"risk": 80.0, "note": "NaN"}, {"risk": 126.0}]}')
    assert await answer_example(application, recorded, tmp_path) == 2  # type: ignore[arg-type]
    assert application.asked == [("POST", "/invocations", EXAMPLE)]


async def test_a_model_without_an_example_answers_a_ping(tmp_path: Path) -> None:
    application = Application("\n")
    assert await answer_example(application, Model(None), tmp_path) == 0  # type: ignore[arg-type]
    assert application.asked == [("GET", "/ping", None)]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
async def test_predictions_that_are_not_finite_are_a_fault(
    recorded: Model, tmp_path: Path, value: str
) -> None:
    application = Application(f'{{"predictions": [{{"risk": 80.0}}, {{"risk": {value}}}]}}')
    with pytest.raises(ModelFault, match=r"Predictions for the input example are not finite: .*risk"):
        await answer_example(application, recorded, tmp_path)  # type: ignore[arg-type]


async def test_the_reason_of_an_error_is_kept(recorded: Model, tmp_path: Path) -> None:
    trace = "Traceback (most recent call last):\n  File …\nZeroDivisionError: by zero"
    answer = {"error_code": "BAD_REQUEST", "message": "Unexpected.", "stack_trace": trace}
    application = Application(json.dumps(answer), 400)
    with pytest.raises(ModelFault) as caught:
        await answer_example(application, recorded, tmp_path)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "The model cannot predict its input example: Unexpected. ZeroDivisionError: by zero"
    )


async def test_invocations_are_counted_and_clients_are_asked_to_reconnect_while_draining() -> None:
    traffic, sent = Traffic(Application("{}", 400)), []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message.get("headers"))

    for path in ("/ping", "/invocations"):
        await traffic({"type": "http", "method": "GET", "path": path}, receive, send)
    traffic.draining = True
    await traffic({"type": "http", "method": "POST", "path": "/invocations"}, receive, send)
    assert (traffic.requests, traffic.errors, len(traffic.seconds)) == (2, 2, 2)
    assert sent[::2] == [[(b"x", b"y")], [(b"x", b"y")], [(b"x", b"y"), (b"connection", b"close")]]


def test_threads_hang_when_none_of_them_has_finished_for_too_long() -> None:
    begun, released = threading.Barrier(3), threading.Event()

    def predict() -> None:
        begun.wait()
        released.wait()

    patient, hasty = ScoringThreads(2, 60), ScoringThreads(2, -1 / PATIENCE)
    for threads in (patient, hasty):
        first = threads.submit(predict)
        assert not threads.hang(), "the other one is free"
        second = threads.submit(predict)
        begun.wait()
    assert hasty.hang()
    assert not patient.hang()
    released.set()
    first.result()
    second.result()
    assert not hasty.hang()
    for threads in (patient, hasty):
        threads.shutdown()
