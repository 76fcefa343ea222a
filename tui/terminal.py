"""The capabilities of the terminal, and exclusive use of it."""

from __future__ import annotations

import base64
import os
import select
import signal
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

from engine.log import log_descriptor

MIN_SIZE = (60, 16)
"""Minimum columns and rows."""


MAX_CLIPBOARD = 74_000
"""The most characters of base64 that terminals commonly accept for the clipboard."""
_SCREEN_STRING = 600
"""The most characters of one string that GNU screen passes on; its limit is 768 bytes."""


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


def clipboard_sequences(text: str, environ: MutableMapping[str, str] = os.environ) -> str | None:
    """What makes the terminal copy `text` (OSC 52), also through tmux and GNU screen; None if the text is too
    large.

    tmux takes the plain sequence with `set-clipboard on`, and passes on a wrapped one with
    `allow-passthrough on`; it ignores the other. screen only passes on wrapped strings.
    """
    encoded = base64.b64encode(text.encode("utf-8", "backslashreplace")).decode()
    if len(encoded) > MAX_CLIPBOARD:
        return None
    sequence = f"\x1b]52;c;{encoded}\x07"
    if environ.get("TMUX") or environ.get("TERM", "").startswith("tmux"):
        escaped = sequence.replace("\x1b", "\x1b\x1b")
        return f"{sequence}\x1bPtmux;{escaped}\x1b\\"
    if environ.get("STY"):
        parts = (sequence[at : at + _SCREEN_STRING] for at in range(0, len(sequence), _SCREEN_STRING))
        return "".join(f"\x1bP{part}\x1b\\" for part in parts)
    return sequence


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


def is_lost() -> bool:
    """Whether the terminal no longer exists. The system sends SIGHUP only for a controlling terminal; without
    one, Textual would read the end of its input again and again."""
    poll = select.poll()
    poll.register(0, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def end_soon(seconds: int = 3) -> None:
    """End the process after `seconds`, even if it hangs writing to the terminal."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
