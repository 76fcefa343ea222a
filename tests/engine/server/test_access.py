"""Who can reach a server, and who may use it."""

from __future__ import annotations

import configparser
import fnmatch
import os
import stat
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.server.access import (
    allowed_hosts,
    check_exposure,
    machine_names,
    network_url,
    prepare_accounts,
    tunnel,
)
from engine.services.addresses import is_loopback
from engine.uri import TrackingUri


def accepts(patterns: tuple[str, ...], header: str) -> bool:
    """MLflow's rule (mlflow/server/security_utils.py)."""
    return any(
        fnmatch.fnmatch(header, pattern) if "*" in pattern else header == pattern for pattern in patterns
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1"])
def test_a_loopback_address_needs_no_authentication_and_no_list_of_hosts(host: str) -> None:
    check_exposure(host, auth=False, insecure=False)
    assert allowed_hosts(host) == ()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", ""])
def test_any_other_address_is_refused_without_authentication(host: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_exposure(host, auth=False, insecure=False)
    assert "without authentication" in caught.value.title
    assert "--auth" in caught.value.hint
    assert "--insecure" in caught.value.hint
    check_exposure(host, auth=True, insecure=False)
    check_exposure(host, auth=False, insecure=True)


def test_an_unknown_host_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="Unknown host"):
        is_loopback("no-such-host.invalid")


def test_a_server_for_the_network_answers_to_the_names_of_the_machine_with_any_port() -> None:
    found = allowed_hosts("0.0.0.0", ["mlflow.example.org"], own=["box", "10.1.2.3", "[fd00::7]"])
    for name in ("mlflow.example.org", "box", "10.1.2.3", "[fd00::7]", "localhost", "127.0.0.1", "[::1]"):
        assert accepts(found, name)
        assert accepts(found, f"{name}:8080")
    for name in ("evil.example.org", "box.evil.org", "xbox:80", "10.1.2.33"):
        assert not accepts(found, name)


def test_the_address_to_listen_on_and_names_with_a_port_or_a_pattern_are_kept_as_they_are() -> None:
    found = allowed_hosts("fd00::9", ["*.example.org", "proxy:8443"], own=[])
    assert accepts(found, "[fd00::9]:5000")
    assert accepts(found, "a.example.org")
    assert accepts(found, "proxy:8443")
    assert not accepts(found, "proxy")


def test_an_added_name_works_on_a_loopback_address_too() -> None:
    found = allowed_hosts("127.0.0.1", ["mlflow.example.org"], own=[])
    assert accepts(found, "mlflow.example.org")
    assert accepts(found, "localhost:5000")


def test_the_names_of_the_machine_are_those_that_others_can_use() -> None:
    found = machine_names()
    assert found
    assert "127.0.0.1" not in found
    assert not any(name.startswith("[fe80:") for name in found)


def test_the_tunnel_goes_to_the_address_that_the_ssh_client_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "203.0.113.9 50000 198.51.100.7 2222")
    assert tunnel("127.0.0.1", 5000).startswith("ssh -N -L 5000:127.0.0.1:5000 -p 2222 ")
    assert tunnel("::1", 5000).endswith("@198.51.100.7")
    assert "5000:[::1]:5000" in tunnel("::1", 5000)
    monkeypatch.setenv("SSH_CONNECTION", "203.0.113.9 50000 198.51.100.7 22")
    assert " -p " not in tunnel("localhost", 5000)


def test_a_server_that_other_machines_can_reach_has_an_address_instead_of_a_tunnel() -> None:
    assert network_url("0.0.0.0", 5000) == f"http://{os.uname().nodename}:5000"
    assert network_url("fd00::9", 5000) == "http://[fd00::9]:5000"
    assert tunnel("0.0.0.0", 5000) == ""
    assert network_url("127.0.0.1", 5000) == ""


def test_accounts_get_a_long_password_that_a_second_start_keeps(tmp_path: Path) -> None:
    folder, data = tmp_path / "service", tmp_path / "50%"
    data.mkdir()
    database = TrackingUri(f"sqlite:///{data}/basic_auth.db")
    first = prepare_accounts(folder, database)
    assert first.is_new
    assert len(first.password) >= 20
    assert first.password not in repr(first)
    assert first.password_file.read_text().strip() == first.password
    written = [*folder.iterdir(), *data.iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}

    second = prepare_accounts(folder, database)
    assert (second.is_new, second.password, second.key) == (False, first.password, first.key)
    other = prepare_accounts(tmp_path / "other", database)
    assert (other.is_new, other.password) == (False, first.password)

    second.forget_unused()
    assert database.sqlite_path is not None
    assert database.sqlite_path.exists()  # its password is not new
    first.forget_unused()
    assert list(data.iterdir()) == []

    configuration = configparser.ConfigParser()
    configuration.read(second.environment["MLFLOW_AUTH_CONFIG_PATH"])
    assert configuration["mlflow"]["database_uri"] == database.raw
    assert int(configuration["mlflow"]["auth_cache_ttl_seconds"]) > 0
    assert first.password not in Path(second.environment["MLFLOW_AUTH_CONFIG_PATH"]).read_text()
