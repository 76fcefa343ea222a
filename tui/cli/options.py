"""What the commands share on the command line: the options before the command, and common options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.errors import ReadOnly, UsageError
from engine.uri import TrackingUri, resolve

if TYPE_CHECKING:
    from engine.api import Engine

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


REFRESH_SECONDS = 10.0
"""How often the console looks again by itself."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """The options before the command. `tracking_uri` is as typed, None when it was left out."""

    tracking_uri: str | None = None
    read_only: bool = False
    mouse: bool | None = None
    refresh: float = REFRESH_SECONDS

    def uri(self) -> TrackingUri:
        """The store meant. Raises `UriError`."""
        return resolve(self.tracking_uri)

    def engine(self, uri: TrackingUri | None = None) -> Engine:
        """The engine on `uri`, else on the store meant. Use it as a context."""
        from engine.api import Engine

        return Engine(uri or self.uri(), read_only=self.read_only)

    def check_writable(self, what: str) -> None:
        """Raises `ReadOnly` before anything is read or asked."""
        if self.read_only:
            raise ReadOnly(what, "--read-only stands before the command.")


pass_invocation = click.make_pass_decorator(Invocation)


def json_option(command: Decorated) -> Decorated:
    return click.option("--json", "as_json", is_flag=True, help="Write one JSON object instead.")(command)


def yes_option(command: Decorated) -> Decorated:
    return click.option("-y", "--yes", is_flag=True, help="Do not ask (needed without a terminal).")(command)


def filter_option(command: Decorated) -> Decorated:
    return click.option(
        "-f",
        "--filter",
        "filter_text",
        default="",
        metavar="TEXT",
        help="Only runs that match, e.g. \"accuracy > 0.9 and params.metric = 'euclidean'\".",
    )(command)


def csv_option(help_text: str, default: str | None = None) -> Callable[[Decorated], Decorated]:
    """`--csv FILE`: a path that can be written to, and no word for stdout."""
    return click.option(
        "--csv",
        "csv_path",
        type=click.Path(dir_okay=False),
        default=default,
        metavar="FILE",
        show_default=default is not None,
        callback=_named_file,
        help=help_text,
    )


def _named_file(_: click.Context, __: click.Parameter, path: str | None) -> str | None:
    """Raises `UsageError` where no file is named."""
    if path == "-":
        raise UsageError(
            "CSV is written to a file only", "--csv -", "Name a file, or use --json for the standard output."
        )
    if path == "":
        raise UsageError("--csv names no file", hint="Write it as --csv runs.csv")
    return path
