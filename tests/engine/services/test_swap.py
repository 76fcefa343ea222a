"""Swaps of what a service runs, under requests."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.errors import Cancelled, ServiceError
from engine.jobs import CancelToken
from engine.services import control, service_log
from engine.services.records import ServiceStatus
from tests.engine.services.conftest import get, own_processes, start
from tests.support.kills import wait_until
from tests.support.socket_worker import worker_spec


@contextmanager
def requests(status: ServiceStatus, path: str = "/") -> Iterator[Counter[str]]:
    """Four clients that send one request after the other; counts answers and errors."""
    counts: Counter[str] = Counter()
    is_over = threading.Event()

    def client() -> None:
        while not is_over.is_set():
            try:
                counts[get(status, path)] += 1
            except OSError as error:
                counts[str(error)] += 1

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    try:
        yield counts
    finally:
        is_over.set()
        for thread in clients:
            thread.join()


@pytest.mark.slow
def test_a_swap_and_the_way_back_lose_no_request() -> None:
    status = start(worker_spec("one"))
    with requests(status, "/slow") as counts:
        wait_until(lambda: counts["one"] > 4)
        swapped = control.swap("heart", worker_spec("two", name="ignored", port=1))
        assert (swapped.state, swapped.facts, swapped.port) == ("serving", {"name": "two"}, status.port)
        assert (swapped.name, swapped.pid) == ("heart", status.pid)
        assert swapped.previous == status.spec
        wait_until(lambda: counts["two"] > 4)
        before = counts["one"]
        assert control.back("heart").facts == {"name": "one"}
        wait_until(lambda: counts["one"] > before + 4)
    assert set(counts) == {"one", "two"}
    wait_until(lambda: len(own_processes()) == 2)
    wait_until(lambda: control.find("heart").requests == counts.total())
    assert control.find("heart").restarts == 0
    wait_until(lambda: "none cut off" in control.find("heart").last_swap)
    last = control.find("heart").last_swap
    outcome = r"[1-9]\d* requests in \S+ s, no errors, none cut off"
    assert re.fullmatch(f"swapped version two → version one: {outcome}", last)
    previous = control.find("heart").previous
    assert previous is not None
    assert previous.command[-1] == "two"


def test_a_replacement_that_fails_never_accepts() -> None:
    status = start(worker_spec("one"))
    reasons = {
        "fails": "its example is not predicted",
        "dies": "the worker ended with exit status 3: no such module: xgboost",
        "deaf": "not ready within 0.5 s",
    }
    with requests(status) as counts:
        for how, reason in reasons.items():
            seconds = 0.5 if how == "deaf" else 60.0
            with pytest.raises(ServiceError, match="heart was not swapped") as caught:
                control.swap("heart", worker_spec("two", how, ready_seconds=seconds))
            assert caught.value.detail.startswith(reason)
            found = control.find("heart")
            assert (found.state, found.spec, found.previous) == ("serving", status.spec, None)
    assert set(counts) == {"one"}
    with pytest.raises(ServiceError, match="heart has nothing to go back to"):
        control.back("heart")
    assert len(own_processes()) == 2


@pytest.mark.slow
def test_a_service_serves_while_its_replacement_gets_ready_and_a_second_swap_is_refused() -> None:
    status = start(worker_spec("one"))
    cancel = CancelToken()
    errors: list[Exception] = []

    def swap() -> None:
        try:
            control.swap("heart", worker_spec("two", "waits"), cancel=cancel)
        except Cancelled as error:
            errors.append(error)

    swapping = threading.Thread(target=swap)
    swapping.start()
    wait_until(lambda: control.find("heart").state == "swapping")
    assert get(status) == "one"
    with pytest.raises(ServiceError, match="heart was not swapped") as caught:
        control.swap("heart", worker_spec("three"))
    assert caught.value.detail == "Another swap is going on."
    cancel.cancel()
    swapping.join()
    assert [str(error) for error in errors] == ["Swapping heart was cancelled"]
    wait_until(lambda: control.find("heart").state == "serving")
    assert get(status) == "one"
    assert len(own_processes()) == 2


@pytest.mark.slow
def test_a_swap_goes_on_when_its_console_is_gone() -> None:
    status = start(worker_spec("one"))
    cancel = CancelToken()
    child = os.fork()
    if not child:
        control.swap("heart", worker_spec("two", "waits"), cancel=cancel)
        os._exit(0)
    wait_until(lambda: control.find("heart").state == "swapping")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    (Path(control.folder("heart")) / "go").touch()
    wait_until(lambda: get(status) == "two")


@pytest.mark.slow
def test_a_service_that_keeps_dying_can_be_swapped_to_another_version() -> None:
    status = start(worker_spec("one", "once", restarts=1000, restart_seconds=0.05))
    os.kill(status.processes[0], signal.SIGKILL)
    wait_until(lambda: control.find("heart").restarts > 1)
    assert control.find("heart").state == "restarting"
    control.swap("heart", worker_spec("two"))
    assert get(status) == "two"
    assert len(own_processes()) == 2


@pytest.mark.slow
def test_a_stop_ends_a_replacement_too() -> None:
    start(worker_spec("one"))
    errors: list[str] = []

    def swap() -> None:
        try:
            control.swap("heart", worker_spec("two", "waits"))
        except ServiceError as error:
            errors.append(error.detail)

    swapping = threading.Thread(target=swap)
    swapping.start()
    wait_until(lambda: control.find("heart").state == "swapping")
    assert control.stop("heart").state == "stopped"
    swapping.join()
    assert errors == ["the worker was ended"]
    assert own_processes() == []


def test_a_killed_replacement_is_restarted_as_itself_and_the_log_tells_the_story() -> None:
    status = start(worker_spec("one"))
    swapped = control.swap("heart", worker_spec("two"))
    wait_until(lambda: "swapped" in service_log.tail(status.log, 1)[0])
    os.kill(control.find("heart").processes[0], signal.SIGKILL)
    assert get(status) == "two"
    assert control.find("heart").restarts == 1
    life = [
        line.partition("supervisor: ")[2]
        for line in service_log.tail(swapped.log, 50)
        if "supervisor" in line
    ]
    assert [re.sub(r"\d{2,}|(?<=in )[\d.]+(?= s)", "…", line) for line in life] == [
        "starting heart on ….0.0.1:…, process …",
        "worker 1 started, process …: version one",
        "worker 1 is ready: name one",
        "serving",
        "starting a replacement: version one → version two",
        "worker 2 started, process …: version two",
        "worker 2 is ready: name two",
        "serving",
        "worker 1 finishes its requests",
        "worker 1 has ended",
        "swapped version one → version two: no requests in … s",
        "the worker was killed by signal 9 (SIGKILL), perhaps out of memory",
        "worker 2 has ended",
        "starting another worker in … s",
        "worker 3 started, process …: version two",
        "worker 3 is ready: name two",
        "serving",
    ]
