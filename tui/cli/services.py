"""What the commands of deployments and of tracking servers share: states, and printing a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import click

from engine.jobs import CancelToken
from engine.text import safe
from tui.cli.output import Cell
from tui.cli.progress import stop_signals

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

STATES = {
    "serving": ("● ", "green"),
    "starting": ("◐ ", "yellow"),
    "restarting": ("◐ ", "yellow"),
    "swapping": ("◐ ", "yellow"),
    "stopping": ("◐ ", "yellow"),
    "stopped": ("○ ", "dim"),
    "failed": ("✗ ", "red"),
    "lost": ("✗ ", "red"),
    "unresponsive": ("! ", "red"),
}


def state_cell(state: str) -> Cell:
    glyph, style = STATES.get(state, ("  ", ""))
    return Cell(safe(f"{glyph}{state}"), style)


def log_options(command: Decorated) -> Decorated:
    """`--lines` and `--follow`."""
    count = click.IntRange(min=0)
    command = click.option(
        "-f", "--follow", is_flag=True, help="Print lines as they are written, until ctrl+c."
    )(command)
    return click.option(
        "-n", "--lines", type=count, metavar="N", default=100, show_default=True, help="Number of lines."
    )(command)


def print_log(lines: Sequence[str], follow: Callable[[CancelToken], Iterator[str]] | None) -> None:
    """Print lines, and those that `follow` yields, if it is given, until ctrl+c."""
    for line in lines:
        click.echo(safe(line))
    if follow is not None:
        token = CancelToken()
        with stop_signals(token):
            for line in follow(token):
                click.echo(safe(line))
