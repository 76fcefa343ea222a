"""Kills of everything that takes part in a service, in every state it can be in.

After each kill the service has to come into the state that follows, no process may be left that does not
belong to it, and meanwhile nothing untrue may be said about it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.services import control, service_log
from engine.services.processes import marked_processes
from engine.services.records import ServiceSpec, ServiceStatus, State

Victim = Literal["supervisor", "worker", "replacement", "console"]

KILLS: dict[tuple[State, Victim], State] = {
    ("starting", "supervisor"): "lost",
    ("starting", "worker"): "failed",
    ("starting", "console"): "serving",
    ("serving", "supervisor"): "lost",
    ("serving", "worker"): "serving",
    ("restarting", "supervisor"): "lost",
    ("swapping", "supervisor"): "lost",
    ("swapping", "worker"): "serving",
    ("swapping", "replacement"): "serving",
    ("swapping", "console"): "serving",
    ("stopping", "supervisor"): "lost",
    ("stopping", "worker"): "stopped",
    ("stopping", "console"): "stopped",
}
"""What is killed in which state, and the state that follows."""

CONSOLE = """\
import json, os, sys
from engine.services import control
from engine.services.records import ServiceSpec

spec = ServiceSpec.from_json(json.loads(sys.argv[1]))
{"start": lambda: control.start(spec, os.environ),
 "swap": lambda: control.swap(spec.name, spec),
 "stop": lambda: control.stop(spec.name)}[sys.argv[2]]()
"""


def wait_until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError("it never came to that")
        time.sleep(0.01)


@dataclass(frozen=True)
class Subject:
    """The services to kill. `spec` makes one of a name, whose worker takes a while to get ready if asked;
    `get` sends a request; `hold` begins one that takes until `release`, or a while."""

    spec: Callable[[str, bool], ServiceSpec]
    get: Callable[[ServiceStatus], object]
    hold: Callable[[ServiceStatus], object]
    release: Callable[[str], object]


@dataclass
class Watch:
    """Lists all services again and again, and collects what is not true."""

    doomed: set[str] = field(default_factory=set)
    """Services whose supervisor is being killed, or was."""
    dead: set[str] = field(default_factory=set)
    """Services without a supervisor."""
    lies: list[str] = field(default_factory=list)
    samples: int = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        is_over = threading.Event()

        def watch() -> None:
            while not is_over.wait(0.02):
                dead = set(self.dead)
                for status in control.all_services():
                    self._check(status, dead & self.dead)
                self.samples += 1

        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            try:
                yield
            finally:
                is_over.set()
            watching.result()

    def _check(self, status: ServiceStatus, dead: set[str]) -> None:
        if status.running and status.name in dead:
            self.lies.append(f"{status.name} is {status.state}, but its supervisor is dead")
        if status.state == "lost" and status.name not in self.doomed:
            self.lies.append(f"{status.name} is lost, but its supervisor was not killed")


def kill_everything(subject: Subject, rounds: int, on_kill: Callable[[str, float], None]) -> Watch:
    """All kills, each of a service of its own, as many at the same time as there are rounds. `on_kill` is
    called with the name of each and the seconds until it had settled. Raises `AssertionError`."""
    watch = Watch()
    with watch.running(), ThreadPoolExecutor(rounds) as pool:
        kills = [
            pool.submit(_kill, subject, state, victim, f"{state}-{victim}-{number}", watch, on_kill)
            for state, victim in KILLS
            for number in range(rounds)
        ]
        failures = [str(done.exception()) for done in kills if done.exception()]
    assert not failures, "\n".join(failures)
    return watch


def _kill(
    subject: Subject,
    state: State,
    victim: Victim,
    name: str,
    watch: Watch,
    on_kill: Callable[[str, float], None],
) -> None:
    try:
        console = _bring_into(subject, state, name)
        on_kill(name, _follow(subject, name, victim, KILLS[state, victim], console, watch))
    except Exception as error:
        log = service_log.tail(control.log_file(name), 10)
        found = [status for status in control.all_services() if status.name == name]
        raise AssertionError(f"{name}: {error!r}; {found}; {processes_of(name)}; {log}") from error


def _bring_into(subject: Subject, state: State, name: str) -> subprocess.Popen[bytes] | None:
    """Bring a new service into a state; returns the console that does, if it is still doing it."""
    spec, console = subject.spec(name, False), None
    if state == "starting":
        console = _console("start", subject.spec(name, True))
    else:
        pause = 60.0 if state == "restarting" else 0.01
        status = control.start(replace(spec, restart_seconds=pause, drain_seconds=60.0), os.environ)
        if state == "restarting":
            os.kill(status.processes[0], signal.SIGKILL)
        if state == "swapping":
            console = _console("swap", subject.spec(name, True))
        if state == "stopping":
            subject.hold(status)
            console = _console("stop", spec)
    wait_until(lambda: [status.state for status in control.all_services() if status.name == name] == [state])
    return console


def _console(action: str, spec: ServiceSpec) -> subprocess.Popen[bytes]:
    """Another console, which does something that takes time."""
    command = [sys.executable, "-c", CONSOLE, json.dumps(spec.to_json()), action]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def _follow(
    subject: Subject,
    name: str,
    victim: Victim,
    expected: State,
    console: subprocess.Popen[bytes] | None,
    watch: Watch,
) -> float:
    """Kill, see what follows, and clean up. Returns the seconds until all had settled."""
    if expected == "lost":
        watch.doomed.add(name)
    killed = time.monotonic()
    _kill_one(victim, name, console)
    if expected == "lost":
        watch.dead.add(name)
        assert control.find(name).state == "lost"
    subject.release(name)
    processes = 2 if expected == "serving" else 0
    wait_until(lambda: control.find(name).state == expected and len(processes_of(name)) == processes)
    if console is not None:
        console.wait(60)
    seconds = time.monotonic() - killed
    if expected == "lost":
        watch.dead.discard(name)
        control.start(control.find(name).spec, os.environ)
    if expected in ("lost", "serving"):
        subject.get(control.find(name))
        assert control.stop(name).state == "stopped"
    assert processes_of(name) == {}
    control.remove(name)
    return seconds


def _kill_one(victim: Victim, name: str, console: subprocess.Popen[bytes] | None) -> None:
    if victim == "console":
        assert console is not None
        console.kill()
        console.wait()
        return
    pid = processes_of(name)[{"supervisor": "", "worker": "1", "replacement": "2"}[victim]]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in processes_of(name).values())


def processes_of(name: str) -> dict[str, int]:
    """Process ids of a service by the number of the worker; that of the supervisor by an empty text."""
    found = [(value.rpartition("#"), process.pid) for value, process in marked_processes()]
    return {number: pid for (folder, _, number), pid in found if folder == str(control.folder(name))}
