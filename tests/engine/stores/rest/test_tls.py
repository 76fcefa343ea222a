"""Servers with a self-signed certificate."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from engine.errors import ServerUnreachable
from engine.stores import open_store
from engine.uri import TrackingUri
from tests.support.web import Answer, Web, serving


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for localhost, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


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
