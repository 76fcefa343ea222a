"""The processes of services, recognised by a variable in their environment.

It is inherited by all descendants of a worker, also by those in a session of their own and those whose parent
has ended, and unlike a process id it never comes to mean another process.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

VARIABLE = "MLFLOW_CONSOLE_SERVICE"
"""`FOLDER#NUMBER`: the folder of the service and the number of the worker; `FOLDER#` for the supervisor."""
KILL_SECONDS = 5.0
POLL_SECONDS = 0.02


def mark(folder: Path, worker: int | None = None) -> str:
    return f"{folder}#{'' if worker is None else worker}"


def marked_processes() -> Iterator[tuple[str, psutil.Process]]:
    """All living processes of services, each with its mark."""
    import psutil

    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            value = process.environ().get(VARIABLE)
            if value and _is_alive(process):
                yield value, process


def worker_processes() -> Mapping[Path, list[int]]:
    """The ids of the processes of each service's workers, by its folder."""
    found = defaultdict(list)
    for value, process in marked_processes():
        folder, _, worker = value.rpartition("#")
        if worker:
            found[Path(folder)].append(process.pid)
    return found


def supervisor_process(folder: Path) -> int | None:
    """The id of the supervisor of a service, if there is one."""
    return next((process.pid for value, process in marked_processes() if value == mark(folder)), None)


def kill_workers(folder: Path, worker: int | None = None) -> list[int]:
    """Kill all processes of a worker, or of all workers of a service, with their descendants, and wait until
    they have ended. Returns the ids of those that did not within `KILL_SECONDS`."""
    import psutil

    end = time.monotonic() + KILL_SECONDS
    while True:
        found = [process for value, process in marked_processes() if _is_of(value, folder, worker)]
        if not found or time.monotonic() > end:
            return [process.pid for process in found]
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        time.sleep(POLL_SECONDS)


def _is_of(value: str, folder: Path, worker: int | None) -> bool:
    path, _, number = value.rpartition("#")
    return path == str(folder) and bool(number) and (worker is None or number == str(worker))


def resident_memory(pids: Iterable[int]) -> int:
    """In bytes; processes that have ended count as none."""
    import psutil

    total = 0
    for pid in pids:
        with suppress(psutil.Error):
            total += psutil.Process(pid).memory_info().rss
    return total


def mark_of(pid: int) -> str:
    """The mark of a process; empty without one."""
    import psutil

    with suppress(psutil.Error, OSError):
        return psutil.Process(pid).environ().get(VARIABLE, "")
    return ""


def wait_for_end(pid: int) -> None:
    """Wait until a process has ended, at most `KILL_SECONDS`."""
    import psutil

    end = time.monotonic() + KILL_SECONDS
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        while _is_alive(process) and time.monotonic() < end:
            time.sleep(POLL_SECONDS)


def _is_alive(process: psutil.Process) -> bool:
    """False for a process that has ended and that its parent, perhaps a slow init, has not noticed yet."""
    import psutil

    return process.status() != psutil.STATUS_ZOMBIE


def own_environment() -> dict[str, str]:
    """This process's environment without what is meant for it alone."""
    return {name: value for name, value in os.environ.items() if name not in (VARIABLE, "NOTIFY_SOCKET")}
