"""Every screen of the real console on a store full of payloads, with its output captured.

After each test, the fixture `hostile_console` asserts that only plain text and Textual's own sequences
reached the terminal, that the console still responds, and that it exits with 0.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.journal import append, new_entry
from engine.paths import heart_csv
from engine.uri import TrackingUri
from tests.hostile.payloads import EXPERIMENT, PAYLOADS
from tests.support.console import type_line
from tests.support.terminal import Terminal

Open = Callable[..., Terminal]
MARKERS = [payload.marker for payload in PAYLOADS]


def open_runs(open_console: Open, **size: int) -> Terminal:
    terminal = open_console(**size)
    terminal.wait_for(EXPERIMENT, "15 of 15", *MARKERS)
    return terminal


def test_the_run_table_is_safe(hostile_console: Open) -> None:
    terminal = open_runs(hostile_console)
    for _ in range(15):
        terminal.press("j", "L")
    terminal.wait_quiet()
    for _ in range(30):  # the columns named after payloads
        terminal.press("L")
    terminal.wait_quiet()
    terminal.press("s")
    terminal.wait_quiet()
    terminal.press("V")
    terminal.wait_for("15 marked")


def test_every_experiment_can_be_opened(hostile_console: Open) -> None:
    terminal = open_runs(hostile_console)
    terminal.press("h", "g")
    for _ in PAYLOADS:
        terminal.press("enter", "j")
        terminal.wait_quiet(0.1)


def test_a_narrow_terminal_is_safe(hostile_console: Open) -> None:
    terminal = hostile_console(cols=80, rows=24)
    terminal.wait_for("15 of 15", "PWN15")
    terminal.press("h")
    terminal.wait_quiet()
    terminal.resize(60, 16)
    terminal.wait_quiet()
    terminal.resize(120, 40)
    terminal.wait_for("15 of 15")


def test_the_filter_and_its_completions_are_safe(hostile_console: Open) -> None:
    terminal = open_runs(hostile_console)
    terminal.press("/")
    terminal.wait_for("/ accuracy > 0.9")  # the placeholder
    terminal.type("PWN09")
    terminal.wait_for("1 of 15")
    terminal.press("escape", "escape")  # closes the completions, then the filter
    terminal.wait_for("15 of 15")
    terminal.press("/")
    terminal.wait_for("/ accuracy > 0.9")
    terminal.type("[/foo] = \u202e'")
    terminal.wait_quiet()


def test_every_run_can_be_opened(hostile_console: Open) -> None:
    terminal = open_runs(hostile_console)
    terminal.press("g")
    for payload in reversed(PAYLOADS):  # newest first
        terminal.press("enter")
        terminal.wait_for("METRICS", payload.marker)
        terminal.press("escape")
        terminal.wait_for("15 of 15")
        terminal.press("j")


def test_the_compare_screen_is_safe(hostile_console: Open) -> None:
    terminal = open_runs(hostile_console)
    terminal.press("V")
    terminal.wait_for("15 marked")
    terminal.press("c")
    terminal.wait_for("COMPARE", "PWN15")
    for key in ("x", "L", "L", "L", "b", "o", "G", "x", "D", "g"):
        terminal.press(key)
        terminal.wait_quiet(0.1)
    for _ in range(15):
        terminal.press("L")
    terminal.wait_quiet()


def test_the_charts_are_safe(hostile_console: Open) -> None:
    terminal = open_runs(hostile_console)
    type_line(terminal, "chart accuracy")
    terminal.wait_for("CHART", "PWN15")
    for key in ("j", "t", "j", "t", "right", "a", "escape", "t", "j", "t", "right", "t", "m", "escape"):
        terminal.press(key)
        terminal.wait_quiet(0.1)
    terminal.press("w")
    terminal.wait_for("Export the chart")
    terminal.press("escape", "q")
    terminal.wait_for("15 of 15")


def test_the_best_run_report_is_safe(hostile_console: Open) -> None:
    terminal = open_runs(hostile_console)
    terminal.press("B")
    terminal.wait_for("accuracy")
    terminal.wait_quiet()
    terminal.press("escape")
    terminal.wait_for("15 of 15")


def test_the_insights_are_safe(hostile_console: Open) -> None:
    terminal = open_runs(hostile_console)
    terminal.press("i")
    terminal.wait_for("INSIGHTS", "best")
    for key in ("j", "p", "f", "]", "o", "m", "escape", "enter"):
        terminal.press(key)
        terminal.wait_quiet(0.2)


def test_models_and_their_promotion_dialogs_are_safe(hostile_console: Open) -> None:
    terminal = open_runs(hostile_console)
    terminal.press("3")
    terminal.wait_for("MODELS", *MARKERS)
    terminal.wait_for("1 of 1")  # its version, read after the models: keys act on it
    for _ in PAYLOADS:
        terminal.press("P")
        terminal.wait_for("Promote")
        terminal.wait_quiet(0.1)
        terminal.press("escape")
        terminal.wait_quiet(0.1)
        terminal.press("j")
        terminal.wait_quiet(0.1)


def test_the_lineage_of_versions_is_safe(hostile_console: Open) -> None:
    terminal = open_runs(hostile_console)
    terminal.press("3")
    terminal.wait_for("MODELS", *MARKERS)
    terminal.wait_for("1 of 1")  # its version, read after the models: keys act on it
    terminal.press("f")
    terminal.wait_for("LINEAGE")
    for _ in PAYLOADS:
        terminal.press("j", "enter")
        terminal.wait_quiet(0.1)
    terminal.press("-", "]")
    terminal.wait_quiet(0.1)


def test_the_training_screen_and_its_dialog_are_safe(hostile_console: Open) -> None:
    terminal = open_runs(hostile_console)
    terminal.press("4")
    terminal.wait_for("TRAINING")
    terminal.press("n")
    terminal.wait_quiet()


def test_help_and_the_command_line_are_safe(hostile_console: Open) -> None:
    terminal = open_runs(hostile_console)
    terminal.press("?")
    terminal.wait_for("Keys · ")
    terminal.type("[/foo]")
    terminal.wait_quiet()
    terminal.press("escape")
    terminal.wait_gone("Keys · ")
    for line in (
        "runs [/foo]PWN10",
        "models [bold]PWN09[/bold]",
        "compare",
        "runs no \u202e[/such]",
        "[/foo]",
    ):
        type_line(terminal, line)
        terminal.wait_quiet()


def test_the_activity_screen_is_safe(
    hostile_console: Open, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal has every payload as a model name, a reason and an error."""
    monkeypatch.setenv("XDG_STATE_HOME", str(home / ".local" / "state"))
    uri = TrackingUri("sqlite:////srv/mlflow.db")
    for payload in PAYLOADS:
        facts = {f"version 1 {payload.text}": payload.text}
        entry = new_entry(uri, "promote", payload.text, model=payload.text, before=facts, after=facts)
        append(replace(entry, outcome="failed", reason=payload.text, detail=payload.text))
    terminal = open_runs(hostile_console)
    terminal.press("6")
    terminal.wait_for("ACTIVITY", *MARKERS)
    for _ in PAYLOADS:
        terminal.press("j")
        terminal.wait_quiet(0.1)


def test_a_sweep_on_a_file_with_a_hostile_name_is_safe(hostile_console: Open, tmp_path: Path) -> None:
    """The file name is shown above the leaderboard."""
    data = tmp_path / "[bold]PWN[@click=app.quit]x.csv"
    shutil.copyfile(heart_csv(), data)
    terminal = hostile_console("--tracking-uri", f"sqlite:///{tmp_path / 'own.db'}")
    terminal.wait_for("mlflow-console demo")
    terminal.press("4")
    terminal.wait_for("No sweep yet")
    terminal.press("n")
    terminal.wait_for("New sweep")
    terminal.type(str(data))
    terminal.press("ctrl+s")
    terminal.wait_for("[bold]PWN[@click=app.quit]x.csv · target", "SCORES", within=120)
    terminal.wait_for(" of 61", within=120)
    terminal.press("ctrl+x")
    terminal.wait_for("killed", "took")
