"""Misbehaving servers on the loopback interface."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.support.web import Web, serving


@pytest.fixture
def web() -> Iterator[Web]:
    """A real HTTP server with scripted responses."""
    with serving() as running:
        yield running


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never responds."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """A port without a listener."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
