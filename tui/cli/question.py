"""The question before a write."""

from __future__ import annotations

import os
import select
import signal
import sys

import click

from engine.errors import Cancelled, UsageError
from tui.cli.output import Output


def ask(output: Output) -> None:
    """Ask whether to go ahead with what stands on `output`. Raises `UsageError` where nobody can
    answer, `Cancelled` on any answer but yes, `KeyboardInterrupt` on ctrl+c."""
    if not (sys.stdin.isatty() and output.is_terminal):
        raise UsageError("Cannot ask for confirmation: not a terminal", "Nothing was changed.", "Add --yes.")
    click.echo("Go ahead? [y/N]: ", nl=False, err=True)
    answer = _line()
    if not answer.endswith("\n"):  # ctrl+d
        click.echo(err=True)
    if answer.strip().lower() not in ("y", "yes"):
        raise Cancelled("The change")


def _line() -> str:
    """The next line of stdin. A plain read would miss a ctrl+c that comes just before it: the
    interpreter notes a signal and looks at its notes only between two steps of Python, of which
    there is none until the read ends. So each note is a byte in a pipe, and both are waited for."""
    reading, noting = os.pipe()
    os.set_blocking(noting, False)
    before = signal.set_wakeup_fd(noting)
    try:
        ready: list[object] = []
        while sys.stdin not in ready:
            ready, _, _ = select.select([sys.stdin, reading], [], [])
            if reading in ready:
                os.read(reading, 1)
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(noting)
    return sys.stdin.readline()
