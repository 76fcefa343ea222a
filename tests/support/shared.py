"""Expensive fixtures, created once for all workers of a test run.

The workers of pytest-xdist are processes with a common temporary folder above their own. `Shared.made` stores
its result there as a pickle for the next worker. `Shared.served` starts a server in a separate process, the
keeper, which stops the server when no worker uses it any more. Every user holds a shared lock on a file, and
the keeper waits for the exclusive lock, so a server ends even if the workers are killed.

Run as a script, it is the keeper: it reads a pickled request from stdin and writes one line when the server
is up.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from io import BufferedRandom
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
END_SECONDS = 30
KEPT_SECONDS = 3600
"""How long a result is kept at least: another run may be using it."""


def shared_folder(base: Path) -> Path:
    """The temporary folder of the entire run; `base` is that of this process."""
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


class Shared:
    """Fixtures in `folder` that all workers share. Close it when this worker no longer needs them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._in_use: dict[str, BufferedRandom] = {}
        self._keepers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release every server, then wait for this worker's keepers to stop theirs. The order matters,
        because workers may wait for each other."""
        for users in self._in_use.values():
            users.close()
        for keeper in self._keepers:
            with suppress(subprocess.TimeoutExpired):  # another worker may still use the server
                keeper.wait(END_SECONDS)

    def made(self, name: str, make: Callable[[Path], T], *, replaces: str = "") -> T:
        """The result of `make`, which is called once, with a new folder. It must be picklable. Removes older
        results whose names begin with `replaces`."""
        with self._locked(name):
            result = self._folder / f"{name}.pickle"
            if not result.exists():
                folder = self._folder / f"{name}-shared"
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                if replaces:
                    self._remove_old(replaces)
                _write(result, make(folder))
            elif replaces:
                os.utime(result)  # in use
            return pickle.loads(result.read_bytes())  # type: ignore[no-any-return]

    def served(
        self,
        name: str,
        serving: Callable[..., AbstractContextManager[T]],
        *arguments: object,
        environment: dict[str, str],
    ) -> T:
        """The value that the context manager `serving(*arguments)` yields, open until the last worker is
        done.

        `serving` is a module-level function and runs in another process: its arguments and value are pickled.
        """
        with self._locked(name):
            if name not in self._in_use:
                self._in_use[name] = users = (self._folder / f"{name}.users").open("a+b")
                fcntl.flock(users, fcntl.LOCK_SH)  # waits for a server that is stopping
            result = self._folder / f"{name}.pickle"
            if not result.exists():
                self._keep(name, result, serving, arguments, environment)
            return pickle.loads(result.read_bytes())  # type: ignore[no-any-return]

    def _keep(
        self,
        name: str,
        result: Path,
        serving: Any,
        arguments: tuple[object, ...],
        environment: dict[str, str],
    ) -> None:
        errors = self._folder / f"{name}.keeper.log"
        with errors.open("wb") as log:
            keeper = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.support.shared",
                    str(result),
                    str(self._folder / f"{name}.users"),
                ],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._keepers.append(keeper)
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        with keeper.stdin as order, keeper.stdout as answer:
            pickle.dump((serving, arguments), order)
            order.close()
            assert answer.readline() == b"ready\n", errors.read_text(errors="replace")[-4000:]

    def _remove_old(self, prefix: str) -> None:
        """Remove results that no run of tests can be using any more."""
        for result in self._folder.glob(f"{prefix}*.pickle"):
            if result.stat().st_mtime < time.time() - KEPT_SECONDS:
                result.unlink()
                shutil.rmtree(self._folder / f"{result.stem}-shared", ignore_errors=True)

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with (self._folder / f"{name}.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _write(path: Path, value: object) -> None:
    """Write the file atomically."""
    part = path.with_suffix(".part")
    part.write_bytes(pickle.dumps(value))
    part.replace(path)


def keep(result: Path, users: Path) -> None:
    """Serve the request on stdin until nobody holds a lock on `users`."""
    serving, arguments = pickle.load(sys.stdin.buffer)
    with users.open("a+b") as lock:
        try:
            with serving(*arguments) as served:
                _write(result, served)
                sys.stdout.buffer.write(b"ready\n")
                sys.stdout.close()
                fcntl.flock(lock, fcntl.LOCK_EX)
                result.unlink()
        finally:
            result.unlink(missing_ok=True)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), Path(sys.argv[2]))
