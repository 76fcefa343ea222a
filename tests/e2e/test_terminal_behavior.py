"""Terminal sizes, keys typed ahead, idle output, read-only mode, unwritable homes and colours."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import MlflowStore
from tests.support.console import open_console, type_line
from tests.support.terminal import Terminal


def show_heart(terminal: Terminal) -> None:
    """Open the experiment with 27 runs."""
    terminal.wait_for("EXPERIMENTS", "heart")
    type_line(terminal, "runs heart")
    terminal.wait_for("27 of 27")


def test_a_terminal_that_is_too_small_is_covered_until_it_grows(
    mlflow_store: MlflowStore, folder: Path, home: Path
) -> None:
    arguments = ("--tracking-uri", mlflow_store.uri)
    with open_console(*arguments, cwd=folder, home=home, cols=50, rows=12) as terminal:
        terminal.wait_for("too small", "60×16")
        terminal.resize(120, 36)
        show_heart(terminal)
        terminal.press("3")
        terminal.wait_for("MODELS", "classifier")
        for cols, rows in ((50, 12), (20, 4), (6, 2), (59, 40), (200, 15)):
            terminal.resize(cols, rows)
            terminal.wait_quiet()
        terminal.wait_for("too small")
        terminal.resize(140, 40)
        terminal.wait_for("MODELS", "classifier")
        terminal.press("q", "q")  # back to the runs, then quit
        assert terminal.wait_exit() == 0


def test_a_console_that_is_too_small_can_be_quit(mlflow_store: MlflowStore, folder: Path, home: Path) -> None:
    arguments = ("--tracking-uri", mlflow_store.uri)
    with open_console(*arguments, cwd=folder, home=home, cols=50, rows=12) as terminal:
        terminal.wait_for("too small")
        terminal.press("q")
        assert terminal.wait_exit() == 0


def test_keys_that_arrive_at_once_reach_the_right_widgets(
    mlflow_store: MlflowStore, folder: Path, home: Path
) -> None:
    with open_console("--tracking-uri", mlflow_store.uri, cwd=folder, home=home) as terminal:
        show_heart(terminal)
        for _ in range(3):
            terminal.type("/queue")  # the q must not quit
            terminal.wait_for("/ queue", "0 of 27")
            terminal.press("escape")
            terminal.wait_for("27 of 27")
        terminal.type(":runs heart trial-2\r")
        terminal.wait_for("/ trial-2", "4 of 27")
        terminal.type("g  c")  # two marks, then compare, in this order
        terminal.wait_for("COMPARE", "2 runs")
        terminal.press("ctrl+c")
        assert terminal.wait_exit() == 0


def test_an_idle_console_writes_nothing(mlflow_store: MlflowStore, folder: Path, home: Path) -> None:
    with open_console("--tracking-uri", mlflow_store.uri, cwd=folder, home=home) as terminal:
        show_heart(terminal)
        terminal.wait_quiet(1.0)
        assert terminal.bytes_while_idle(3.0) == b""
        steps = (
            ("/", "accuracy > 0.9"),
            (("escape", "enter"), "PARAMETERS"),
            (("escape", "V", "c"), "COMPARE"),
            ("3", "VERSIONS"),
            ("4", "No sweep yet"),
            ("6", "No journal entries"),
            ("?", "Keys · Activity"),
        )
        for keys, shown in steps:
            terminal.press(*keys)
            terminal.wait_for(shown)
            terminal.wait_quiet(0.7)
            assert terminal.bytes_while_idle(1.0) == b"", f"after {keys}"
        terminal.press("ctrl+c")
        assert terminal.wait_exit() == 0


def test_read_only_is_shown_and_refuses_promotions(
    mlflow_store: MlflowStore, folder: Path, home: Path
) -> None:
    before = mlflow_store.path.read_bytes()
    arguments = ("--tracking-uri", mlflow_store.uri, "--read-only")
    with open_console(*arguments, cwd=folder, home=home) as terminal:
        terminal.wait_for("read-only")
        show_heart(terminal)
        terminal.press("3")
        terminal.wait_for("MODELS", "classifier")
        for key in ("P", "u"):
            terminal.press(key)
            terminal.wait_for("started with --read-only")
        terminal.press("q", "q")
        assert terminal.wait_exit() == 0
    assert mlflow_store.path.read_bytes() == before


def test_the_console_opens_with_an_unwritable_home(mlflow_store: MlflowStore, folder: Path) -> None:
    unwritable = Path("/dev/null")
    with open_console("--tracking-uri", mlflow_store.uri, cwd=folder, home=unwritable) as terminal:
        show_heart(terminal)
        terminal.press("q")
        assert terminal.wait_exit() == 0


def test_no_color_draws_in_greys(mlflow_store: MlflowStore, folder: Path, home: Path) -> None:
    arguments = ("--tracking-uri", mlflow_store.uri)
    for term in ("xterm-256color", "linux"):
        env = {"NO_COLOR": "1", "TERM": term, "COLORTERM": ""}
        with open_console(*arguments, cwd=folder, home=home, env=env) as terminal:
            show_heart(terminal)
            shades = set(re.findall(rb"\x1b\[[0-9;]+m", terminal.raw))
            assert len(shades) > 4  # greys and bold, not one black
            terminal.press("q")
            assert terminal.wait_exit() == 0
