"""A server that accepts connections and never responds: a real socket that nothing reads from."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.console import open_console, run_command, type_line

AT_ONCE = 5.0
PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "2"}


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The address of a listening socket. The kernel accepts connections; nothing reads from them."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_keys_keep_working_and_quitting_is_immediate(folder: Path, home: Path, silent_server: str) -> None:
    with open_console("--tracking-uri", silent_server, cwd=folder, home=home) as terminal:
        terminal.wait_for(silent_server, "RUNS")
        terminal.press("?")
        terminal.wait_for("Keys · ", within=AT_ONCE)
        terminal.press("escape")
        terminal.wait_gone("Keys · ", within=AT_ONCE)
        for key in ("r", "r", "3", "r", "r", "1", "r", "r", "r"):  # more calls than a thread pool has threads
            terminal.press(key)
        type_line(terminal, "help")
        terminal.wait_for("Keys · ", within=AT_ONCE)
        terminal.press("ctrl+c")
        assert terminal.wait_exit(AT_ONCE) == 0


def test_the_error_names_the_timeout_setting(folder: Path, home: Path, silent_server: str) -> None:
    with open_console("--tracking-uri", silent_server, cwd=folder, home=home, env=PATIENCE) as terminal:
        terminal.wait_for(f"{silent_server} did not respond", "MLFLOW_HTTP_REQUEST_TIMEOUT")
        terminal.press("?")
        terminal.wait_for("Keys · ", within=AT_ONCE)
        terminal.press("ctrl+c")
        assert terminal.wait_exit(AT_ONCE) == 0


def test_a_command_fails_with_the_same_error(folder: Path, home: Path, silent_server: str) -> None:
    done = run_command("--tracking-uri", silent_server, "experiments", cwd=folder, home=home, env=PATIENCE)
    assert done.returncode == 1
    assert b"did not respond" in done.stderr
    assert b"Traceback" not in done.stderr
