"""`mlflow-console server`: the group of commands for tracking servers. Each is a module of its own."""

from __future__ import annotations

import click

from tui.cli.group import CommandGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "doctor": ("tui.cli.doctor:doctor", "Look for faults in a tracking store and its surroundings."),
    "backup": ("tui.cli.backup:backup", "Back up a SQLite store, while its server runs."),
    "restore": ("tui.cli.backup:restore", "Restore a backup into a new folder."),
}
"""Name → (module:attribute, summary for `--help`), in the order `--help` lists them."""

EPILOG = """
\b
Examples:
  mlflow-console server start
  mlflow-console server status --json

Run `mlflow-console server COMMAND --help` for the options of a command.
"""


@click.group(cls=CommandGroup, table=COMMANDS, epilog=EPILOG)
def server() -> None:
    """Run a tracking server on this machine, and look after it."""
