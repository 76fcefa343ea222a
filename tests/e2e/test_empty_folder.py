"""The first start, in an empty directory."""

from __future__ import annotations

from pathlib import Path

from tests.support.console import open_console, run_command


def test_the_console_suggests_the_demo_and_creates_nothing(folder: Path, home: Path) -> None:
    with open_console(cwd=folder, home=home) as terminal:
        terminal.wait_for("mlflow-console demo", "4", "train a sweep")
        for key in ("2", "3", "4", "6", "1", "r"):
            terminal.press(key)
            terminal.wait_quiet()
        terminal.wait_for("mlflow-console demo")
        terminal.press("q")
        assert terminal.wait_exit() == 0
    assert list(folder.iterdir()) == []


def test_a_command_suggests_the_demo_and_creates_nothing(folder: Path, home: Path) -> None:
    done = run_command("runs", "heart-disease", cwd=folder, home=home)
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"mlflow-console demo" in done.stderr
    assert list(folder.iterdir()) == []


def test_the_console_without_a_terminal_is_a_usage_error(folder: Path, home: Path) -> None:
    done = run_command(cwd=folder, home=home)
    assert done.returncode == 2
    assert b"needs a terminal" in done.stderr
    assert list(folder.iterdir()) == []
