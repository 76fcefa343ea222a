"""How the command starts and ends when it is interrupted, each in a new process."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.console import environment

DURING_IMPORTS = """
import os, signal, sys
from tui.cli.main import main

class Interrupting:
    def find_spec(self, name, *_):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
main(["--version"])
"""
DURING_EXIT = """
import atexit, os, signal, sys
from tui.cli.main import main
atexit.register(os.kill, os.getpid(), signal.SIGINT)
sys.exit(main(["--version"]))
"""
IN_A_COMMAND = """
import os, signal, sys, time
from tui.cli import group
from tui.cli.main import main

class Command:
    def main(self, *_, **__):
        try:
            os.kill(os.getpid(), int(sys.argv[1]))
            time.sleep(60)
        finally:
            print("restored")

group.cli = Command()
sys.exit(main([]))
"""


def run(code: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("code", [DURING_IMPORTS, DURING_EXIT], ids=["imports", "exit"])
def test_an_interrupt_during_start_or_exit_prints_no_traceback(home: Path, code: str) -> None:
    done = run(code, home)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT])
def test_a_signal_ends_a_command_in_order(home: Path, number: signal.Signals) -> None:
    done = run(IN_A_COMMAND, home, str(int(number)))
    assert (done.returncode, done.stdout) == (128 + number, "restored\n")
    assert "Traceback" not in done.stderr
