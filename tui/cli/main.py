"""`mlflow-console`: the options before the command, the table of commands, and how all of it ends.

A command's module is imported when that command runs: `--help` and `--version` read this file
and click only.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

import click

from engine.errors import UsageError
from tui.cli.errors import problem_of, report
from tui.cli.options import REFRESH_SECONDS, Invocation

COMMANDS: dict[str, tuple[str, str]] = {
    "experiments": ("tui.cli.experiments:experiments", "List the experiments of the store."),
    "runs": ("tui.cli.runs:runs", "List the runs of an experiment: filter, sort, export."),
    "compare": ("tui.cli.compare:compare", "Put runs side by side, the best value of each metric marked."),
    "best": ("tui.cli.best:best", "Name the best run of an experiment and write all runs to a CSV file."),
    "delete": ("tui.cli.lifecycle:delete", "Delete runs; they can be restored."),
    "restore": ("tui.cli.lifecycle:restore", "Restore deleted runs."),
    "models": ("tui.cli.models:models", "List registered models, or the versions of one."),
    "promote": ("tui.cli.promote:promote", "Give a model version a stage or an alias."),
    "undo": ("tui.cli.promote:undo", "Undo the last promotion."),
    "train": ("tui.cli.train:train", "Train a sweep: one run per combination of the grid."),
    "demo": ("tui.cli.demo:demo", "Train, register and promote the heart-disease example, then look at it."),
    "journal": ("tui.cli.journal:journal", "Show what was written from this machine."),
}
"""name → (module:attribute, the line in `--help`), in the order in which `--help` lists them."""

EPILOG = """
\b
Examples:
  mlflow-console demo
  mlflow-console --tracking-uri http://127.0.0.1:5000
  mlflow-console runs heart-disease --filter "accuracy > 0.9" --json

Without --tracking-uri the store is the one that MLFLOW_TRACKING_URI names, else
sqlite:///mlflow.db in the current folder. Exit status: 0 done, 1 what was asked
for failed, 2 wrong use, 130 stopped with ctrl+c.
"""


class CommandTable(click.Group):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if word in COMMANDS or word.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        near = difflib.get_close_matches(word, COMMANDS, n=1)
        hint = f"Did you mean {near[0]}?" if near else "`mlflow-console --help` says what each does."
        raise UsageError(f"There is no command {word!r}", f"Commands: {', '.join(COMMANDS)}", hint)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Read from the installed packages' metadata: importing MLflow would take seconds."""
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    mlflow, textual = version("mlflow"), version("textual")
    python = ".".join(map(str, sys.version_info[:3]))
    click.echo(
        f"mlflow-console {version('mlflow-console')} (MLflow {mlflow}, Textual {textual}, Python {python})"
    )
    ctx.exit()


@click.group(
    cls=CommandTable,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.option(
    "--tracking-uri", metavar="URI", help="The store: sqlite:///FILE, http://HOST:PORT, or any of MLflow's."
)
@click.option("--read-only", is_flag=True, help="Disable every write.")
@click.option(
    "--mouse/--no-mouse", default=None, help="Use the mouse in the console, or leave it to the terminal."
)
@click.option(
    "--refresh",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=REFRESH_SECONDS,
    show_default=True,
    help="How often the console refreshes; 0 disables auto-refresh.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the versions of the console, MLflow, Textual and Python, and exit.",
)
@click.pass_context
def cli(
    ctx: click.Context, tracking_uri: str | None, read_only: bool, mouse: bool | None, refresh: float
) -> int | None:
    """A console for MLflow. Without a command it opens; every command does one thing and ends."""
    ctx.obj = Invocation(tracking_uri, read_only, mouse, refresh)
    if ctx.invoked_subcommand is None:
        from tui.cli.console import open_console

        return open_console(ctx.obj, ctx.obj.uri())
    return None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status. Whatever happens, no traceback reaches the terminal."""
    args = list(sys.argv[1:] if argv is None else argv)
    _mend_streams()
    try:
        return _run(args)
    except BrokenPipeError:
        return _reader_left()


def _mend_streams() -> None:
    """A letter that the terminal cannot show becomes a ?, and a stream that was closed leads nowhere."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _run(args: list[str]) -> int:
    try:
        status = cli.main(args, prog_name="mlflow-console", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except SystemExit as ended:
        # click ends the process itself when the reader of the output went away
        return ended.code if isinstance(ended.code, int) else 1
    except (Exception, KeyboardInterrupt) as error:
        return _told(error, as_json="--json" in args)
    return status if isinstance(status, int) else 0


def _told(error: BaseException, *, as_json: bool) -> int:
    """Tell people of the error, if they can still be told; the exit status."""
    problem = problem_of(error)
    try:
        report(problem, as_json=as_json)
    except BrokenPipeError:
        raise
    except OSError:
        _lead_nowhere()  # a full disk, a terminal that is gone
    return problem.status


def _reader_left() -> int:
    """`… | head`: quiet, also when the interpreter flushes at its end."""
    _lead_nowhere()
    return 1


def _lead_nowhere() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
