"""Database servers for tests: a folder, a port on loopback, a process that ends with the test."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
START_SECONDS = 60
USER = "ada"
PASSWORD = "s3cret/of@ada"


@dataclass(frozen=True)
class Place:
    """The folder, port and user of a server. It refuses to run as root, so root runs it as another user."""

    folder: Path
    port: int
    account: dict[str, Any]

    def run(self, *command: object) -> None:
        """Run a program as the server's user and wait for it."""
        words = [str(word) for word in command]
        done = subprocess.run(
            words, cwd=self.folder, capture_output=True, text=True, check=False, **self.account
        )
        assert done.returncode == 0, done.stderr

    @contextmanager
    def running(self, command: Sequence[object], ready: Callable[[], bool], ending: int) -> Iterator[None]:
        """Run the server, ready for use, until the block ends; the signal `ending` stops it."""
        log = self.folder / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                start_new_session=True,
                **self.account,
            )
        try:
            _wait(process, ready, log)
            yield
        finally:
            process.send_signal(ending)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()


@contextmanager
def place(*users: str) -> Iterator[Place]:
    """A new folder and a free port. If the tests run as root, the server runs as the first of `users` that
    exists."""
    account: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="mlflow-console-database-") as name:
        if os.geteuid() == 0:
            user = _first(users)
            account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(name, user.pw_uid, user.pw_gid)
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        yield Place(Path(name), port, account)


def _first(users: Sequence[str]) -> pwd.struct_passwd:
    for user in users:
        with suppress(KeyError):
            return pwd.getpwnam(user)
    raise AssertionError(f"there is none of the users {users}")


def _wait(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    for _ in range(START_SECONDS * 5):
        if ready():
            return
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"the server did not start:\n{log.read_text(errors='replace')[-4000:]}")
