"""Kills of everything that takes part in a service, in every state it can be in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Literal

import pytest

from engine.services import control, service_log
from engine.services.processes import marked_processes
from engine.services.records import ServiceStatus, State
from tests.engine.services.conftest import get, start, wait_until
from tests.support.socket_worker import worker_spec

pytestmark = pytest.mark.slow

Victim = Literal["supervisor", "worker", "replacement", "console"]

ROUNDS = 4
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
"""What is killed in which state, and the state that this leads to."""


class Watch:
    """Asks for all services again and again, and collects what is not true."""

    def __init__(self) -> None:
        self.doomed: set[str] = set()
        """Services whose supervisor is being killed, or was."""
        self.dead: set[str] = set()
        """Services without a supervisor."""
        self.lies: list[str] = []
        self.samples = 0

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


def console(action: str) -> subprocess.Popen[bytes]:
    """Another console, which does something that takes time."""
    imports = "from engine.services import control; from tests.support.socket_worker import worker_spec"
    code = f"import os; {imports}; control.{action}"
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)


def bring_into(state: State, name: str) -> subprocess.Popen[bytes] | None:
    """Bring a new service into a state; returns the console that does, if it is still doing it."""
    doing = None
    if state == "starting":
        doing = console(f"start(worker_spec('one', 'waits', name={name!r}), os.environ)")
    else:
        is_restarting = state == "restarting"
        how, pause = (("once",), 60.0) if is_restarting else ((), 0.01)
        status = start(worker_spec("one", *how, name=name, restart_seconds=pause, drain_seconds=60.0))
        if is_restarting:
            os.kill(status.processes[0], signal.SIGKILL)
        if state == "swapping":
            doing = console(f"swap({name!r}, worker_spec('two', 'waits'))")
        if state == "stopping":
            threading.Thread(target=hold, args=(status,)).start()
            wait_until(lambda: "holding" in service_log.tail(status.log, 1))
            doing = console(f"stop({name!r})")
    wait_until(lambda: [status.state for status in control.all_services() if status.name == name] == [state])
    return doing


def hold(status: ServiceStatus) -> None:
    """A request that is answered once the worker may go on."""
    with suppress(OSError):
        get(status, "/hold")


def processes_of(name: str) -> dict[str, int]:
    """Process ids of a service by the number of the worker; that of the supervisor by an empty text."""
    found = [(value.rpartition("#"), process.pid) for value, process in marked_processes()]
    return {number: pid for (folder, _, number), pid in found if folder == str(control.folder(name))}


def kill(victim: Victim, name: str, doing: subprocess.Popen[bytes] | None) -> None:
    if victim == "console":
        assert doing is not None
        doing.kill()
        doing.wait()
        return
    numbers = {"supervisor": "", "worker": "1", "replacement": "2"}
    pid = processes_of(name)[numbers[victim]]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in processes_of(name).values())


def survives(state: State, victim: Victim, name: str, watch: Watch) -> None:
    """Kill one participant of a new service in a state: what follows is as expected and shown truthfully."""
    try:
        follow_a_kill(state, victim, name, watch)
    except Exception as error:
        log = service_log.tail(control.log_file(name), 10)
        found = [status for status in control.all_services() if status.name == name]
        raise AssertionError(f"{name}: {error!r}; {found}; {processes_of(name)}; {log}") from error


def follow_a_kill(state: State, victim: Victim, name: str, watch: Watch) -> None:
    doing = bring_into(state, name)
    expected = KILLS[state, victim]
    if expected == "lost":
        watch.doomed.add(name)
    kill(victim, name, doing)
    if expected == "lost":
        watch.dead.add(name)
        assert control.find(name).state == "lost"
    (control.folder(name) / "go").touch()
    wait_until(lambda: control.find(name).state == expected)
    if doing is not None:
        doing.wait(20)
    wait_until(lambda: len(processes_of(name)) == (2 if expected == "serving" else 0))
    if expected == "lost":
        watch.dead.discard(name)
        (control.folder(name) / "started").unlink(missing_ok=True)
        control.start(control.find(name).spec, os.environ)
    if expected in ("lost", "serving"):
        assert get(control.find(name)) in ("one", "two")
        assert control.stop(name).state == "stopped"
    assert processes_of(name) == {}
    control.remove(name)


def test_no_kill_leaves_a_process_or_a_false_record() -> None:
    watch = Watch()
    with watch.running(), ThreadPoolExecutor(ROUNDS) as pool:
        kills = [
            pool.submit(survives, state, victim, f"{state}-{victim}-{number}", watch)
            for state, victim in KILLS
            for number in range(ROUNDS)
        ]
        failures = [repr(done.exception()) for done in kills if done.exception()]
    assert not failures, "\n".join(failures)
    assert watch.lies == []
    assert watch.samples > len(kills) >= 50
    assert control.all_services() == []
