"""The capabilities of the terminal, and exclusive use of it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

from engine.log import log_descriptor

MIN_SIZE = (60, 16)
"""Minimum columns and rows."""


def over_ssh(environ: MutableMapping[str, str] = os.environ) -> bool:
    return bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))


def few_colours(environ: MutableMapping[str, str] = os.environ) -> bool:
    """Whether the terminal has at most 16 colours, so that its own palette must be used. Not with
    `NO_COLOR`: Textual turns theme colours into greys, but palette colours into black."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return False
    term = environ.get("TERM", "")
    return not ("256color" in term or "direct" in term or "kitty" in term)


def prepare(environ: MutableMapping[str, str] = os.environ) -> None:
    """Set the variables that Textual reads on import, unless the user has set them.

    No kitty keyboard protocol (its replies leak into shells over slow links), no animation,
    no smooth scrolling, and fewer frames per second over SSH.
    """
    environ.setdefault("TEXTUAL_DISABLE_KITTY_KEY", "1")
    environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    if over_ssh(environ):
        environ.setdefault("TEXTUAL_FPS", "20")


@contextmanager
def exclusive_screen() -> Iterator[None]:
    """Let only Textual write to the terminal: other output to file descriptors 1 and 2 (MLflow, C
    libraries, child processes) goes to the log file."""
    tty = next(fd for fd in (2, 1, 0) if os.isatty(fd))
    log_fd = log_descriptor()
    saved = os.dup(1), os.dup(2), sys.__stdout__, sys.__stderr__
    screen = os.fdopen(os.dup(tty), "w", encoding="utf-8", errors="backslashreplace", newline="")
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(log_fd, 1)
    os.dup2(log_fd, 2)
    os.close(log_fd)
    # Textual draws on `sys.__stderr__` and asks `sys.__stdout__` for the size.
    sys.__stdout__ = sys.__stderr__ = screen  # type: ignore[misc]
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        os.close(saved[0])
        os.close(saved[1])
        sys.__stdout__, sys.__stderr__ = saved[2], saved[3]  # type: ignore[misc]


def end_soon(seconds: int = 3) -> None:
    """End the process after `seconds`, even if it hangs writing to the terminal."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
