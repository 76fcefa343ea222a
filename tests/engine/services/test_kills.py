"""No kill, of whatever and whenever, leaves a process behind or a record that is not true."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from engine.services import control, service_log
from engine.services.records import ServiceStatus
from tests.engine.services.conftest import get
from tests.support.kills import KILLS, Subject, kill_everything, wait_until
from tests.support.socket_worker import worker_spec

ROUNDS = 4


def hold(status: ServiceStatus) -> None:
    def request() -> None:
        with suppress(OSError):
            get(status, "/hold")

    threading.Thread(target=request).start()
    wait_until(lambda: "holding" in service_log.tail(status.log, 1))


@pytest.mark.slow
def test_kills_in_every_state_leave_no_process_and_no_false_record() -> None:
    small = Subject(
        spec=lambda name, is_slow: worker_spec("one", *(["waits"] if is_slow else []), name=name),
        get=get,
        hold=hold,
        release=lambda name: (control.folder(name) / "go").touch(),
    )
    killed: list[str] = []
    watch = kill_everything(small, ROUNDS, lambda name, _: killed.append(name))
    assert watch.lies == []
    assert len(killed) == ROUNDS * len(KILLS) >= 50
    assert watch.samples > len(killed)
    assert control.all_services() == []
