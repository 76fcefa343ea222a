"""The console and the commands on a server whose strings are all payloads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.payloads import EXPERIMENT, PAYLOADS
from tests.hostile.server import hostile_server
from tests.hostile.stream import unexpected_output
from tests.support.warm import Warm

MARKERS = [payload.marker for payload in PAYLOADS]


@pytest.fixture
def address() -> Iterator[str]:
    with hostile_server() as address:
        yield address


def test_the_console_shows_every_name_and_no_control_character(
    address: str, warm: Warm, tmp_path: Path, home: Path
) -> None:
    arguments = ("--tracking-uri", address)
    with warm.open(*arguments, cwd=tmp_path, home=home, cols=200, rows=50) as terminal:
        terminal.wait_for(EXPERIMENT, "15 of 15", *MARKERS)
        terminal.press("enter")
        terminal.wait_for("PARAMETERS", "METRICS")
        terminal.wait_quiet()
        terminal.press("escape")
        terminal.wait_for("15 of 15")
        terminal.press("V", "c")
        terminal.wait_for("COMPARE")
        terminal.wait_quiet()
        terminal.press("3")
        terminal.wait_for("MODELS", *MARKERS)
        terminal.wait_quiet()
        terminal.press("ctrl+c")
        assert terminal.wait_exit() == 0
        assert unexpected_output(bytes(terminal.raw)) == []


def test_the_doctor_shows_no_control_character(address: str, warm: Warm, tmp_path: Path, home: Path) -> None:
    done = warm.run("--tracking-uri", address, "server", "doctor", cwd=tmp_path, home=home)
    assert (done.returncode, unexpected_output(done.stdout), unexpected_output(done.stderr)) == (0, [], [])
    assert "depends on the folder" in done.stdout.decode()


@pytest.mark.parametrize("command", ["experiments", "runs", "models"])
def test_the_commands_show_every_name_and_no_control_character(
    command: str, address: str, warm: Warm, tmp_path: Path, home: Path
) -> None:
    arguments = ("--tracking-uri", address, command, *([EXPERIMENT] if command == "runs" else []))
    done = warm.run(*arguments, cwd=tmp_path, home=home)
    assert (done.returncode, unexpected_output(done.stdout), unexpected_output(done.stderr)) == (0, [], [])
    assert [marker for marker in MARKERS if marker not in done.stdout.decode()] == []
    done = warm.run(*arguments, "--json", cwd=tmp_path, home=home)
    assert (done.returncode, unexpected_output(done.stdout), done.stdout.isascii()) == (0, [], True)
    name = "run_name" if command == "runs" else "name"
    assert {p.text for p in PAYLOADS} <= {entry[name] for entry in json.loads(done.stdout)[command]}
