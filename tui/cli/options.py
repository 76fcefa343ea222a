"""Global options, and options that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.errors import ReadOnly, UsageError
from engine.text import Shown
from engine.uri import TrackingUri, resolve

if TYPE_CHECKING:
    from engine.api import Direction, Engine

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


REFRESH_SECONDS: float = 10
"""Default auto-refresh interval of the console."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """The global options. `tracking_uri` is as typed; None when omitted."""

    tracking_uri: str | None = None
    read_only: bool = False
    mouse: bool | None = None
    refresh: float = REFRESH_SECONDS

    def uri(self) -> TrackingUri:
        """The resolved tracking URI. Raises `UriError`."""
        return resolve(self.tracking_uri)

    def engine(self, uri: TrackingUri | None = None) -> Engine:
        """An engine on `uri`, by default on `self.uri()`. Use it as a context manager."""
        from engine.api import Engine

        return Engine(uri or self.uri(), read_only=self.read_only, on_wait=_report_wait)

    def check_writable(self, what: str) -> None:
        """Raises `ReadOnly` under --read-only. `what` names the operation, e.g. "Promoting"."""
        if self.read_only:
            raise ReadOnly(what, "--read-only was given.")

    def open_console(self, uri: TrackingUri | None = None, experiment: str | None = None) -> int:
        """Open the interactive console on `uri`, by default on `self.uri()`, with the experiment with this
        name or id selected; return its exit status. Raises `UsageError` without a terminal."""
        uri = uri or self.uri()
        if not is_interactive():
            raise UsageError(
                "The console needs a terminal",
                "stdin and stdout must both be terminals.",
                "In scripts, use a command such as `mlflow-console runs EXPERIMENT --json`. "
                "Run `mlflow-console --help` for a list.",
            )
        from tui import terminal

        terminal.prepare()  # sets what Textual reads on import
        from tui.app import run_console

        return run_console(
            uri,
            read_only=self.read_only,
            experiment=experiment,
            mouse=self.mouse,
            refresh_seconds=self.refresh,
        )


def _report_wait(message: Shown) -> None:
    clear_line = "\r\x1b[K"  # of a spinner; left out where stderr is not a terminal
    click.echo(clear_line * sys.stderr.isatty() + message, err=True)


def is_interactive() -> bool:
    """Whether stdin and stdout are terminals."""
    return sys.stdin.isatty() and sys.stdout.isatty()


pass_invocation = click.make_pass_decorator(Invocation)


def json_option(command: Decorated) -> Decorated:
    return click.option("--json", "as_json", is_flag=True, help="Output JSON.")(command)


def version_arguments(command: Decorated) -> Decorated:
    """`MODEL VERSION`."""
    command = click.argument("version", type=click.IntRange(min=1))(command)
    return click.argument("model")(command)


def yes_option(command: Decorated) -> Decorated:
    return click.option(
        "-y", "--yes", is_flag=True, help="Skip the confirmation prompt; required without a terminal."
    )(command)


def metric_options(purpose: str) -> Callable[[Decorated], Decorated]:
    """`--metric`, `--higher` and `--lower`; `purpose` begins the help of the first."""

    def add(command: Decorated) -> Decorated:
        help_text = f"{purpose} this metric.  [default: accuracy, or a similar metric]"
        inferred = "Lower is better.  [default: inferred from the metric's name]"
        command = click.option("--lower", is_flag=True, help=inferred)(command)
        command = click.option("--higher", is_flag=True, help="Higher is better.")(command)
        return click.option("-m", "--metric", metavar="METRIC", help=help_text)(command)

    return add


def chosen_direction(higher: bool, lower: bool) -> Direction | None:
    """The direction that `--higher` or `--lower` gives; None to infer it. Raises `UsageError` for both."""
    if higher and lower:
        raise UsageError("--higher and --lower cannot be combined")
    return "higher" if higher else "lower" if lower else None


def filter_option(command: Decorated) -> Decorated:
    return click.option(
        "-f",
        "--filter",
        "filter_text",
        default="",
        metavar="EXPRESSION",
        help="Include only matching runs, e.g. \"accuracy > 0.9 and params.metric = 'euclidean'\".",
    )(command)


def listing_options(sort_help: str, limit_help: str) -> Callable[[Decorated], Decorated]:
    """`--sort`, `--limit` and `--columns` of a list."""

    def add(command: Decorated) -> Decorated:
        columns = click.option(
            "-c", "--columns", multiple=True, metavar="A,B", help="Show only these columns."
        )
        limit = click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help=limit_help)
        sort = click.option("-s", "--sort", "sorts", multiple=True, metavar="KEY[:asc|desc]", help=sort_help)
        return sort(limit(columns(command)))

    return add


def correct_option(command: Decorated) -> Decorated:
    return click.option(
        "--correct",
        "correction",
        type=click.Choice(["none", "holm"]),
        default="none",
        show_default=True,
        help="Correct p-values for the number of comparisons, by Holm's method.",
    )(command)


def evidence_options(command: Decorated) -> Decorated:
    """`--where` and `--correct`."""
    return where_option(correct_option(command))


def where_option(command: Decorated) -> Decorated:
    return click.option(
        "-w",
        "--where",
        default="",
        metavar="EXPRESSION",
        help='Constraint on the best run, in the filter language, e.g. "class_1_recall >= 0.9".',
    )(command)


def csv_option(help_text: str, default: str | None = None) -> Callable[[Decorated], Decorated]:
    """`--csv FILE`, which takes a file name but not - for standard output."""
    return click.option(
        "--csv",
        "csv_path",
        type=click.Path(dir_okay=False),
        default=default,
        metavar="FILE",
        show_default=default is not None,
        callback=_check_csv_path,
        help=help_text,
    )


def _check_csv_path(_: click.Context, __: click.Parameter, path: str | None) -> str | None:
    """Raises `UsageError` unless `path` is None or names a file."""
    if path == "-":
        hint = "Give a file name, or use --json for standard output."
        raise UsageError("--csv cannot write to standard output", "--csv -", hint)
    if path == "":
        raise UsageError("--csv needs a file name", hint="Example: --csv runs.csv")
    return path


def output_option(help_text: str) -> Callable[[Decorated], Decorated]:
    """`-o FILE`, whose suffix is the format of a table."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        callback=_check_output,
        help=f"{help_text} The suffix is the format: .csv, .json, .md or .parquet.",
    )


def _check_output(_: click.Context, __: click.Parameter, path: str | None) -> str | None:
    """Raises `UsageError` unless `path` is None or names a file of a known format."""
    if path is not None:
        from engine.api import check_format

        check_format(Path(path))
    return path
