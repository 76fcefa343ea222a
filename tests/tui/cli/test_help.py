"""Help, version and usage errors."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.tui.cli.conftest import Run
from tui.cli import edit, experiment, model, server
from tui.cli.group import COMMANDS, cli

SUBPROCESS = """
import sys
from tui.cli.main import main
status = main(sys.argv[1:])
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(status)
"""
HEAVY = {"textual", "mlflow", "pandas", "numpy", "sklearn", "skops", "requests", "rich", "sqlite3"}


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_every_command(run: Run, flag: str) -> None:
    done = run(flag)
    assert (done.status, done.err) == (0, "")
    for name, (_, summary) in COMMANDS.items():
        assert f"  {name} " in done.out
        assert summary.split()[0] in done.out
    assert "Exit status:\n    0    success\n" in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert (done.status, done.err) == (0, "")
    assert re.search(r"^  Examples?:$", done.out, re.MULTILINE)
    assert f"mlflow-console {command}" in done.out or f" {command} " in done.out
    assert "--json" in done.out


@pytest.mark.parametrize(
    ("group", "command", "summary"),
    [
        (group, command, summary)
        for group, table in (
            ("server", server.COMMANDS),
            ("edit", edit.COMMANDS),
            ("experiment", experiment.COMMANDS),
            ("model", model.COMMANDS),
        )
        for command, (_, summary) in table.items()
    ],
)
def test_every_command_of_a_group_has_help_with_an_example(
    run: Run, group: str, command: str, summary: str
) -> None:
    listed = run(group, "--help").out
    done = run(group, command, "--help")
    assert (done.status, done.err) == (0, "")
    assert f"  {command} " in listed
    assert summary.split()[0] in listed
    assert re.search(r"^  Examples?:$", done.out, re.MULTILINE)
    assert f"mlflow-console {group} {command}" in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_resolves_to_a_command_of_that_name(command: str) -> None:
    import click

    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    assert found.name == command
    assert found.help


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        *([name, "--help"] for name in COMMANDS),
        *(["server", name, "--help"] for name in server.COMMANDS),
    ],
)
def test_help_imports_nothing_heavy(arguments: list[str], clean_environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SUBPROCESS, *arguments],
        capture_output=True,
        text=True,
        env={**clean_environment, "LANG": "C.UTF-8"},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    loaded = set(done.stderr.split())
    # the help of a command may import rich to measure text
    assert loaded & (HEAVY if len(arguments) == 1 else HEAVY - {"rich"}) == set()


def test_version_is_that_of_the_installed_package(run: Run) -> None:
    from importlib.metadata import version

    out = run("--version").out
    assert out.startswith(f"mlflow-console {version('mlflow-console')} (")
    assert (
        f"MLflow {version('mlflow')}, Textual {version('textual')}, Python {platform.python_version()}" in out
    )


def test_the_console_without_a_terminal_suggests_a_command(run: Run) -> None:
    done = run()
    assert (done.status, done.out) == (2, "")
    assert "needs a terminal" in done.err
    assert "mlflow-console runs" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnus"], "Did you mean runs?"),
        (["xyzzy"], "Commands: experiments, runs"),
        (["server", "xyzzy"], "Run `mlflow-console server --help`"),
        (["runs"], "Missing argument 'EXPERIMENT'"),
        (["runs", "a", "b"], "unexpected extra argument"),
        (["runs", "a", "--limit", "0"], "--limit"),
        (["runs", "a", "--limti", "1"], "--limit"),
        (["promote", "m", "1", "--force"], "Run `mlflow-console promote --help`"),
        (["server", "start", "--port"], "Run `mlflow-console server start --help`"),
        (["runs", "a", "--tracking-uri", "x.db"], "mlflow-console --tracking-uri URI runs …"),
        (["journal", "--read-only"], "mlflow-console --read-only journal …"),
        (["best", "a", "--higher", "--lower"], "--higher and --lower cannot be combined"),
        (["compare", "one"], "At least two runs are needed"),
        (["compare", "a", "b", "--filter", "x > 1"], "--experiment"),
        (["compare", "a", "b", "--higher", "m", "--lower", "m"], "both --higher and --lower"),
        (["promote", "m", "one", "--stage", "Staging"], "'one' is not a valid integer"),
        (["train", "--recipe", "magic"], "'magic' is not one of"),
        (["train", "--grid", "k=3"], "Unknown parameter 'k'"),
        (["train", "--grid", "n_neighbors="], "empty value"),
        (["train", "--grid", ""], "The grid is empty"),
        (["--tracking-uri", "http://", "experiments"], "no valid host and port"),
        (["--tracking-uri", "sqlite://", "experiments"], "names no database file"),
    ],
)
def test_a_usage_error_is_one_message_with_status_2(run: Run, arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("error: ") == 1
    assert "Traceback" not in done.err


def test_a_usage_error_with_json_is_one_object_on_stdout_and_a_message_on_stderr(run: Run) -> None:
    done = run("runs", "--json")
    assert done.status == 2
    assert done.json["error"]["title"] == "Missing argument 'EXPERIMENT'"
    assert set(done.json["error"]) == {"title", "detail", "hint"}
    assert done.err.startswith("error: Missing argument 'EXPERIMENT'\n")
