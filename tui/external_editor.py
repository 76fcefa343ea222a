"""A text edited in the operator's own editor: VISUAL, EDITOR, or vi."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError, UsageError

if TYPE_CHECKING:
    from textual.app import App

DEFAULT_EDITOR = "vi"
# An ignored signal would stay ignored in the editor; one with a handler does not.
_OF_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGCONT)
_HINT = (
    "Set VISUAL or EDITOR to an editor that waits until the file is closed, such as `vim` or `code --wait`."
)


def edit_text(text: str, suffix: str = ".md") -> str | None:
    """Let the operator edit a text in a temporary file that only this account can read. Needs the terminal;
    blocks until the editor has ended. Returns the text without the line break at its end, None if it is
    unchanged.

    Raises `UsageError` if the editor left no text, because that may be an accident; `EngineError` if the
    editor cannot be started or fails, or if its file is gone or no text.
    """
    command = _command()
    descriptor, name = tempfile.mkstemp(prefix="mlflow-console-", suffix=suffix)  # mode 0600
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text + ("" if text.endswith("\n") or not text else "\n"))
        _run([*command, name])
        edited = _read(path)
    finally:
        path.unlink(missing_ok=True)
    if edited == text.rstrip("\n"):
        return None
    if not edited.strip():
        raise UsageError(
            "The editor left no text", "Nothing was changed.", "Clear the field, or use --description ''."
        )
    return edited


def in_editor(app: App[Any], text: str) -> str | None:
    """`edit_text` while the console gives up the terminal; it repaints everything afterwards."""
    from textual.app import SuspendNotSupported

    try:
        with app.suspend():
            try:
                return edit_text(text)
            except EngineError as error:
                failure = error  # raised within `suspend`, it would leave the terminal to the editor
    except SuspendNotSupported as error:
        raise EngineError("The editor cannot be opened here", str(error)) from error
    raise failure


def _command() -> list[str]:
    """The editor and its arguments. Raises `EngineError` if they cannot be parsed."""
    text = next(filter(None, (os.environ.get(name, "").strip() for name in ("VISUAL", "EDITOR"))), "")
    try:
        return shlex.split(text or DEFAULT_EDITOR)
    except ValueError as error:
        raise EngineError("Cannot start the editor", f"{text}: {error}", _HINT) from error


def _run(command: list[str]) -> None:
    # The console's own descriptors 1 and 2 are its log; `sys.__stdout__` is then the terminal.
    screen = next((s for s in (sys.__stdout__, sys.__stderr__) if s is not None and s.isatty()), None)
    try:
        with _signals_left_to_editor():
            status = subprocess.run(command, check=False, stdout=screen, stderr=screen).returncode
    except OSError as error:
        detail = f"{command[0]}: {error.strerror or error}"
        raise EngineError("Cannot start the editor", detail, _HINT) from error
    if status:
        how = f"exit status {status}" if status > 0 else f"signal {-status}"
        raise EngineError("The editor failed", f"{command[0]}: {how}", "Nothing was changed.")


@contextmanager
def _signals_left_to_editor() -> Iterator[None]:
    """The terminal sends ctrl+c, ctrl+\\ and ctrl+z to all its processes; here they are meant for the editor.
    A signal that ends the console is raised again afterwards: meanwhile the event loop, which is blocked,
    must not learn of the others, so its file descriptor is taken away."""
    late: list[int] = []
    handlers: dict[signal.Signals, Any] = {number: lambda *_: None for number in _OF_THE_TERMINAL}
    handlers[signal.SIGTSTP] = signal.SIG_DFL
    loop = signal.set_wakeup_fd(-1)
    if loop >= 0:
        handlers |= {n: lambda number, _: late.append(number) for n in (signal.SIGTERM, signal.SIGHUP)}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(loop)
        for raised in late:
            signal.raise_signal(raised)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", errors="surrogateescape").replace("\r\n", "\n").rstrip("\n")
    except OSError as error:
        detail = f"{path.name}: {error.strerror or error}"
        raise EngineError("The editor left no file", detail, "Nothing was changed.") from error
