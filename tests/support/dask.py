"""A Dask cluster on this machine: a scheduler and workers, processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

START_SECONDS = 120


class Cluster:
    """A scheduler without workers, until `start_worker`; `folder` receives its log and scratch files."""

    def __init__(self, folder: Path, variables: Mapping[str, str], protocol: str) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self._variables = {**os.environ, **variables}
        self._protocol = protocol
        self._processes: list[subprocess.Popen[bytes]] = []
        self._start("scheduler", "--scheduler-file", str(self.file), "--port", "0", "--no-dashboard")
        self._wait(self.file.exists)

    def start_worker(self, *, nanny: bool = False) -> subprocess.Popen[bytes]:
        """A worker with one thread; returns its process, or its nanny's."""
        options = ("--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder))
        kind = "--nanny" if nanny else "--no-nanny"
        return self._start("worker", "--scheduler-file", str(self.file), kind, *options)

    def wait_for_workers(self, count: int) -> None:
        """Wait until so many workers have registered, of all that were started."""
        log = self.folder / "worker.log"
        self._wait(lambda: log.read_text().count("Registered to:") >= count)

    def close(self) -> None:
        for process in self._processes:
            for child in (
                psutil.Process(process.pid).children(recursive=True) if process.poll() is None else ()
            ):
                child.kill()
            process.kill()
            process.wait()

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments]
        with (self.folder / f"{what}.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--protocol", self._protocol],
                env=self._variables,
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process

    def _wait(self, condition: Callable[[], bool]) -> None:
        ticks = threading.Event()
        for _ in range(START_SECONDS * 20):
            if condition():
                return
            ticks.wait(0.05)
        raise AssertionError(f"the cluster did not start: see {self.folder}")


@contextmanager
def dask_cluster(
    folder: Path, variables: Mapping[str, str] | None = None, protocol: str = "tcp"
) -> Iterator[Cluster]:
    cluster = Cluster(folder, variables or {}, protocol)
    try:
        yield cluster
    finally:
        cluster.close()
