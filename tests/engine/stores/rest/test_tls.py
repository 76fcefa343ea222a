"""Servers with a self-signed certificate."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import ServerUnreachable
from engine.stores import open_store
from engine.uri import TrackingUri
from tests.support.certificates import self_signed
from tests.support.web import Answer, Web, serving


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for localhost, in one PEM file."""
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(certificate: Path) -> Iterator[Web]:
    with serving(certificate) as web:
        web.will_answer(Answer(body=b'{"experiments": []}'))
        yield web


def read(web: Web) -> tuple[object, ...]:
    return open_store(TrackingUri(f"https://localhost:{web.port}")).experiments()


def test_an_unknown_certificate_is_not_trusted(secure: Web) -> None:
    with pytest.raises(ServerUnreachable) as caught:
        read(secure)
    assert "certificate" in caught.value.detail
    assert "MLFLOW_TRACKING_SERVER_CERT_PATH" in caught.value.hint
    assert secure.requests == []


def test_a_certificate_is_trusted_when_named(
    secure: Web, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    assert read(secure) == ()


def test_verification_can_be_switched_off(secure: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ssl/certs/ca-certificates.crt")
    with warnings.catch_warnings(record=True) as caught:
        assert read(secure) == ()
    assert caught == []
