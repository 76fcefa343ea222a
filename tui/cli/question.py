"""The question before a write."""

from __future__ import annotations

import sys

import click

from engine.errors import Cancelled, UsageError
from tui.cli.output import Output


def ask(output: Output) -> None:
    """Ask whether to go ahead with what stands on `output`. Raises `UsageError` where nobody can
    answer, `Cancelled` on any answer but yes."""
    if not (sys.stdin.isatty() and output.is_terminal):
        raise UsageError("Nobody can be asked: this is not a terminal", "Nothing was changed.", "Add --yes.")
    if not click.confirm("Go ahead?", default=False, err=True):
        raise Cancelled("The change")
