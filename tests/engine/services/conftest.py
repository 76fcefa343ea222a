"""Services whose workers are `tests.support.socket_worker`; none of their processes outlives its test."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from engine.services import control
from engine.services.folder import services_folder
from engine.services.processes import marked_processes
from engine.services.records import ServiceSpec, ServiceStatus
from tests.support.kills import wait_until


def start(spec: ServiceSpec) -> ServiceStatus:
    return control.start(spec, os.environ)


def get(status: ServiceStatus, path: str = "/") -> str:
    """The answer to a request."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{status.url}{path}", timeout=20) as response:
        answer: str = response.read().decode()
        return answer


def own_processes() -> list[psutil.Process]:
    """The processes of this test's services, supervisors included."""
    return [process for value, process in marked_processes() if value.startswith(str(services_folder()))]


def processes_end() -> None:
    """Wait until no process of this test's services is left."""
    wait_until(lambda: own_processes() == [])


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    left = own_processes()
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    processes_end()
