"""How a failure is told: one block on stderr, one object on stdout with `--json`, never a traceback."""

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
    """What is told; raw text. `status` is the exit status."""

    title: str
    detail: str = ""
    hint: str = ""
    status: int = 1


def problem_of(error: BaseException) -> Problem:
    """Any exception as something that can be told. An unexpected one goes to the log file."""
    if isinstance(error, EngineError):
        return Problem(error.title, error.detail, error.hint, error.exit_status)
    if isinstance(error, click.UsageError):
        return _wrong_use(error)
    if isinstance(error, click.ClickException):
        return Problem(error.format_message(), status=error.exit_code)
    if isinstance(error, (click.Abort, KeyboardInterrupt, EOFError)):
        return Problem("Stopped", status=INTERRUPTED)
    if isinstance(error, OSError) and error.filename is not None:
        return Problem(error.strerror or type(error).__name__, os.fsdecode(error.filename))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return Problem("Cannot write the output", error.strerror or "")
    return _unexpected(error)


def _wrong_use(error: click.UsageError) -> Problem:
    command = error.ctx.command_path if error.ctx else "mlflow-console"
    hint = f"`{command} --help` shows an example."
    if isinstance(error, click.NoSuchOption) and error.option_name in GLOBAL_OPTIONS:
        option = f"{error.option_name} URI" if error.option_name == "--tracking-uri" else error.option_name
        hint = f"It goes before the command: mlflow-console {option} {command.rpartition(' ')[2]} …"
    usage = error.ctx.get_usage() if error.ctx else ""
    return Problem(error.format_message().rstrip("."), usage, hint, 2)


def _unexpected(error: BaseException) -> Problem:
    from engine.log import log, start_log
    from engine.paths import log_file
    from engine.secrets import mask

    start_log()
    log.error("a command failed", exc_info=error)
    path = log_file()
    where = f"The log has the details: {path}" if path.exists() else f"{path} could not be written."
    return Problem("Unexpected error", f"{type(error).__name__}: {mask(str(error))}", where)


def report(problem: Problem, *, as_json: bool) -> None:
    """Tell it: the block on stderr always, the object on stdout for scripts."""
    click.echo("\n".join(_block(problem)), err=True, color=_coloured())
    if as_json:
        from tui.cli.output import write_json

        told = {"title": problem.title, "detail": problem.detail, "hint": problem.hint}
        write_json({"error": told})


def _coloured() -> bool | None:
    """False where colours are unwanted; None leaves it to click, which looks for a terminal."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None


def _block(problem: Problem) -> Sequence[str]:
    lines = [click.style("error: ", fg="red", bold=True) + click.style(safe(problem.title), bold=True)]
    if problem.detail:
        lines += [f"       {line}" for line in safe_lines(problem.detail)]
    if problem.hint:
        first, *rest = safe_lines(problem.hint)
        lines += [click.style("hint:  ", fg="cyan") + first, *(f"       {line}" for line in rest)]
    return lines
