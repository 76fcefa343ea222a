"""Units for systemd, and the supervisor in the foreground as they start it."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from engine.services import control
from engine.services.records import ServiceSpec
from engine.services.unit import unit, unit_name
from tests.engine.services.conftest import get, start
from tests.support.socket_worker import worker_spec


def settings(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if "=" in line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.slow
def unused_port() -> int:
    """Below those that the system gives to clients: nobody takes it between the two starts."""
    for port in range(20_000 + os.getpid() % 5_000, 30_000):
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


def test_the_command_of_a_unit_runs_the_registered_service_in_the_foreground(tmp_path: Path) -> None:
    spec = start(worker_spec(port=unused_port())).spec
    first = control.stop("heart")
    found = settings(unit(spec))
    environment = dict(pair.split("=", 1) for pair in shlex.split(found["Environment"]))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        supervisor = subprocess.Popen(
            shlex.split(found["ExecStart"]),
            env={**os.environ, **environment, "NOTIFY_SOCKET": str(tmp_path / "notify")},
        )
        assert manager.recv(100) == b"READY=1"
    status = control.find("heart")
    assert (status.state, status.pid, status.port) == ("serving", supervisor.pid, first.port)
    assert get(status) == "one"
    again = subprocess.run(shlex.split(found["ExecStart"]), capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr) == (1, "heart runs already — Stop it first.\n")
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(20) == 0
    stopped = control.find("heart")
    assert (stopped.state, stopped.detail) == ("stopped", "by SIGTERM")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd")
def test_systemd_accepts_a_unit_with_odd_names_and_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/state with spaces/100%")
    spec = worker_spec(name='heart "50%" $HOME \\ é', environment=("AWS_SECRET_ACCESS_KEY",))
    text = unit(replace(spec, writable=("/srv/mlflow.db", "/srv/art ifacts")))
    found = settings(text)
    assert '"/srv/art ifacts"' in found["ReadWritePaths"]
    assert found["PrivateTmp"] == "yes"
    assert "AWS_SECRET_ACCESS_KEY" in text
    assert "AWS_SECRET_ACCESS_KEY" not in str(found)
    file = tmp_path / unit_name(spec)
    file.write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", "--recursive-errors=no", str(file)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verified.returncode, verified.stderr) == (0, "")


def test_a_service_with_files_below_tmp_sees_them() -> None:
    spec = ServiceSpec("heart", "server", ("mlflow",), writable=("/tmp/mlflow.db",))
    assert "PrivateTmp" not in settings(unit(spec))
