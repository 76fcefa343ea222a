"""Error reports: a message on stderr, an object on stdout with `--json`, never a traceback."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass

import click

from engine.errors import EngineError
from engine.text import safe, safe_lines

INTERRUPTED = 130
GLOBAL_OPTIONS = ("--tracking-uri", "--read-only", "--version", "--mouse", "--no-mouse")


@dataclass(frozen=True, slots=True)
class Problem:
    """An error report, in raw text. `status` is the exit status."""

    title: str
    detail: str = ""
    hint: str = ""
    status: int = 1


def problem_of(error: BaseException) -> Problem:
    """The report of any exception. Unexpected ones are logged."""
    if isinstance(error, EngineError):
        return Problem(error.title, error.detail, error.hint, error.exit_status)
    if isinstance(error, click.UsageError):
        return _usage_problem(error)
    if isinstance(error, click.ClickException):
        return Problem(error.format_message(), status=error.exit_code)
    if isinstance(error, (click.Abort, KeyboardInterrupt, EOFError)):
        return Problem("Interrupted", status=INTERRUPTED)
    if isinstance(error, OSError) and error.filename is not None:
        return Problem(error.strerror or type(error).__name__, os.fsdecode(error.filename))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return Problem("Cannot write the output", error.strerror or "")
    return _internal_problem(error)


def _usage_problem(error: click.UsageError) -> Problem:
    command = error.ctx.command_path if error.ctx else "mlflow-console"
    hint = f"Run `{command} --help` for usage and examples."
    if isinstance(error, click.NoSuchOption) and error.option_name in GLOBAL_OPTIONS:
        option = f"{error.option_name} URI" if error.option_name == "--tracking-uri" else error.option_name
        hint = f"Put global options before the command: mlflow-console {option} {command.partition(' ')[2]} …"
    usage = error.ctx.get_usage() if error.ctx else ""
    return Problem(error.format_message().rstrip("."), usage, hint, 2)


def _internal_problem(error: BaseException) -> Problem:
    from engine.log import log, start_log
    from engine.paths import log_file
    from engine.secrets import mask

    start_log()
    log.error("a command failed", exc_info=error)
    path = log_file()
    hint = f"The full traceback is in {path}." if path.exists() else f"The log {path} could not be written."
    return Problem("Internal error", f"{type(error).__name__}: {mask(str(error))}", hint)


def report(problem: Problem, *, as_json: bool) -> None:
    """Write the report to stderr, and with `as_json` an error object to stdout."""
    click.echo("\n".join(_lines(problem)), err=True, color=_colour())
    if as_json:
        from tui.cli.json_output import write_json

        payload = {"title": problem.title, "detail": problem.detail, "hint": problem.hint}
        write_json({"error": payload})


def _colour() -> bool | None:
    """False if colour is turned off; None lets click decide, which checks for a terminal."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


def _lines(problem: Problem) -> Sequence[str]:
    lines = [click.style("error: ", fg="red", bold=True) + click.style(safe(problem.title), bold=True)]
    if problem.detail:
        lines += [f"       {line}" for line in safe_lines(problem.detail)]
    if problem.hint:
        first, *rest = safe_lines(problem.hint)
        lines += [click.style("hint:  ", fg="cyan") + first, *(f"       {line}" for line in rest)]
    return lines
