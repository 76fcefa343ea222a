"""The global options and the list of commands.

A command's module is imported when that command runs; `--help` and `--version` import only this
module and click.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Mapping
from typing import Any

import click

from engine.errors import UsageError
from tui.cli.options import REFRESH_SECONDS, Invocation

COMMANDS: dict[str, tuple[str, str]] = {
    "experiments": ("tui.cli.experiments:experiments", "List experiments."),
    "runs": ("tui.cli.runs:runs", "List, filter, sort, group or export the runs of an experiment."),
    "compare": ("tui.cli.compare:compare", "Compare runs side by side."),
    "chart": ("tui.cli.chart:chart", "Draw a chart in the terminal, or to a PNG, SVG or text file."),
    "best": ("tui.cli.best:best", "Find the best run of an experiment and export its runs to CSV."),
    "insights": ("tui.cli.insights:insights", "Say which parameters matter, and what is more than chance."),
    "report": ("tui.cli.report:report", "Write a report on an experiment: Markdown, HTML and charts."),
    "artifacts": ("tui.cli.artifacts:artifacts", "List, print or download the artifacts of a run."),
    "delete": ("tui.cli.lifecycle:delete", "Delete runs; `restore` brings them back."),
    "restore": ("tui.cli.lifecycle:restore", "Restore deleted runs."),
    "experiment": ("tui.cli.experiment:experiment", "Create, delete and restore experiments."),
    "models": ("tui.cli.models:models", "List registered models, or the versions of one."),
    "model": ("tui.cli.model:model", "Copy or delete a version, or delete a model."),
    "test": ("tui.cli.test:test", "Test a model version with labelled rows, a request, or against another."),
    "load-test": ("tui.cli.load_test:load_test", "Send a deployment requests at a constant rate."),
    "predict": ("tui.cli.test:predict", "Predict the rows of a CSV file."),
    "register": ("tui.cli.register:register", "Register the model of a run as a version."),
    "edit": ("tui.cli.edit:edit", "Edit names, descriptions, tags and statuses."),
    "promote": ("tui.cli.promote:promote", "Assign a stage or an alias to a model version."),
    "undo": ("tui.cli.promote:undo", "Undo the last promotion."),
    "request": ("tui.cli.approval:request", "Ask others to approve a promotion."),
    "requests": ("tui.cli.approval:requests", "List the requests that wait for approval."),
    "approve": ("tui.cli.approval:approve", "Approve a requested promotion."),
    "reject": ("tui.cli.approval:reject", "Reject a requested promotion."),
    "history": ("tui.cli.history:history", "Show which version had which stage or alias when."),
    "lineage": ("tui.cli.lineage:lineage", "Show what a version comes from, and which links are broken."),
    "policy": ("tui.cli.policy:policy", "Show or set what must hold before a version is promoted."),
    "deploy": ("tui.cli.deployments:deploy", "Serve a model version over HTTP."),
    "deployments": ("tui.cli.deployments:deployments", "List the deployments of this account."),
    "swap": ("tui.cli.deployments:swap", "Serve another version without a failed request."),
    "stop": ("tui.cli.deployments:stop", "Stop a deployment."),
    "logs": ("tui.cli.deployments:logs", "Print the log of a deployment."),
    "unit": ("tui.cli.deployments:unit", "Print a systemd unit that runs a deployment or a server."),
    "train": ("tui.cli.train:train", "Train a sweep: one run per combination of parameters."),
    "demo": ("tui.cli.demo:demo", "Build the heart-disease example and open the console on it."),
    "server": ("tui.cli.server:server", "Run a tracking server on this machine, and look after it."),
    "journal": ("tui.cli.journal:journal", "Show the journal of changes made from this machine."),
}
"""Name → (module:attribute, summary for `--help`), in the order `--help` lists them."""

EPILOG = """
\b
Examples:
  mlflow-console demo
  mlflow-console --tracking-uri http://127.0.0.1:5000
  mlflow-console runs heart-disease --filter "accuracy > 0.9" --json

Run `mlflow-console COMMAND --help` for the options of a command.

\b
Exit status:
  0    success
  1    failure
  2    usage error
  3    a policy does not allow the promotion
  4    someone else changed the registry at the same time
  130  interrupted (ctrl+c)
"""


class CommandGroup(click.Group):
    """Commands from a table like `COMMANDS`, each imported on first use."""

    def __init__(self, *args: Any, table: Mapping[str, tuple[str, str]], **rest: Any) -> None:
        super().__init__(*args, **rest)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._table:
            return None
        module, _, name = self._table[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if word in self._table or word.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        close = difflib.get_close_matches(word, self._table, n=1)
        for_all = f"Run `{ctx.command_path} --help` for a list of commands."
        hint = f"Did you mean {close[0]}?" if close else for_all
        raise UsageError(f"Unknown command {word!r}", f"Commands: {', '.join(self._table)}", hint)

    def invoke(self, ctx: click.Context) -> Any:
        """Some usage errors of click, such as an option without its argument, do not name their command."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            name = ctx.invoked_subcommand
            command = self.get_command(ctx, name) if name and error.ctx is None else None
            if command is not None:
                error.ctx = click.Context(command, parent=ctx, info_name=name)
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self._table.items()])


def _show_version(ctx: click.Context, _: click.Parameter, requested: bool) -> None:
    """Read the versions from package metadata: importing MLflow would take seconds."""
    if not requested or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    mlflow, textual = version("mlflow"), version("textual")
    python = ".".join(map(str, sys.version_info[:3]))
    click.echo(
        f"mlflow-console {version('mlflow-console')} (MLflow {mlflow}, Textual {textual}, Python {python})"
    )
    ctx.exit()


@click.group(
    cls=CommandGroup,
    table=COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.option(
    "--tracking-uri",
    metavar="URI",
    help="MLflow tracking URI, e.g. sqlite:///FILE or http://HOST:PORT.  "
    "[default: $MLFLOW_TRACKING_URI, else ./mlruns if it holds experiments, else ./mlflow.db]",
)
@click.option("--read-only", is_flag=True, help="Disable all writes.")
@click.option(
    "--mouse/--no-mouse", default=None, help="Turn the mouse on or off.  [default: on, off over SSH]"
)
@click.option(
    "--refresh",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=REFRESH_SECONDS,
    show_default=True,
    help="Auto-refresh interval; 0 turns it off.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show version information and exit.",
)
@click.pass_context
def cli(
    ctx: click.Context, tracking_uri: str | None, read_only: bool, mouse: bool | None, refresh: float
) -> int | None:
    """A terminal console for MLflow.

    Without a command, opens the interactive console.
    """
    ctx.obj = invocation = Invocation(tracking_uri, read_only, mouse, refresh)
    if ctx.invoked_subcommand is None:
        return invocation.open_console()
    return None
