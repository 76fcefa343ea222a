"""Commands that several views have."""

from __future__ import annotations

from tui.commands.command import Command


def export_command(scope: str, what: str) -> Command:
    return Command(
        id=f"{scope}.export",
        keys="w",
        action="export",
        title="export",
        help=f"Export {what} to a CSV, JSON, Markdown or Parquet file.",
        word="export" if scope == "runs" else "",
        arguments="[FILE]" if scope == "runs" else "",
    )


def copy_menu_command(scope: str) -> Command:
    return Command(
        id=f"{scope}.copy-menu",
        keys="Y",
        action="open_copy_menu",
        help="Copy a name, an address, Python code or a curl command, or write it to a file.",
    )


def register_command(scope: str, what: str) -> Command:
    return Command(
        id=f"{scope}.register",
        keys="N",
        action="register",
        title="register",
        help=f"Register the model of {what} as a version.",
        word="register" if scope == "runs" else "",
        arguments="[MODEL]" if scope == "runs" else "",
        writes=True,
    )


def edit_command(scope: str, what: str, fields: str) -> Command:
    return Command(
        id=f"{scope}.edit",
        keys="e",
        action="edit",
        title="edit",
        help=f"Edit {fields} of {what}.",
        word="edit" if scope == "runs" else "",
        arguments="[MODEL [VERSION]]" if scope == "runs" else "",
        writes=True,
    )
