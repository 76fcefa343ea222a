"""The way from the command line into the console."""

from __future__ import annotations

import sys

from engine.errors import UsageError
from engine.uri import TrackingUri
from tui.cli.options import Invocation


def on_terminal() -> bool:
    """Whether somebody sits there who can see a screen and press keys."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def open_console(invocation: Invocation, uri: TrackingUri, experiment: str | None = None) -> int:
    """The console on `uri`, with the experiment of this name or id; its exit status. Raises
    `UsageError` without a terminal."""
    if not on_terminal():
        raise UsageError(
            "The console needs a terminal",
            "stdin and stdout must both be one.",
            "In scripts use a command, such as `mlflow-console runs EXPERIMENT --json`; "
            "`mlflow-console --help` lists them.",
        )
    from tui import terminal

    terminal.prepare()  # what Textual reads when it is imported
    from tui.app import run_console

    return run_console(
        uri,
        read_only=invocation.read_only,
        experiment=experiment,
        mouse=invocation.mouse,
        refresh_seconds=invocation.refresh,
    )
