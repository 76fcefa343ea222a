"""Whether a server is there."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from engine.server.health import health
from engine.uri import TrackingUri
from tests.support.web import Answer, serving

if TYPE_CHECKING:
    from tests.conftest import MlflowServer, MlflowStore


def uri(raw: str) -> TrackingUri:
    return TrackingUri(raw, "--tracking-uri")


def test_a_real_server(mlflow_server: MlflowServer) -> None:
    import mlflow

    found = health(mlflow_server.tracking)
    assert found.ok
    assert found.version == mlflow.__version__
    assert 0 < found.seconds < 2


def test_nobody_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found = health(uri(f"http://127.0.0.1:{port}"))
    assert not found.ok
    assert "refused" in found.detail


def test_a_server_that_says_nothing_is_given_two_seconds() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        start = time.monotonic()
        found = health(uri(f"http://ada:secret@127.0.0.1:{listener.getsockname()[1]}"))
    assert not found.ok
    assert 1.9 < time.monotonic() - start < 4
    assert "secret" not in found.detail


@pytest.mark.parametrize(
    "answer", [Answer(200, b"<html>Sign in</html>"), Answer(503, b"starting"), Answer(404), Answer(cut=True)]
)
def test_something_else(answer: Answer) -> None:
    with serving() as web:
        web.will_answer(answer)
        found = health(uri(web.uri))
        assert len(web.requests) == 1
    assert not found.ok
    assert found.version == ""
    assert found.detail


def test_a_server_that_does_not_tell_its_version() -> None:
    with serving() as web:
        web.will_answer(Answer(200, b"OK"), Answer(404))
        found = health(uri(web.uri))
    assert found.ok
    assert found.version == ""


def test_a_database_is_no_server(mlflow_store: MlflowStore) -> None:
    found = health(mlflow_store.tracking)
    assert not found.ok
    assert "no server" in found.detail
