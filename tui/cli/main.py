"""The `mlflow-console` command: how it starts and ends, and its exit status.

Imports little, because a ctrl+c while this module is imported would print Python's traceback.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from types import FrameType

Handler = Callable[[int, FrameType | None], object] | signal.Handlers


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status. Never prints a traceback."""
    _replace(signal.SIGINT, signal.default_int_handler, signal.SIG_DFL)  # while this imports
    args = list(sys.argv[1:] if argv is None else argv)
    _prepare_streams()
    try:
        return _run(args)
    except BrokenPipeError:  # `… | head`
        _discard_stdout()  # the interpreter flushes it at exit
        return 1
    finally:
        _replace(signal.SIGINT, signal.default_int_handler, signal.SIG_DFL)  # while the interpreter exits


def _replace(number: signal.Signals, expected: Handler, handler: Handler) -> None:
    """Replace the handler of a signal, unless it is not the expected one: `nohup` and scripts ignore some."""
    if signal.getsignal(number) is expected:
        signal.signal(number, handler)


def _exit(number: int, _: FrameType | None) -> None:
    """End a command in order: while it shows its progress, the cursor is hidden."""
    raise SystemExit(128 + number)


def _prepare_streams() -> None:
    """Point closed streams at /dev/null, and write ? for characters that the encoding lacks."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _run(args: list[str]) -> int:
    from tui.cli.group import cli

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        _replace(number, signal.SIG_DFL, _exit)
    try:
        _replace(signal.SIGINT, signal.SIG_DFL, signal.default_int_handler)
        status = cli.main(args, prog_name="mlflow-console", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except SystemExit as exited:  # click ends the program on a broken pipe
        return exited.code if isinstance(exited.code, int) else 1
    except (Exception, KeyboardInterrupt) as error:
        return _report(error, as_json="--json" in args)
    return status if isinstance(status, int) else 0


def _report(error: BaseException, *, as_json: bool) -> int:
    """Report the error where stderr and stdout can still be written; return the exit status."""
    from tui.cli.errors import problem_of, report

    problem = problem_of(error)
    try:
        report(problem, as_json=as_json)
    except BrokenPipeError:
        raise
    except OSError:
        _discard_stdout()  # a full disk, a closed terminal
    return problem.status


def _discard_stdout() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
