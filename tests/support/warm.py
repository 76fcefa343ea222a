"""The installed command in a process forked from one that has already imported it.

A new Python takes 0.2 s of CPU to import the command and 5 s to import MLflow. The parent, which `serving`
starts, pays that once. Each command is still a process of its own, with its own arguments, environment,
working folder, standard streams and terminal. Only what Python itself does is not the same: what it reads
when it starts (`LANG`, `PYTHON…`) is the parent's, and at the end it does not take its modules apart, which
would copy the parent's memory. For those, tests execute the installed command (tests/e2e).

The engine's own child processes, which train and load models, can be forked from the parent of the commands
that write, in the same way: see `forked_children`.

As a script it is the parent: it takes orders from a socket until its standard input ends.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import importlib
import os
import pickle
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory, TemporaryFile
from types import SimpleNamespace
from typing import IO, Any, Literal, NoReturn

import engine.api
import engine.registry
import engine.run_lifecycle
import engine.runs
import engine.stores
import tui
from engine import child_process
from engine.errors import StoreNotFound
from engine.stores.mlflow.revision import check_revision
from tests.support.console import environment, open_console
from tests.support.terminal import PATIENCE, Terminal

ROOT = Path(__file__).parents[2]
COMMAND = "tui.cli.main:main"
MAX_ORDER = 1 << 20
MAX_STREAMS = 4
IMPORTS_MLFLOW = "engine.stores.mlflow.file_store"
"""The only module of the engine that imports MLflow when it is imported itself."""
Kind = Literal["reading", "writing"]
"""Without MLflow, or with it and scikit-learn, which takes seconds to start."""


class WarmProcess:
    """A command that runs: what `subprocess.Popen` offers of it."""

    stdin: IO[bytes] | None = None

    def __init__(self, connection: socket.socket) -> None:
        self._answers = connection.makefile("rb")
        connection.close()
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._status(0)

    def wait(self, timeout: float | None = None) -> int:
        status = self._status(timeout)
        if status is None:
            raise subprocess.TimeoutExpired("mlflow-console", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _status(self, seconds: float | None) -> int | None:
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._answers, selectors.EVENT_READ)
                if selector.select(seconds):
                    # Empty if the parent has ended first: it stops with the last test that uses it.
                    self.returncode = int(self._answers.readline() or -signal.SIGKILL)
                    self._answers.close()
        return self.returncode


@dataclass(frozen=True)
class Warm:
    """The parent, at a socket in the file system. `children` is the address of the parent of the processes
    that its commands start; empty if they start new ones."""

    address: str
    children: str = ""

    def run(
        self,
        *arguments: str,
        cwd: Path,
        home: Path,
        env: Mapping[str, str] | None = None,
        within: float = 4 * PATIENCE,
        function: str = COMMAND,
    ) -> subprocess.CompletedProcess[bytes]:
        """As `console.run_command`; `function` is called as in `call`."""
        variables = environment(home, LANG="C.UTF-8", **(env or {}))
        with open(os.devnull) as nothing, TemporaryFile() as out, TemporaryFile() as err:
            streams = (nothing.fileno(), out.fileno(), err.fileno())
            process = self._start(arguments, streams, cwd, variables, function=function)
            try:
                status = process.wait(within)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(arguments, status, out.read(), err.read())

    def run_script(self, module: str, *arguments: object, folder: Path) -> bytes:
        """What `python -m MODULE ARGUMENTS …` prints; the folder is also its home."""
        function = f"{__name__}:run_module"
        done = self.run(module, *map(str, arguments), cwd=folder, home=folder, within=120, function=function)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout

    @contextmanager
    def serving_module(self, module: str, *arguments: str, folder: Path) -> Iterator[bytes]:
        """`python -m MODULE ARGUMENTS …` until the block ends: the first line that it prints."""
        reading, writing = os.pipe()
        with open(os.devnull) as nothing, TemporaryFile() as err, os.fdopen(reading, "rb") as out:
            streams = (nothing.fileno(), writing, err.fileno())
            function = f"{__name__}:run_module"
            variables = environment(folder, LANG="C.UTF-8")
            process = self.call(function, module, *arguments, streams=streams, env=variables, cwd=folder)
            os.close(writing)
            try:
                line = out.readline()
                err.seek(0)
                assert line, err.read().decode(errors="replace")
                yield line
            finally:
                process.kill()
                process.wait()

    def open(
        self,
        *arguments: str,
        cwd: Path,
        home: Path,
        cols: int = 120,
        rows: int = 36,
        env: Mapping[str, str] | None = None,
    ) -> Terminal:
        """As `console.open_console`."""

        def start(
            argv: Sequence[str], terminal: int, cwd: Path | None, env: Mapping[str, str]
        ) -> WarmProcess:
            return self._start(argv[1:], (terminal,) * 3, cwd, env, on_terminal=True)

        return open_console(*arguments, cwd=cwd, home=home, cols=cols, rows=rows, env=env, start=start)

    def call(
        self,
        function: str,
        *arguments: str,
        streams: tuple[int, ...],
        env: Mapping[str, str],
        cwd: Path | None = None,
    ) -> WarmProcess:
        """Call `module:function` instead of the command, with `sys.argv[1:]` as given. `streams` are the
        descriptors 0, 1, 2 and so on of the process."""
        return self._start(arguments, streams, cwd, env, function=function)

    def _start(
        self,
        arguments: Sequence[str],
        streams: tuple[int, ...],
        cwd: Path | None,
        env: Mapping[str, str],
        *,
        on_terminal: bool = False,
        function: str = COMMAND,
    ) -> WarmProcess:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(self.address)
        folder = os.fspath(cwd or Path.cwd())
        order = (list(arguments), folder, dict(env), on_terminal, function, self.children)
        socket.send_fds(connection, [pickle.dumps(order)], streams)
        return WarmProcess(connection)


def forked_children(warm: Warm) -> SimpleNamespace:
    """Put this in the place of `engine.child_process.subprocess`: its processes are forked from that parent,
    and need not import MLflow and scikit-learn."""

    def start(
        command: Sequence[str],
        *,
        stdout: IO[bytes],
        stderr: IO[bytes],
        pass_fds: tuple[int],
        cwd: str | Path | None,
        env: Mapping[str, str],
        **_: Any,
    ) -> WarmProcess:
        _, _, _, module, *arguments, answers = command
        assert answers == str(pass_fds[0])
        reading, writing = os.pipe()
        streams = (reading, stdout.fileno(), stderr.fileno(), pass_fds[0])
        folder = None if cwd is None else Path(cwd)
        process = warm.call(
            f"{__name__}:run_module", module, *arguments, "3", streams=streams, env=env, cwd=folder
        )
        os.close(reading)
        process.stdin = os.fdopen(writing, "wb")
        return process

    return SimpleNamespace(Popen=start, PIPE=subprocess.PIPE)


def serve_mlflow() -> None:
    """`mlflow ARGUMENTS …`, whose web server is this process instead of a new one."""
    import mlflow.cli
    import mlflow.server
    import uvicorn

    def become(command: Sequence[str], *, extra_env: Mapping[str, str], **_: Any) -> None:
        assert list(command[1:3]) == ["-m", "uvicorn"]
        os.environ.update(extra_env)
        uvicorn.main(command[3:])

    mlflow.server._exec_cmd = become
    mlflow.cli.cli()


def run_module() -> None:
    """`python -m MODULE ARGUMENTS …`, with these as `sys.argv[1:]`."""
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


@contextmanager
def serving(kind: Kind) -> Iterator[Warm]:
    """The parent, for as long as the context is open."""
    with TemporaryDirectory(prefix="mlflow-console-warm-") as folder:
        address = str(Path(folder) / "socket")
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.warm", address, kind],
            cwd=ROOT,
            env={**os.environ, "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            try:
                yield Warm(address, address if kind == "writing" else "")
            finally:
                process.stdin.close()


def take_orders(address: str) -> None:
    """Run a command in a child process for each order; answer with its pid and, later, its exit status."""
    running: dict[int, tuple[int, socket.socket]] = {}
    """By the descriptor that the kernel makes readable when the process ends."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener,
        selectors.DefaultSelector() as ready,
    ):
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)  # noqa: T201
        ready.register(listener, selectors.EVENT_READ)
        ready.register(sys.stdin, selectors.EVENT_READ)
        while sys.stdin not in (found := [key.fileobj for key, _ in ready.select()]):
            for source in found:
                if isinstance(source, int):
                    ready.unregister(source)
                    os.close(source)
                    pid, connection = running.pop(source)
                    with connection, suppress(BrokenPipeError):  # nobody waits for it
                        connection.send(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            if listener not in found:
                continue
            connection, _ = listener.accept()
            data, streams, _, _ = socket.recv_fds(connection, MAX_ORDER, MAX_STREAMS)
            if not (pid := os.fork()):
                break
            connection.send(b"%d\n" % pid)
            running[ending := os.pidfd_open(pid)] = pid, connection
            ready.register(ending, selectors.EVENT_READ)
            for descriptor in streams:
                os.close(descriptor)
        else:
            return
    run(streams, *pickle.loads(data))


def run(
    streams: Sequence[int],
    arguments: list[str],
    folder: str,
    environment: dict[str, str],
    terminal: bool,
    function: str,
    children: str,
) -> NoReturn:
    """Become the command, as if started by a shell. The address `children` is as in `Warm`."""
    os.setsid()
    # As a login shell starts a program: what a background job ignores is not inherited.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(len(streams), 256)
    if terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    errors = sys.stdin.errors
    sys.stdin = sys.__stdin__ = os.fdopen(0, errors=errors, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", errors=errors, closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    sys.argv = ["mlflow-console", *arguments]
    if children:
        child_process.subprocess = forked_children(Warm(children))  # type: ignore[assignment]
    module, _, name = function.partition(":")
    try:
        status = getattr(importlib.import_module(module), name)()
    except SystemExit as end:
        status = end.code
    threading._shutdown()  # ends the pools of threads, too
    atexit._run_exitfuncs()
    with suppress(OSError):  # nobody reads it any more
        sys.stdout.flush()
    os._exit(status or 0)


def import_mlflow() -> None:
    """As the command does it, down to the classes of its databases."""
    from engine.stores.mlflow.client import open_client

    open_client("http://127.0.0.1:9")  # connects to nothing yet
    for name in ("mlflow.cli", "mlflow.server.fastapi_app", "uvicorn.main"):
        importlib.import_module(name)
    importlib.import_module(IMPORTS_MLFLOW)
    for name in ("tracking", "model_registry"):
        importlib.import_module(f"mlflow.store.{name}.sqlalchemy_store")
    import sqlalchemy.orm

    sqlalchemy.orm.configure_mappers()
    with NamedTemporaryFile(suffix=".db") as empty, suppress(StoreNotFound):
        check_revision(f"sqlite:///{empty.name}")


def import_training() -> None:
    """As the training process does it before the first trial. Nothing is trained: the threads of that would
    be missing in a forked process."""
    from engine.training.data.reading import read_dataset
    from engine.training.evaluation.parts import prepare
    from engine.training.facts import DatasetFacts
    from engine.training.recorder import Recorder
    from engine.training.spec import SweepSpec

    for name in (
        "sklearn.neighbors",
        "mlflow.pyfunc",
        "engine.training.coordinator",
        "engine.training.evaluation.storage",
        "engine.training.executors.pool",
        "engine.training.registration",
    ):
        importlib.import_module(name)
    spec = SweepSpec("warm")
    dataset = read_dataset(spec.data)
    facts, parts = DatasetFacts.of(dataset), prepare(dataset, spec)
    Recorder(None, spec, facts, parts, "", metric="accuracy").warm_up()  # type: ignore[arg-type]


def import_command() -> None:
    """All that it imports only when it needs it, but for MLflow and the training."""
    for package in (engine.api, engine.stores, engine.runs, engine.registry, engine.run_lifecycle, tui):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name != IMPORTS_MLFLOW:
                importlib.import_module(module.name)


if __name__ == "__main__":
    import_command()
    if sys.argv[2] == "writing":
        import_mlflow()
        import_training()
    gc.freeze()
    take_orders(sys.argv[1])
