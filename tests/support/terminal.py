"""A program on a pseudo-terminal, as an operator has it: real keys, a real screen, real signals.

Nothing here sleeps: every wait reads the terminal until a condition holds or its deadline has
passed, and then fails with the screen as it was.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import pyte

PATIENCE = 30.0
"""Seconds a wait may last unless it says otherwise: generous, because test machines are busy."""

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "space": " ",
    "backspace": "\x7f",
    "delete": "\x1b[3~",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "f1": "\x1bOP",
}

# A terminal tells Esc from the start of a longer sequence by the pause after it; programs
# wait 0.1 s by default.
_ESCAPE_PAUSE = 0.15

# The emulator takes "<" for the end of a sequence and would draw what follows it; and it drops the
# rest of a text at a joiner, where a terminal draws the first emoji for all that are joined.
_UNKNOWN_TO_EMULATOR = re.compile(
    rb"\x1b\[[<=][0-9;]*[A-Za-z]"
    rb"|\xef\xb8\x8f"
    rb"|\xe2\x80\x8d(?:[\xf0-\xf4]...|[\xe0-\xef]..|[\xc0-\xdf].|[\x20-\x7e])",
    re.DOTALL,
)
_UNFINISHED = re.compile(
    rb"(?:\x1b(?:\[(?:[<=][0-9;]*)?)?|\xef\xb8?|\xe2(?:\x80(?:\x8d.{0,3})?)?)\Z", re.DOTALL
)
_PRIVATE_MODES = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")


class TerminalError(AssertionError):
    """What was waited for did not happen; the message holds the screen."""


class Process(Protocol):
    """What is used of a `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, number: int, /) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


Start = Callable[[Sequence[str], int, Path | None, Mapping[str, str]], Process]
"""(argv, descriptor of the terminal, working folder, environment)."""


class Terminal:
    """`argv` on a pseudo-terminal of `cols` by `rows` cells.

    `env` is the program's whole environment, but for what makes the terminal what it is
    (`TERM`, `COLORTERM`, a UTF-8 locale), which `env` may override. `start` starts it on the
    terminal's descriptor in another way than by executing `argv`.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        cols: int = 120,
        rows: int = 36,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        start: Start | None = None,
    ) -> None:
        self.raw = bytearray()
        """Every byte the program has written."""
        self.arrivals: list[tuple[int, float]] = []
        """(offset into `raw`, seconds since the start) of every chunk, as it arrived."""
        self.exit_status: int | None = None
        """None while it runs; negative is the signal that ended it."""
        self._screen = pyte.Screen(cols, rows)
        self._emulator = pyte.ByteStream(self._screen)
        self._held_back = b""
        self._escape_sent = 0.0
        self._master, self._slave = os.openpty()
        self._set_size(cols, rows)
        self.attributes_before = termios.tcgetattr(self._slave)
        self._started = time.monotonic()
        self._process = (start or _start)(
            [os.fspath(part) for part in argv],
            self._slave,
            cwd,
            {
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "LANG": "C.UTF-8",
                **(os.environ if env is None else env),
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stopped(self) -> bool:
        """It is suspended, as by a shell's job control."""
        options = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, options) is not None

    @property
    def clock(self) -> float:
        """Seconds since the start, as `arrivals` tells them."""
        return time.monotonic() - self._started

    # ── what is on the screen ────────────────────────────────────────────────

    @property
    def lines(self) -> list[str]:
        """The screen's rows, without the blanks at their ends."""
        # Not the emulator's own `display`: between two writes half of a wide character may be left,
        # an empty cell, on which that fails.
        columns, buffer = range(self._screen.columns), self._screen.buffer
        rows = (buffer[row] for row in range(self._screen.lines))
        return ["".join(row[column].data for column in columns).rstrip() for row in rows]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def after_screen(self) -> str:
        """What was printed after the program left the alternate screen; all of it if it was never on."""
        return bytes(self.raw).rpartition(b"\x1b[?1049l")[2].decode("utf-8", "replace")

    def private_modes(self) -> dict[int, bool]:
        """The DEC private modes that the program has set (True) or reset, each as it was left."""
        modes: dict[int, bool] = {}
        for found in _PRIVATE_MODES.finditer(bytes(self.raw)):
            for number in found[1].split(b";"):
                modes[int(number)] = found[2] == b"h"
        return modes

    def attributes(self) -> list[object]:
        """The line discipline's settings now (what `stty -a` shows)."""
        return termios.tcgetattr(self._slave)

    # ── waiting ──────────────────────────────────────────────────────────────

    def wait_until(self, holds: Callable[[], bool], what: str, within: float = PATIENCE) -> None:
        """Read the terminal until `holds()`; `TerminalError` after `within` seconds."""
        end = time.monotonic() + within
        while not holds():
            left = end - time.monotonic()
            if left <= 0:
                self._fail(f"not within {within:g} s: {what}")
            if self.exit_status is not None and not self._read(0):
                if holds():
                    return
                self._fail(f"the program ended with {self.exit_status} before: {what}")
            self._read(min(left, 0.05))

    def wait_for(self, *texts: str, within: float = PATIENCE) -> None:
        """Until every one of `texts` is on the screen at once."""
        self.wait_until(lambda: all(t in self.text for t in texts), f"{' and '.join(texts)!r} shown", within)

    def wait_gone(self, text: str, within: float = PATIENCE) -> None:
        self.wait_until(lambda: text not in self.text, f"{text!r} gone", within)

    def wait_quiet(self, seconds: float = 0.3, within: float = PATIENCE) -> None:
        """Until the program has written nothing for `seconds`."""
        end = time.monotonic() + within
        while self._read(seconds):
            if time.monotonic() > end:
                self._fail(f"still writing after {within:g} s")

    def wait_exit(self, within: float = PATIENCE) -> int:
        """The exit status; whatever the program still had to say is in `raw` afterwards."""
        if self._master < 0:
            self.exit_status = self._process.wait(within)
            return self.exit_status
        end = time.monotonic() + within
        while (status := self._process.poll()) is None:
            if time.monotonic() > end:
                self._fail(f"still running after {within:g} s")
            self._read(0.02)
        while self._read(0):
            pass
        return status

    def bytes_while_idle(self, seconds: float) -> bytes:
        """Everything written in the next `seconds`, however quiet it is."""
        start, end = len(self.raw), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self.exit_status is None:
            self._read(left)
        return bytes(self.raw[start:])

    # ── doing ────────────────────────────────────────────────────────────────

    def press(self, *keys: str) -> None:
        """Press keys: a character, a name of `KEYS`, or `ctrl+` and a letter."""
        for key in keys:
            if key.startswith("ctrl+") and len(key) == 6:
                self.type(chr(ord(key[5].upper()) & 0x1F))
            elif key in KEYS:
                self.type(KEYS[key])
                if key == "escape":
                    self._escape_sent = time.monotonic()
            elif len(key) == 1:
                self.type(key)
            else:
                raise ValueError(f"no such key: {key}")

    def type(self, text: str) -> None:
        """Send characters as they are."""
        while (left := self._escape_sent + _ESCAPE_PAUSE - time.monotonic()) > 0:
            self._read(left)
        data = text.encode()
        while data:
            self._read(0)
            data = data[os.write(self._master, data[:256]) :]

    def resize(self, cols: int, rows: int) -> None:
        """Change the window's size; the kernel tells the program (SIGWINCH)."""
        self._screen.resize(rows, cols)
        self._set_size(cols, rows)

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def hang_up(self) -> None:
        """Close the terminal under the program, as a lost SSH connection does."""
        os.close(self._master)
        self._master = -1

    def overwrite(self, text: str) -> None:
        """Let another program clear the terminal and write to it."""
        self._emulator.feed(b"\x1b[2J\x1b[H" + text.encode())

    def close(self) -> None:
        """End the program if it still runs, and give the terminal back."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                if self._master >= 0:
                    self.wait_exit(5)
                else:
                    self._process.wait(5)
            except (TerminalError, subprocess.TimeoutExpired):
                self._process.kill()
                self._process.wait()
        for descriptor in (self._master, self._slave):
            if descriptor >= 0:
                os.close(descriptor)
        self._master = self._slave = -1

    # ── the wire ─────────────────────────────────────────────────────────────

    def _set_size(self, cols: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def _read(self, seconds: float) -> bool:
        """Wait up to `seconds` for output and take it in; False if there was none."""
        ready, _, _ = select.select([self._master], [], [], seconds)
        if not ready:
            self.exit_status = self._process.poll()
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self.arrivals.append((len(self.raw), time.monotonic() - self._started))
        self.raw += data
        self._show(data)
        self._answer(data)
        return True

    def _show(self, data: bytes) -> None:
        data = self._held_back + data
        unfinished = _UNFINISHED.search(data)
        cut = unfinished.start() if unfinished else len(data)
        self._held_back = data[cut:]
        self._emulator.feed(_UNKNOWN_TO_EMULATOR.sub(b"", data[:cut]))

    def _answer(self, data: bytes) -> None:
        """Reply as a present-day terminal does when it is asked about itself."""
        if b"\x1b[6n" in data:
            cursor = self._screen.cursor
            self.type(f"\x1b[{cursor.y + 1};{cursor.x + 1}R")
        if b"\x1b[c" in data:
            self.type("\x1b[?62;22c")
        if b"\x1b[?2026$p" in data:
            self.type("\x1b[?2026;2$y")

    def _fail(self, why: str) -> None:
        frame = "─" * self._screen.columns
        raise TerminalError(f"{why}\n{frame}\n{self.text}\n{frame}")


def _start(argv: Sequence[str], terminal: int, cwd: Path | None, env: Mapping[str, str]) -> Process:
    return subprocess.Popen(
        argv,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        cwd=cwd,
        env=env,
        start_new_session=True,
        preexec_fn=_take_controlling_terminal,
    )


def _take_controlling_terminal() -> None:
    """In the child: its standard input becomes the terminal whose end is its own hang-up."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # As a login shell starts a program: what a background job ignores is not inherited.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
