"""How long a tracking server takes to get ready, and what it takes to run: `mlflow-console server start`
against `mlflow server`.

    .venv/bin/python tests/bench/server.py [--turns 1]

Each is started on a new SQLite database, one after the other, so that whatever else the machine does meets
all of them; CPU time, up to then, swings less than the wall clock. `mlflow server` counts as ready when it
answers /health; `server start` when it returns, that is, after it has also written an experiment and an
artifact, read them back and removed them. Memory is the proportional set size of all processes: what they
share counts once.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.support.console import COMMAND, environment

START_SECONDS = 300
POLL_SECONDS = 0.05
WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@dataclass
class Way:
    """A way to start a server, and its figures: seconds, seconds of CPU, bytes, processes."""

    name: str
    start: Callable[[Path, int], list[psutil.Process]]
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    processes: list[int] = field(default_factory=list)

    def measure(self) -> None:
        with tempfile.TemporaryDirectory(prefix="mlflow-console-bench-") as scratch:
            folder = Path(scratch)
            begin = time.monotonic()
            processes = self.start(folder, free_port())
            self.seconds.append(time.monotonic() - begin)
            times = [process.cpu_times() for process in processes]
            self.cpu.append(sum(spent.user + spent.system for spent in times))
            self.memory.append(sum(process.memory_full_info().pss for process in processes))
            self.processes.append(len(processes))
            end(processes)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def mlflow_server(
    folder: Path, port: int, options: Sequence[str] = (), **variables: str
) -> list[psutil.Process]:
    """`mlflow server`, until it answers, and all its processes."""
    arguments = [
        "server",
        "--port",
        str(port),
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        *options,
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *arguments],
            cwd=folder,
            env=environment(folder, **variables),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finish = time.monotonic() + START_SECONDS
    while not answers(port):
        if process.poll() is not None or time.monotonic() > finish:
            raise SystemExit((folder / "log").read_text())
        time.sleep(POLL_SECONDS)
    started = psutil.Process(process.pid)
    return [started, *started.children(recursive=True)]


def answers(port: int) -> bool:
    with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
        return True
    return False


def one_worker(folder: Path, port: int) -> list[psutil.Process]:
    return mlflow_server(folder, port, ["--workers", "1"], **WITHOUT_JOBS)


def console_server(folder: Path, port: int) -> list[psutil.Process]:
    """`mlflow-console server start`; its supervisor and the server's processes."""
    variables = environment(folder)
    command = [str(COMMAND), "server", "start", "--port", str(port)]
    subprocess.run(command, cwd=folder, env=variables, check=True, stdout=subprocess.DEVNULL)
    found = [process for process in psutil.process_iter() if str(folder) in " ".join(command_of(process))]
    return [process for process in found if process.pid != os.getpid()]


def command_of(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        found: list[str] = process.cmdline()
        return found
    return []


def end(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=20)


def ratio(values: Sequence[float], against: Sequence[float], unit: str, scale: float) -> str:
    found, other = statistics.median(values), statistics.median(against)
    return f"{found / scale:8.{1 if scale == 1 else 0}f} {unit}{found / other:5.2f}×"


def main() -> int:
    parser = argparse.ArgumentParser(description="Start-up and memory of tracking servers.")
    parser.add_argument("--turns", type=int, default=1, help="starts of each")
    options = parser.parse_args()
    ways = [
        Way("mlflow server", mlflow_server),
        Way("mlflow server, one worker, no jobs", one_worker),
        Way("mlflow-console server start", console_server),
    ]
    for _ in range(options.turns):
        for way in ways:
            way.measure()
    print(f"{'':36}{'ready':>16}{'CPU':>16}{'memory':>18}{'processes':>11}")
    for way in ways:
        figures = (
            ratio(way.seconds, ways[0].seconds, "s", 1),
            ratio(way.cpu, ways[0].cpu, "s", 1),
            ratio(way.memory, ways[0].memory, "MB", 1e6),
        )
        print(f"{way.name:36}" + "".join(figures) + f"{statistics.median(way.processes):11.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
